"""Libra measured beside its peers: `python -m benchmarks` prints a table of ratios.

Each bench is a module with a `measure(rounds)` that gives figures: what was measured, Libra's value
and the peer's from the same run on the same machine, and the design's bar for the ratio.
`docs/figures.md` says what each figure means and what limits it.
"""
