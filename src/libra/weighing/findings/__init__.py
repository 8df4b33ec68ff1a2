"""Findings: what could be better about a page, and the observations behind them."""
