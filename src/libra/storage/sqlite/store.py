"""The embedded default: a SQLite file in the data directory.

WAL mode, so that reads never wait for a batch of saves, on three lanes (a lane is a thread with
its own connection): one writes, one reads, and one restores while a restore lasts. Commits are
synced to the disk, because a page that is called stored must survive a power cut.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import unquote, urlsplit

import msgspec

from libra.report import FINISHED, without_assets
from libra.storage.classify import classify
from libra.storage.errors import Rejected, Unavailable
from libra.storage.foreign_text import escape, escape_json, like, unescape, unescape_json
from libra.storage.frames import frame, unframe
from libra.storage.history import History, Writer
from libra.storage.keeping import FOR_EVER, MARKS, NOTHING, Dated, Thinning, superfluous
from libra.storage.keyset import read_ahead
from libra.storage.page_query import PageQuery
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
from libra.storage.schema import SchemaStatus, judge, migrate_sqlite, status_of_sqlite
from libra.storage.sqlite.connection_thread import ConnectionThread, Job
from libra.storage.sqlite.file import File
from libra.storage.sqlite.urls import add_functions, text_condition, timeline_sql, urls_sql
from libra.storage.sqlite.writer_log import WriterLog
from libra.storage.store import Deadlines, Store, Trace
from libra.storage.urls import UrlQuery, UrlRow, read_past

T = TypeVar("T")
S = TypeVar("S", bound=Snapshot)
Row: TypeAlias = tuple[Any, ...]
Arguments: TypeAlias = Sequence[Any] | dict[str, Any]
Cut: TypeAlias = Callable[[bytes], bytes]
Work: TypeAlias = Callable[[sqlite3.Connection, Job[T]], T]

_COLUMNS: Final = (
    "id, url, version, report, final_url, host, title, status, submitted_at, finished_at,"
    " expires_at, transfer_bytes, resource_bytes, requests, score, idempotency, series, way,"
    " headers"
)
_IN_PAGES: Final = ", ".join(f"pages.{name}" for name in _COLUMNS.split(", "))
_REPORT, _STATUS = 3, 7
_SELECT: Final = f"SELECT {_COLUMNS} FROM pages WHERE deleted_at IS NULL"  # noqa: S608 - a constant
_TIMELINE: Final = timeline_sql(_SELECT)
_KEYS: Final = """
    SELECT idempotency, id FROM pages WHERE idempotency IS NOT NULL AND id >= ?
    ORDER BY id DESC LIMIT ?
"""
_KEEP_PICTURE: Final = """
    INSERT OR REPLACE INTO screenshots (page_id, thumbnail, whole) SELECT ?, ?, ?
    WHERE NOT EXISTS (SELECT 1 FROM pages WHERE id = ? AND deleted_at IS NOT NULL)
"""
_SAVE: Final = (
    f"INSERT INTO pages ({_COLUMNS}) VALUES ({', '.join('?' * 19)})"  # noqa: S608 - constants
    " ON CONFLICT (id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS.split(", ")[1:])
    + " WHERE pages.version < excluded.version"
)
_TRACE: Final = "SELECT deleted_at IS NOT NULL FROM pages WHERE id = ?"
_EMPTIED: Final = """
    url = '', final_url = NULL, host = '', title = NULL, status = 'deleted',
    submitted_at = NULL, finished_at = NULL, expires_at = NULL,
    transfer_bytes = 0, resource_bytes = 0, requests = 0,
    score = NULL, report = NULL, idempotency = substr(pages.idempotency, 1, 32), series = NULL,
    way = NULL, headers = NULL
"""
# A deletion is the last version of a page: it empties the row and keeps it, so that a save which is
# still on its way finds itself outranked.
_DELETE: Final = f"""
    INSERT INTO pages (id, url, host, status, version, deleted_at,
                       transfer_bytes, resource_bytes, requests)
    VALUES (?, '', '', 'deleted', {DELETED_VERSION}, ?, 0, 0, 0)
    ON CONFLICT (id) DO UPDATE SET
        {_EMPTIED}, version = excluded.version, deleted_at = excluded.deleted_at
    WHERE pages.version < excluded.version
