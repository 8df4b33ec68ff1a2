"""PostgreSQL, 15 or later, through asyncpg.

Saves, reads and restores have connections of their own, so that none waits for another. A batch is
one statement. Each transaction gives the server a time limit somewhat shorter than our deadline: a
query that is merely slow, or waits for a lock, is then ended by the server in good order and the
connection can be kept; only when the server does not answer at all is it dropped (see
`libra.storage.postgres.connections`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg  # type: ignore[import-untyped] # it ships no types
import msgspec

from libra import report as reports
from libra.report import FINISHED, Status
from libra.storage.classify import classify
from libra.storage.errors import Rejected, Unavailable
from libra.storage.foreign_text import escape, escape_json, like, unescape, unescape_json
from libra.storage.frames import frame, unframe, unframed_size
from libra.storage.history import History, Writer
from libra.storage.keeping import FOR_EVER, MARKS, NOTHING, Dated, Thinning, superfluous
from libra.storage.keyset import read_ahead
from libra.storage.page_query import PageQuery
from libra.storage.postgres.connections import FAILURES, Connection, Connections
from libra.storage.postgres.urls import text_condition, timeline_sql, urls_sql
from libra.storage.postgres.writer_log import HistoryCheck, WriterLog
from libra.storage.rows import (
    DELETED_VERSION,
    Deleted,
    Entry,
    Packed,
    RefusedRow,
    Snapshot,
    WatchRow,
    headers_of_text,
    newest,
    outranked,
    text_of_headers,
)
from libra.storage.schema import (
    ALL_TABLES,
    VERSION_TABLE,
    VERSION_VIEW,
    SchemaStatus,
    judge,
    render,
)
from libra.storage.store import Deadlines, Store, Trace
from libra.storage.urls import UrlQuery, UrlRow, read_past

T = TypeVar("T")

_TYPES: Final = {
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
_COLUMNS: Final = ", ".join(_TYPES)
_SELECT_AS: Final = f"SELECT {_COLUMNS} FROM pages WHERE deleted_at IS NULL"  # noqa: S608 - a constant
# The frame is what Libra reads. Of a row from before there were any, the server has to write the JSON.
_SELECT: Final = _SELECT_AS.replace(
    " report,", " CASE WHEN report_zstd IS NULL THEN report END AS report,"
)
# What makes a report large stays where it is: no list shows it.
_LIST: Final = _SELECT_AS.replace(
    " report,", " report - '{assets,by_host,findings}'::text[] AS report,"
).replace(", report_zstd", ", NULL::bytea AS report_zstd")
_IN_LIST: Final = ", ".join(
    {
        "report": "pages.report - '{assets,by_host,findings}'::text[] AS report",
        "report_zstd": "NULL::bytea AS report_zstd",
    }.get(name, f"pages.{name}")
    for name in _TYPES
)
_INLINE: Final = 200_000  # bytes of reports that are read or written on the event loop in one go
_ARRAYS: Final = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_TYPES.values(), 1))
_TIMELINE: Final = timeline_sql(_LIST)
_KEYS: Final = """
    SELECT idempotency, id FROM pages WHERE idempotency IS NOT NULL AND id >= $1
    ORDER BY id DESC LIMIT $2
"""
_KEEP_PICTURE: Final = """
    INSERT INTO screenshots (page_id, thumbnail, whole) SELECT $1, $2, $3
    WHERE NOT EXISTS (SELECT FROM pages WHERE id = $1 AND deleted_at IS NOT NULL)
    ON CONFLICT (page_id) DO UPDATE SET thumbnail = excluded.thumbnail, whole = excluded.whole
"""
_SAVE: Final = (
    f"INSERT INTO pages ({_COLUMNS}) SELECT * FROM unnest({_ARRAYS})"  # noqa: S608 - constants
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _TYPES if name != "id")
    + " WHERE pages.version < excluded.version"
)
_TRACE: Final = "SELECT deleted_at IS NOT NULL FROM pages WHERE id = $1"
_OUTRANKED: Final = "SELECT id FROM pages WHERE id = ANY($1::text[]) AND deleted_at IS NOT NULL"
_EMPTIED: Final = """
    url = '', final_url = NULL, host = '', title = NULL, status = 'deleted',
    submitted_at = NULL, finished_at = NULL, expires_at = NULL,
    transfer_bytes = 0, resource_bytes = 0, requests = 0, score = NULL, report = NULL,
    report_zstd = NULL, idempotency = substr(pages.idempotency, 1, 32), series = NULL,
    way = NULL, headers = NULL
