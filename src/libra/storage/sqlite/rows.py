"""Converts pages and deletions to rows of SQLite, and back.

Times are texts in UTC of one length, so that they sort in the order of time.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

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
from libra.storage.rows.foreign_text import escape, unescape
from libra.storage.rows.frames import frame, unframe

S = TypeVar("S", bound=Snapshot)
Row: TypeAlias = tuple[Any, ...]
COLUMNS: Final = (
    "id, url, version, report, final_url, host, title, status, submitted_at, finished_at,"
    " expires_at, transfer_bytes, resource_bytes, requests, score, idempotency, series, way,"
    " headers"
)
"""The columns of a page, in the order of a row."""

_REPORT, _STATUS = 3, 7
_NUMBER: Final = frozenset({int, type(None)})
_TEXT: Final = frozenset({str, type(None)})


class DamagedText(bytes):
    """A text in a damaged file that is not UTF-8."""


def row_of(snapshot: Snapshot) -> Row:
    """The row of a page.

    Raises:
        Rejected: a time has no zone.
    """
    return (
        escape(snapshot.id),
        escape(snapshot.url),
        snapshot.version,
        frame(snapshot.report),
        None if snapshot.final_url is None else escape(snapshot.final_url),
        escape(snapshot.host),
        None if snapshot.title is None else escape(snapshot.title),
        snapshot.status,
        text_of(snapshot.submitted_at),
        text_of(snapshot.finished_at),
        text_of(snapshot.expires_at),
        snapshot.transfer_bytes,
        snapshot.resource_bytes,
        snapshot.requests,
        snapshot.score,
        None if snapshot.idempotency is None else escape(snapshot.idempotency),
        None if snapshot.series is None else escape(snapshot.series),
        snapshot.way,
        text_of_headers(snapshot.headers),
    )


def snapshot_of(row: Row) -> Snapshot:
    """The page of a row."""
    return _filled(Snapshot, row, unframe(row[_REPORT]))


def packed_of(row: Row) -> Snapshot:
    """The page of a row; the report of a finished page stays a frame."""
    return _filled(Packed, row, row[_REPORT]) if row[_STATUS] in FINISHED else snapshot_of(row)


def text_or_damaged(data: bytes) -> str | DamagedText:
    """A text of the file, for ``text_factory``; a damaged one makes its row unreadable, no other."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return DamagedText(data)


def deletions(batch: Iterable[Entry], of: str) -> list[Row]:
    """The deletions of pages or of watches in a batch: ids and times."""
    return [(escape(e.id), text_of(e.at)) for e in batch if isinstance(e, Deleted) and e.of == of]


def utc(moment: datetime) -> str:
    """Encode a time for a column."""
    if moment.tzinfo is None:
        raise Rejected(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def json_list(texts: Iterable[str]) -> str:
    """Texts as one argument, which ``json_each`` turns into rows."""
    return msgspec.json.encode(list(texts)).decode()


def text_of(moment: datetime | None) -> str | None:
    """Encode a time, or None, for a column."""
    return None if moment is None else utc(moment)


def _time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _filled(kind: type[S], row: Row, report: bytes) -> S:
    page_id, url, version, _, final_url, host, title, status, *times, key, series, way, headers = (
        row
    )
    submitted_at, finished_at, expires_at, transfer_bytes, resource_bytes, requests, score = times
    # SQLite keeps values of any kind in any column. Those that are not converted are checked here.
    numbers = type(version) is type(transfer_bytes) is type(resource_bytes) is type(requests) is int
    if not numbers or type(report) is not bytes:
        raise TypeError("a number or its report is of a wrong kind")
    if type(score) not in _NUMBER or type(way) not in _TEXT:
        raise TypeError("its score or its way is of a wrong kind")
    return kind(
        unescape(page_id),
        unescape(url),
        version,
        report,
        None if final_url is None else unescape(final_url),
        unescape(host),
        None if title is None else unescape(title),
        status_of_text(status),
        _time_of(submitted_at),
        _time_of(finished_at),
        _time_of(expires_at),
        transfer_bytes,
        resource_bytes,
        requests,
        score,
        None if key is None else unescape(key),
        None if series is None else unescape(series),
        way,
        headers_of_text(headers),
    )
