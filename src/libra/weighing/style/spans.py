"""Lengths that are known within bounds."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A length in pixels that lies between these two."""

    least: float
    most: float

    def less(self, other: Span) -> Span:
        """It without another one, and not below zero."""
        return Span(max(0.0, self.least - other.most), max(0.0, self.most - other.least))

    def plus(self, other: Span) -> Span:
        """It and another one."""
        return Span(self.least + other.least, self.most + other.most)
