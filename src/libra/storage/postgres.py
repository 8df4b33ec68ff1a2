"""PostgreSQL, 15 or later, through asyncpg.

Saves, reads and restores have connections of their own, so that none waits for another. A batch is
one statement. Each transaction gives the server a time limit somewhat shorter than our deadline: a
query that is merely slow, or waits for a lock, is then ended by the server in good order and the
connection can be kept; only when the server does not answer at all is it dropped (see
`libra.storage.link`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar

import asyncpg  # type: ignore[import-untyped] # it ships no types
import msgspec

from libra.storage.classify import classify
from libra.storage.errors import Rejected, Unavailable
from libra.storage.foreign import escape, escape_json, like, unescape, unescape_json
from libra.storage.history import History, Writer
from libra.storage.keyset import read_ahead
from libra.storage.link import FAILURES, Connection, Link
from libra.storage.postgres_desk import Check, Desk
from libra.storage.schema import (
    ALL_TABLES,
    VERSION_TABLE,
    VERSION_VIEW,
    SchemaStatus,
    judge,
    render,
)
from libra.storage.snapshot import (
    DELETED_VERSION,
    Deleted,
    Entry,
    Refused,
    Snapshot,
    WatchRow,
    newest,
)
from libra.storage.store import Deadlines, Store
from libra.weighing import report as reports
from libra.weighing.report import Status

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
}
_COLUMNS: Final = ", ".join(_TYPES)
_SELECT: Final = f"SELECT {_COLUMNS} FROM pages WHERE deleted_at IS NULL"  # noqa: S608 - a constant
# What makes a report large stays where it is: no list shows it.
_LIST: Final = _SELECT.replace(
    " report,", " report - '{assets,by_host,findings}'::text[] AS report,"
)
_INLINE: Final = 200_000  # bytes of reports that are read or written on the event loop in one go
_ARRAYS: Final = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(_TYPES.values(), 1))
_KEYS: Final = """
    SELECT idempotency, id FROM pages WHERE idempotency IS NOT NULL AND id >= $1
    ORDER BY id DESC LIMIT $2
"""
_SAVE: Final = (
    f"INSERT INTO pages ({_COLUMNS}) SELECT * FROM unnest({_ARRAYS})"  # noqa: S608 - constants
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _TYPES if name != "id")
    + " WHERE pages.version < excluded.version"
)
# A deletion is the last version of a page: it empties the row and keeps it, so that a save which is
# still on its way, even one that the server has and has not begun, finds itself outranked.
_DELETE: Final = f"""
    INSERT INTO pages (id, url, host, status, version, deleted_at,
                       transfer_bytes, resource_bytes, requests)
    SELECT id, '', '', 'deleted', {DELETED_VERSION}, deleted_at, 0, 0, 0
    FROM unnest($1::text[], $2::timestamptz[]) AS gone (id, deleted_at)
    ON CONFLICT (id) DO UPDATE SET
        url = '', final_url = NULL, host = '', title = NULL, status = 'deleted',
        version = excluded.version, submitted_at = NULL, finished_at = NULL, expires_at = NULL,
        deleted_at = excluded.deleted_at, transfer_bytes = 0, resource_bytes = 0, requests = 0,
        score = NULL, report = NULL, idempotency = substr(pages.idempotency, 1, 32)
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
_PRUNED_AT_ONCE: Final = 1000  # rows; saves get their turn in between
_READERS: Final = 2
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
        self._desk: Desk | None = None
        self.deadlines = deadlines or Deadlines()
        self._writer = Link(self._connect_to_write, self._prepare_to_write)
        self._reader = Link(self._connect, _require_schema, size=_READERS)
        self._restorers: set[Link] = set()

    def write_as(self, writer: Writer, known: History | None) -> None:
        """Have a desk to sign in at."""
        self._desk, self.known = Desk(writer), known

    async def open(self) -> None:
        """Connect and check the schema."""
        await self._probe(self.deadlines.connect)

    async def close(self) -> None:
        """Let go of the lease and close the connections."""
        if self._desk is not None and self._desk.known_there:
            release, limit = self._desk.release, 0.3
            with suppress(Unavailable):
                await self._writer.run(lambda c: _within(c, limit, release), deadline=limit)
        for link in (*self._restorers, self._reader, self._writer):
            await link.close(deadline=0.3)

    async def save(self, entries: Sequence[Entry]) -> list[Refused]:
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

    async def batches(self, *, now: datetime, size: int = 500) -> AsyncIterator[list[Snapshot]]:
        """Read what is to be in memory, on a connection that lives as long as that takes."""
        link = Link(self._connect, _require_schema)
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

    async def recent(
        self,
        *,
        limit: int,
        after: str | None = None,
        url: str | None = None,
        host: str | None = None,
        text: str | None = None,
        status: Status | None = None,
        since: str | None = None,
    ) -> list[Snapshot]:
        """List pages, newest first: ids begin with the time, so they sort by submission."""
        sql, arguments = _LIST, list[Any]()
        if url is not None:
            arguments.append(escape(url))
            sql += " AND md5(url) = md5($1) AND url = $1"
        if host is not None:
            arguments += [escape(host), f"%.{like(host)}"]
            sql += f" AND (host = ${len(arguments) - 1} OR host LIKE ${len(arguments)})"
        if text is not None:
            arguments.append(f"%{like(text)}%")
            sql += f" AND (title ILIKE ${len(arguments)} OR url ILIKE ${len(arguments)})"
        if status is not None:
            arguments.append(status)
            sql += f" AND status = ${len(arguments)}"
        if since is not None:
            arguments.append(escape(since))
            sql += f" AND id >= ${len(arguments)}"
        if after is not None:
            arguments.append(escape(after))
            sql += f" AND id < ${len(arguments)}"
        arguments.append(limit)
        return await self._read(f"{sql} ORDER BY id DESC LIMIT ${len(arguments)}", *arguments)

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

    async def prune(self, *, older_than: datetime) -> int:
        """Remove old pages, some at a time."""
        limit = self.deadlines.save

        async def note(connection: Connection) -> None:
            async with _transaction(connection, limit):
                await connection.execute(
                    "UPDATE libra_database SET pruned_before = greatest(pruned_before, $1)",
                    older_than,
                )

        # First, as a Libra that runs beside this must not take for lost what is removed.
        await self._writer.run(note, deadline=limit)
        pages = await self._prune("pages", "submitted_at", older_than)
        await self._prune("pages", "deleted_at", older_than)
        await self._prune("watches", "deleted_at", older_than)
        return pages

    async def schema(self) -> SchemaStatus:
        """Look at the schema."""
        return await self._with_any_schema(status_of_postgres, self.deadlines.connect)

    async def migrate(self) -> SchemaStatus:
        """Make or migrate the tables, in one transaction."""
        return await self._with_any_schema(_migrate, _AS_LONG_AS_IT_TAKES)

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

    def _check_of_reads(self) -> Check:
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

    async def _read(self, sql: str, *arguments: Any) -> list[Snapshot]:
        limit = self.deadlines.read
        work = _query(sql, arguments, limit, self._check_of_reads())
        return await self._reader.run(work, deadline=limit)

    async def _fetch(
        self, link: Link, condition: str, now: datetime, size: int, last: Snapshot | None
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
        work = _query(sql, arguments, limit, self._check_of_reads())
        return await link.run(work, deadline=limit)

    async def _prune(self, table: str, column: str, moment: datetime) -> int:
        limit = self.deadlines.save

        async def work(connection: Connection) -> int:
            async with _transaction(connection, limit):
                status: str = await connection.execute(
                    f"DELETE FROM {table} WHERE id IN"  # noqa: S608 - constants
                    f" (SELECT id FROM {table} WHERE {column} < $1 LIMIT {_PRUNED_AT_ONCE})",
                    moment,
                )
            return int(status.removeprefix("DELETE "))

        removed = 0
        while (some := await self._writer.run(work, deadline=limit)) > 0:
            removed += some
        return removed

    async def _with_any_schema(
        self, work: Callable[[Connection], Awaitable[T]], deadline: float
    ) -> T:
        link = Link(self._connect, _require_nothing)
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
    connection: Connection, desk: Desk | None, known: History | None, limit: float
) -> History | None:
    async with _transaction(connection, limit):
        await connection.execute("SELECT FROM pages LIMIT 1 FOR UPDATE SKIP LOCKED")
        await connection.execute("SELECT FROM watches LIMIT 1 FOR UPDATE SKIP LOCKED")
        return await _enter(connection, desk, known, count=False)


