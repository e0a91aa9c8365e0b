"""Benchmarks: the time of Rollcall divided by that of a floor, the least that the same result could cost.

`python -m bench` writes a page per subject. The machine may be busy with other work, so the contenders take turns in
one run, round by round, and the result is the ratio of their medians.
"""
