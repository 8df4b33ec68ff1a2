"""Converts pages and deletions to rows of PostgreSQL, and back.

A row has the report twice: as JSONB for people's queries, and as the frame that Libra reads.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from libra import report as reports
from libra.report import FINISHED
from libra.storage.errors import Rejected
from libra.storage.rows.entries import (
    Deleted,
    Entry,
    Packed,
    Snapshot,
    headers_of_text,
    status_of_text,
    text_of_headers,
)
from libra.storage.rows.foreign_text import escape, escape_json, unescape, unescape_json
from libra.storage.rows.frames import frame, unframe, unframed_size
from libra.storage.rows.readable import Found, readable, strictly, with_summary

COLUMNS: Final = {
    "id": "text",
    "url": "text",
    "version": "bigint",
    "report": "jsonb",
    "final_url": "text",
    "host": "text",
    "title": "text",
    "status": "text",
    "submitted_at": "timestamptz",
    "finished_at": "timestamptz",
    "expires_at": "timestamptz",
    "transfer_bytes": "bigint",
    "resource_bytes": "bigint",
    "requests": "bigint",
    "score": "smallint",
    "idempotency": "text",
    "series": "text",
    "way": "text",
    "headers": "text",
    "report_zstd": "bytea",
}
"""The columns of a page, in the order of a row, and their types."""

# Places in a row, of which `Packed` has the same but for the last.
_REPORT: Final = list(COLUMNS).index("report")
_STATUS: Final = list(COLUMNS).index("status")
_TEXTS: Final = [
    list(COLUMNS).index(name)
    for name in ("id", "url", "final_url", "host", "title", "idempotency", "series")
]

_INLINE: Final = 200_000  # bytes of reports to read or write on the event loop in one go


async def rows_of(pages: Sequence[Snapshot]) -> list[tuple[Any, ...]]:
    """The rows of pages, with a value for each of `COLUMNS`; a thread converts large ones.

    Raises:
        Rejected: a time has no zone.
    """
    if sum(len(page.report) for page in pages) > _INLINE:
        return await asyncio.to_thread(lambda: [_row_of(page) for page in pages])
    return [_row_of(page) for page in pages]


async def snapshots_of(
    rows: Sequence[Any], unreadable: set[str], *, packed: bool = False
) -> Found[Snapshot]:
    """The pages of rows; with ``packed``, the reports of finished pages stay frames."""
    convert = _packed if packed else _listed
    if sum(map(_bytes_of_json if packed else _bytes_to_read, rows)) > _INLINE:
        return await asyncio.to_thread(readable, rows, convert, unreadable)
    return readable(rows, convert, unreadable)


async def snapshot_strictly(row: Any, unreadable: set[str]) -> Snapshot:
    """The page of one row.

    Raises:
        UnreadableRow: it cannot be read.
    """
    if _bytes_to_read(row) > _INLINE:
        return await asyncio.to_thread(strictly, row, _whole, unreadable)
    return strictly(row, _whole, unreadable)


def snapshot_of(
    page_id: str,
    url: str,
    version: int,
    report: str | None,
    final_url: str | None,
    host: str,
    title: str | None,
    status: str,
    *others: Any,
) -> Snapshot:
    """The page of one row."""
    *plain, key, series, way, headers, framed = others
    plain += [None if text is None else unescape(text) for text in (key, series)]
    plain += [way, headers_of_text(headers)]
    return Snapshot(
        unescape(page_id),
        unescape(url),
        version,
        in_order(unescape_json(report or "")) if framed is None else unframe(framed),
        None if final_url is None else unescape(final_url),
        unescape(host),
        None if title is None else unescape(title),
        status_of_text(status),
        *plain,
    )


def in_order(data: bytes) -> bytes:
    """A report in its original order: JSONB forgets the order of names, and people read reports."""
    try:
        report = reports.decode(data)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return data  # From another program or an older one; the reader decides.
    by_kind = {kind: report.by_kind[kind] for kind in reports.KINDS if kind in report.by_kind}
    return reports.encode(msgspec.structs.replace(report, by_kind=by_kind))


def deletions(batch: Iterable[Entry], of: str) -> list[tuple[Any, ...]]:
    """The deletions of pages or of watches in a batch: ids and times."""
    return [(escape(e.id), _aware(e.at)) for e in batch if isinstance(e, Deleted) and e.of == of]


def _row_of(snapshot: Snapshot) -> tuple[Any, ...]:
    return (
        escape(snapshot.id),
        escape(snapshot.url),
        snapshot.version,
        escape_json(snapshot.report),
        None if snapshot.final_url is None else escape(snapshot.final_url),
        escape(snapshot.host),
        None if snapshot.title is None else escape(snapshot.title),
        snapshot.status,
        _aware(snapshot.submitted_at),
        _aware(snapshot.finished_at),
        _aware(snapshot.expires_at),
        snapshot.transfer_bytes,
        snapshot.resource_bytes,
        snapshot.requests,
        snapshot.score,
        None if snapshot.idempotency is None else escape(snapshot.idempotency),
        None if snapshot.series is None else escape(snapshot.series),
        snapshot.way,
        text_of_headers(snapshot.headers),
        frame(snapshot.report),
    )


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise Rejected(f"{moment.isoformat()} has no time zone")
    return moment


def _packed(row: Any) -> Snapshot:
    *columns, headers, framed = row
    if framed is None or columns[_STATUS] not in FINISHED:
        return _whole(row)
    columns[_REPORT] = framed
    for at in _TEXTS:
        if (text := columns[at]) is not None:
            columns[at] = unescape(text)
    columns.append(headers_of_text(headers))
    return Packed(*columns)


def _whole(row: Any) -> Snapshot:
    return snapshot_of(*row)


def _listed(row: Any) -> Snapshot:
    return with_summary(_whole(row))


def _bytes_to_read(row: Any) -> int:
    """The bytes to convert for a row."""
    framed = row["report_zstd"]
    return _bytes_of_json(row) if framed is None else unframed_size(framed)


def _bytes_of_json(row: Any) -> int:
    """The bytes to convert for a row whose frame stays as it is."""
    return len(row[_REPORT] or "")
