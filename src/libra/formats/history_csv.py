"""The weigh-ins of a URL as CSV (RFC 4180): one row for each, newest first, under one heading."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from libra.formats.asset_csv import cell
from libra.report import Summary

COLUMNS = (
    "id",
    "url",
    "submitted_at",
    "status",
    "complete",
    "method",
    "viewport",
    "requests",
    "transfer_bytes",
    "resource_bytes",
    "teledrin",
    "branch",
    "commit",
    "error",
    "bound",
)


def to_history_csv(pages: Iterable[Summary]) -> str:
    """Weigh-ins, in columns named as the report's fields; foreign text as in `to_csv` of assets.

    ``bound`` is that of the score: ``at_most`` if only a part of the page was weighed.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for page in pages:
        values = (
            page.id,
            page.url,
            None if page.submitted_at is None else page.submitted_at.isoformat(),
            page.status,
            page.complete,
            page.method,
            page.viewport,
            page.total.requests,
            page.total.transfer_bytes,
            page.total.resource_bytes,
            None if page.score is None else page.score.teledrin,
            None if page.build is None else page.build.branch,
            None if page.build is None else page.build.commit,
            page.error,
            None if page.score is None else page.score.bound,
        )
        writer.writerow([cell(value) for value in values])
    return text.getvalue()
