"""Tests use what users have: the public API, and `libra.testing`."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]

INSIDE = re.compile(r"(?<!self)\._(?:context|house)\b")


def test_no_test_reaches_into_a_libra() -> None:
    assert INSIDE.search("libra._context.records")
    reaching = [
        f"{path.relative_to(TESTS)}:{number}"
        for path in TESTS.rglob("*.py")
        if path != Path(__file__)
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if INSIDE.search(line)
    ]
    assert reaching == []