"""  # noqa: S608 - a constant
_PRUNE: Final = f"""
    UPDATE pages SET {_EMPTIED}, version = {DELETED_VERSION}, deleted_at = ?, pruned = ?
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
_PRUNED: Final = """
    SELECT pruned, id FROM pages WHERE pruned IS NOT NULL AND (pruned, id) > (?, ?)
    ORDER BY pruned, id LIMIT ?
"""
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
_PRUNED_AT_ONCE: Final = 1000  # rows; saves get their turn in between
_INCREMENTAL: Final = 2  # of `PRAGMA auto_vacuum`
_GIVEN_BACK_AT_ONCE: Final = 1000  # pages of the file, likewise
_AS_LONG_AS_IT_TAKES: Final = 86_400.0  # seconds


class SQLiteStore(Store):
    """A SQLite file; made and migrated by itself when it is not there yet.

    Args:
        path: the file; its directory must exist.
        deadlines: how long calls may take.
    """

    def __init__(self, path: Path, *, deadlines: Deadlines | None = None) -> None:
        self._path = path
        self._desk: WriterLog | None = None
        self.deadlines = deadlines or Deadlines()
        self._file = File(path)
        self._writer = ConnectionThread(
            "libra-sqlite-writer", self._connect_writer, self._file, writes=True
        )
        self._reader = ConnectionThread("libra-sqlite-reader", self._connect_reader, self._file)
        self._restorers: set[ConnectionThread] = set()

    def write_as(self, writer: Writer, known: History | None) -> None:
        """Have a desk to sign in at."""
        self._desk, self.known = WriterLog(writer), known

    async def open(self) -> None:
        """Open the file, and make or migrate its tables."""
        # The first connection may have a schema to write, which takes longer than a probe may.
        await self._probe(self.deadlines.restore)

    async def close(self) -> None:
        """Close the connections; afterwards the file is complete, without a WAL beside it."""
        async with AsyncExitStack() as lanes:
            # All of them, also when the lease cannot be let go of or who closes is cancelled.
            for lane in (self._writer, self._reader, *self._restorers):
                lanes.push_async_callback(lane.close)
            if self._desk is not None and self._desk.known_there:
                with suppress(Unavailable):
                    await self._writer.run(self._desk.release, deadline=self.deadlines.read)

    async def save(self, entries: Sequence[Entry]) -> list[RefusedRow]:
        """Store a batch in one transaction."""
        batch, known = newest(entries), self.known
        refused, found = await self._writer.run(
            lambda connection, job: _save(connection, job, batch, self._desk, known),
            deadline=self.deadlines.save,
        )
        self._found(found)
        return refused

    async def load(self, page_id: str) -> Snapshot | None:
        """Read one page."""
        found = await self._read(f"{_SELECT} AND id = ?", (escape(page_id),))
        return found[0] if found else None

    async def trace(self, page_id: str) -> Trace | None:
        """Look for a page or the mark of its deletion."""

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> Trace | None:
            row = connection.execute(_TRACE, (escape(page_id),)).fetchone()
            return None if row is None else "deleted" if row[0] else "stored"

        return await self._reader.run(self._checked(work), deadline=self.deadlines.read)

    async def batches(self, *, now: datetime, size: int = 500) -> AsyncIterator[list[Snapshot]]:
        """Read what is to be in memory, on a connection that lives as long as that takes."""
        lane = ConnectionThread("libra-sqlite-restorer", self._connect_reader, self._file)
        self._restorers.add(lane)
        try:
            for condition in ("expires_at IS NULL", "expires_at > ?"):
                fetch = partial(self._fetch, lane, condition, _utc(now), size)
                async with aclosing(read_ahead(fetch, size)) as batches:
                    async for batch in batches:
                        yield batch
        finally:
            self._restorers.discard(lane)
            await lane.close()

    async def recent(self, query: PageQuery) -> list[Snapshot]:
        """List pages, newest first: ids begin with the time, so they sort by submission."""
        sql, arguments = _SELECT, list[Any]()
        if query.url is not None:
            sql, arguments = f"{sql} AND url = ?", [escape(query.url)]
        if query.host is not None:
            sql += r" AND (host = ? OR host LIKE ? ESCAPE '\')"
            arguments += [escape(query.host), f"%.{like(query.host)}"]
        if query.text is not None:
            condition, values = text_condition(query.text)
            sql, arguments = f"{sql} AND {condition}", [*arguments, *values]
        if query.status is not None:
            sql, arguments = f"{sql} AND status = ?", [*arguments, query.status]
        if query.since is not None:
            sql, arguments = f"{sql} AND id >= ?", [*arguments, escape(query.since)]
        if query.series is not None:
            sql, arguments = f"{sql} AND series = ?", [*arguments, escape(query.series)]
        if query.after is not None:
            sql, arguments = f"{sql} AND id < ?", [*arguments, escape(query.after)]
        sql += " ORDER BY id DESC LIMIT ?"
        return await self._read(sql, (*arguments, query.limit), cut=without_assets)

    async def urls(self, query: UrlQuery) -> list[UrlRow]:
        """List URLs, from an index that has all that they are chosen by."""
        sql, arguments = urls_sql(query, _IN_PAGES)

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[UrlRow]:
            found = []
            for *row, past in connection.execute(sql, arguments):
                newest = _snapshot(tuple(row))
                cut = msgspec.structs.replace(newest, report=without_assets(newest.report))
                found.append(UrlRow(cut, read_past(past)))
            return query.sorted(found)

        return await self._reader.run(self._checked(work), deadline=self.deadlines.read)

    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> list[Snapshot]:
        """Thin out by the clock: where an aggregate is max(), the other columns are of its row."""
        begin = None if since is None else _utc(since)
        arguments = {"url": escape(url), "since": begin, "until": _utc(until), "spans": spans}
        return await self._read(_TIMELINE, arguments, cut=without_assets)

    async def keep_picture(self, page_id: str, thumbnail: bytes, whole: bytes) -> None:
        """Keep a picture, unless its page is deleted."""
        page = escape(page_id)

        def work(connection: sqlite3.Connection, job: Job[None]) -> None:
            with _transaction(connection, job):
                status_of_sqlite(connection).require_current()
                connection.execute(_KEEP_PICTURE, (page, thumbnail, whole, page))

        await self._writer.run(work, deadline=self.deadlines.save)

    async def picture(self, page_id: str, *, whole: bool) -> bytes | None:
        """Read one of the two."""
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
            return [(unescape(key), unescape(page_id)) for key, page_id in rows]

        return await self._reader.run(self._checked(work), deadline=self.deadlines.read)

    async def watches(self) -> list[WatchRow]:
        """List all watches."""
        return await self._reader.run(self._checked(_watches), deadline=self.deadlines.restore)

    async def delete(self, page_id: str) -> bool:
        """Erase a page for good."""
        page, at = escape(page_id), datetime.now(UTC)

        def work(connection: sqlite3.Connection, job: Job[bool]) -> bool:
            with _transaction(connection, job):
                there = connection.execute(f"{_SELECT} AND id = ?", (page,)).fetchone()
                connection.execute(_DELETE, (page, _text_of(at)))
            return there is not None

        return await self._writer.run(work, deadline=self.deadlines.save)

    async def prune(
        self, *, older_than: datetime | None, watched: Mapping[str, Thinning] = NOTHING
    ) -> int:
        """Remove old pages, some at a time."""
        now = datetime.now(UTC)
        removed = 0
        if older_than is not None:
            moment = _utc(older_than)

            def note(connection: sqlite3.Connection, job: Job[None]) -> None:
                with _transaction(connection, job):
                    connection.execute(
                        "UPDATE libra_database"
                        " SET pruned_before = max(coalesce(pruned_before, ''), ?)",
                        (moment,),
                    )

            # First, as a Libra that runs beside this must not take for lost what is removed.
            await self._writer.run(note, deadline=self.deadlines.save)
            others = _json_list(map(escape, watched))
            while ids := await self._ids(_OLD, (moment, others, _PRUNED_AT_ONCE)):
                removed += await self._prune(ids, now)
            marks = _utc(min(older_than, now - MARKS))
            await self._forget("pages", marks)
            await self._forget("watches", marks)
        for url, thinning in watched.items():
            if thinning == FOR_EVER:
                continue
            old = (escape(url), _utc(thinning.all_since))
            ids = superfluous(await self._dated(old), thinning)
            for start in range(0, len(ids), _PRUNED_AT_ONCE):
                removed += await self._prune(ids[start : start + _PRUNED_AT_ONCE], now)
        return removed

    async def pruned(self, *, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
        """List the marks of prunings."""

        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[tuple[int, str]]:
            rows = connection.execute(_PRUNED, (after[0], escape(after[1]), limit))
            return [(number, unescape(page_id)) for number, page_id in rows]

        return await self._reader.run(self._checked(work), deadline=self.deadlines.restore)

    async def give_back(self, *, whole: bool = False) -> int:
        """Let the file shrink; one of a Libra from before version 0009 has to be rewritten for that."""

        def free(connection: sqlite3.Connection, _job: Job[Any]) -> tuple[int, bool]:
            pages, size, mode = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("freelist_count", "page_size", "auto_vacuum")
            )
            return int(pages * size), mode == _INCREMENTAL

        def some(connection: sqlite3.Connection, _job: Job[Any]) -> None:
            connection.execute(f"PRAGMA incremental_vacuum({_GIVEN_BACK_AT_ONCE})").fetchall()

        def all_of_it(connection: sqlite3.Connection, _job: Job[Any]) -> None:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            connection.execute("VACUUM")

        there: int
        left: int
        there, shrinks = await self._writer.run(free, deadline=self.deadlines.save)
        left = there
        if not shrinks:
            if whole and there:
                await self._writer.run(all_of_it, deadline=_AS_LONG_AS_IT_TAKES)
                left, _ = await self._writer.run(free, deadline=self.deadlines.save)
            return there - left
        while left:
            await self._writer.run(some, deadline=self.deadlines.save)
            before, (left, _) = left, await self._writer.run(free, deadline=self.deadlines.save)
            if left >= before:
                break  # others remove and add meanwhile
        return max(0, there - left)

    async def schema(self) -> SchemaStatus:
        """Look at the schema; a file that is not there yet is not made by looking."""
        if not await asyncio.to_thread(self._path.exists):
            return judge("sqlite", None)
        connect = partial(_connect, self._path, self.deadlines.read, "ro")
        looker = ConnectionThread("libra-sqlite-schema", connect, self._file)
        try:
            return await looker.run(_status, deadline=self.deadlines.connect)
        finally:
            await looker.close()

    async def migrate(self) -> SchemaStatus:
        """Make or migrate the tables, as opening does."""
        return await self._writer.run(_migrate, deadline=_AS_LONG_AS_IT_TAKES)

    async def ping(self) -> None:
        """See whether the file can be written: a lock held by another, a full or read-only disk."""
        await self._probe(self.deadlines.probe)

    async def _probe(self, deadline: float) -> None:
        known = self.known
        self._found(
            await self._writer.run(
                lambda connection, job: _check(connection, job, self._desk, known),
                deadline=deadline,
            )
        )

    def _found(self, found: History | None) -> None:
        if found is not None and self._desk is not None:
            self.known = found
            self._desk.known_there = True

    def _checked(self, work: Work[T]) -> Work[T]:
        """A read that fails where the database is not the known one."""
        desk, known = self._desk, self.known
        if desk is None or known is None:
            return work

        def checked(connection: sqlite3.Connection, job: Job[T]) -> T:
            result = work(connection, job)
            desk.look(connection).require(known)
            return result

        return checked

    async def _read(self, sql: str, arguments: Arguments, cut: Cut | None = None) -> list[Snapshot]:
        work: Work[list[Snapshot]] = partial(_query, (sql, arguments), cut=cut)
        return await self._reader.run(self._checked(work), deadline=self.deadlines.read)

    async def _fetch(
        self, lane: ConnectionThread, condition: str, now: str, size: int, last: Snapshot | None
    ) -> list[Snapshot]:
        never = condition == "expires_at IS NULL"
        key = ["id"] if never else ["expires_at", "id"]
        sql, arguments = f"{_SELECT} AND {condition}", list[Any]([] if never else [now])
        if last is not None:
            sql += f" AND ({', '.join(key)}) < ({', '.join('?' * len(key))})"
            place = escape(last.id)
            arguments += [place] if never else [_text_of(last.expires_at), place]
        order = ", ".join(f"{name} DESC" for name in key)
        query = (f"{sql} ORDER BY {order} LIMIT {size:d}", arguments)
        work: Work[list[Snapshot]] = partial(_query_packed, query)
        return await lane.run(self._checked(work), deadline=self.deadlines.restore)

    async def _ids(self, sql: str, arguments: Sequence[Any]) -> list[str]:
        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[str]:
            return [page_id for (page_id,) in connection.execute(sql, arguments)]

        return await self._writer.run(work, deadline=self.deadlines.save)

    async def _dated(self, old: tuple[str, str]) -> list[Dated]:
        def work(connection: sqlite3.Connection, _job: Job[Any]) -> list[Dated]:
            return [
                Dated(page_id, datetime.fromisoformat(at), status == "weighed")
                for page_id, at, status in connection.execute(_OLD_OF_URL, old)
            ]

        return await self._writer.run(work, deadline=self.deadlines.save)

    async def _prune(self, ids: Sequence[str], now: datetime) -> int:
        def work(connection: sqlite3.Connection, job: Job[int]) -> int:
            with _transaction(connection, job):
                connection.execute("UPDATE libra_database SET prunings = prunings + 1")
                (number,) = connection.execute("SELECT prunings FROM libra_database").fetchone()
                mark = (_text_of(now), number, _json_list(ids))
                return connection.execute(_PRUNE, mark).rowcount

        return await self._writer.run(work, deadline=self.deadlines.save)

    async def _forget(self, table: str, moment: str) -> None:
        def work(connection: sqlite3.Connection, job: Job[int]) -> int:
            with _transaction(connection, job):
                return connection.execute(
                    f"DELETE FROM {table} WHERE rowid IN"  # noqa: S608 - constants
                    f" (SELECT rowid FROM {table} WHERE deleted_at < ? LIMIT {_PRUNED_AT_ONCE})",
                    (moment,),
                ).rowcount

        while await self._writer.run(work, deadline=self.deadlines.save) > 0:
            pass

    # On the threads of the lanes

    def _connect_writer(self) -> sqlite3.Connection:
        connection = _connect(self._path, self.deadlines.save / 2, "rwc")
        try:
            # Before there is anything in it; a file that has something takes it on when it is rewritten.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            _use_wal(connection, self.deadlines.save / 2)
            connection.execute("PRAGMA synchronous = FULL")
            # Never interrupted by a deadline, which begins to hold once there is a connection: a
            # long migration is waited for by one call after the other, until it is done.
            if status_of_sqlite(connection).state != "current":
                migrate_sqlite(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_reader(self) -> sqlite3.Connection:
        connection = _connect(self._path, self.deadlines.read / 2, "rw")
        try:
            connection.execute("PRAGMA query_only = 1")
            add_functions(connection)
            status_of_sqlite(connection).require_current()
        except BaseException:
            connection.close()
            raise
        return connection


def path_of(url: str) -> Path:
    """The file that a ``sqlite:///relative`` or ``sqlite:////absolute`` URL means.

    Raises:
        ValueError: if it names none; a database in memory would be no backup.
    """
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or not path or path == ":memory:":
        raise ValueError(f"{url!r} names no file: use sqlite:///relative or sqlite:////absolute")
    return Path(path)


def _connect(path: Path, busy_timeout: float, mode: str) -> sqlite3.Connection:
    # The busy timeout is shorter than the caller's deadline, because SQLite's waiting for a lock
    # cannot be interrupted.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
    )


