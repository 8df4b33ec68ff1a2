"""A SQLite file as this program left it, and what is done when somebody else has changed it.

Whoever restores a backup copies it over the file, moves it there, or cuts the file short and writes it
anew, with Libra running and its ``-wal`` left or removed. SQLite notices none of that. What is open
goes on with the pages that it knows, and when the last connection is closed it writes what its WAL has
kept of the former file into the one that has come since, which damages that. So before and after each
job the file is compared with what it was, and what its WAL has must not outlive it.

In WAL mode the file itself changes at a checkpoint only. So nothing but `File` makes one, and every
other change is somebody else's: of a program that works on the file as one should, or of one that has
copied something over it. What the file has without its WAL tells which: the counters of its writers
never go back.
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
"""Device, inode, bytes and time of the last change (in ns) of a file."""

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
"""From this size on a WAL is moved to the file after each job; SQLite's own number, nearly."""

_ROWS_OF_A_LOOK: Final = 1
"""What a probe writes: the lease. After a job that writes no more nobody is in a hurry."""


class Closable(Protocol):
    """Who has the file open."""

    def disconnect_if_idle(self, patience: float) -> bool:
        """Close it, from another thread, unless it is in use for so many seconds."""


class File:
    """A SQLite file and the lanes that have it open.

    SQLite shares the memory of a file's ``-shm`` among all connections of a process. When the file is
    replaced while one of them still has the old one open, a connection to the new one gets the memory
    of the old: at best "not a database", at worst a bus error. So whoever finds that it was replaced or
    is damaged has every connection closed before anybody opens it again.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lanes: set[Closable] = set()
        self._lock = threading.Lock()
        self._settling = threading.Lock()
        self._stale = False
        self._cut = False
        self._left: Mark | None = None  # as the writer left it; None while there is no writer
        self._base: Base | None = None
        self._wal: int | None = None  # a descriptor of the one in use, whatever has its name
        self._wal_left: Mark | None = None
        self._seen = self._moved = 0  # changes of the writer's connection

    def join(self, lane: Closable) -> None:
        """A lane is about to open the file."""
        with self._lock:
            self._lanes.add(lane)

    def leave(self, lane: Closable) -> None:
        """A lane has ended."""
        with self._lock:
            self._lanes.discard(lane)

    def doubt(self) -> None:
        """What is open may not be what the path leads to: see `begin_again`."""
        self._stale = True

    def begin_again(self, mine: Closable) -> None:
        """Before a connection is opened: close all others if there is a doubt.

        Raises:
            Unavailable: if one of them is in use and does not end soon.
        """
        with self._lock:
            if not self._stale:
                return
            for lane in self._lanes - {mine}:
                if not lane.disconnect_if_idle(_OTHERS_MAY_TAKE):
                    raise Unavailable("unreachable", "the file was replaced and is still in use")
            self._stale = False

    # Of the one lane that writes

    def opened(self, connection: sqlite3.Connection) -> None:
        """The writer has a new connection: from here on every change is noticed."""
        with self._settling:
            self._forget()
            connection.execute("PRAGMA wal_autocheckpoint = 0")
            # Cut whenever it is begun again, so that its size tells how much is in it.
            connection.execute("PRAGMA journal_size_limit = 0")
            self._checkpoint(connection)

    def wrote(self) -> None:
        """The writer has done with the WAL what its job asked for: from here on changes are others'."""
        with self._settling:
            if self._wal is not None:
                self._wal_left = _mark(os.fstat(self._wal))

    def settle(self, connection: sqlite3.Connection) -> None:
        """The writer has ended a job: now and then what it wrote is moved from the WAL to the file."""
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
        """The writer has closed its connection."""
        with self._settling:
            self._forget()

    # Of every lane

    def is_another(self, *, writer: bool) -> bool:
        """Whether the file is not the one that the writer left, or its WAL was taken away.

        Args:
            writer: who asks; others do not look while the file is being written to.
        """
        if self._left is None or not self._settling.acquire(blocking=writer):
            return False
        try:
            return self._differs(writer=writer)
        finally:
            self._settling.release()

    def give_up(self, connection: sqlite3.Connection, to: tuple[int, int] | None) -> None:
        """Before what may be another is closed: leave nothing in the WAL for it.

        Args:
            connection: of any lane.
            to: the device and inode of the file that it is to.
        """
        with self._settling, suppress(OSError, sqlite3.Error):
            if self._left is None or self._wal is None:
                return
            now = _mark_of(self.path)
            in_place = now is not None and now[:2] == self._left[:2]
            if in_place and now != self._left:
                if self._is_overwritten(_base_when_done(self.path)):
                    os.ftruncate(self._wal, 0)
                    self._cut = True
                return
            if in_place and not self._lacks_wal():
                return
            # It was moved away, or only lacks its WAL: make it complete. Left where it is, the WAL
            # would be taken for that of whatever has come to stand there.
            if to == self._left[:2]:
                connection.execute("PRAGMA wal_checkpoint")
            wal = _wal_of(self.path)
            if not in_place and _mark_of(wal) == _mark(os.fstat(self._wal)):
                wal.unlink()

    # Inside

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        if self._left is not None and self._differs(writer=True):
            return  # just now; the next job finds that out
        with suppress(sqlite3.Error):  # a full disk, say, which the next save will meet
            connection.execute("PRAGMA wal_checkpoint")
        if self._wal is None:
            with suppress(OSError):
                self._wal = os.open(_wal_of(self.path), os.O_RDWR | os.O_CLOEXEC)
        self._seen = self._moved = connection.total_changes
        self._left = _mark_of(self.path)
        self._base = _base_of(self.path)
        self._wal_left = None if self._wal is None else _mark(os.fstat(self._wal))

    def _differs(self, *, writer: bool) -> bool:
        now = _mark_of(self.path)
        if now != self._left:
            if now is None or self._left is None or now[:2] != self._left[:2]:
                return True
            base = _base_when_done(self.path) if writer else _base_of(self.path)
            if (writer or base is not None) and self._is_overwritten(base):
                return True
            if writer:
                self._left, self._base = now, base  # by another program, as it should
        return self._lacks_wal()

    def _lacks_wal(self) -> bool:
        if self._wal is None:
            return False
        there = _mark_of(_wal_of(self.path))
        return there is None or there[:2] != _mark(os.fstat(self._wal))[:2]

    def _is_overwritten(self, base: Base | None) -> bool:
        """Whether the file was changed where it stands by somebody who does not use SQLite."""
        if self._cut:
            return True  # until all have closed it: what they know of its WAL is no more
        if base is None or self._base is None:
            return self._base is not None
        if base[0] != self._base[0] or base[2] < self._base[2]:
            return True
        # A program that changes the schema, or vacuums, writes that to the WAL.
        untouched = self._wal is not None and _mark(os.fstat(self._wal)) == self._wal_left
        return base[1] != self._base[1] and untouched

    def _forget(self) -> None:
        wal, self._wal = self._wal, None
        if wal is not None:
            os.close(wal)
        self._left = self._base = self._wal_left = None
        self._cut = False


def inode_of(path: Path) -> tuple[int, int] | None:
    """Which file stands there."""
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
    """What the file has by itself; None if that is nothing which can be read."""
    # Immutable: SQLite then takes no locks and does not look for a WAL.
    address = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(address, uri=True)) as connection:
            found: Base | None = connection.execute(_BASE).fetchone()
            return found
    except sqlite3.Error:
        return None


def _base_when_done(path: Path) -> Base | None:
    """The same when whoever is writing to the file has done so.

    In the middle of another program's checkpoint a file that grows is as unreadable as one that is being
    copied over.
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
