"""Libra weighs web pages, and keeps working when its database is down.

    from libra import Libra, weigh_once

    report = await weigh_once("https://example.com")     # one page, here and now

    async with Libra.open() as libra:                     # many, kept
        page_id = await libra.weigh("https://example.com")

`weigh_sync` is `weigh_once` for programs without an event loop. `compare` shows what changed between two
reports; `check_budget` checks a report against its limits. The names here are stable; the modules behind
them may change. Each name is imported on first use, because importing all of them takes half a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from libra.app import (
        Behind,
        CannotRender,
        DataDirInUse,
        EngineUnavailable,
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
        PageUnreadable,
        Restoring,
        ResultDeleted,
        Stopping,
        TooManyWatches,
        UnusableResult,
        Watch,
        WatchChanges,
        WatchList,
        WatchNotFound,
        WatchUnknown,
    )
    from libra.budgets.budget import Budget
    from libra.budgets.lighthouse import BudgetError, Check, parse_budgets
    from libra.errors import NotWeighed, NotWhole
    from libra.formats.comparison import Comparison, compare
    from libra.judging import check_budget
    from libra.parsers.once import weigh_once, weigh_sync
    from libra.report import Asset, Build, Finding, Report, Summary
    from libra.settings import Settings, SettingsError
    from libra.weighing.options import Limits, Options, Viewport

__all__ = [
    "Asset",
    "Behind",
    "Budget",
    "BudgetError",
    "Build",
    "CannotRender",
    "Check",
    "Comparison",
    "DataDirInUse",
    "EngineUnavailable",
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
    "NotWeighed",
    "NotWhole",
    "Options",
    "PageList",
    "PageNotFound",
    "PageUnknown",
    "PageUnreadable",
    "Report",
    "Restoring",
    "ResultDeleted",
    "Settings",
    "SettingsError",
    "Stopping",
    "Summary",
    "TooManyWatches",
    "UnusableResult",
    "Viewport",
    "Watch",
    "WatchChanges",
    "WatchList",
    "WatchNotFound",
    "WatchUnknown",
    "check_budget",
    "compare",
    "parse_budgets",
    "weigh_once",
    "weigh_sync",
]

#: The module of each name that is not in `libra.app`.
_ELSEWHERE = {
    "weigh_once": "libra.parsers.once",
    "weigh_sync": "libra.parsers.once",
    "Settings": "libra.settings",
    "SettingsError": "libra.settings",
    "Budget": "libra.budgets.budget",
    **dict.fromkeys(("InvalidOptions", "Limits", "Options", "Viewport"), "libra.weighing.options"),
    **dict.fromkeys(("Asset", "Build", "Finding", "Report", "Summary"), "libra.report"),
    "InvalidURL": "libra.urls",
    **dict.fromkeys(("NotWeighed", "NotWhole"), "libra.errors"),
    **dict.fromkeys(("BudgetError", "Check", "parse_budgets"), "libra.budgets.lighthouse"),
    **dict.fromkeys(("Comparison", "compare"), "libra.formats.comparison"),
    "check_budget": "libra.judging",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'libra' has no attribute {name!r}")
    found = getattr(import_module(_ELSEWHERE.get(name, "libra.app")), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
