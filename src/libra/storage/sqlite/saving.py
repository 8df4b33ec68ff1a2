"""Saves a batch to a SQLite database: the higher version wins.

A deletion is the last version of a page. It empties the row and keeps it, so that a late save has a
lower version.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from libra.storage.classify import classify, without_rows
from libra.storage.errors import Rejected
from libra.storage.history import History
from libra.storage.rows.entries import (
    DELETED_VERSION,
    Entry,
    RefusedRow,
    Snapshot,
    WatchRow,
    outranked,
)
from libra.storage.rows.foreign_text import escape, escape_json
from libra.storage.sqlite.connection_thread import Job
from libra.storage.sqlite.rows import COLUMNS, deletions, row_of, text_of
from libra.storage.sqlite.transactions import enter, transaction
from libra.storage.sqlite.writer_log import SqliteWriterLog

_SAVE: Final = (
    f"INSERT INTO pages ({COLUMNS}) VALUES ({', '.join('?' * 19)})"  # noqa: S608 - constants
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS.split(", ")[1:])
    + " WHERE pages.version < excluded.version"
)
TRACE: Final = "SELECT deleted_at IS NOT NULL FROM pages WHERE id = ?"
"""Whether a page exists (a row) and is deleted (true)."""

EMPTIED: Final = """
    url = '', final_url = NULL, host = '', title = NULL, status = 'deleted',
    submitted_at = NULL, finished_at = NULL, expires_at = NULL,
    transfer_bytes = 0, resource_bytes = 0, requests = 0,
    score = NULL, report = NULL, idempotency = substr(pages.idempotency, 1, 32), series = NULL,
    way = NULL, headers = NULL
"""
"""What stays of a deleted page: only that its key was used."""

_THERE: Final = "SELECT 1 FROM pages WHERE deleted_at IS NULL AND id = ?"
_DELETE: Final = f"""
    INSERT INTO pages (id, url, host, status, version, deleted_at,
                       transfer_bytes, resource_bytes, requests)
    VALUES (?, '', '', 'deleted', {DELETED_VERSION}, ?, 0, 0, 0)
    ON CONFLICT (id) DO UPDATE SET
        {EMPTIED}, version = excluded.version, deleted_at = excluded.deleted_at
    WHERE pages.version < excluded.version
"""  # noqa: S608 - a constant
_SAVE_WATCH: Final = """
    INSERT INTO watches (id, url, version, data) VALUES (?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET
        url = excluded.url, version = excluded.version, data = excluded.data
    WHERE watches.version < excluded.version
"""
_DELETE_WATCH: Final = f"""
    INSERT INTO watches (id, url, version, deleted_at) VALUES (?, '', {DELETED_VERSION}, ?)
    ON CONFLICT (id) DO UPDATE SET
        url = '', version = excluded.version, deleted_at = excluded.deleted_at, data = NULL
    WHERE watches.version < excluded.version
"""  # noqa: S608 - a constant


def save_batch(
    connection: sqlite3.Connection,
    job: Job[Any],
    batch: list[Entry],
    writer_log: SqliteWriterLog | None,
    known: History | None,
) -> tuple[list[RefusedRow], History | None]:
    """Save a batch in one transaction, or the accepted part of it in several.

    Returns:
        The refused rows, and the state of the database after that; None if nothing was saved.
    """
    try:
        with transaction(connection, job):
            found = enter(connection, writer_log, known)
            if writer_log is not None and found is not None and batch:
                with without_rows():
                    found = writer_log.count(connection, found)
            pages = [entry for entry in batch if isinstance(entry, Snapshot)]
            taken = connection.executemany(_SAVE, map(row_of, pages)).rowcount
            gone = _deleted(connection, pages) if taken < len(pages) else []
            connection.executemany(
                _SAVE_WATCH,
                (
                    (escape(e.id), escape(e.url), e.version, escape_json(e.data))
                    for e in batch
                    if isinstance(e, WatchRow)
                ),
            )
            connection.executemany(_DELETE, deletions(batch, "page"))
            connection.executemany(_DELETE_WATCH, deletions(batch, "watch"))
    except (sqlite3.Error, OverflowError, UnicodeError, Rejected) as exc:
        verdict = exc if isinstance(exc, Rejected) else classify(exc)
        if not isinstance(verdict, Rejected):
            raise
        if len(batch) == 1:
            return [RefusedRow(batch[0].id, batch[0].version, verdict.reason)], None
    else:
        return gone, found
    # The database refuses a row of this batch: halving finds it in few steps.
    half = len(batch) // 2
    refused, before = save_batch(connection, job, batch[:half], writer_log, known)
    others, after = save_batch(connection, job, batch[half:], writer_log, known)
    return [*refused, *others], after or before


def delete_page(connection: sqlite3.Connection, page_id: str, at: datetime) -> bool:
    """Delete a page, even one that does not exist yet; return whether it existed."""
    page = escape(page_id)
    there = connection.execute(_THERE, (page,)).fetchone()
    connection.execute(_DELETE, (page, text_of(at)))
    return there is not None


def _deleted(connection: sqlite3.Connection, pages: Iterable[Snapshot]) -> list[RefusedRow]:
    """Find the pages that were deleted before this program saved them."""
    return [
        outranked(page)
        for page in pages
        if any(gone for (gone,) in connection.execute(TRACE, (escape(page.id),)))
    ]
