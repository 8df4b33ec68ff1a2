"""A SQLite file as this program left it, and the reaction when another program has changed it.

To restore a backup, people copy it over the file, move it there, or truncate the file and write it
anew, while Libra runs and its ``-wal`` stays or is removed. SQLite notices none of that. Open
connections continue with the pages that they know. When the last one is closed, SQLite writes the WAL
of the former file into the new file, which damages that. So before and after each job the file is
compared with its last state, and the content of its WAL must not outlive it.

In WAL mode the file itself changes only at a checkpoint. So only `File` makes checkpoints, and every
other change comes from another program: one that uses SQLite correctly, or one that has copied
something over the file. The file without its WAL shows which: the counters of its writers never go
back.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from libra.storage.errors import Unavailable

Mark: TypeAlias = tuple[int, int, int, int]
"""Device, inode, size in bytes and time of the last change (in ns) of a file."""

Base: TypeAlias = tuple[str, int, int]
"""The id of a database, how often its schema was changed (a vacuum counts, which gives pages other
numbers), and the sum of its writers' counters: all without what its WAL has."""

_BASE: Final = """
    SELECT id, schema_version, (SELECT coalesce(sum(counter), 0) FROM libra_writers)
    FROM libra_database, pragma_schema_version
"""

_OTHERS_MAY_TAKE: Final = 0.3  # seconds

_LOOKS: Final = 10
_BETWEEN_LOOKS: Final = 0.05  # seconds

_WAL_BYTES: Final = 4_000_000
"""A WAL of this size in bytes is moved to the file after each job; nearly SQLite's own number."""

_BETWEEN_TRIES: Final = 0.001  # seconds

_TICK: Final = 20_000_000
"""Nanoseconds after which the time of a file has changed if the file has; Linux counts up to 10 ms at
a time."""

_ROWS_OF_A_LOOK: Final = 1
"""The rows that a probe writes: the lease. After a job that writes only these there is no hurry."""


class Closable(Protocol):
    """A lane that has the file open."""

    def disconnect_if_idle(self, patience: float) -> bool:
        """Close it, from another thread, unless it is in use for ``patience`` seconds."""


