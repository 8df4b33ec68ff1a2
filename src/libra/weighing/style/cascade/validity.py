"""Which declared values a browser accepts. An invalid one does not win."""

from __future__ import annotations

import re

from libra.ascii import lowered, words
from libra.weighing.stylesheets.supports import is_valid_text


def is_read(name: str, text: str) -> bool:
    """Whether a browser accepts a declared value of a property, which may be a shorthand."""
    if name == "all" or _PLAIN.match(text) is not None:
        return True
    if name[:2] == "--" and _BRACKETS.search(text) is None:
        return True
    if len(text) > _MAX_READ and "data:" not in text:
        return True
    if name == "container-type" and _TYPES.issuperset(words(lowered(text))):
        return bool(text)
    return is_valid_text(name, text)


_BRACKETS = re.compile(r"[()\[\]{}\"']")
_PLAIN = re.compile(r"(?:none|inherit|initial)\Z")
_TYPES = frozenset({"normal", "size", "inline-size", "scroll-state"})
_MAX_READ = 5_000
"""Longer values count as valid without a check, unless they contain images as data."""
