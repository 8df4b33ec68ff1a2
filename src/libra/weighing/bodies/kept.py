"""Bodies that are kept until they have been read for the last time.

Short ones stay in memory. What is beyond that goes to one temporary file for each page, which has no
name and is gone with the last body in it. So pages of hundreds of megabytes cost disk and not memory.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
import weakref

import msgspec

IN_MEMORY = 262_144
"""Bytes of one body that are held in memory while it arrives, before they go to the page's file."""

MOST = 1_000_000_000
"""Bytes that the file of one page may take."""


class Spool:
    """The temporary file of one page. It is made when something is written, in any thread."""

    __slots__ = ("__weakref__", "_end", "_fd", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd = -1
        self._end = 0

    @property
    def fd(self) -> int:
        """The descriptor of the file; -1 before anything was written."""
        return self._fd

    def write(self, data: bytes) -> tuple[int, int]:
        """Append something; returns where it is and how long.

        Raises:
            OSError: the folder for temporary files cannot take it, or the page has had its share.
        """
        with self._lock:
            if self._end + len(data) > MOST:
                raise OSError(errno.EFBIG, f"a page may take {MOST:,} bytes of disk")
            if self._fd < 0:
                self._fd = _nameless_file()
                weakref.finalize(self, os.close, self._fd)
            os.lseek(self._fd, self._end, os.SEEK_SET)
            left = memoryview(data)
            while left:
                left = left[os.write(self._fd, left) :]
            place = self._end, len(data)
            self._end += len(data)
        return place

    def read(self, at: int, length: int) -> bytes:
        """What was written there."""
        pieces: list[bytes] = []
        with self._lock:
            os.lseek(self._fd, at, os.SEEK_SET)
            while length > 0 and (piece := os.read(self._fd, length)):
                pieces.append(piece)
                length -= len(piece)
        return b"".join(pieces)


class KeptBody(msgspec.Struct, frozen=True, eq=False):
    """The decoded bytes of one body: first those in the file, then those in memory.

    Attributes:
        memory: The end of it, or all.
        places: Where the rest is in the file: offsets and lengths.
        spool: The file, if there is a rest.
    """

    memory: bytes = b""
    places: tuple[tuple[int, int], ...] = ()
    spool: Spool | None = None

    @property
    def size(self) -> int:
        """Of all of it, in bytes."""
        return len(self.memory) + sum(length for _, length in self.places)

    def read(self) -> bytes:
        """All of it. If some is in the file, call this in a thread."""
        if self.spool is None:
            return self.memory
        return b"".join((*(self.spool.read(*place) for place in self.places), self.memory))

    def stowed(self, spool: Spool) -> KeptBody:
        """The same with nothing in memory. Call this in a thread.

        Raises:
            OSError: as `Spool.write`.
        """
        if not self.memory:
            return self
        return KeptBody(b"", tuple(joined([*self.places, spool.write(self.memory)])), spool)


def joined(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same places, in which those that follow one another are one."""
    found: list[tuple[int, int]] = []
    for at, length in places:
        if found and sum(found[-1]) == at:
            found[-1] = found[-1][0], found[-1][1] + length
        else:
            found.append((at, length))
    return found


def _nameless_file() -> int:
    with tempfile.TemporaryFile(buffering=0) as file:
        return os.dup(file.fileno())