def _use_wal(connection: sqlite3.Connection, patience: float) -> None:
    # Two programs that make the same file may both be about to switch it. SQLite then fails at
    # once, without its busy timeout, since neither could ever go on.
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(0.01)  # on the thread of a lane
        else:
            return


@contextmanager
def _transaction(connection: sqlite3.Connection, job: Job[Any]) -> Iterator[None]:
    # Immediate, since a transaction that begins by reading and then writes fails at once, without
    # waiting, when somebody else has written in between.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        job.check()
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _status(connection: sqlite3.Connection, _job: Job[Any]) -> SchemaStatus:
    return status_of_sqlite(connection)


def _migrate(connection: sqlite3.Connection, _job: Job[Any]) -> SchemaStatus:
    if status_of_sqlite(connection).state != "current":
        migrate_sqlite(connection)
    return status_of_sqlite(connection)


def _check(
    connection: sqlite3.Connection, job: Job[Any], desk: WriterLog | None, known: History | None
) -> History | None:
    # A lease need not survive a power cut, and a look must not wait for a slow disk to sync.
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        with _transaction(connection, job):
            connection.execute("SELECT 1 FROM pages LIMIT 1").fetchone()
            connection.execute("SELECT 1 FROM watches LIMIT 1").fetchone()
            return _enter(connection, desk, known)
    finally:
        connection.execute("PRAGMA synchronous = FULL")


