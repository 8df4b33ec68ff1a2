"""Bodies that are kept until they have been read for the last time.

Short bodies stay in memory. The rest goes to one unnamed temporary file per page, which disappears with
the last body in it. So pages of hundreds of megabytes use disk, not memory.
"""

from __future__ import annotations

import errno
import os
import tempfile
import threading
import weakref

import msgspec

IN_MEMORY = 262_144
"""Bytes of one arriving body that stay in memory before they move to the page's file."""

MOST = 1_000_000_000
"""Maximum size in bytes of one page's file."""


class Spool:
    """The temporary file of one page. The first write creates it, in any thread."""

    __slots__ = ("__weakref__", "_end", "_fd", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fd = -1
        self._end = 0

    @property
    def fd(self) -> int:
        """The descriptor of the file; -1 before the first write."""
        return self._fd

    def write(self, data: bytes) -> tuple[int, int]:
        """Append data; returns its offset and length.

        Raises:
            OSError: The temporary folder has no room, or the page has reached its limit.
        """
        with self._lock:
            if self._end + len(data) > MOST:
                raise OSError(errno.EFBIG, f"a page may use at most {MOST:,} bytes of disk")
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
        """The data written at this place."""
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
        memory: The end of the body, or all of it.
        places: Where the rest is in the file, as offsets and lengths.
        spool: The file, if it holds the rest.
    """

    memory: bytes = b""
    places: tuple[tuple[int, int], ...] = ()
    spool: Spool | None = None

    @property
    def size(self) -> int:
        """The length of the body in bytes."""
        return len(self.memory) + sum(length for _, length in self.places)

    def read(self) -> bytes:
        """The whole body. If part of it is in the file, call this in a thread."""
        if self.spool is None:
            return self.memory
        return b"".join((*(self.spool.read(*place) for place in self.places), self.memory))

    def stowed(self, spool: Spool) -> KeptBody:
        """The same body with nothing left in memory. Call this in a thread.

        Raises:
            OSError: See `Spool.write`.
        """
        if not self.memory:
            return self
        return KeptBody(b"", tuple(joined([*self.places, spool.write(self.memory)])), spool)


def joined(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same places, with adjacent ones merged."""
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
