"""The default store: a SQLite file in the data directory.

It uses WAL mode, so that reads never wait for a batch of saves, and four lanes (a lane is a thread
with its own connection): one writes, one reads, one reads what may take long, and one restores while a
restore lasts. Commits are synced to the disk, because a page that is called stored must survive a power
cut.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar

import msgspec

from libra.report import without_assets
from libra.storage.errors import Unavailable
from libra.storage.history import History, Writer
from libra.storage.keeping import NOTHING, Thinning
from libra.storage.rows.entries import Entry, RefusedRow, Snapshot, WatchRow, newest
from libra.storage.rows.foreign_text import escape, unescape, unescape_json
from libra.storage.rows.keyset import Batch, Place, last_place, read_ahead
from libra.storage.rows.page_query import PageQuery
from libra.storage.rows.readable import Found, as_many, readable, strictly, with_summary
from libra.storage.rows.urls import UrlQuery, UrlRow, read_past
from libra.storage.schema import SchemaStatus, judge, migrate_sqlite, status_of_sqlite
from libra.storage.sqlite.connection_thread import ConnectionThread, Job
from libra.storage.sqlite.file import File
from libra.storage.sqlite.opening import connect, connect_to_read, connect_to_write
from libra.storage.sqlite.pages import IN_PAGES, SELECT, TIMELINE, batch_sql, recent_sql
from libra.storage.sqlite.pruning import SqlitePruning
from libra.storage.sqlite.rows import packed_of, snapshot_of, text_or_damaged, utc
from libra.storage.sqlite.saving import TRACE, delete_page, save_batch
from libra.storage.sqlite.shrinking import Shrinking
from libra.storage.sqlite.transactions import check_writing, transaction
from libra.storage.sqlite.urls import urls_sql
from libra.storage.sqlite.writer_log import SqliteWriterLog
from libra.storage.store import Deadlines, Store, Trace

T = TypeVar("T")
Arguments: TypeAlias = Sequence[Any] | dict[str, Any]
Work: TypeAlias = Callable[[sqlite3.Connection, Job[T]], T]

_KEYS: Final = """
    SELECT id, idempotency FROM pages WHERE idempotency IS NOT NULL AND id >= ?
    ORDER BY id DESC LIMIT ?
"""
_WATCHES: Final = "SELECT id, url, version, data FROM watches WHERE deleted_at IS NULL"
_KEEP_PICTURE: Final = """
    INSERT OR REPLACE INTO screenshots (page_id, thumbnail, whole) SELECT ?, ?, ?
    WHERE NOT EXISTS (SELECT 1 FROM pages WHERE id = ? AND deleted_at IS NOT NULL)
"""
_PRUNED: Final = """
    SELECT pruned, id FROM pages WHERE pruned IS NOT NULL AND (pruned, id) > (?, ?)
    ORDER BY pruned, id LIMIT ?
