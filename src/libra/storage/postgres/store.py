"""PostgreSQL, 15 or later, through asyncpg.

Saves, reads and restores have separate connections, so that none waits for another. A batch is one
statement. Each transaction gives the server a time limit somewhat shorter than our deadline. So the
server ends a query that is slow or waits for a lock, and the connection can be kept; only if the
server does not answer at all is the connection dropped (see
`libra.storage.postgres.connections`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg  # type: ignore[import-untyped] # it ships no types

from libra.storage.errors import Unavailable
from libra.storage.history import History, Writer
from libra.storage.keeping import NOTHING, Thinning
from libra.storage.postgres.connections import Connection, Connections
from libra.storage.postgres.pages import IN_LIST, SELECT, TIMELINE, batch_sql, recent_sql
from libra.storage.postgres.pruning import PostgresPruning
from libra.storage.postgres.rows import snapshot_of, snapshot_strictly, snapshots_of
from libra.storage.postgres.saving import delete_page, save_batch
from libra.storage.postgres.schema import (
    migrate_postgres,
    require_nothing,
    require_schema,
    status_of_postgres,
    vacuum,
)
from libra.storage.postgres.transactions import (
    check_reading,
    check_writing,
    run_within,
    transaction,
)
from libra.storage.postgres.urls import urls_sql
from libra.storage.postgres.writer_log import HistoryCheck, PostgresWriterLog
from libra.storage.rows.entries import Entry, RefusedRow, Snapshot, WatchRow, newest
from libra.storage.rows.foreign_text import escape, unescape, unescape_json
from libra.storage.rows.keyset import Batch, Place, last_place, read_ahead
from libra.storage.rows.page_query import PageQuery
from libra.storage.rows.readable import Found, as_many, readable, with_summary
from libra.storage.rows.urls import UrlQuery, UrlRow, read_past
from libra.storage.schema import SchemaStatus
from libra.storage.store import Deadlines, Store, Trace

T = TypeVar("T")

_KEYS: Final = """
    SELECT idempotency, id FROM pages WHERE idempotency IS NOT NULL AND id >= $1
    ORDER BY id DESC LIMIT $2
"""
_KEEP_PICTURE: Final = """
    INSERT INTO screenshots (page_id, thumbnail, whole) SELECT $1, $2, $3
    WHERE NOT EXISTS (SELECT FROM pages WHERE id = $1 AND deleted_at IS NOT NULL)
    ON CONFLICT (page_id) DO UPDATE SET thumbnail = excluded.thumbnail, whole = excluded.whole
"""
_TRACE: Final = "SELECT deleted_at IS NOT NULL FROM pages WHERE id = $1"
_PRUNED: Final = """
    SELECT pruned, id FROM pages WHERE pruned IS NOT NULL AND (pruned, id) > ($1, $2)
    ORDER BY pruned, id LIMIT $3
