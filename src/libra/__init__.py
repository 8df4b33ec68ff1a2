"""Libra weighs web pages, and goes on doing so while what it depends on is down.

    from libra import Libra, weigh_once

    report = await weigh_once("https://example.com")     # one page, here and now

    async with Libra.open() as libra:                     # many, kept
        page_id = await libra.weigh("https://example.com")

`weigh_sync` is `weigh_once` for programs without an event loop. What is named here stays; the modules
behind it may change. A name is imported when it is asked for, as all of them take half a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from libra.app import (
        CannotRender,
        DataDirInUse,
        Full,
        InvalidOptions,
        InvalidSchedule,
        InvalidURL,
        Jump,
        Libra,
        LibraError,
        NotConverted,
        PageList,
        PageNotFound,
        PageUnknown,
        Restoring,
        Stopping,
        TooManyWatches,
        Watch,
        WatchList,
        WatchNotFound,
        WatchUnknown,
    )
    from libra.parsers.once import weigh_once, weigh_sync
    from libra.settings import Settings, SettingsError
    from libra.weighing.budget import Budget
    from libra.weighing.options import Limits, Options, Viewport
    from libra.weighing.report import Asset, Finding, Report, Summary

__all__ = [
    "Asset",
    "Budget",
    "CannotRender",
    "DataDirInUse",
    "Finding",
    "Full",
    "InvalidOptions",
    "InvalidSchedule",
    "InvalidURL",
    "Jump",
    "Libra",
    "LibraError",
    "Limits",
    "NotConverted",
    "Options",
    "PageList",
    "PageNotFound",
    "PageUnknown",
    "Report",
    "Restoring",
    "Settings",
    "SettingsError",
    "Stopping",
    "Summary",
    "TooManyWatches",
    "Viewport",
    "Watch",
    "WatchList",
    "WatchNotFound",
    "WatchUnknown",
    "weigh_once",
    "weigh_sync",
]

#: Where a name is, if not in `libra.app`.
_ELSEWHERE = {
    "weigh_once": "libra.parsers.once",
    "weigh_sync": "libra.parsers.once",
    "Settings": "libra.settings",
    "SettingsError": "libra.settings",
    "Budget": "libra.weighing.budget",
    **dict.fromkeys(("InvalidOptions", "Limits", "Options", "Viewport"), "libra.weighing.options"),
    **dict.fromkeys(("Asset", "Finding", "Report", "Summary"), "libra.weighing.report"),
    "InvalidURL": "libra.weighing.urls",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'libra' has no attribute {name!r}")
    found = getattr(import_module(_ELSEWHERE.get(name, "libra.app")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
