"""A lane: a thread with its own SQLite connection, with deadlines that hold.

SQLite's calls block, so each connection lives on a thread. A whole unit of work (a transaction, a
query with its rows) is handed over at once and returns one result, which is cheaper than handing over
every statement. When the caller's deadline passes, or the caller is cancelled, the running statement
is stopped and its result dropped. Unlike in a thread pool, such work does not continue unseen and
hold the lock.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from libra.storage.classify import classify
from libra.storage.errors import Rejected, Unavailable, UnreadableRow
from libra.storage.sqlite.file import File, inode_of

T = TypeVar("T")

# After these faults the file may have been replaced or repaired, which an open connection cannot see.
_REOPEN_AFTER: Final = frozenset({"unreachable", "corrupt", "read-only", "schema", "history"})

_PAGES_ARE_RIGHT: Final = frozenset({"read-only", "schema"})  # what others have read is valid

_ATTEMPTS: Final = 3  # to open a file that nobody replaces meanwhile

_STEPS_BETWEEN_LOOKS: Final = 100_000  # of SQLite's virtual machine, a few milliseconds


class Abandoned(Exception):
    """The caller has gone; uncommitted changes must not be committed."""


class Job(Generic[T]):
    """One unit of work on its way to the thread and back."""

    __slots__ = ("abandoned", "future", "loop", "work")

    def __init__(
        self,
        work: Callable[[sqlite3.Connection, Job[T]], T],
        loop: asyncio.AbstractEventLoop,
        future: asyncio.Future[T],
    ) -> None:
        self.work = work
        self.loop = loop
        self.future = future
        self.abandoned = False

    def check(self) -> None:
        """Stop if the caller has gone; long work calls this between its statements.

        Raises:
            Abandoned: nobody waits for the result any more.
        """
        if self.abandoned:
            raise Abandoned


class ConnectionThread:
    """Runs jobs one after another on its own connection, which it opens when first needed.

    Args:
        name: the name of the thread.
        connect: opens the connection; called on the thread, again after a fault.
        file: the file; if another file replaces it, that one is opened instead.
        writes: whether this is the one lane that changes the file.
    """

    def __init__(
        self,
        name: str,
        connect: Callable[[], sqlite3.Connection],
        file: File,
        *,
        writes: bool = False,
    ) -> None:
        self._connect = connect
        self._file = file
        self._writes = writes
        self._busy = threading.Lock()
        self._inode: tuple[int, int] | None = None
        self._generation = 0
        self._jobs: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._current: Job[Any] | None = None
        self._connection: sqlite3.Connection | None = None
        self._thread: threading.Thread | None = None
        self._name = name
        self._stopped: asyncio.Future[None] | None = None
        self._closed = False

    async def run(self, work: Callable[[sqlite3.Connection, Job[T]], T], *, deadline: float) -> T:
        """Do a unit of work on the thread and return its result.

        Raises:
            Unavailable: the database cannot do it, or not within ``deadline`` seconds.
            Rejected: the database will never do it.
        """
        if self._closed:
            raise Unavailable("unreachable", "the store is closed")
        loop = asyncio.get_running_loop()
        job = Job(work, loop, loop.create_future())
        if self._thread is None:
            # A daemon, so that a disk that hangs cannot keep the program from ending.
            self._thread = threading.Thread(target=self._main, name=self._name, daemon=True)
            self._thread.start()
        self._jobs.put(job)
        try:
            await asyncio.wait({job.future}, timeout=deadline)
            if job.future.done():
                result: T = job.future.result()
                return result
            raise Unavailable("timeout", f"no answer within {deadline:g} s")
        finally:
            if not job.future.done():
                job.abandoned = True
                job.future.cancel()

    async def close(self, *, deadline: float = 1.0) -> None:
        """End the thread after the current job; leave it behind if it hangs."""
        self._closed = True
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._stopped = asyncio.get_running_loop().create_future()
        self._jobs.put(None)
        await asyncio.wait({self._stopped}, timeout=deadline)
        if self._stopped.done():
            thread.join()

    # On the thread

    def _main(self) -> None:
        while (job := self._jobs.get()) is not None:
            if job.abandoned:
                continue
            self._current = job
            with self._busy:
                self._do(job)
                self._current = None
                if self._writes and self._connection is not None:
                    self._file.settle(self._connection)
        self._disconnect()
        self._file.leave(self)
        if (stopped := self._stopped) is not None:
            _tell_loop(stopped.get_loop(), _succeed, stopped, None)

    def _do(self, job: Job[Any]) -> None:
        try:
            result = self._perform(job)
        except Abandoned:
            pass
        except BaseException as exc:  # noqa: BLE001 - handed to the caller, which waits for it
            _tell(job, _fail, job.future, exc)
        else:
            _tell(job, _succeed, job.future, result)

    def _perform(self, job: Job[T]) -> T:
        connecting, outdated = True, False
        try:
            if self._is_outdated():
                self._disconnect()
            elif self._is_another():
                # The file was replaced, overwritten or removed. Reads and writes on the open
                # connection would seem to work, and all of it would be lost.
                self._file.doubt()
                self._disconnect()
            if self._connection is None:
                self._file.join(self)
                self._generation = self._file.begin_again(self)
                self._connection, self._inode = self._open()
                self._connection.set_progress_handler(self._unwanted, _STEPS_BETWEEN_LOOKS)
                if self._writes:
                    self._file.opened(self._connection)
            connecting = False
            try:
                result = job.work(self._connection, job)
            finally:
                if self._writes:
                    self._file.wrote()
            # In this order: a lane that finds another file says so before it closes its connection, and
            # without the writer's there is nothing to compare the file with.
            another = self._is_another()
            outdated = not another and not self._writes and self._is_outdated()
            if another or outdated:
                # A job that waited for the lock of a file may have got it after the file had gone. A
                # read may have mixed the pages of two files.
                raise Unavailable("unreachable", "the file was replaced meanwhile")
            return result
        except (sqlite3.Error, OSError, OverflowError, UnicodeError) as exc:
            verdict = classify(exc, connecting=connecting)
            if verdict is None:
                raise
            self._tidy(verdict)
            raise verdict from exc
        except UnreadableRow:
            raise  # the connection is fine
        except Unavailable as exc:
            if outdated:
                self._disconnect()  # whoever raised the doubt has said so
            else:
                self._tidy(exc)
            raise

    def _open(self) -> tuple[sqlite3.Connection, tuple[int, int] | None]:
        """A connection, and the inode of its file."""
        inode = inode_of(self._file.path)
        for _ in range(_ATTEMPTS):
            connection = self._connect()
            # If the file is replaced just now, the connection would count as one to the new file, and
            # all its writes would be lost. If there was no file, the new one may be ours or another
            # program's.
            found, inode = inode, inode_of(self._file.path)
            if found == inode:
                return connection, inode
            connection.close()
        raise Unavailable("unreachable", "the file is being replaced")

    def disconnect_if_idle(self, patience: float) -> bool:
        """Close the connection unless it stays in use; called on the thread of another lane."""
        if not self._busy.acquire(timeout=patience):
            return False
        try:
            self._disconnect()
        finally:
            self._busy.release()
        return True

    def _unwanted(self) -> bool:
        # SQLite calls this while it works, and stops if it returns true. Its interrupt() would not
        # do: it has no effect on a statement that begins a moment later.
        return self._current is not None and self._current.abandoned

    def _is_another(self) -> bool:
        moved = self._connection is not None and self._inode != inode_of(self._file.path)
        return moved or self._file.is_another(writer=self._writes)

    def _is_outdated(self) -> bool:
        return self._connection is not None and self._generation != self._file.generation

    def _tidy(self, verdict: Unavailable | Rejected) -> None:
        if isinstance(verdict, Unavailable) and verdict.fault in _REOPEN_AFTER:
            self._file.doubt(mixed=verdict.fault not in _PAGES_ARE_RIGHT or self._is_another())
            self._disconnect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        self._file.give_up(connection, self._inode)
        connection.close()
        if self._writes:
            self._file.closed()


def _tell(job: Job[Any], what: Callable[..., None], *args: Any) -> None:
    _tell_loop(job.loop, what, *args)


def _tell_loop(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *args: Any) -> None:
    try:
        loop.call_soon_threadsafe(what, *args)
    except RuntimeError:
        if not loop.is_closed():
            raise
        # The program that asked has ended; there is nobody left to tell.


def _succeed(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], exc: BaseException) -> None:
    if not future.done():
        future.set_exception(exc)
