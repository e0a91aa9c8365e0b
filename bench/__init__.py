"""What Rollcall costs, measured side by side in one run with the least that the same could cost.

`python -m bench` writes a page for each subject. The machine may be busy with other things, so contenders take turns
round by round, and what counts are ratios of medians.
"""
