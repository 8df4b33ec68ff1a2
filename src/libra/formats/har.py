"""Reports as HAR 1.2, the HTTP Archive format that browsers and their tools read.

A report does not keep everything that a HAR may hold. What is not known is left empty or -1 where
the format has a value for that, and ``comment`` says so; nothing is made up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec

from libra.weighing.report import Asset, Report

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_har(reports: Sequence[Report]) -> str:
    """One log with a page for each report and an entry for each asset.

    Sizes keep their meaning: ``bodySize`` is the transfer size, ``content.size`` the resource size,
    ``content.compression`` what compression saved. What HAR has no name for is in fields that begin
    with an underscore, which its readers skip.
    """
    log: dict[str, Any] = {
        "version": "1.2",
        "creator": {"name": "Libra", "version": _version()},
        "pages": [_page(f"page_{n}", report) for n, report in enumerate(reports, 1)],
        "entries": [
            _entry(f"page_{n}", report, asset)
            for n, report in enumerate(reports, 1)
            for asset in report.assets
        ],
    }
    return msgspec.json.format(msgspec.json.encode({"log": log}), indent=2).decode() + "\n"


def _page(ref: str, report: Report) -> dict[str, Any]:
    page: dict[str, Any] = {
        "startedDateTime": _started(report),
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
    if report.error is not None:
        page["_error"] = report.error
    return page


def _entry(ref: str, report: Report, asset: Asset) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "pageref": ref,
        "startedDateTime": _started(report),
        "time": asset.duration_ms or 0,
        "request": {
            "method": "GET",
            "url": asset.url,
            "httpVersion": "unknown",
            "cookies": [],
            "headers": [],
            "queryString": [
                {"name": name, "value": value}
                for name, value in parse_qsl(urlsplit(asset.url).query, keep_blank_values=True)
            ],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": _response(asset),
        "cache": {},
        "timings": {
            "send": 0,
            "wait": asset.duration_ms or 0,
            "receive": 0,
            "comment": "only the whole is measured",
        },
        "comment": "startedDateTime is that of the page",
        "_resourceType": asset.kind,
        "_status": asset.status,
        "_thirdParty": asset.third_party,
        "_lazy": asset.lazy,
        "_conditional": asset.conditional,
    }
    if asset.initiator is not None:
        entry["_initiator"] = asset.initiator
    if asset.error is not None:
        entry["_error"] = asset.error
    return entry


def _response(asset: Asset) -> dict[str, Any]:
    headers = [("Content-Type", asset.content_type), ("Content-Encoding", asset.encoding)]
    response: dict[str, Any] = {
        # Browsers write 0 for a request that got no answer.
        "status": asset.http_status or 0,
        "statusText": _phrase(asset.http_status),
        "httpVersion": "unknown",
        "cookies": [],
        "headers": [{"name": name, "value": value} for name, value in headers if value],
        "content": {
            "size": asset.resource_bytes,
            "compression": asset.resource_bytes - asset.transfer_bytes,
            "mimeType": asset.content_type or "x-unknown",
        },
        "redirectURL": "",
        "headersSize": -1,
        "bodySize": asset.transfer_bytes,
        "_transferSize": asset.transfer_bytes,
    }
    return response


def _started(report: Report) -> str:
    return (report.submitted_at or _EPOCH).astimezone(UTC).isoformat().replace("+00:00", "Z")


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