def _enter(
    connection: sqlite3.Connection, desk: WriterLog | None, known: History | None
) -> History | None:
    """At the beginning of each transaction that writes: whether this is what we may write to."""
    status_of_sqlite(connection).require_current()
    if desk is None:
        return None
    desk.claim(connection)
    found = desk.look(connection)
    found.require(known)
    return found


def _save(
    connection: sqlite3.Connection,
    job: Job[Any],
    batch: list[Entry],
    desk: WriterLog | None,
    known: History | None,
) -> tuple[list[RefusedRow], History | None]:
    try:
        with _transaction(connection, job):
            found = _enter(connection, desk, known)
            if desk is not None and found is not None and batch:
                found = desk.count(connection, found)
            pages = [entry for entry in batch if isinstance(entry, Snapshot)]
            taken = connection.executemany(_SAVE, map(_row_of, pages)).rowcount
            gone = _deleted(connection, pages) if taken < len(pages) else []
            connection.executemany(
                _SAVE_WATCH,
                (
                    (escape(e.id), escape(e.url), e.version, escape_json(e.data))
                    for e in batch
                    if isinstance(e, WatchRow)
                ),
            )
            connection.executemany(_DELETE, _deletions(batch, "page"))
            connection.executemany(_DELETE_WATCH, _deletions(batch, "watch"))
    except (sqlite3.Error, OverflowError, UnicodeError, Rejected) as exc:
        verdict = exc if isinstance(exc, Rejected) else classify(exc)
        if not isinstance(verdict, Rejected):
            raise
        if len(batch) == 1:
            return [RefusedRow(batch[0].id, batch[0].version, verdict.reason)], None
    else:
        return gone, found
    # Somewhere in this batch is a row that the database refuses: halving finds it in few steps.
    half = len(batch) // 2
    refused, before = _save(connection, job, batch[:half], desk, known)
    others, after = _save(connection, job, batch[half:], desk, known)
    return [*refused, *others], after or before


