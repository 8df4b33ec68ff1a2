"""Reports as HAR 1.2, the HTTP Archive format that browsers and their tools read.

A report does not keep everything that a HAR may hold. Unknown values are empty, or -1 where the format
has that value, and ``comment`` says so. Nothing is invented.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from libra.formats.sentences import remarks
from libra.report import Asset, Report

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_har(reports: Sequence[Report]) -> str:
    """One log with a page for each report and an entry for each request.

    Sizes keep their meaning: ``bodySize`` is the transfer size, ``content.size`` the decoded size,
    ``content.compression`` what compression saved. Values that HAR has no name for are in fields that
    begin with an underscore, which its readers skip. Assets that were not requested are in ``_skipped``
    of their page, because every reader counts entries as requests.
    """
    log: dict[str, Any] = {
        "version": "1.2",
        "creator": {"name": "Libra", "version": _version()},
        "pages": [_page(f"page_{n}", report) for n, report in enumerate(reports, 1)],
        "entries": [
            entry for n, report in enumerate(reports, 1) for entry in _entries(f"page_{n}", report)
        ],
    }
    return msgspec.json.format(msgspec.json.encode({"log": log}), indent=2).decode() + "\n"


def _page(ref: str, report: Report) -> dict[str, Any]:
    page: dict[str, Any] = {
        "startedDateTime": _written(_started(report)),
        "id": ref,
        "title": report.title or report.url,
        "pageTimings": {"onContentLoad": -1, "onLoad": -1, "comment": "not measured"},
        "_url": report.url,
        "_finalUrl": report.final_url,
        "_method": report.method,
        "_status": report.status,
        "_complete": report.complete,
        "_transferSize": report.total.transfer_bytes,
        "_resourceSize": report.total.resource_bytes,
    }
    if report.score is not None:
        page["_teledrinScore"] = report.score.teledrin
        page["_lighthouseScore"] = report.score.lighthouse
        page["_scoreBound"] = report.score.bound
    doubts = remarks(report)
    if doubts:
        page["comment"] = "; ".join(doubt.text for doubt in doubts)
        page["_remarks"] = [{"code": doubt.code, "message": doubt.text} for doubt in doubts]
    if report.findings:
        page["_suggestions"] = msgspec.to_builtins(report.findings)
    if report.error is not None:
        page["_error"] = report.error
    skipped = [
        {"url": asset.url, "kind": asset.kind, "lazy": asset.lazy, "error": asset.error}
        for asset in report.assets
        if asset.status == "skipped"
    ]
    if skipped:
        page["_skipped"] = skipped
    return page


def _entries(ref: str, report: Report) -> Iterator[dict[str, Any]]:
    started = _started(report)
    # Each hop of a redirect is the initiator of the next.
    led_to = {asset.initiator: asset.url for asset in reversed(report.assets)}
    for asset in report.assets:
        if asset.status != "skipped":
            redirected = asset.http_status is not None and 300 <= asset.http_status < 400
            target = led_to.get(asset.url, "") if redirected else ""
            yield _entry(ref, started, asset, target)


def _entry(ref: str, started: datetime, asset: Asset, target: str) -> dict[str, Any]:
    since = timedelta(milliseconds=asset.started_ms or 0)
    timings = _timings(asset)
    entry: dict[str, Any] = {
        "pageref": ref,
        "startedDateTime": _written(started + since),
        "time": sum(timings.get(step, 0) for step in _STEPS if timings.get(step, 0) > 0),
        "request": {
            "method": "GET",
            "url": asset.url,
            "httpVersion": asset.protocol or "unknown",
            "cookies": [],
            "headers": [],
            "queryString": [
                {"name": name, "value": value}
                for name, value in parse_qsl(urlsplit(asset.url).query, keep_blank_values=True)
            ],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": _response(asset, target),
        "cache": {},
        "timings": timings,
        "_resourceType": asset.kind,
        "_status": asset.status,
        "_thirdParty": asset.third_party,
        "_lazy": asset.lazy,
        "_conditional": asset.conditional,
    }
    if asset.started_ms is None:
        entry["comment"] = "startedDateTime is that of the page"
    if asset.initiator is not None:
        entry["_initiator"] = asset.initiator
    if asset.error is not None:
        entry["_error"] = asset.error
    return entry


_STEPS = ("blocked", "dns", "connect", "send", "wait", "receive")
"""The parts of an entry's time; ``ssl`` is a part of ``connect``."""


def _timings(asset: Asset) -> dict[str, Any]:
    """The steps of a request. In HAR they add up to its time, and ``connect`` includes ``ssl``."""
    whole, known = asset.duration_ms or 0, asset.timings
    if known is None:
        return {"send": 0, "wait": whole, "receive": 0, "comment": "only the total is measured"}
    steps = (known.lookup_ms, known.connect_ms, known.tls_ms, known.first_byte_ms, known.body_ms)
    lookup, connect, tls, first_byte, body = (-1 if step is None else step for step in steps)
    if tls > 0 or connect >= 0:
        connect = max(connect, 0) + max(tls, 0)
    wait, receive = max(first_byte, 0), max(body, 0)
    return {
        "blocked": max(0, whole - sum(max(step, 0) for step in steps if step is not None)),
        "dns": lookup,
        "connect": connect,
        "ssl": tls,
        "send": 0,
        "wait": wait,
        "receive": receive,
    }


def _response(asset: Asset, target: str) -> dict[str, Any]:
    headers = [("Content-Type", asset.content_type), ("Content-Encoding", asset.encoding)]
    response: dict[str, Any] = {
        # Browsers write 0 for a request that got no answer.
        "status": asset.http_status or 0,
        "statusText": _phrase(asset.http_status),
        "httpVersion": asset.protocol or "unknown",
        "cookies": [],
        "headers": [{"name": name, "value": value} for name, value in headers if value],
        "content": {
            "size": asset.resource_bytes,
            "compression": asset.resource_bytes - asset.transfer_bytes,
            "mimeType": asset.content_type or "x-unknown",
        },
        "redirectURL": target,
        "headersSize": -1,
        "bodySize": asset.transfer_bytes,
        "_transferSize": asset.transfer_bytes,
    }
    return response


def _started(report: Report) -> datetime:
    """When the page was requested first. It may have waited for its turn after its submission."""
    if report.finished_at is not None and report.duration_ms is not None:
        return report.finished_at - timedelta(milliseconds=report.duration_ms)
    return report.submitted_at or _EPOCH


def _written(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _phrase(status: int | None) -> str:
    try:
        return HTTPStatus(status or 0).phrase
    except ValueError:
        return ""


def _version() -> str:
    try:
        return version("libra-weigh")
    except PackageNotFoundError:  # run from a source tree that is not installed
        return "unknown"
