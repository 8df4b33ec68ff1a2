"""The sets of characters of CSS names, and what they are for: patterns that are quick to build."""

from __future__ import annotations

import re
from pathlib import Path

import libra.weighing
from libra.weighing.css.name_characters import NAME, NAME_OR_BACKSLASH, NAME_START

ALL = "".join(map(chr, range(0x110000)))


def members(characters: str) -> set[str]:
    """The characters that match."""
    return set(re.findall(characters, ALL, re.ASCII))


def test_the_sets_are_those_of_the_standard() -> None:
    beyond_ascii = set(ALL[0x80:])
    starts = beyond_ascii | set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_")
    names = starts | set("0123456789-")
    assert members(NAME_START) == starts
    assert members(NAME) == names
    assert members(NAME_OR_BACKSLASH) == names | {"\\"}


def test_no_pattern_lists_all_of_unicode() -> None:
    # Every process that reads pages builds the patterns, and such a set takes 5 ms wherever it occurs.
    folder = Path(libra.weighing.__file__).parent
    slow = [file.name for file in folder.rglob("*.py") if r"\U0010ffff" in file.read_text("utf-8")]
    assert slow == []
