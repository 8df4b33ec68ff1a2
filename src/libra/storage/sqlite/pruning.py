"""Removes old pages from a SQLite database, in batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from libra.storage.keeping import FOR_EVER, MARKS, Dated, Thinning, superfluous
from libra.storage.rows.entries import DELETED_VERSION
from libra.storage.rows.foreign_text import escape
from libra.storage.sqlite.connection_thread import ConnectionThread, Job
from libra.storage.sqlite.rows import Row, json_list, utc
from libra.storage.sqlite.saving import EMPTIED
from libra.storage.sqlite.transactions import transaction

_PRUNE: Final = f"""
    UPDATE pages SET {EMPTIED}, version = {DELETED_VERSION}, deleted_at = ?, pruned = ?
    WHERE deleted_at IS NULL AND id IN (SELECT value FROM json_each(?))
"""  # noqa: S608 - constants
_OLD: Final = """
    SELECT id FROM pages
    WHERE submitted_at < ? AND deleted_at IS NULL AND url NOT IN (SELECT value FROM json_each(?))
    LIMIT ?
"""
_OLD_OF_URL: Final = """
    SELECT id, submitted_at, status FROM pages
    WHERE url = ? AND deleted_at IS NULL AND submitted_at < ?
"""
_PRUNED_AT_ONCE: Final = 1000  # rows; saves may run between two batches


class Pruning:
    """Removes pages that are older than the retention; each page leaves a mark.

    Args:
        writer: the thread that writes.
        limit: the time limit of each of its transactions, in seconds.
    """

    def __init__(self, writer: ConnectionThread, limit: float) -> None:
        self._writer = writer
        self._limit = limit

    async def prune(self, older_than: datetime | None, watched: Mapping[str, Thinning]) -> int:
        """Remove old pages: see `libra.storage.store.Store.prune`."""
        now = datetime.now(UTC)
        removed = 0
        if older_than is not None:
            moment = utc(older_than)
            # This comes first, so that a running Libra does not take the removed pages for lost.
            await self._note(moment)
            others = json_list(map(escape, watched))
            while rows := await self._rows(_OLD, (moment, others, _PRUNED_AT_ONCE)):
                removed += await self._remove([page_id for (page_id,) in rows], now)
            marks = utc(min(older_than, now - MARKS))
            await self._forget("pages", marks)
            await self._forget("watches", marks)
        for url, thinning in watched.items():
            if thinning == FOR_EVER:
                continue
            ids = superfluous(await self._dated(url, thinning.all_since), thinning)
            for start in range(0, len(ids), _PRUNED_AT_ONCE):
                removed += await self._remove(ids[start : start + _PRUNED_AT_ONCE], now)
        return removed

    async def _note(self, moment: str) -> None:
        def work(connection: sqlite3.Connection, job: Job[None]) -> None:
            with transaction(connection, job):
                connection.execute(
                    "UPDATE libra_database SET pruned_before = max(coalesce(pruned_before, ''), ?)",
                    (moment,),
                )

        await self._writer.run(work, deadline=self._limit)

    async def _rows(self, sql: str, arguments: Sequence[Any]) -> list[Row]:
        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[Row]:
            return connection.execute(sql, arguments).fetchall()

        return await self._writer.run(work, deadline=self._limit)

    async def _dated(self, url: str, before: datetime) -> list[Dated]:
        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[Dated]:
            return [
                Dated(page_id, datetime.fromisoformat(at), status == "weighed")
                for page_id, at, status in connection.execute(
                    _OLD_OF_URL, (escape(url), utc(before))
                )
            ]

        return await self._writer.run(work, deadline=self._limit)

    async def _remove(self, ids: Sequence[str], now: datetime) -> int:
        def work(connection: sqlite3.Connection, job: Job[int]) -> int:
            with transaction(connection, job):
                connection.execute("UPDATE libra_database SET prunings = prunings + 1")
                (number,) = connection.execute("SELECT prunings FROM libra_database").fetchone()
                return connection.execute(_PRUNE, (utc(now), number, json_list(ids))).rowcount

        return await self._writer.run(work, deadline=self._limit)

    async def _forget(self, table: str, moment: str) -> None:
        def work(connection: sqlite3.Connection, job: Job[int]) -> int:
            with transaction(connection, job):
                return connection.execute(
                    f"DELETE FROM {table} WHERE rowid IN"  # noqa: S608 - constants
                    f" (SELECT rowid FROM {table} WHERE deleted_at < ? LIMIT {_PRUNED_AT_ONCE})",
                    (moment,),
                ).rowcount

        while await self._writer.run(work, deadline=self._limit) > 0:
            pass
