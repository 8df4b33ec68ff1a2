"""Saves a batch to a PostgreSQL database: the higher version wins.

A deletion is the last version of a page. It empties the row and keeps it, so that a late save, even
one that the server has received and not begun, has a lower version.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from libra.storage.classify import classify
from libra.storage.errors import Rejected
from libra.storage.history import History
from libra.storage.postgres.connections import FAILURES, Connection
from libra.storage.postgres.rows import COLUMNS, deletions, rows_of
from libra.storage.postgres.transactions import enter, transaction
from libra.storage.postgres.writer_log import PostgresWriterLog
from libra.storage.rows.entries import (
    DELETED_VERSION,
    Entry,
    RefusedRow,
    Snapshot,
    WatchRow,
    outranked,
)
from libra.storage.rows.foreign_text import escape, escape_json, unescape

_ARRAYS: Final = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(COLUMNS.values(), 1))
_SAVE: Final = (
    f"INSERT INTO pages ({', '.join(COLUMNS)}) SELECT * FROM unnest({_ARRAYS})"  # noqa: S608 - constants
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in COLUMNS if name != "id")
    + " WHERE pages.version < excluded.version"
)
_OUTRANKED: Final = "SELECT id FROM pages WHERE id = ANY($1::text[]) AND deleted_at IS NOT NULL"
EMPTIED: Final = """
    url = '', final_url = NULL, host = '', title = NULL, status = 'deleted',
    submitted_at = NULL, finished_at = NULL, expires_at = NULL,
    transfer_bytes = 0, resource_bytes = 0, requests = 0, score = NULL, report = NULL,
    report_zstd = NULL, idempotency = substr(pages.idempotency, 1, 32), series = NULL,
    way = NULL, headers = NULL
"""
"""What stays of a deleted page: only that its key was used."""

_DELETE: Final = f"""
    INSERT INTO pages (id, url, host, status, version, deleted_at,
                       transfer_bytes, resource_bytes, requests)
    SELECT id, '', '', 'deleted', {DELETED_VERSION}, deleted_at, 0, 0, 0
    FROM unnest($1::text[], $2::timestamptz[]) AS gone (id, deleted_at)
    ON CONFLICT (id) DO UPDATE SET
        {EMPTIED}, version = excluded.version, deleted_at = excluded.deleted_at
    WHERE pages.version < excluded.version
"""  # noqa: S608 - a constant
_SAVE_WATCHES: Final = """
    INSERT INTO watches (id, url, version, data)
    SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::jsonb[])
    ON CONFLICT (id) DO UPDATE SET
        url = excluded.url, version = excluded.version, data = excluded.data
    WHERE watches.version < excluded.version
"""
_DELETE_WATCHES: Final = f"""
    INSERT INTO watches (id, url, version, deleted_at)
    SELECT id, '', {DELETED_VERSION}, deleted_at
    FROM unnest($1::text[], $2::timestamptz[]) AS gone (id, deleted_at)
    ON CONFLICT (id) DO UPDATE SET
        url = '', version = excluded.version, deleted_at = excluded.deleted_at, data = NULL
    WHERE watches.version < excluded.version
"""  # noqa: S608 - a constant


async def save_batch(
    connection: Connection,
    batch: list[Entry],
    limit: float,
    writer_log: PostgresWriterLog | None,
    known: History | None,
) -> tuple[list[RefusedRow], History | None]:
    """Save a batch in one transaction, or the accepted part of it in several.

    Returns:
        The refused rows, and the state of the database after that; None if nothing was saved.
    """
    try:
        pages = [entry for entry in batch if isinstance(entry, Snapshot)]
        snapshots = await rows_of(pages)
        watches = [
            (escape(e.id), escape(e.url), e.version, escape_json(e.data))
            for e in batch
            if isinstance(e, WatchRow)
        ]
        async with transaction(connection, limit):
            entered = await enter(connection, writer_log, known, count=bool(batch))
            gone = await _save_pages(connection, pages, snapshots) if pages else []
            for statement, rows in (
                (_SAVE_WATCHES, watches),
                (_DELETE, deletions(batch, "page")),
                (_DELETE_WATCHES, deletions(batch, "watch")),
            ):
                if rows:
                    await connection.execute(statement, *zip(*rows, strict=True))
    except (*FAILURES, Rejected) as exc:
        verdict = exc if isinstance(exc, Rejected) else classify(exc, closed=connection.is_closed())
        if not isinstance(verdict, Rejected):
            raise
        if len(batch) == 1:
            return [RefusedRow(batch[0].id, batch[0].version, verdict.reason)], None
    else:
        return gone, entered
    # The database refuses a row of this batch: halving finds it in few steps.
    half = len(batch) // 2
    refused, before = await save_batch(connection, batch[:half], limit, writer_log, known)
    others, after = await save_batch(connection, batch[half:], limit, writer_log, known)
    return [*refused, *others], after or before


async def _save_pages(
    connection: Connection, pages: Sequence[Snapshot], rows: Sequence[tuple[Any, ...]]
) -> list[RefusedRow]:
    """Save pages; return those that were deleted before this program saved them."""
    said = await connection.execute(_SAVE, *zip(*rows, strict=True))
    if said == f"INSERT 0 {len(pages)}":
        return []
    ids = {unescape(row[0]) for row in await connection.fetch(_OUTRANKED, [row[0] for row in rows])}
    return [outranked(page) for page in pages if page.id in ids]


async def delete_page(connection: Connection, page_id: str, at: datetime) -> bool:
    """Delete a page, even one that does not exist yet; return whether it existed."""
    page = escape(page_id)
    there = await connection.fetchval(
        "SELECT true FROM pages WHERE deleted_at IS NULL AND id = $1 FOR UPDATE", page
    )
    await connection.execute(_DELETE, [page], [at])
    return there is not None