"""
_READERS: Final = 2  # one of which is never occupied by queries that may look at every page
_AS_LONG_AS_IT_TAKES: Final = 86_400.0  # seconds


class PostgresStore(Store):
    """A database of a PostgreSQL server; migrated only on request.

    Args:
        url: ``postgresql://user:password@host:port/name?sslmode=...``, several hosts separated by
            commas; libpq's environment variables and password file apply.
        deadlines: the time limits of calls.
    """

    def __init__(self, url: str, *, deadlines: Deadlines | None = None) -> None:
        self._url = url
        self.unreadable = set()
        self._writer_log: PostgresWriterLog | None = None
        self.deadlines = deadlines or Deadlines()
        self._writer = Connections(self._connect_to_write, self._prepare_to_write)
        self._reader = Connections(self._connect, require_schema, size=_READERS)
        self._restorers: set[Connections] = set()
        self._lists = asyncio.Semaphore(_READERS - 1)

    def write_as(self, writer: Writer, known: History | None) -> None:
        """Set the writer."""
        self._writer_log, self.known = PostgresWriterLog(writer), known

    async def open(self) -> None:
        """Connect and check the schema."""
        await self._probe(self.deadlines.connect)

    async def close(self) -> None:
        """Release the lease and close the connections."""
        async with AsyncExitStack() as links:
            # All of them, even if one cannot be closed cleanly or the caller is cancelled.
            for link in (self._writer, self._reader, *self._restorers):
                links.push_async_callback(link.close, deadline=0.3)
            if self._writer_log is not None and self._writer_log.known_there:
                release, limit = self._writer_log.release, 0.3
                with suppress(Unavailable):
                    await self._writer.run(lambda c: run_within(c, limit, release), deadline=limit)

    async def save(self, entries: Sequence[Entry]) -> list[RefusedRow]:
        """Store a batch in one transaction."""
        # In the order of their ids: two programs that save the same pages in different orders would
        # wait for each other.
        batch = sorted(newest(entries), key=lambda entry: entry.id)
        limit = self.deadlines.save
        refused, found = await self._writer.run(
            # What is known when its turn comes: the call before it may have saved a batch.
            lambda connection: save_batch(connection, batch, limit, self._writer_log, self.known),
            deadline=limit,
        )
        self._found(found)
        return refused

    async def load(self, page_id: str) -> Snapshot | None:
        """Read one page."""
        rows = await self._rows(f"{SELECT} AND id = $1", [escape(page_id)], self.deadlines.read)
        return await snapshot_strictly(rows[0], self.unreadable) if rows else None

    async def trace(self, page_id: str) -> Trace | None:
        """Look for a page or the mark of its deletion."""
        within, check = self.deadlines.read, self._check_of_reads()

        async def work(connection: Connection) -> Trace | None:
            async with transaction(connection, within):
                deleted = await connection.fetchval(_TRACE, escape(page_id))
                await check(connection, found=deleted is not None)
            return None if deleted is None else "deleted" if deleted else "stored"

        return await self._reader.run(work, deadline=within)

    async def batches(self, *, now: datetime, size: int = 500) -> AsyncIterator[list[Snapshot]]:
        """Read the pages that come back to memory, on a connection that lives as long as that takes."""
        link = Connections(self._connect, require_schema)
        self._restorers.add(link)
        try:
            for moment in (None, now):
                fetch = partial(self._fetch, link, moment, size)
                async with aclosing(read_ahead(fetch)) as batches:
                    async for batch in batches:
                        yield batch
        finally:
            self._restorers.discard(link)
            await link.close()

    async def recent(self, query: PageQuery) -> list[Snapshot]:
        """List pages, newest first: ids begin with the time, so they sort by submission."""
        if not query.searches:
            return await as_many(lambda wider: self._read(*recent_sql(wider)), query)
        async with self._turn() as limit:
            return await as_many(lambda wider: self._read(*recent_sql(wider), limit), query)

    async def urls(self, query: UrlQuery) -> list[UrlRow]:
        """List URLs: see `libra.storage.postgres.urls`."""

        async def read(wider: UrlQuery) -> Found[UrlRow]:
            rows = await self._rows(*urls_sql(wider, IN_LIST), limit)
            found = readable(rows, _url_row, self.unreadable)
            return found._replace(items=query.sorted(found.items))

        async with self._turn() as limit:
            return await as_many(read, query)

    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> list[Snapshot]:
        """Thin out by time spans."""
        async with self._turn() as limit:
            found = await self._read(TIMELINE, [escape(url), since, until, spans], limit)
            return found.items

    async def keep_picture(self, page_id: str, thumbnail: bytes, whole: bytes) -> None:
        """Keep a picture, unless its page is deleted."""
        limit = self.deadlines.save

        async def work(connection: Connection) -> None:
            async with transaction(connection, limit):
                await connection.execute(_KEEP_PICTURE, escape(page_id), thumbnail, whole)

        await self._writer.run(work, deadline=limit)

    async def picture(self, page_id: str, *, whole: bool) -> bytes | None:
        """Read the thumbnail or the whole picture."""
        limit, check = self.deadlines.read, self._check_of_reads()
        column = "whole" if whole else "thumbnail"
        sql = f"SELECT {column} FROM screenshots WHERE page_id = $1"  # noqa: S608 - constants

        async def work(connection: Connection) -> bytes | None:
            async with transaction(connection, limit):
                found: bytes | None = await connection.fetchval(sql, escape(page_id))
                await check(connection, found=found is not None)
            return found

        return await self._reader.run(work, deadline=limit)

    async def keys(self, *, since: str, limit: int) -> list[tuple[str, str]]:
        """List idempotency keys."""
        rows = await self._rows(_KEYS, [escape(since), limit], self.deadlines.read, by_index=True)
        return [(unescape(key), unescape(page_id)) for key, page_id in rows]

    async def watches(self) -> list[WatchRow]:
        """List all watches."""
        rows = await self._rows(
            "SELECT id, url, version, data FROM watches WHERE deleted_at IS NULL",
            [],
            self.deadlines.restore,
        )
        return readable(rows, _watch, self.unreadable).items

    async def delete(self, page_id: str) -> bool:
        """Erase a page for good."""
        limit, at = self.deadlines.save, datetime.now(UTC)

        async def work(connection: Connection) -> bool:
            async with transaction(connection, limit):
                return await delete_page(connection, page_id, at)

        return await self._writer.run(work, deadline=limit)

    async def prune(
        self, *, older_than: datetime | None, watched: Mapping[str, Thinning] = NOTHING
    ) -> int:
        """Remove old pages, in batches."""
        return await PostgresPruning(self._writer, self.deadlines.save).prune(older_than, watched)

    async def pruned(self, *, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
        """List the marks of prunings."""
        within, check = self.deadlines.restore, self._check_of_reads()

        async def work(connection: Connection) -> list[tuple[int, str]]:
            async with transaction(connection, within, by_index=True):
                rows = await connection.fetch(_PRUNED, after[0], escape(after[1]), limit)
                await check(connection, found=bool(rows))
            return [(number, unescape(page_id)) for number, page_id in rows]

        return await self._reader.run(work, deadline=within)

    async def give_back(self, *, whole: bool = False) -> int:
        """Do nothing: the server's autovacuum makes room for new rows."""
        return 0

    async def schema(self) -> SchemaStatus:
        """Read the version of the schema."""
        return await self._with_any_schema(status_of_postgres, self.deadlines.connect)

    async def migrate(self) -> SchemaStatus:
        """Make or migrate the tables, in one transaction."""
        before = await self.schema()
        status = await self._with_any_schema(migrate_postgres, _AS_LONG_AS_IT_TAKES)
        if before.state == "behind":
            # Until a vacuum, index-only scans of a rewritten table read every row in the table.
            await self._with_any_schema(vacuum, _AS_LONG_AS_IT_TAKES)
        return status

    async def ping(self) -> None:
        """Check that the server answers, accepts writes and reads, and has the schema.

        This checks both, because the server may have connections left for only one of them.
        """
        limit = self.deadlines.probe
        looks = [
            self._probe(limit),
            self._reader.run(partial(check_reading, limit), deadline=limit),
        ]
        for outcome in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    # Internals

    async def _probe(self, deadline: float) -> None:
        self._found(
            await self._writer.run(
                lambda c: check_writing(c, self._writer_log, self.known, deadline),
                deadline=deadline,
            )
        )

    def _found(self, found: History | None) -> None:
        if found is not None and self._writer_log is not None:
            self.known = found
            self._writer_log.known_there = True

    def _check_of_reads(self) -> HistoryCheck:
        writer_log, known = self._writer_log, self.known

        async def check(connection: Connection, *, found: bool) -> None:
            if writer_log is not None and known is not None:
                await writer_log.check_read(connection, known, found=found)

        return check

    async def _prepare_to_write(self, connection: Connection) -> None:
        await require_schema(connection)
        if self._writer_log is not None:
            await self._writer_log.meet(connection)

    async def _connect(self, **options: Any) -> Connection:
        return await asyncpg.connect(
            self._url,
            timeout=self.deadlines.connect,
            # Prepared statements fail behind a pooler such as PgBouncer, and after a migration.
            statement_cache_size=0,
            server_settings={"application_name": "libra"},
            **options,
        )

    async def _connect_to_write(self) -> Connection:
        # After a failover the old server may come back as a standby, which accepts no writes.
        return await self._connect(target_session_attrs="read-write")

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[float]:
        """Wait for a turn to run a query that may look at every page; yield the seconds that remain.

        If such lists occupied all connections, the read of a page would time out, which Libra would
        take for an outage.

        Raises:
            Unavailable: other lists took all the time.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + self.deadlines.read
        try:
            async with asyncio.timeout_at(until):
                await self._lists.acquire()
        except TimeoutError:
            raise Unavailable("timeout", "too many requests are waiting for a list") from None
        try:
            yield max(0.0, until - clock())
        finally:
            self._lists.release()

    async def _read(
        self, sql: str, arguments: Sequence[Any], limit: float | None = None
    ) -> Found[Snapshot]:
        rows = await self._rows(sql, arguments, limit or self.deadlines.read)
        return await snapshots_of(rows, self.unreadable)

    async def _fetch(
        self, link: Connections, now: datetime | None, size: int, last: Place | None
    ) -> Batch:
        sql, arguments = batch_sql(now, size, last)
        rows = await self._rows(sql, arguments, self.deadlines.restore, link, by_index=True)
        found = await snapshots_of(rows, self.unreadable, packed=True)
        return Batch(found.items, last_place(rows, size))

    async def _rows(
        self,
        sql: str,
        arguments: Sequence[Any],
        limit: float,
        link: Connections | None = None,
        *,
        by_index: bool = False,
    ) -> Sequence[Any]:
        """The rows of a query, from the known database."""
        check = self._check_of_reads()

        async def work(connection: Connection) -> Sequence[Any]:
            async with transaction(connection, limit, by_index=by_index):
                rows: Sequence[Any] = await connection.fetch(sql, *arguments)
                await check(connection, found=bool(rows))
            return rows

        return await (link or self._reader).run(work, deadline=limit)

    async def _with_any_schema(
        self, work: Callable[[Connection], Awaitable[T]], deadline: float
    ) -> T:
        link = Connections(self._connect, require_nothing)
        try:
            return await link.run(work, deadline=deadline)
        finally:
            await link.close()


def _url_row(row: Any) -> UrlRow:
    *columns, past = row.values()
    return UrlRow(with_summary(snapshot_of(*columns)), read_past(past))


def _watch(row: Any) -> WatchRow:
    watch_id, url, version, data = row.values()
    return WatchRow(unescape(watch_id), unescape(url), version, unescape_json(data))