"""
_AS_LONG_AS_IT_TAKES: Final = 86_400.0  # seconds


class SQLiteStore(Store):
    """A SQLite file; it is made and migrated automatically.

    Args:
        path: the file; its directory must exist.
        deadlines: the time limits of calls.
    """

    def __init__(self, path: Path, *, deadlines: Deadlines | None = None) -> None:
        self._path = path
        self.unreadable = set()
        self._writer_log: SqliteWriterLog | None = None
        self.deadlines = deadlines or Deadlines()
        self._file = File(path)
        self._writer = ConnectionThread(
            "libra-sqlite-writer", self._connect_writer, self._file, writes=True
        )
        self._reader = ConnectionThread("libra-sqlite-reader", self._connect_reader, self._file)
        # Queries that may look at every row. If they kept the other reader busy, the read of a page
        # would time out, which Libra would take for an outage.
        self._lists = ConnectionThread("libra-sqlite-lists", self._connect_reader, self._file)
        self._restorers: set[ConnectionThread] = set()

    def write_as(self, writer: Writer, known: History | None) -> None:
        """Set the writer."""
        self._writer_log, self.known = SqliteWriterLog(writer), known

    async def open(self) -> None:
        """Open the file, and make or migrate its tables."""
        # The first connection may have to write a schema, which takes longer than a probe may.
        await self._probe(self.deadlines.restore)

    async def close(self) -> None:
        """Close the connections; after that the file is complete, without a WAL beside it."""
        async with AsyncExitStack() as lanes:
            # All of them, even if the lease cannot be released or the caller is cancelled.
            for lane in (self._writer, self._reader, self._lists, *self._restorers):
                lanes.push_async_callback(lane.close)
            if self._writer_log is not None and self._writer_log.known_there:
                with suppress(Unavailable):
                    await self._writer.run(self._writer_log.release, deadline=self.deadlines.read)

    async def save(self, entries: Sequence[Entry]) -> list[RefusedRow]:
        """Store a batch in one transaction."""
        batch, known = newest(entries), self.known
        refused, found = await self._writer.run(
            lambda connection, job: save_batch(connection, job, batch, self._writer_log, known),
            deadline=self.deadlines.save,
        )
        self._found(found)
        return refused

    async def load(self, page_id: str) -> Snapshot | None:
        """Read one page."""

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> Snapshot | None:
            row = connection.execute(f"{SELECT} AND id = ?", (escape(page_id),)).fetchone()
            return None if row is None else strictly(row, snapshot_of, self.unreadable)

        return await self._reader.run(self._checked(work), deadline=self.deadlines.read)

    async def trace(self, page_id: str) -> Trace | None:
        """Look for a page or the mark of its deletion."""

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> Trace | None:
            row = connection.execute(TRACE, (escape(page_id),)).fetchone()
            return None if row is None else "deleted" if row[0] else "stored"

        return await self._reader.run(self._checked(work), deadline=self.deadlines.read)

    async def batches(self, *, now: datetime, size: int = 500) -> AsyncIterator[list[Snapshot]]:
        """Read the pages that come back to memory, on a connection that lives as long as that takes."""
        lane = ConnectionThread("libra-sqlite-restorer", self._connect_reader, self._file)
        self._restorers.add(lane)
        try:
            for moment in (None, now):
                fetch = partial(self._fetch, lane, moment, size)
                async with aclosing(read_ahead(fetch)) as batches:
                    async for batch in batches:
                        yield batch
        finally:
            self._restorers.discard(lane)
            await lane.close()

    async def recent(self, query: PageQuery) -> list[Snapshot]:
        """List pages, newest first: ids begin with the time, so they sort by submission."""
        lane = self._lists if query.searches else self._reader
        return await as_many(lambda wider: self._read(*recent_sql(wider), lane), query)

    async def urls(self, query: UrlQuery) -> list[UrlRow]:
        """List URLs, from an index that has all columns that the choice needs."""

        async def read(wider: UrlQuery) -> Found[UrlRow]:
            sql, arguments = urls_sql(wider, IN_PAGES)

            def work(connection: sqlite3.Connection, _job: Job[Any]) -> Found[UrlRow]:
                rows = connection.execute(sql, arguments)
                found = readable(rows, _url_row, self.unreadable)
                return found._replace(items=query.sorted(found.items))

            return await self._lists.run(self._checked(work), deadline=self.deadlines.read)

        return await as_many(read, query)

    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> list[Snapshot]:
        """Thin out by time spans: with the aggregate max(), the other columns are from its row."""
        begin = None if since is None else utc(since)
        arguments = {"url": escape(url), "since": begin, "until": utc(until), "spans": spans}
        return (await self._read(TIMELINE, arguments, self._lists)).items

    async def keep_picture(self, page_id: str, thumbnail: bytes, whole: bytes) -> None:
        """Keep a picture, unless its page is deleted."""
        page = escape(page_id)

        def work(connection: sqlite3.Connection, job: Job[None]) -> None:
            with transaction(connection, job):
                status_of_sqlite(connection).require_current()
                connection.execute(_KEEP_PICTURE, (page, thumbnail, whole, page))

        await self._writer.run(work, deadline=self.deadlines.save)

    async def picture(self, page_id: str, *, whole: bool) -> bytes | None:
        """Read the thumbnail or the whole picture."""
        column = "whole" if whole else "thumbnail"
        sql = f"SELECT {column} FROM screenshots WHERE page_id = ?"  # noqa: S608 - constants

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> bytes | None:
            row = connection.execute(sql, (escape(page_id),)).fetchone()
            return None if row is None else bytes(row[0])

        return await self._reader.run(self._checked(work), deadline=self.deadlines.read)

    async def keys(self, *, since: str, limit: int) -> list[tuple[str, str]]:
        """List idempotency keys."""

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[tuple[str, str]]:
            rows = connection.execute(_KEYS, (escape(since), limit))
            return readable(rows, _key, self.unreadable).items

        return await self._reader.run(self._checked(work), deadline=self.deadlines.read)

    async def watches(self) -> list[WatchRow]:
        """List all watches."""

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[WatchRow]:
            return readable(connection.execute(_WATCHES), _watch, self.unreadable).items

        return await self._lists.run(self._checked(work), deadline=self.deadlines.restore)

    async def delete(self, page_id: str) -> bool:
        """Erase a page for good."""
        at = datetime.now(UTC)

        def work(connection: sqlite3.Connection, job: Job[bool]) -> bool:
            with transaction(connection, job):
                return delete_page(connection, page_id, at)

        return await self._writer.run(work, deadline=self.deadlines.save)

    async def prune(
        self, *, older_than: datetime | None, watched: Mapping[str, Thinning] = NOTHING
    ) -> int:
        """Remove old pages, in batches."""
        return await SqlitePruning(self._writer, self.deadlines.save).prune(older_than, watched)

    async def pruned(self, *, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
        """List the marks of prunings."""

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[tuple[int, str]]:
            rows = connection.execute(_PRUNED, (after[0], escape(after[1]), limit))
            return [(number, unescape(page_id)) for number, page_id in rows]

        return await self._lists.run(self._checked(work), deadline=self.deadlines.restore)

    async def give_back(self, *, whole: bool = False) -> int:
        """Let the file shrink; a file from before version 0009 has to be rewritten for that."""
        file = Shrinking(self._writer, self.deadlines.save)
        free, shrinks = await file.free()
        if shrinks:
            return await file.shrink()
        return await file.rewrite(_AS_LONG_AS_IT_TAKES) if whole and free else 0

    async def schema(self) -> SchemaStatus:
        """Read the version of the schema; a missing file is not made by that."""
        if not await asyncio.to_thread(self._path.exists):
            return judge("sqlite", None)
        look = partial(connect, self._path, self.deadlines.read, "ro")
        looker = ConnectionThread("libra-sqlite-schema", look, self._file)
        try:
            return await looker.run(_status, deadline=self.deadlines.connect)
        finally:
            await looker.close()

    async def migrate(self) -> SchemaStatus:
        """Make or migrate the tables, as opening does."""
        return await self._writer.run(_migrate, deadline=_AS_LONG_AS_IT_TAKES)

    async def ping(self) -> None:
        """Check that the file can be written: a foreign lock or a full or read-only disk prevents it."""
        await self._probe(self.deadlines.probe)

    async def _probe(self, deadline: float) -> None:
        known = self.known
        self._found(
            await self._writer.run(
                lambda connection, job: check_writing(connection, job, self._writer_log, known),
                deadline=deadline,
            )
        )

    def _found(self, found: History | None) -> None:
        if found is not None and self._writer_log is not None:
            self.known = found
            self._writer_log.known_there = True

    def _checked(self, work: Work[T]) -> Work[T]:
        """Make a read fail if the database is not the known one."""
        writer_log, known = self._writer_log, self.known
        if writer_log is None or known is None:
            return partial(_with_any_text, work)

        def checked(connection: sqlite3.Connection, job: Job[T]) -> T:
            result = _with_any_text(work, connection, job)
            writer_log.look(connection).require(known)
            return result

        return checked

    async def _read(
        self, sql: str, arguments: Arguments, lane: ConnectionThread
    ) -> Found[Snapshot]:
        def work(connection: sqlite3.Connection, _job: Job[Any]) -> Found[Snapshot]:
            # Cut one by one: each may be large, and together they would take too much memory.
            return readable(connection.execute(sql, arguments), _cut, self.unreadable)

        return await lane.run(self._checked(work), deadline=self.deadlines.read)

    async def _fetch(
        self, lane: ConnectionThread, now: datetime | None, size: int, last: Place | None
    ) -> Batch:
        sql, arguments = batch_sql(now, size, last)

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> Batch:
            rows = connection.execute(sql, arguments).fetchall()
            pages = readable(rows, packed_of, self.unreadable).items
            return Batch(pages, last_place(rows, size))

        return await lane.run(self._checked(work), deadline=self.deadlines.restore)

    # On the threads of the lanes

    def _connect_writer(self) -> sqlite3.Connection:
        return connect_to_write(self._path, self.deadlines.save / 2)

    def _connect_reader(self) -> sqlite3.Connection:
        return connect_to_read(self._path, self.deadlines.read / 2)


def _status(connection: sqlite3.Connection, _job: Job[Any]) -> SchemaStatus:
    return status_of_sqlite(connection)


def _migrate(connection: sqlite3.Connection, _job: Job[Any]) -> SchemaStatus:
    if status_of_sqlite(connection).state != "current":
        migrate_sqlite(connection)
    return status_of_sqlite(connection)


def _cut(row: tuple[Any, ...]) -> Snapshot:
    page = with_summary(snapshot_of(row))
    return msgspec.structs.replace(page, report=without_assets(page.report))


def _url_row(row: tuple[Any, ...]) -> UrlRow:
    return UrlRow(_cut(row[:-1]), read_past(row[-1]))


def _key(row: tuple[Any, ...]) -> tuple[str, str]:
    page_id, key = row
    return unescape(key), unescape(page_id)


def _watch(row: tuple[Any, ...]) -> WatchRow:
    watch_id, url, version, data = msgspec.convert(row, tuple[str, str, int, str])
    return WatchRow(unescape(watch_id), unescape(url), version, unescape_json(data))


def _with_any_text(work: Work[T], connection: sqlite3.Connection, job: Job[T]) -> T:
    """Read; once more if a text is damaged, so that it costs its row alone."""
    try:
        return work(connection, job)
    except sqlite3.OperationalError as error:
        if "Could not decode" not in str(error):
            raise
    # Only from now on, because it is slower than the driver's own way.
    connection.text_factory = text_or_damaged
    return work(connection, job)