def _deleted(connection: sqlite3.Connection, pages: Iterable[Snapshot]) -> list[RefusedRow]:
    """Those that somebody had deleted before this program brought them."""
    return [
        outranked(page)
        for page in pages
        if any(gone for (gone,) in connection.execute(_TRACE, (escape(page.id),)))
    ]


def _deletions(batch: Iterable[Entry], of: str) -> list[tuple[Any, ...]]:
    return [(escape(e.id), _text_of(e.at)) for e in batch if isinstance(e, Deleted) and e.of == of]


def _watches(connection: sqlite3.Connection, _job: Job[Any]) -> list[WatchRow]:
    return [
        WatchRow(unescape(i), unescape(url), version, unescape_json(data))
        for i, url, version, data in connection.execute(
            "SELECT id, url, version, data FROM watches WHERE deleted_at IS NULL"
        )
    ]


def _row_of(snapshot: Snapshot) -> tuple[Any, ...]:
    return (
        escape(snapshot.id),
        escape(snapshot.url),
        snapshot.version,
        frame(snapshot.report),
        None if snapshot.final_url is None else escape(snapshot.final_url),
        escape(snapshot.host),
        None if snapshot.title is None else escape(snapshot.title),
        snapshot.status,
        _text_of(snapshot.submitted_at),
        _text_of(snapshot.finished_at),
        _text_of(snapshot.expires_at),
        snapshot.transfer_bytes,
        snapshot.resource_bytes,
        snapshot.requests,
        snapshot.score,
        None if snapshot.idempotency is None else escape(snapshot.idempotency),
        None if snapshot.series is None else escape(snapshot.series),
        snapshot.way,
        text_of_headers(snapshot.headers),
    )


