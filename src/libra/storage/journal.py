"""The journal: what has been acknowledged and is not in the database yet, on the local disk.

It makes ``202 Accepted`` true. A submission is here before it is acknowledged, and a result before it
counts as safe, so ``kill -9`` during an outage of the database loses nothing.

The journal is a row of segments, files to which entries are only ever appended. An entry is live
while it is the newest of its page and the database has not got it. Segments are deleted whole and
*oldest first*: so what is left is always the last part of history, and no older state of a page
can outlive a newer one. When the oldest segment holds little that is live, that little is written
again at the end and the segment goes.

Nothing here is asynchronous: a journal is used by one thread, which may wait for the disk.
"""

from __future__ import annotations

import fcntl
import logging
import os
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from libra.storage.snapshot import Deleted, Entry, Snapshot, WatchRow, newest

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

log = logging.getLogger("libra.journal")

SEGMENT_BYTES: Final = 8_000_000
"""A segment of this size is followed by a new one."""

TIDY_BYTES: Final = 4 * SEGMENT_BYTES
"""Above this size of the whole journal the oldest segment is cleared if it is mostly dead."""

_FRAME: Final = struct.Struct("<II")
"""Before each payload: its length and its CRC-32."""


class JournalInUse(Exception):
    """Another Libra works on this data directory."""


class _Segment:
    """One file of the journal."""

    __slots__ = ("entries", "live", "number", "path", "size")

    def __init__(self, number: int, path: Path, size: int = 0) -> None:
        self.number = number
        self.path = path
        self.size = size
        self.entries = 0
        self.live: set[str] = set()


class _Place(NamedTuple):
    """Where the newest entry of a page is."""

    segment: int
    version: int


class Journal:
    """The journal of one data directory.

    Args:
        directory: where its segments are; it is made if it is missing.
        segment_bytes: see `SEGMENT_BYTES`.
        tidy_bytes: see `TIDY_BYTES`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        tidy_bytes: int = TIDY_BYTES,
    ) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._tidy_bytes = tidy_bytes
        self._segments: dict[int, _Segment] = {}
        self._where: dict[str, _Place] = {}
        self._lock: int | None = None
        self._file: int | None = None
        self._next = 1

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(segment.size for segment in self._segments.values())

    def __len__(self) -> int:
        """How many pages have something in the journal that the database has not."""
        return len(self._where)

    def lock(self) -> None:
        """Claim the directory for this program; the claim ends with `close` or with the process.

        Raises:
            JournalInUse: another program has it.
            OSError: the directory cannot be made or opened.
        """
        if self._lock is not None:
            return
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # The directory itself is locked, which works on a disk that cannot be written, too.
        lock = os.open(self._directory, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise JournalInUse(
                f"another Libra works on {self._directory.parent}: stop it, or give this one "
                "a data directory of its own (--data-dir)"
            ) from None
        self._lock = lock

    def scan(self) -> None:
        """Find out what a former program left; to be done once, before anything is written.

        Raises:
            OSError: the directory cannot be read.
        """
        for path in sorted(self._directory.glob("*.journal")):
            if not path.stem.isdigit():
                continue
            segment = _Segment(int(path.stem), path, path.stat().st_size)
            self._segments[segment.number] = segment
            self._next = max(self._next, segment.number + 1)
            for entry in _read(path, loudly=True):
                if isinstance(entry, list):
                    for page_id, version in entry:
                        self._forget(page_id, version)
                    continue
                at = self._where.get(entry.id)
                if at is None or at.version <= entry.version:
                    self._move(entry, segment)
        self._delete_dead()

    def batches(self, size: int = 500) -> Iterator[list[Entry]]:
        """The newest entry of every page, ``size`` at a time.

        Raises:
            OSError: a segment cannot be read.
        """
        batch: list[Entry] = []
        for number in sorted(self._segments):
            segment = self._segments.get(number)
            if segment is None or not segment.live:
                continue  # gone since, or of no more use
            for entry in _entries(segment.path):
                if self._where.get(entry.id) == _Place(number, entry.version):
                    batch.append(entry)
                if len(batch) == size:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def write(self, entries: Sequence[Entry]) -> None:
        """Append entries; when this returns they are on the disk.

        Raises:
            OSError: they may or may not be on the disk; writing them again does no harm.
        """
        segment = self._append(b"".join(map(_frame, map(_encode, entries))), sync=True)
        for entry in entries:
            self._move(entry, segment)
        self._delete_dead()

    def drop(self, stored: Iterable[tuple[str, int]]) -> None:
        """The database has these pages, each as of a version: what is not newer can go.

        This is written down too, so that a restart does not bring back what has been stored. It is
        not synced: what a power cut makes of it is stored once more, which does no harm.

        Raises:
            OSError: it could not be written down; nothing is lost by that.
        """
        dropped = [one for one in stored if self._forget(*one)]
        self._delete_dead()
        if dropped and self._segments:
            self._append(_frame(_encode_drops(dropped)), sync=False)
        self._tidy()

    def close(self) -> None:
        """Let go of the directory; if nothing in it is live any more, nothing is left in it."""
        self._close_file()
        self._delete_dead()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    # Segments

    def _append(self, data: bytes, *, sync: bool) -> _Segment:
        segment = self._current()
        try:
            _write_all(self._open_file(segment), data)
            if sync:
                _sync(self._open_file(segment))
        except OSError:
            # What is at the end of this file is unknown now, and after a failed sync the kernel
            # may drop pages that it calls clean: nothing is appended to it any more.
            self._close_file()
            raise
        segment.size += len(data)
        return segment

    def _forget(self, page_id: str, version: int) -> bool:
        """Call a page's entry dead if it is not newer than this version; whether there was one."""
        at = self._where.get(page_id)
        if at is None or at.version > version:
            return False
        del self._where[page_id]
        self._segments[at.segment].live.discard(page_id)
        return True

    def _current(self) -> _Segment:
        """The segment to append to."""
        last = self._segments.get(self._next - 1)
        if last is not None and self._file is not None and last.size < self._segment_bytes:
            return last
        # A file that a former program wrote may end in the middle of an entry, as may one whose
        # last write failed: each run, and each failure, begins a new one.
        self._close_file()
        segment = _Segment(self._next, self._directory / f"{self._next:012}.journal")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(segment.path, flags, 0o644)
        self._next += 1
        self._segments[segment.number] = segment
        _sync_directory(self._directory)  # else the file itself may be gone after a power cut
        return segment

    def _open_file(self, segment: _Segment) -> int:
        if self._file is None:
            raise FileNotFoundError(segment.path)
        return self._file

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _move(self, entry: Entry, segment: _Segment) -> None:
        before = self._where.get(entry.id)
        if before is not None:
            self._segments[before.segment].live.discard(entry.id)
        self._where[entry.id] = _Place(segment.number, entry.version)
        segment.live.add(entry.id)
        segment.entries += 1

    def _delete_dead(self) -> None:
        """Delete the oldest segments as long as nothing in them is live."""
        for number in sorted(self._segments):
            segment = self._segments[number]
            if segment.live:
                return
            if number == self._next - 1 and self._file is not None:
                # The one being written: begin a new one only when that frees something.
                if segment.size < self._segment_bytes // 8:
                    return
                self._close_file()
            segment.path.unlink(missing_ok=True)
            del self._segments[number]

    def _tidy(self) -> None:
        """Write again what is live in the oldest segment, if that is little, so that it can go."""
        if self.size <= self._tidy_bytes:
            return
        oldest = self._segments[min(self._segments)]
        if oldest.number == self._next - 1 or 2 * len(oldest.live) >= oldest.entries:
            return
        live = [entry for entry in newest(_entries(oldest.path)) if entry.id in oldest.live]
        if live:
            self.write(live)


