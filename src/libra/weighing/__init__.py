"""What a page weighs: fetch, find assets, measure, score. Knows nothing of processes or storage."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from libra.weighing.fetch import Fetcher
    from libra.weighing.once import weigh_once
    from libra.weighing.options import InvalidOptions, Limits, Options, Viewport
    from libra.weighing.reference import Fetch, Outcome
    from libra.weighing.urls import InvalidURL, parse_url
    from libra.weighing.weighing import Weighing

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
    "Fetch": "reference",
    "Fetcher": "fetch",
    "InvalidOptions": "options",
    "InvalidURL": "urls",
    "Limits": "options",
    "Options": "options",
    "Outcome": "reference",
    "Viewport": "options",
    "Weighing": "weighing",
    "parse_url": "urls",
    "weigh_once": "once",
}


def __getattr__(name: str) -> Any:
    # A parser needs the half of this package that reads, and not the half that fetches: each is
    # imported when somebody asks for it.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return found
