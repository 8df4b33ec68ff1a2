"""Chooses which of a page's icons a browser loads.

The rules are Chromium's for a desktop (``favicon_handler.cc``, ``select_favicon_frames.cc``), confirmed
by experiment. Chromium wants 16 and 32 pixels. It has to load all icons without a size, the last named
first. If every icon states its size, Chromium loads the best one.
"""

from __future__ import annotations

from typing import NamedTuple

from libra.ascii import is_digits, lowered, words

_WANTED = (16, 32)
_HUGE = 8
"""An icon this many times larger than wanted is the last choice."""


class Icon(NamedTuple):
    """A ``link rel=icon``: its address ("" if it needs no request) and its ``sizes``."""

    url: str
    sizes: str


def choose_icons(icons: list[Icon]) -> list[str]:
    """The URLs of the icons that are loaded, in loading order."""
    to_look_into = [icon.url for icon in reversed(icons) if not _edges(icon)]
    if to_look_into:
        return [url for url in dict.fromkeys(to_look_into) if url]
    best = max(reversed(icons), key=_score, default=None)
    return [best.url] if best is not None and best.url else []


def others_than(chosen: list[str], icons: list[Icon]) -> list[str]:
    """The icons that are tried one after the other if the chosen ones fail."""
    sized = [icon for icon in reversed(icons) if _edges(icon)]
    urls = dict.fromkeys(icon.url for icon in sorted(sized, key=_score, reverse=True) if icon.url)
    return [url for url in urls if url not in chosen]


def _edges(icon: Icon) -> list[int]:
    edges = (size.partition("x")[0] for size in words(lowered(icon.sizes)))
    return [edge for edge in (int(text[:6]) for text in edges if is_digits(text)) if edge]


def _score(icon: Icon) -> float:
    return sum(max(_fit(edge, wanted) for edge in _edges(icon)) for wanted in _WANTED)


def _fit(edge: int, wanted: int) -> float:
    """How well an image of this size serves: exact, scaled down, scaled up, or far too large."""
    if edge == wanted:
        return 1.0
    if edge >= wanted * _HUGE:
        return 0.1 * wanted / edge
    return 0.8 + 0.1 * wanted / edge if edge > wanted else 0.5 * edge / wanted
