"""What assigning costs, measured side by side in one run: the floor of PostgreSQL, Rollcall, and the plain designs.

`python -m bench` starts the whole system as `rollcall up` runs it and writes `bench/RESULTS.md`. The machine may be
busy with other things, so contenders take turns round by round, and what counts are ratios of medians.
"""