"""
# A deletion is the last version of a page: it empties the row and keeps it, so that a save which is
# still on its way, even one that the server has and has not begun, finds itself outranked.
_DELETE: Final = f"""
    INSERT INTO pages (id, url, host, status, version, deleted_at,
                       transfer_bytes, resource_bytes, requests)
    SELECT id, '', '', 'deleted', {DELETED_VERSION}, deleted_at, 0, 0, 0
    FROM unnest($1::text[], $2::timestamptz[]) AS gone (id, deleted_at)
    ON CONFLICT (id) DO UPDATE SET
        {_EMPTIED}, version = excluded.version, deleted_at = excluded.deleted_at
    WHERE pages.version < excluded.version
"""  # noqa: S608 - a constant
_PRUNE: Final = f"""
    UPDATE pages SET {_EMPTIED}, version = {DELETED_VERSION}, deleted_at = $1, pruned = $2
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
_PRUNED: Final = """
    SELECT pruned, id FROM pages WHERE pruned IS NOT NULL AND (pruned, id) > ($1, $2)
    ORDER BY pruned, id LIMIT $3
"""
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
_PRUNED_AT_ONCE: Final = 1000  # rows; saves get their turn in between
_READERS: Final = 2  # one of which is never kept busy by what may look at every page
_MIGRATION_LOCK: Final = 0x4C69627261  # "Libra"; which program migrates
_AS_LONG_AS_IT_TAKES: Final = 86_400.0  # seconds
_SERVERS_SHARE: Final = 0.8  # of our deadline; by then the server itself ends what takes too long


