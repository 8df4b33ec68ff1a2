"""Removes old pages from a PostgreSQL database, in batches."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from libra.storage.keeping import Dated, Thinning
from libra.storage.postgres.connections import Connection, Connections
from libra.storage.postgres.saving import EMPTIED
from libra.storage.postgres.transactions import run_within
from libra.storage.pruning import PRUNED_AT_ONCE, Pruning
from libra.storage.rows.entries import DELETED_VERSION
from libra.storage.rows.foreign_text import escape

T = TypeVar("T")

_PRUNE: Final = f"""
    UPDATE pages SET {EMPTIED}, version = {DELETED_VERSION}, deleted_at = $1, pruned = $2
    WHERE deleted_at IS NULL AND id = ANY($3::text[])
"""  # noqa: S608 - constants
_OLD: Final = """
    SELECT id FROM pages
    WHERE submitted_at < $1 AND deleted_at IS NULL AND url <> ALL($2::text[]) LIMIT $3
"""
_OLD_OF_URL: Final = """
    SELECT id, submitted_at, status FROM pages
    WHERE url_hash = md5($1)::uuid AND url = $1 AND deleted_at IS NULL AND submitted_at < $2
"""


class PostgresPruning(Pruning):
    """The steps of pruning, on PostgreSQL.

    Args:
        writer: the connections that write.
        limit: the time limit of each of its transactions, in seconds.
    """

    def __init__(self, writer: Connections, limit: float) -> None:
        self._writer = writer
        self._limit = limit

    async def _note(self, older_than: datetime) -> None:
        async def work(connection: Connection) -> None:
            await connection.execute(
                "UPDATE libra_database SET pruned_before = greatest(pruned_before, $1)",
                older_than,
            )

        await self._run(work)

    async def _old(self, older_than: datetime, watched: Mapping[str, Thinning]) -> list[str]:
        others = [escape(url) for url in watched]
        rows = await self._rows(_OLD, older_than, others, PRUNED_AT_ONCE)
        return [row["id"] for row in rows]

    async def _dated(self, url: str, before: datetime) -> list[Dated]:
        rows = await self._rows(_OLD_OF_URL, escape(url), before)
        return [Dated(row["id"], row["submitted_at"], row["status"] == "weighed") for row in rows]

    async def _remove(self, ids: Sequence[str], now: datetime) -> int:
        async def work(connection: Connection) -> int:
            number = await connection.fetchval(
                "UPDATE libra_database SET prunings = prunings + 1 RETURNING prunings"
            )
            status: str = await connection.execute(_PRUNE, now, number, ids)
            return int(status.removeprefix("UPDATE "))

        return await self._run(work)

    async def _forget(self, table: str, before: datetime) -> int:
        async def work(connection: Connection) -> int:
            status: str = await connection.execute(
                f"DELETE FROM {table} WHERE id IN"  # noqa: S608 - constants
                f" (SELECT id FROM {table} WHERE deleted_at < $1 LIMIT {PRUNED_AT_ONCE})",
                before,
            )
            return int(status.removeprefix("DELETE "))

        return await self._run(work)

    async def _rows(self, sql: str, *arguments: Any) -> list[Any]:
        async def work(connection: Connection) -> list[Any]:
            rows: list[Any] = await connection.fetch(sql, *arguments)
            return rows

        return await self._run(work)

    async def _run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        limit = self._limit
        return await self._writer.run(lambda c: run_within(c, limit, work), deadline=limit)
