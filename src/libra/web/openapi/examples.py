"""Examples for the OpenAPI document: one page, and what the routes say of it.

They are values of the very types that the routes answer with, so they cannot fall behind them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from libra.app import Jump, PageList, Watch, WatchList, WeighIn
from libra.budgets.alarms import Terms
from libra.budgets.budget import Budget, Limit
from libra.formats import to_csv, to_har
from libra.observability.health import Health, LoopLag, Part
from libra.report import (
    KINDS,
    Asset,
    Bytes,
    HostTotal,
    Report,
    Score,
    Total,
    encode,
    summarize,
)
from libra.urls import InvalidURL
from libra.web.http.event_stream import encode_event
from libra.web.http.problems import problem_of
from libra.web.routes.health import Alive
from libra.web.routes.results import KeptResult, Result
from libra.web.routes.submit import BulkItem, BulkResult
from libra.web.site.public_view import Badge
from libra.web.site.renderer import Renderer
from libra.web.telemetry.metrics import RequestCounts, exposition

PAGE_ID = "0199aa5e-3f10-7c2a-9d4b-6f0e8a1c2d3e"
_NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)

_PAGE = Total(1, 1256, 1256)
_STYLE = Total(1, 3120, 11240)

REPORT = Report(
    id=PAGE_ID,
    url="https://example.com/",
    final_url="https://example.com/",
    title="Example Domain",
    status="weighed",
    complete=True,
    version=7,
    backup="stored",
    submitted_at=_NOON,
    finished_at=_NOON + timedelta(milliseconds=84),
    expires_at=_NOON + timedelta(hours=24),
    duration_ms=84,
    body=Bytes(1256, 1256),
    total=Total(2, 4376, 12496),
    by_kind=dict.fromkeys(KINDS, Total()) | {"document": _PAGE, "stylesheet": _STYLE},
    by_host={
        "example.com": HostTotal(1, 1256, 1256),
        "cdn.example.net": HostTotal(1, 3120, 11240, third_party=True),
    },
    score=Score(teledrin=100, verdict="A for effort.", lighthouse=100),
    assets=(
        Asset(
            url="https://example.com/",
            kind="document",
            status="fetched",
            http_status=200,
            transfer_bytes=1256,
            resource_bytes=1256,
            content_type="text/html",
            duration_ms=31,
        ),
        Asset(
            url="https://cdn.example.net/style.css",
            kind="stylesheet",
            status="fetched",
            http_status=200,
            transfer_bytes=3120,
            resource_bytes=11240,
            content_type="text/css",
            encoding="br",
            initiator="https://example.com/",
            third_party=True,
            duration_ms=22,
        ),
    ),
)

_HEALTH = Health(
    status="degraded",
    accepting=True,
    version="0.1.0",
    started_at=_NOON,
    parts={
        "pages": Part("ok", _NOON),
        "database": Part("down", _NOON + timedelta(hours=1), "connection refused"),
        "journal": Part("ok", _NOON),
        "parsers": Part("ok", _NOON, "2 of 2 run"),
        "browsers": Part("ok", _NOON, "0 of 2 run"),
    },
    pages={"queued": 0, "fetching": 1, "weighing": 0, "weighed": 412, "failed": 3},
    waiting_to_be_stored=12,
    oldest_waiting_seconds=34.2,
    quarantined=0,
    loop_lag=LoopLag(0.4, 1.9, 6.3),
    watches={
        "quarantined": 0,
        "failed": 0,
        "over-budget": 1,
        "unconfirmed": 0,
        "new": 0,
        "ok": 7,
        "paused": 0,
    },
)

WATCH_ID = "0199aa5e-4b22-7d10-8c3a-1f2e3d4c5b6a"

WATCH_REQUEST = {
    "url": "https://example.com/",
    "every": "0 6 * * mon-fri",
    "max_weight": "500kB",
    "budget": [{"resourceSizes": [{"resourceType": "script", "budget": 300}]}],
    "jump": {"percent": 20, "bytes": 50000},
    "webhook": "https://hooks.example.com/services/T0/B0/key",
}
"""What is sent to watch a URL."""

_WATCH = Watch(
    id=WATCH_ID,
    url="https://example.com/",
    every="0 6 * * mon-fri",
    status="ok",
    terms=Terms((Budget(limits=(Limit("script", "size", 307_200),)),), 500_000, Jump()),
    webhook="https://hooks.example.com/…",
    created_at=_NOON,
    next_at=_NOON + timedelta(hours=18),
    page=None,
    last=WeighIn(PAGE_ID, _NOON, total=4376, complete=True, change=0),
    alerts_waiting=0,
    delivery=None,
    version=9,
    backup="stored",
)

_INVALID = InvalidURL("example.com has no scheme: write https://example.com")


def response_examples() -> Mapping[tuple[str, str], Any]:
    """An example for each schema and each type of content that answers have.

    The key is the name of a schema of the document, or the operation where the content is no JSON
    of ours, and the type of the content.
    """
    problem = _plain(problem_of(_INVALID))
    pages = (BulkItem(REPORT.url, PAGE_ID), BulkItem("example.com", None, problem_of(_INVALID)))
    csv, har = to_csv([REPORT]), msgspec.json.decode(to_har([REPORT]))
    return {
        ("Report", "application/json"): _plain(REPORT),
        ("PageList", "application/json"): _plain(PageList((summarize(REPORT),))),
        ("Watch", "application/json"): _plain(_WATCH),
        ("WatchList", "application/json"): _plain(WatchList((_WATCH,))),
        ("BulkResult", "application/json"): _plain(BulkResult(1, 1, pages)),
        ("KeptResult", "application/json"): _plain(
            KeptResult(PAGE_ID, known=False, baseline=None, baseline_known=True, checks=())
        ),
        ("Health", "application/json"): _plain(_HEALTH),
        ("Alive", "application/json"): _plain(Alive("ok")),
        ("Problem", "application/problem+json"): problem,
        ("readPageCsv", "text/csv"): csv,
        ("readScreenshot", "image/webp"): "RIFF…WEBP",
        ("readPageHar", "application/json"): har,
        ("followPage", "text/event-stream"): encode_event(7, encode(REPORT)).decode(),
        ("readBadge", "image/svg+xml"): Renderer()
        .badge(Badge("page weight", "4.4 kB", "#15803d"))
        .decode(),
        ("readMetrics", "text/plain"): exposition(_HEALTH, RequestCounts()),
    }


def result_example() -> Any:
    """What a CI job sends."""
    return _plain(Result("feature", "4b1c9cb", "/", REPORT, "main"))


PARAMETERS: Mapping[str, Any] = {
    "page_id": PAGE_ID,
    "project": "shop",
    "watch_id": WATCH_ID,
    "public_id": "3q2-7wQxJb9mZr5T1kYf0A",
    "tag": "shop",
    "listWatches.status": "over-budget",
    "show": "weight",
    "order": "broken",
    "url": "https://example.com/",
    "limit": 20,
    "after": PAGE_ID,
    "host": "example.com",
    "text": "domain",
    "status": "weighed",
    "size": "whole",
    "since": "2026-01-02T00:00:00Z",
    "until": "2026-01-03T00:00:00Z",
}
"""An example for each parameter."""


def _plain(value: Any) -> Any:
    """A value as its JSON is read."""
    return msgspec.json.decode(msgspec.json.encode(value))