def _query(
    query: tuple[str, Arguments],
    connection: sqlite3.Connection,
    _job: Job[Any],
    cut: Cut | None = None,
) -> list[Snapshot]:
    snapshots = (_snapshot(row) for row in connection.execute(*query))
    if cut is None:
        return list(snapshots)
    # One by one: each may be large, and together they would be too much.
    return [msgspec.structs.replace(one, report=cut(one.report)) for one in snapshots]


def _query_packed(
    query: tuple[str, Sequence[Any]], connection: sqlite3.Connection, _job: Job[Any]
) -> list[Snapshot]:
    return [
        _filled(Packed, row, row[_REPORT]) if row[_STATUS] in FINISHED else _snapshot(row)
        for row in connection.execute(*query)
    ]


def _snapshot(row: Row) -> Snapshot:
    return _filled(Snapshot, row, unframe(row[_REPORT]))


def _filled(kind: type[S], row: Row, report: bytes) -> S:
    page_id, url, version, _, final_url, host, title, status, *times, key, series, way, headers = (
        row
    )
    submitted_at, finished_at, expires_at, transfer_bytes, resource_bytes, requests, score = times
    return kind(
        unescape(page_id),
        unescape(url),
        version,
        report,
        None if final_url is None else unescape(final_url),
        unescape(host),
        None if title is None else unescape(title),
        status,
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


def _json_list(texts: Iterable[str]) -> str:
    return msgspec.json.encode(list(texts)).decode()


def _text_of(moment: datetime | None) -> str | None:
    return None if moment is None else _utc(moment)


def _utc(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise Rejected(f"{moment.isoformat()} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time_of(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