class File:
    """A SQLite file and the lanes that have it open.

    SQLite shares the memory of a file's ``-shm`` among all connections of a process. If the file is
    replaced while a connection still has the old one open, a connection to the new one gets the
    memory of the old one: at best "not a database", at worst a bus error. So when a lane finds that
    the file was replaced or is damaged, all connections are closed before one is opened again.

    Args:
        path: the file.

    Attributes:
        generation: how often pages of two files may have been mixed. What was read meanwhile, over a
            connection that was opened before, does not count.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lanes: set[Closable] = set()
        self._lock = threading.Lock()
        self._settling = threading.Lock()
        self._doubting = threading.Lock()
        self.generation = 0
        self._stale = False
        self._moving = False  # while the writer changes the file itself
        self._cut = False
        self._left: Mark | None = None  # as the writer left it; None while there is no writer
        self._left_just_now = False  # another change in this tick leaves the same mark
        self._base: Base | None = None
        self._wal: int | None = None  # a descriptor of the WAL in use, whatever file has its name
        self._wal_left: Mark | None = None
        self._seen = self._moved = 0  # changes of the writer's connection

    def join(self, lane: Closable) -> None:
        """Add a lane that is about to open the file."""
        with self._lock:
            self._lanes.add(lane)

    def leave(self, lane: Closable) -> None:
        """Remove a lane that has ended."""
        with self._lock:
            self._lanes.discard(lane)

    def doubt(self, *, mixed: bool = True) -> None:
        """Note that open connections may not be to the file at the path: see `begin_again`.

        Args:
            mixed: whether they may have read the pages of two files.
        """
        with self._doubting:
            self.generation += mixed
            self._stale = True

    def begin_again(self, mine: Closable) -> int:
        """Close all other connections if there is a doubt; called before a connection is opened.

        Returns:
            The generation of that connection.

        Raises:
            Unavailable: one of them is in use and does not end soon.
        """
        with self._lock:
            with self._doubting:
                stale, self._stale = self._stale, False
                generation = self.generation
            for lane in self._lanes - {mine} if stale else ():
                if not lane.disconnect_if_idle(_OTHERS_MAY_TAKE):
                    self._stale = True
                    raise Unavailable("unreachable", "the file was replaced and is still in use")
            return generation

    # For the one lane that writes

    def opened(self, connection: sqlite3.Connection) -> None:
        """Note that the writer has a new connection: from now on every change is noticed."""
        with self._settling:
            self._forget()
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            # Truncated whenever it is restarted, so that its size shows how much it holds.
            connection.execute("PRAGMA journal_size_limit = 0")
            self._checkpoint(connection)

    def wrote(self) -> None:
        """Note the WAL after a job of the writer: later changes come from other programs."""
        with self._settling:
            if self._wal is not None:
                self._wal_left = _mark(os.fstat(self._wal))

    def settle(self, connection: sqlite3.Connection) -> None:
        """Move the WAL to the file from time to time; called when the writer has ended a job."""
        changes = connection.total_changes
        rows, self._seen = changes - self._seen, changes
        with self._settling:
            if self._wal is None or self._left is None:
                return
            waiting = changes - self._moved
            large = os.fstat(self._wal).st_size >= _WAL_BYTES
            if waiting and (large or rows <= _ROWS_OF_A_LOOK < waiting):
                self._checkpoint(connection)

    def closed(self) -> None:
        """Note that the writer has closed its connection."""
        with self._settling:
            self._forget()

    # For every lane

    def is_another(self, *, writer: bool) -> bool:
        """Whether the file is not the one that the writer left, or its WAL was taken away.

        Args:
            writer: whether the writer asks. Other lanes wait while it examines the file, since it may
                be about to find that the file is another one. They do not wait for its checkpoints.
        """
        while self._left is not None and (writer or not self._moving):
            if self._settling.acquire(timeout=-1 if writer else _BETWEEN_TRIES):
                try:
                    return self._differs(writer=writer)
                finally:
                    self._settling.release()
        return False

    def give_up(self, connection: sqlite3.Connection, to: tuple[int, int] | None) -> None:
        """Leave nothing in the WAL for another file; called before a connection is closed.

        Args:
            connection: the connection of any lane.
            to: the device and inode of its file.
        """
        with self._settling, suppress(OSError, sqlite3.Error):
            if self._left is None or self._wal is None:
                return
            now = _mark_of(self.path)
            in_place = now is not None and now[:2] == self._left[:2]
            changed = now != self._left
            if in_place and now is not None and (changed or self._left_just_now):
                if (
                    self._is_overwritten(_base_when_done(self.path))
                    if changed
                    else self._is_overwritten_unseen(now)
                ):
                    os.ftruncate(self._wal, 0)
                    self._cut = True
                    return
                if changed:
                    return
            if in_place and not self._lacks_wal():
                return
            # The file was moved away, or only lacks its WAL: complete it. A WAL that stayed in place
            # would be taken for that of the new file.
            if to == self._left[:2]:
                connection.execute("PRAGMA wal_checkpoint")
            wal = _wal_of(self.path)
            if not in_place and _mark_of(wal) == _mark(os.fstat(self._wal)):
                wal.unlink()

    # Internals

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        if self._differs(writer=True):
            return  # just now; the next job notices that
        self._moving = True
        try:
            with suppress(sqlite3.Error):  # for example a full disk, which the next save will meet
                connection.execute("PRAGMA wal_checkpoint")
            if self._wal is None:
                with suppress(OSError):
                    self._wal = os.open(_wal_of(self.path), os.O_RDWR | os.O_CLOEXEC)
            self._seen = self._moved = connection.total_changes
            self._left = _mark_of(self.path)
            self._left_just_now = True
            self._base = _base_of(self.path)
            self._wal_left = None if self._wal is None else _mark(os.fstat(self._wal))
        finally:
            self._moving = False

    def _differs(self, *, writer: bool) -> bool:
        if self._left is None:
            return False
        now = _mark_of(self.path)
        if now is None or now[:2] != self._left[:2]:
            return True
        if now != self._left:
            base = _base_when_done(self.path)
            if self._is_overwritten(base):
                return True
            if writer:
                self._left, self._base = now, base  # changed correctly, by another program
                self._left_just_now = True
        elif self._left_just_now and self._is_overwritten_unseen(now):
            return True
        return self._lacks_wal()

    def _is_overwritten_unseen(self, now: Mark) -> bool:
        """Whether the file was overwritten in the tick of the clock in which it was left."""
        over = abs(time.time_ns() - now[3]) >= _TICK
        base = _base_of(self.path)
        if base is None:
            return False  # that says nothing of a file that looks unchanged: the next check looks again
        self._left_just_now = not over
        return self._is_overwritten(base)

    def _lacks_wal(self) -> bool:
        if self._wal is None:
            return False
        there = _mark_of(_wal_of(self.path))
        return there is None or there[:2] != _mark(os.fstat(self._wal))[:2]

    def _is_overwritten(self, base: Base | None) -> bool:
        """Whether a program that does not use SQLite has changed the file in place."""
        if self._cut:
            return True  # until all lanes have closed it: their view of its WAL is invalid
        if base is None or self._base is None:
            return self._base is not None
        if base[0] != self._base[0] or base[2] < self._base[2]:
            return True
        # A program that changes the schema or vacuums writes that to the WAL.
        untouched = self._wal is not None and _mark(os.fstat(self._wal)) == self._wal_left
        return base[1] != self._base[1] and untouched

    def _forget(self) -> None:
        wal, self._wal = self._wal, None
        if wal is not None:
            os.close(wal)
        self._left = self._base = self._wal_left = None
        self._cut = False


def inode_of(path: Path) -> tuple[int, int] | None:
    """The device and inode of the file at a path."""
    mark = _mark_of(path)
    return None if mark is None else mark[:2]


def _mark_of(path: Path) -> Mark | None:
    try:
        return _mark(os.stat(path))  # noqa: PTH116 - before every job; Path.stat costs twice as much
    except OSError:
        return None


def _mark(status: os.stat_result) -> Mark:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _base_of(path: Path) -> Base | None:
    """The content of the file without its WAL; None if it is unreadable."""
    # Immutable: then SQLite takes no locks and does not look for a WAL.
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            found: Base | None = connection.execute(_BASE).fetchone()
            return found
    except sqlite3.Error:
        return None


def _base_when_done(path: Path) -> Base | None:
    """The same, after another program has finished writing to the file.

    In the middle of another program's checkpoint, a growing file is as unreadable as one that is
    being copied over.
    """
    base = _base_of(path)
    for _ in range(_LOOKS):
        if base is not None:
            break
        before = _mark_of(path)
        time.sleep(_BETWEEN_LOOKS)  # on the thread of a lane
        if _mark_of(path) == before:
            base = _base_of(path)
    return base


def _wal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")
