"""Weighing one page: fetch it, find its assets, measure and score them, without processes or storage."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from libra.urls import InvalidURL, parse_url
    from libra.weighing.options import InvalidOptions, Limits, Options, Viewport
    from libra.weighing.orders.orders import Fetch, Outcome
    from libra.weighing.static.fetcher import Fetcher
    from libra.weighing.static.weigh_once import weigh_once
    from libra.weighing.static.weighing import Weighing

__all__ = [
    "Fetch",
    "Fetcher",
    "InvalidOptions",
    "InvalidURL",
    "Limits",
    "Options",
    "Outcome",
    "Viewport",
    "Weighing",
    "parse_url",
    "weigh_once",
]

_HOMES = {
    "Fetch": "libra.weighing.orders.orders",
    "Fetcher": "libra.weighing.static.fetcher",
    "InvalidOptions": "libra.weighing.options",
    "InvalidURL": "libra.urls",
    "Limits": "libra.weighing.options",
    "Options": "libra.weighing.options",
    "Outcome": "libra.weighing.orders.orders",
    "Viewport": "libra.weighing.options",
    "Weighing": "libra.weighing.static.weighing",
    "parse_url": "libra.urls",
    "weigh_once": "libra.weighing.static.weigh_once",
}


def __getattr__(name: str) -> Any:
    # The parser needs only the half of this package that reads, not the half that fetches. So each is
    # imported on first use.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found