async def _enter(
    connection: Connection, desk: Desk | None, known: History | None, *, count: bool
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
    sql: str, arguments: Sequence[Any], limit: float, check: Check
) -> Callable[[Connection], Awaitable[list[Snapshot]]]:
    async def work(connection: Connection) -> list[Snapshot]:
        async with _transaction(connection, limit):
            rows = await connection.fetch(sql, *arguments)
            await check(connection, found=bool(rows))
        if sum(len(row["report"]) for row in rows) > _INLINE:
            return await asyncio.to_thread(_snapshots, rows)
        return _snapshots(rows)

    return work


async def _save(
    connection: Connection,
    batch: list[Entry],
    limit: float,
    desk: Desk | None,
    known: History | None,
) -> tuple[list[Refused], History | None]:
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
            for statement, rows in (
                (_SAVE, snapshots),
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
            return [Refused(batch[0].id, batch[0].version, verdict.reason)], None
    else:
        return [], entered
    # Somewhere in this batch is a row that the database refuses: halving finds it in few steps.
    half = len(batch) // 2
    refused, before = await _save(connection, batch[:half], limit, desk, known)
    others, after = await _save(connection, batch[half:], limit, desk, known)
    return [*refused, *others], after or before


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
    )


def _aware(moment: datetime | None) -> datetime | None:
    if moment is not None and moment.tzinfo is None:
        raise Rejected(f"{moment.isoformat()} has no time zone")
    return moment


def _snapshots(rows: Iterable[Any]) -> list[Snapshot]:
    return [_snapshot(*row.values()) for row in rows]


def _snapshot(
    page_id: str,
    url: str,
    version: int,
    report: str,
    final_url: str | None,
    host: str,
    title: str | None,
    *others: Any,
) -> Snapshot:
    *plain, key = others
    plain.append(None if key is None else unescape(key))
    return Snapshot(
        unescape(page_id),
        unescape(url),
        version,
        _in_order(unescape_json(report)),
        None if final_url is None else unescape(final_url),
        unescape(host),
        None if title is None else unescape(title),
        *plain,
    )


def _in_order(data: bytes) -> bytes:
    # JSONB forgets the order of names. People read reports, so it is restored.
    try:
        report = reports.decode(data)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return data  # Another program's, or an older one's; for the reader to judge.
    by_kind = {kind: report.by_kind[kind] for kind in reports.KINDS if kind in report.by_kind}
    return reports.encode(msgspec.structs.replace(report, by_kind=by_kind))
