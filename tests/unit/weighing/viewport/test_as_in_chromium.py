"""Media queries, lengths and the sizes of images come to what Chromium says they come to.

``scripts/chromium_css.py`` asks Chromium anew. The cases are some of those that a generator wrote and
that this code once judged in another way, and the shortest of the others.
"""

import json
import math
from pathlib import Path
from typing import Any

from libra.weighing.options import DESKTOP
from libra.weighing.viewport.lengths import length_px
from libra.weighing.viewport.media_queries import media_matches
from libra.weighing.viewport.srcset import choose

TABLES = Path(__file__).parent / "asked"
CANDIDATES = ", ".join(f"{round(1.5 ** (n + 2))} {round(1.5 ** (n + 2))}w" for n in range(38))
INFINITE = 3.3e7
"""From about here on Chromium says the same of every length."""


def cases_of(area: str) -> list[tuple[str, Any]]:
    """The texts of an area with Chromium's answers."""
    return [(text, answer) for text, answer in json.loads((TABLES / f"{area}.json").read_text())]


def _is_same(found: float | None, pixels: float | None) -> bool:
    if found is None or pixels is None:
        return found is pixels
    found, pixels = (max(-INFINITE, min(one, INFINITE)) for one in (found, pixels))
    return math.isclose(found, pixels, rel_tol=1e-4, abs_tol=1e-3)


def test_media_queries() -> None:
    wrong = [
        (query, matches)
        for query, matches in cases_of("media")
        if media_matches(query, DESKTOP) is not matches
    ]
    assert not wrong


def test_lengths() -> None:
    wrong = [
        (text, pixels, found)
        for text, pixels in cases_of("lengths")
        if not _is_same(found := length_px(text, DESKTOP), pixels)
    ]
    assert not wrong


def test_sizes() -> None:
    wrong = [
        (sizes, width, chosen)
        for sizes, width in cases_of("sizes")
        if (chosen := choose(CANDIDATES, sizes, None, DESKTOP)) != str(width)
    ]
    assert not wrong
