"""Removes old pages from a SQLite database, in batches."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from libra.storage.keeping import Dated, Thinning
from libra.storage.pruning import PRUNED_AT_ONCE, Pruning
from libra.storage.rows.entries import DELETED_VERSION
from libra.storage.rows.foreign_text import escape
from libra.storage.sqlite.connection_thread import ConnectionThread, Job
from libra.storage.sqlite.rows import json_list, utc
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


class SqlitePruning(Pruning):
    """The steps of pruning, on SQLite.

    Args:
        writer: the thread that writes.
        limit: the time limit of each of its transactions, in seconds.
    """

    def __init__(self, writer: ConnectionThread, limit: float) -> None:
        self._writer = writer
        self._limit = limit

    async def _note(self, older_than: datetime) -> None:
        def work(connection: sqlite3.Connection, job: Job[None]) -> None:
            with transaction(connection, job):
                connection.execute(
                    "UPDATE libra_database SET pruned_before = max(coalesce(pruned_before, ''), ?)",
                    (utc(older_than),),
                )

        await self._writer.run(work, deadline=self._limit)

    async def _old(self, older_than: datetime, watched: Mapping[str, Thinning]) -> list[str]:
        others = json_list(map(escape, watched))

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[str]:
            rows = connection.execute(_OLD, (utc(older_than), others, PRUNED_AT_ONCE))
            return [page_id for (page_id,) in rows]

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

    async def _forget(self, table: str, before: datetime) -> int:
        def work(connection: sqlite3.Connection, job: Job[int]) -> int:
            with transaction(connection, job):
                return connection.execute(
                    f"DELETE FROM {table} WHERE rowid IN"  # noqa: S608 - constants
                    f" (SELECT rowid FROM {table} WHERE deleted_at < ? LIMIT {PRUNED_AT_ONCE})",
                    (utc(before),),
                ).rowcount

        return await self._writer.run(work, deadline=self._limit)