def _encode(entry: Entry) -> bytes:
    return zstd.compress(_KINDS[type(entry)] + _packer.encode(entry), 1)


def _encode_drops(dropped: list[tuple[str, int]]) -> bytes:
    return zstd.compress(_DROPS + _packer.encode(dropped), 1)


def _frame(payload: bytes) -> bytes:
    return _FRAME.pack(len(payload), zlib.crc32(payload)) + payload


def _decode(payload: bytes) -> Entry | list[tuple[str, int]]:
    data = zstd.decompress(payload)
    if data[:1] == _DROPS:
        return _unpack_drops.decode(data[1:])
    unpack: msgspec.msgpack.Decoder[Entry] = _unpack.get(data[:1], _unpack[b"d"])
    return unpack.decode(data[1:])


_packer = msgspec.msgpack.Encoder()
_DROPS: Final = b"x"
_unpack_drops = msgspec.msgpack.Decoder(list[tuple[str, int]])
_KINDS: Final[dict[type[Entry], bytes]] = {Snapshot: b"s", WatchRow: b"w", Deleted: b"d"}
_unpack = {kind: msgspec.msgpack.Decoder(entry) for entry, kind in _KINDS.items()}


def _entries(path: Path) -> Iterator[Entry]:
    """The entries of a segment, without the notes of what was dropped."""
    for entry in _read(path):
        if not isinstance(entry, list):
            yield entry


def _read(path: Path, *, loudly: bool = False) -> Iterator[Entry | list[tuple[str, int]]]:
    """What a segment says, passing over what is damaged."""
    level = logging.WARNING if loudly else logging.DEBUG
    data = memoryview(path.read_bytes())
    at = 0
    while at < len(data):
        end = at + _FRAME.size
        if end > len(data):
            log.log(level, "%s ends in the middle of an entry, as after a crash", path.name)
            return
        length, checksum = _FRAME.unpack(data[at:end])
        if length == 0 or end + length > len(data):  # zeros are what a power cut may leave
            log.log(level, "%s ends in the middle of an entry, as after a crash", path.name)
            return
        payload = bytes(data[end : end + length])
        at = end + length
        if zlib.crc32(payload) != checksum:
            log.log(level, "%s is damaged before byte %d, an entry is lost", path.name, at)
            continue
        try:
            yield _decode(payload)
        except (msgspec.MsgspecError, zstd.ZstdError) as error:
            # Whole, but not what this program writes: by another version of Libra, perhaps.
            log.log(level, "%s: the entry before byte %d cannot be read: %s", path.name, at, error)


def _write_all(file: int, data: bytes | bytearray) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# macOS has no fdatasync.
_sync = getattr(os, "fdatasync", os.fsync)
