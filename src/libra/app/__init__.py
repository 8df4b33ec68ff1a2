"""Libra: the public API and the root of the supervision tree.

::

    async with Libra.open() as libra:
        page_id = await libra.weigh("https://example.com")
        async for report in libra.follow(page_id):
            print(report.status, report.total.transfer_bytes)

Nothing outside this package imports a process, a registry or a store.
"""

from __future__ import annotations

from libra.app.libra import Libra
from libra.app.lists import PageList, UrlList, UrlSummary, WatchList
from libra.budgets.alarms import Confirm, Jump
from libra.errors import (
    Behind,
    CannotRender,
    DataDirInUse,
    EngineUnavailable,
    Full,
    LibraError,
    NotConverted,
    PageNotFound,
    PageUnknown,
    PageUnreadable,
    Restoring,
    ResultDeleted,
    Stopping,
    TooManyWatches,
    UnusableResult,
    WatchNotFound,
    WatchUnknown,
)
from libra.inspector.records.submission_keys import SubmissionKey as IdempotencyKey
from libra.inspector.records.submission_keys import Used as KeyUse
from libra.inspector.records.watches.schedule import (
    InvalidSchedule,
    parse_schedule,
    parse_zone,
    schedule_words,
)
from libra.inspector.records.watches.watch_changes import MOST_NAME as MOST_WATCH_NAME
from libra.inspector.records.watches.watch_changes import MOST_NOTE as MOST_WATCH_NOTE
from libra.inspector.records.watches.watch_changes import (
    WatchChanges,
    parse_confirm,
    parse_headers,
    parse_repeat,
    parse_tags,
)
from libra.inspector.records.watches.watch_record import Watch, WatchStatus, WeighIn
from libra.inspector.records.watches.webhook import (
    MAX_HEADERS,
    parse_webhook,
    parse_webhook_headers,
)
from libra.inspector.watches.selection import WatchOrder
from libra.parsers.once import weigh_once
from libra.report import Report, Summary
from libra.settings import Settings
from libra.storage.rows.urls import Sort, read_place
from libra.urls import InvalidURL
from libra.weighing.options import InvalidOptions, Options

__all__ = [
    "MAX_HEADERS",
    "MOST_WATCH_NAME",
    "MOST_WATCH_NOTE",
    "Behind",
    "CannotRender",
    "Confirm",
    "DataDirInUse",
    "EngineUnavailable",
    "Full",
    "IdempotencyKey",
    "InvalidOptions",
    "InvalidSchedule",
    "InvalidURL",
    "Jump",
    "KeyUse",
    "Libra",
    "LibraError",
    "NotConverted",
    "Options",
    "PageList",
    "PageNotFound",
    "PageUnknown",
    "PageUnreadable",
    "Report",
    "Restoring",
    "ResultDeleted",
    "Settings",
    "Sort",
    "Stopping",
    "Summary",
    "TooManyWatches",
    "UnusableResult",
    "UrlList",
    "UrlSummary",
    "Watch",
    "WatchChanges",
    "WatchList",
    "WatchNotFound",
    "WatchOrder",
    "WatchStatus",
    "WatchUnknown",
    "WeighIn",
    "parse_confirm",
    "parse_headers",
    "parse_repeat",
    "parse_schedule",
    "parse_tags",
    "parse_webhook",
    "parse_webhook_headers",
    "parse_zone",
    "read_place",
    "schedule_words",
    "weigh_once",
]