class PostgresStore(Store):
    """A database of a PostgreSQL server; migrated only when told to.

    Args:
        url: ``postgresql://user:password@host:port/name?sslmode=...``, several hosts separated by
            commas; what libpq's environment variables and password file say is honoured.
        deadlines: how long calls may take.
    """

    def __init__(self, url: str, *, deadlines: Deadlines | None = None) -> None:
        self._url = url
        self._desk: WriterLog | None = None
        self.deadlines = deadlines or Deadlines()
        self._writer = Connections(self._connect_to_write, self._prepare_to_write)
        self._reader = Connections(self._connect, _require_schema, size=_READERS)
        self._restorers: set[Connections] = set()
        self._lists = asyncio.Semaphore(_READERS - 1)

    def write_as(self, writer: Writer, known: History | None) -> None:
        """Have a desk to sign in at."""
        self._desk, self.known = WriterLog(writer), known

    async def open(self) -> None:
        """Connect and check the schema."""
        await self._probe(self.deadlines.connect)

    async def close(self) -> None:
        """Let go of the lease and close the connections."""
        async with AsyncExitStack() as links:
            # All of them, also when one cannot be closed in good order or who closes is cancelled.
            for link in (self._writer, self._reader, *self._restorers):
                links.push_async_callback(link.close, deadline=0.3)
            if self._desk is not None and self._desk.known_there:
                release, limit = self._desk.release, 0.3
                with suppress(Unavailable):
                    await self._writer.run(lambda c: _within(c, limit, release), deadline=limit)

    async def save(self, entries: Sequence[Entry]) -> list[RefusedRow]:
        """Store a batch in one transaction."""
        # In the order of their ids, as two programs that save the same pages in different orders
        # would wait for each other.
        batch = sorted(newest(entries), key=lambda entry: entry.id)
        limit, known = self.deadlines.save, self.known
        refused, found = await self._writer.run(
            lambda connection: _save(connection, batch, limit, self._desk, known), deadline=limit
        )
        self._found(found)
        return refused

    async def load(self, page_id: str) -> Snapshot | None:
        """Read one page."""
        found = await self._read(f"{_SELECT} AND id = $1", escape(page_id))
        return found[0] if found else None

    async def trace(self, page_id: str) -> Trace | None:
        """Look for a page or the mark of its deletion."""
        within, check = self.deadlines.read, self._check_of_reads()

        async def work(connection: Connection) -> Trace | None:
            async with _transaction(connection, within):
                deleted = await connection.fetchval(_TRACE, escape(page_id))
                await check(connection, found=deleted is not None)
            return None if deleted is None else "deleted" if deleted else "stored"

        return await self._reader.run(work, deadline=within)

    async def batches(self, *, now: datetime, size: int = 500) -> AsyncIterator[list[Snapshot]]:
        """Read what is to be in memory, on a connection that lives as long as that takes."""
        link = Connections(self._connect, _require_schema)
        self._restorers.add(link)
        try:
            for condition in ("expires_at IS NULL", "expires_at > $1"):
                fetch = partial(self._fetch, link, condition, now, size)
                async with aclosing(read_ahead(fetch, size)) as batches:
                    async for batch in batches:
                        yield batch
        finally:
            self._restorers.discard(link)
            await link.close()

    async def recent(self, query: PageQuery) -> list[Snapshot]:
        """List pages, newest first: ids begin with the time, so they sort by submission."""
        sql, arguments = _LIST, list[Any]()
        if query.url is not None:
            arguments.append(escape(query.url))
            sql += " AND url_hash = md5($1)::uuid AND url = $1"
        if query.host is not None:
            arguments += [escape(query.host), f"%.{like(query.host)}"]
            sql += f" AND (host = ${len(arguments) - 1} OR host LIKE ${len(arguments)})"
        if query.text is not None:
            condition = text_condition(query.text, partial(_placed, arguments))
            sql = f"{sql} AND {condition}"
        if query.status is not None:
            arguments.append(query.status)
            sql += f" AND status = ${len(arguments)}"
        if query.since is not None:
            arguments.append(escape(query.since))
            sql += f" AND id >= ${len(arguments)}"
        if query.series is not None:
            arguments.append(escape(query.series))
            sql += f" AND series = ${len(arguments)}"
        if query.after is not None:
            arguments.append(escape(query.after))
            sql += f" AND id < ${len(arguments)}"
        arguments.append(query.limit)
        sql += f" ORDER BY id DESC LIMIT ${len(arguments)}"
        if not query.searches:
            return await self._read(sql, *arguments)
        async with self._turn() as limit:
            return await self._read(sql, *arguments, limit=limit)

    async def urls(self, query: UrlQuery) -> list[UrlRow]:
        """List URLs: see `libra.storage.postgres.urls`."""
        check = self._check_of_reads()
        sql, arguments = urls_sql(query, _IN_LIST)

        async def work(connection: Connection) -> list[UrlRow]:
            async with _transaction(connection, limit):
                rows = await connection.fetch(sql, *arguments)
                await check(connection, found=bool(rows))
            return query.sorted(
                UrlRow(_snapshot(*columns, packed=False), read_past(past))
                for *columns, past in (row.values() for row in rows)
            )

        async with self._turn() as limit:
            return await self._reader.run(work, deadline=limit)

    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> list[Snapshot]:
        """Thin out by the clock."""
        async with self._turn() as limit:
            return await self._read(_TIMELINE, escape(url), since, until, spans, limit=limit)

    async def keep_picture(self, page_id: str, thumbnail: bytes, whole: bytes) -> None:
        """Keep a picture, unless its page is deleted."""
        limit = self.deadlines.save

        async def work(connection: Connection) -> None:
            async with _transaction(connection, limit):
                await connection.execute(_KEEP_PICTURE, escape(page_id), thumbnail, whole)

        await self._writer.run(work, deadline=limit)

    async def picture(self, page_id: str, *, whole: bool) -> bytes | None:
        """Read one of the two."""
        limit, check = self.deadlines.read, self._check_of_reads()
        column = "whole" if whole else "thumbnail"
        sql = f"SELECT {column} FROM screenshots WHERE page_id = $1"  # noqa: S608 - constants

        async def work(connection: Connection) -> bytes | None:
            async with _transaction(connection, limit):
                found: bytes | None = await connection.fetchval(sql, escape(page_id))
                await check(connection, found=found is not None)
            return found

        return await self._reader.run(work, deadline=limit)

    async def keys(self, *, since: str, limit: int) -> list[tuple[str, str]]:
        """List idempotency keys."""
        within, check = self.deadlines.read, self._check_of_reads()

        async def work(connection: Connection) -> list[tuple[str, str]]:
            async with _transaction(connection, within):
                rows = await connection.fetch(_KEYS, escape(since), limit)
                await check(connection, found=bool(rows))
            return [(unescape(key), unescape(page_id)) for key, page_id in rows]

        return await self._reader.run(work, deadline=within)

    async def watches(self) -> list[WatchRow]:
        """List all watches."""
        limit, check = self.deadlines.restore, self._check_of_reads()

        async def work(connection: Connection) -> list[WatchRow]:
            async with _transaction(connection, limit):
                rows = await connection.fetch(
                    "SELECT id, url, version, data FROM watches WHERE deleted_at IS NULL"
                )
                await check(connection, found=bool(rows))
            return [
                WatchRow(unescape(i), unescape(url), version, unescape_json(data))
                for i, url, version, data in rows
            ]

        return await self._reader.run(work, deadline=limit)

    async def delete(self, page_id: str) -> bool:
        """Erase a page for good."""
        page, at = escape(page_id), datetime.now(UTC)

        async def work(connection: Connection) -> bool:
            async with _transaction(connection, self.deadlines.save):
                there = await connection.fetchval(
                    "SELECT true FROM pages WHERE deleted_at IS NULL AND id = $1 FOR UPDATE", page
                )
                await connection.execute(_DELETE, [page], [at])
            return there is not None

        return await self._writer.run(work, deadline=self.deadlines.save)

    async def prune(
        self, *, older_than: datetime | None, watched: Mapping[str, Thinning] = NOTHING
    ) -> int:
        """Remove old pages, some at a time."""
        limit, now = self.deadlines.save, datetime.now(UTC)
        removed = 0
        if older_than is not None:

            async def note(connection: Connection) -> None:
                async with _transaction(connection, limit):
                    await connection.execute(
                        "UPDATE libra_database SET pruned_before = greatest(pruned_before, $1)",
                        older_than,
                    )

            # First, as a Libra that runs beside this must not take for lost what is removed.
            await self._writer.run(note, deadline=limit)
            others = [escape(url) for url in watched]
            while rows := await self._rows(_OLD, older_than, others, _PRUNED_AT_ONCE):
                removed += await self._prune([row["id"] for row in rows], now)
            marks = min(older_than, now - MARKS)
            await self._forget("pages", marks)
            await self._forget("watches", marks)
        for url, thinning in watched.items():
            if thinning == FOR_EVER:
                continue
            rows = await self._rows(_OLD_OF_URL, escape(url), thinning.all_since)
            dated = [
                Dated(row["id"], row["submitted_at"], row["status"] == "weighed") for row in rows
            ]
            ids = superfluous(dated, thinning)
            for start in range(0, len(ids), _PRUNED_AT_ONCE):
                removed += await self._prune(ids[start : start + _PRUNED_AT_ONCE], now)
        return removed

    async def pruned(self, *, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
        """List the marks of prunings."""
        within, check = self.deadlines.restore, self._check_of_reads()

        async def work(connection: Connection) -> list[tuple[int, str]]:
            async with _transaction(connection, within):
                rows = await connection.fetch(_PRUNED, after[0], escape(after[1]), limit)
                await check(connection, found=bool(rows))
            return [(number, unescape(page_id)) for number, page_id in rows]

        return await self._reader.run(work, deadline=within)

    async def give_back(self, *, whole: bool = False) -> int:
        """Nothing: the server's autovacuum makes room for new rows by itself."""
        return 0

    async def schema(self) -> SchemaStatus:
        """Look at the schema."""
        return await self._with_any_schema(status_of_postgres, self.deadlines.connect)

    async def migrate(self) -> SchemaStatus:
        """Make or migrate the tables, in one transaction."""
        before = await self.schema()
        status = await self._with_any_schema(_migrate, _AS_LONG_AS_IT_TAKES)
        if before.state == "behind":
            # A table that was rewritten is read whole, whatever is in its indexes, until this was done.
            await self._with_any_schema(_vacuum, _AS_LONG_AS_IT_TAKES)
        return status

    async def ping(self) -> None:
        """See whether the server answers, takes writes and reads, and has the schema.

        Both are asked, since connections for one may be had when there are none left for the other.
        """
        limit = self.deadlines.probe
        looks = [
            self._probe(limit),
            self._reader.run(partial(_check_read, limit), deadline=limit),
        ]
        for outcome in await asyncio.gather(*looks, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome

    # Inside

    async def _probe(self, deadline: float) -> None:
        known = self.known
        self._found(
            await self._writer.run(
                lambda connection: _check(connection, self._desk, known, deadline),
                deadline=deadline,
            )
        )

    def _found(self, found: History | None) -> None:
        if found is not None and self._desk is not None:
            self.known = found
            self._desk.known_there = True

    def _check_of_reads(self) -> HistoryCheck:
        desk, known = self._desk, self.known

        async def check(connection: Connection, *, found: bool) -> None:
            if desk is not None and known is not None:
                await desk.check_read(connection, known, found=found)

        return check

    async def _prepare_to_write(self, connection: Connection) -> None:
        await _require_schema(connection)
        if self._desk is not None:
            await self._desk.meet(connection)

    async def _connect(self, **options: Any) -> Connection:
        return await asyncpg.connect(
            self._url,
            timeout=self.deadlines.connect,
            # Prepared statements break behind a pooler such as PgBouncer, and after a migration.
            statement_cache_size=0,
            server_settings={"application_name": "libra"},
            **options,
        )

    async def _connect_to_write(self) -> Connection:
        # After a failover the old server may come back as a standby, which takes no writes.
        return await self._connect(target_session_attrs="read-write")

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[float]:
        """A turn at what may look at every page, and so take long; the seconds that are left for it.

        Should all connections be kept busy by such lists, a page would be waited for until its time has
        passed: and that is taken for an outage.

        Raises:
            Unavailable: others took all the time that there is.
        """
        clock = asyncio.get_running_loop().time
        until = clock() + self.deadlines.read
        try:
            async with asyncio.timeout_at(until):
                await self._lists.acquire()
        except TimeoutError:
            raise Unavailable("timeout", "too many others are waiting for a list") from None
        try:
            yield max(0.0, until - clock())
        finally:
            self._lists.release()

    async def _read(self, sql: str, *arguments: Any, limit: float | None = None) -> list[Snapshot]:
        limit = self.deadlines.read if limit is None else limit
        work = _query(sql, arguments, limit, self._check_of_reads())
        return await self._reader.run(work, deadline=limit)

    async def _fetch(
        self, link: Connections, condition: str, now: datetime, size: int, last: Snapshot | None
    ) -> list[Snapshot]:
        never = condition == "expires_at IS NULL"
        key = ["id"] if never else ["expires_at", "id"]
        sql, arguments = f"{_SELECT} AND {condition}", list[Any]([] if never else [now])
        if last is not None:
            sql += f" AND ({', '.join(key)}) < ({'$1' if never else '$2, $3'})"
            place = escape(last.id)
            arguments += [place] if never else [last.expires_at, place]
        sql += f" ORDER BY {', '.join(f'{name} DESC' for name in key)} LIMIT {size:d}"
        limit = self.deadlines.restore
        work = _query(sql, arguments, limit, self._check_of_reads(), packed=True)
        return await link.run(work, deadline=limit)

    async def _rows(self, sql: str, *arguments: Any) -> list[Any]:
        limit = self.deadlines.save

        async def work(connection: Connection) -> list[Any]:
            async with _transaction(connection, limit):
                rows: list[Any] = await connection.fetch(sql, *arguments)
            return rows

        return await self._writer.run(work, deadline=limit)

    async def _prune(self, ids: Sequence[str], now: datetime) -> int:
        limit = self.deadlines.save

        async def work(connection: Connection) -> int:
            async with _transaction(connection, limit):
                number = await connection.fetchval(
                    "UPDATE libra_database SET prunings = prunings + 1 RETURNING prunings"
                )
                status: str = await connection.execute(_PRUNE, now, number, ids)
            return int(status.removeprefix("UPDATE "))

        return await self._writer.run(work, deadline=limit)

    async def _forget(self, table: str, moment: datetime) -> None:
        limit = self.deadlines.save

        async def work(connection: Connection) -> int:
            async with _transaction(connection, limit):
                status: str = await connection.execute(
                    f"DELETE FROM {table} WHERE id IN"  # noqa: S608 - constants
                    f" (SELECT id FROM {table} WHERE deleted_at < $1 LIMIT {_PRUNED_AT_ONCE})",
                    moment,
                )
            return int(status.removeprefix("DELETE "))

        while await self._writer.run(work, deadline=limit) > 0:
            pass

    async def _with_any_schema(
        self, work: Callable[[Connection], Awaitable[T]], deadline: float
    ) -> T:
        link = Connections(self._connect, _require_nothing)
        try:
            return await link.run(work, deadline=deadline)
        finally:
            await link.close()


async def status_of_postgres(connection: Connection) -> SchemaStatus:
    """What schema a PostgreSQL database has, without changing it."""
    rows = await connection.fetch(
        "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
        [*ALL_TABLES],
    )
    tables = {row["name"] for row in rows}
    if VERSION_TABLE not in tables:
        return judge("postgres", None)
    current = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant
    return judge("postgres", current, tables)


async def _require_schema(connection: Connection) -> None:
    (await status_of_postgres(connection)).require_current()


async def _require_nothing(_connection: Connection) -> None:
    return


async def _vacuum(connection: Connection) -> None:
    await connection.execute("VACUUM (ANALYZE) pages")


async def _migrate(connection: Connection) -> SchemaStatus:
    async with connection.transaction():
        # Two programs may have been told at once; the second finds nothing left to do.
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
        status = await status_of_postgres(connection)
        if status.state == "newer":
            status.require_current()
        if status.state == "missing":
            await connection.execute(f"DROP VIEW IF EXISTS {VERSION_VIEW}")
            await connection.execute(f"DROP TABLE IF EXISTS {VERSION_TABLE}")
        if status.state != "current":
            # In a thread, as importing what it needs takes half a second.
            await connection.execute(await asyncio.to_thread(render, "postgres", status.current))
        return await status_of_postgres(connection)


@asynccontextmanager
async def _transaction(connection: Connection, limit: float) -> AsyncIterator[None]:
    # For this transaction only, as a pooler may give the session to somebody else afterwards.
    milliseconds = max(1, round(limit * 1000 * _SERVERS_SHARE))
    # The second, so that a program which was stopped in the middle does not keep its locks.
    await connection.execute(
        f"BEGIN; SET LOCAL statement_timeout = {milliseconds:d};"
        f" SET LOCAL idle_in_transaction_session_timeout = {2 * milliseconds:d}"
    )
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


async def _check_read(limit: float, connection: Connection) -> None:
    async with _transaction(connection, limit):
        await connection.execute("SELECT FROM pages LIMIT 1")


async def _check(
    connection: Connection, desk: WriterLog | None, known: History | None, limit: float
) -> History | None:
    async with _transaction(connection, limit):
        await connection.execute("SELECT FROM pages LIMIT 1 FOR UPDATE SKIP LOCKED")
        await connection.execute("SELECT FROM watches LIMIT 1 FOR UPDATE SKIP LOCKED")
        return await _enter(connection, desk, known, count=False)


async def _enter(
    connection: Connection, desk: WriterLog | None, known: History | None, *, count: bool
) -> History | None:
    """At the beginning of each transaction that writes: whether this is what we may write to."""
    if desk is not None:
        return await desk.enter(connection, known, count=count)
    version = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant
    judge("postgres", version).require_current()
    return None


async def _within(
    connection: Connection, limit: float, work: Callable[[Connection], Awaitable[T]]
) -> T:
    async with _transaction(connection, limit):
        return await work(connection)


def _query(
    sql: str, arguments: Sequence[Any], limit: float, check: HistoryCheck, *, packed: bool = False
) -> Callable[[Connection], Awaitable[list[Snapshot]]]:
    """Read rows; with ``packed``, the reports of finished pages stay the frames that they are."""

    async def work(connection: Connection) -> list[Snapshot]:
        async with _transaction(connection, limit):
            rows = await connection.fetch(sql, *arguments)
            await check(connection, found=bool(rows))
        if sum(_bytes_to_read(row, packed=packed) for row in rows) > _INLINE:
            return await asyncio.to_thread(_snapshots, rows, packed=packed)
        return _snapshots(rows, packed=packed)

    return work


def _placed(arguments: list[Any], value: Any) -> str:
    arguments.append(value)
    return f"${len(arguments)}"


def _bytes_to_read(row: Any, *, packed: bool) -> int:
    """How much there is to do for a row before it is a page."""
    if (framed := row["report_zstd"]) is None:
        return len(row["report"])
    return 0 if packed else unframed_size(framed)


async def _save(
    connection: Connection,
    batch: list[Entry],
    limit: float,
    desk: WriterLog | None,
    known: History | None,
) -> tuple[list[RefusedRow], History | None]:
    try:
        pages = [entry for entry in batch if isinstance(entry, Snapshot)]
        if sum(len(page.report) for page in pages) > _INLINE:
            snapshots = await asyncio.to_thread(lambda: [_row_of(page) for page in pages])
        else:
            snapshots = [_row_of(page) for page in pages]
        watches = [
            (escape(e.id), escape(e.url), e.version, escape_json(e.data))
            for e in batch
            if isinstance(e, WatchRow)
        ]
        async with _transaction(connection, limit):
            entered = await _enter(connection, desk, known, count=bool(batch))
            gone = await _save_pages(connection, pages, snapshots) if pages else []
            for statement, rows in (
                (_SAVE_WATCHES, watches),
                (_DELETE, _deletions(batch, "page")),
                (_DELETE_WATCHES, _deletions(batch, "watch")),
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
    # Somewhere in this batch is a row that the database refuses: halving finds it in few steps.
    half = len(batch) // 2
    refused, before = await _save(connection, batch[:half], limit, desk, known)
    others, after = await _save(connection, batch[half:], limit, desk, known)
    return [*refused, *others], after or before


async def _save_pages(
    connection: Connection, pages: Sequence[Snapshot], rows: Sequence[tuple[Any, ...]]
) -> list[RefusedRow]:
    """Save pages; returns those that somebody had deleted before this program brought them."""
    said = await connection.execute(_SAVE, *zip(*rows, strict=True))
    if said == f"INSERT 0 {len(pages)}":
        return []
    ids = {unescape(row[0]) for row in await connection.fetch(_OUTRANKED, [row[0] for row in rows])}
    return [outranked(page) for page in pages if page.id in ids]


def _deletions(batch: Iterable[Entry], of: str) -> list[tuple[Any, ...]]:
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


def _snapshots(rows: Iterable[Any], *, packed: bool = False) -> list[Snapshot]:
    return [_snapshot(*row.values(), packed=packed) for row in rows]


def _snapshot(
    page_id: str,
    url: str,
    version: int,
    report: str | None,
    final_url: str | None,
    host: str,
    title: str | None,
    status: Status,
    *others: Any,
    packed: bool,
) -> Snapshot:
    *plain, key, series, way, headers, framed = others
    plain += [None if text is None else unescape(text) for text in (key, series)]
    plain += [way, headers_of_text(headers)]
    packed = packed and framed is not None and status in FINISHED
    if packed:
        data = framed
    elif framed is not None:
        data = unframe(framed)
    else:
        data = in_order(unescape_json(report or ""))
    return (Packed if packed else Snapshot)(
        unescape(page_id),
        unescape(url),
        version,
        data,
        None if final_url is None else unescape(final_url),
        unescape(host),
        None if title is None else unescape(title),
        status,
        *plain,
    )


def in_order(data: bytes) -> bytes:
    """A report as it was: JSONB forgets the order of names, and people read reports."""
    try:
        report = reports.decode(data)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return data  # Another program's, or an older one's; for the reader to judge.
    by_kind = {kind: report.by_kind[kind] for kind in reports.KINDS if kind in report.by_kind}
    return reports.encode(msgspec.structs.replace(report, by_kind=by_kind))
