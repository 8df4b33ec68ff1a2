"""Lengths that are known within bounds."""

from __future__ import annotations

import re
from typing import NamedTuple

_FONT_UNIT = re.compile(
    r"[0-9.](?:r?em|r?ex|r?ch|r?ic|r?cap|r?lh)(?![a-z0-9])", re.IGNORECASE | re.ASCII
)


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


def has_font_units(text: str) -> bool:
    """Whether a value has a length that depends on the size of a font."""
    return _FONT_UNIT.search(text) is not None
