"""The journal: what has been acknowledged and is not in the database yet, on the local disk.

It makes ``202 Accepted`` true. A submission is here before it is acknowledged, and a result before it
counts as safe, so ``kill -9`` during an outage of the database loses nothing.

The journal is a row of segments, files to which entries are only ever appended
(`libra.storage.segments` says how). The row of a page, a watch or a deletion is live while it is the
newest of its id and the database has not got it. Segments are deleted whole and *oldest first*: so what
is left is always the last part of history, and no older state of a page outlives a newer one. When
the oldest segment holds little that is live, that is written again at the end and the segment goes.

Beside rows there are notes: how often the life of a page was begun, and how far this program had
written to a database. An entry of a kind that only a later version of Libra knows is kept as it is.

Nothing here is asynchronous: a journal is used by one thread, which may wait for the disk.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from libra.storage.journal_folder import (
    Folder,
    JournalGone,
    JournalInUse,
    sync_file,
    sync_folder,
    write_all,
)
from libra.storage.segments import (
    BEGUN,
    COUNTER,
    DROPPED,
    ROWS,
    Damage,
    LaterFormat,
    Raw,
    Reader,
    Unreadable,
    Writer,
    decode,
    of_entry,
    of_struct,
)
from libra.storage.snapshot import DELETED_VERSION, Entry

__all__ = ["Begun", "Journal", "JournalGone", "JournalInUse"]

log = logging.getLogger("libra.journal")

SEGMENT_BYTES: Final = 8_000_000
"""A segment of this size is followed by a new one."""

TIDY_BYTES: Final = 4 * SEGMENT_BYTES
"""Above this size of the whole journal the oldest segment is cleared if it is mostly dead."""


class _Segment:
    """One file of the journal."""

    __slots__ = ("entries", "file", "live", "number", "path", "size")

    def __init__(self, number: int, path: Path, size: int = 0) -> None:
        self.number = number
        self.path = path
        self.size = size
        self.entries = 0
        self.live: set[str] = set()
        self.file: tuple[int, int] | None = None  # device and inode


class Begun(NamedTuple):
    """What is noted of the life of a page before it begins.

    Attributes:
        life: which of its lives it is; each is higher than the one before.
        times: how many lives were begun in a row, this one too, without one that ended well.
    """

    life: int
    times: int


class _Place(NamedTuple):
    """Where the newest entry of a key is."""

    segment: int
    version: int


class Journal:
    """The journal of one data directory.

    Args:
        directory: where its segments are; it is made if it is missing.
        segment_bytes: see `SEGMENT_BYTES`.
        tidy_bytes: see `TIDY_BYTES`.

    Attributes:
        damage: what could not be read of what a former program wrote.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        tidy_bytes: int = TIDY_BYTES,
    ) -> None:
        self._folder = Folder(directory)
        self._segment_bytes = segment_bytes
        self._tidy_bytes = tidy_bytes
        self._file: int | None = None
        self._writer = Writer()
        self._notes: dict[str, Raw] = {}
        self.damage = Damage()
        self._begin_again()

    def _begin_again(self) -> None:
        self._segments: dict[int, _Segment] = {}
        self._where: dict[str, _Place] = {}
        self._rows = 0
        self._next = 1
        self._scanned = False

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(segment.size for segment in self._segments.values())

    def __len__(self) -> int:
        """How many pages, watches and deletions are in the journal that the database has not."""
        return self._rows

    def lock(self) -> None:
        """Claim the folder for this program; the claim ends with `close` or with the process.

        Raises:
            JournalInUse: another program has it.
            OSError: the folder cannot be made or opened.
        """
        self._folder.claim()

    def scan(self) -> None:
        """Find out what a former program left; does nothing if that is known.

        A name that is no segment or cannot be read costs itself alone.

        Raises:
            OSError: the directory cannot be read.
        """
        if self._scanned:
            return
        before: dict[int, int] = {}
        unread: set[int] = set()
        for path in sorted(self._folder.path.iterdir()):
            if path.suffix != ".journal" or not path.stem.isdigit():
                continue
            number = int(path.stem)
            self._next = max(self._next, number + 1)
            try:
                reader = Reader(path.read_bytes())
            except LaterFormat as error:
                log.error("%s is left alone: %s", path.name, error)
                unread.add(number)
                continue
            except OSError as error:
                log.error("%s is left alone, it cannot be read: %s", path.name, error)
                self.damage.files += 1
                unread.add(number)
                continue
            self._scan_segment(_Segment(number, path), reader)
            before[number] = reader.entries_before
        self._count_missing(before, unread)
        self._scanned = True
        self._delete_dead()

    def _scan_segment(self, segment: _Segment, reader: Reader) -> None:
        self._segments[segment.number] = segment
        for raw in reader:
            if raw.kind != DROPPED:
                self._move(raw, segment)
                continue
            try:
                dropped = decode(raw)
            except Unreadable as error:
                log.warning("%s: what was dropped cannot be read: %s", segment.path.name, error)
                continue
            for key, version in dropped if isinstance(dropped, list) else ():
                self._forget(key, version)
        segment.entries = reader.entries
        status = segment.path.stat()
        segment.size, segment.file = status.st_size, (status.st_dev, status.st_ino)
        if reader.cut_off:
            log.warning("%s ends in the middle of an entry, as after a crash", segment.path.name)
        if reader.damage:
            lost = reader.damage.entries
            log.error("%s is damaged: %d of its entries are lost", segment.path.name, lost)
            self.damage.add(reader.damage)

    def _count_missing(self, before: dict[int, int], unread: set[int]) -> None:
        """What each segment says of the one before it tells of a file that was cut off or is missing."""
        for number, entries in before.items():
            former = self._segments.get(number - 1)
            if former is not None and former.entries < entries:
                missing = entries - former.entries
                log.error("%s lacks its last %d entries", former.path.name, missing)
                self.damage.entries += missing
            elif former is None and number > min(before) and number - 1 not in unread:
                log.error(
                    "segment %d of the journal is missing, with %d entries", number - 1, entries
                )
                self.damage.entries += entries

    def batches(self, size: int = 500) -> Iterator[list[Entry]]:
        """The newest row of every page, watch and deletion, ``size`` at a time."""
        batch: list[Entry] = []
        for number in sorted(self._segments):
            segment = self._segments.get(number)
            if segment is None or not segment.live:
                continue  # gone since, or of no more use
            for raw in self._live(segment):
                if raw.kind not in ROWS:
                    continue
                try:
                    entry = decode(raw)
                except Unreadable as error:
                    log.error("%s is kept unread in %s: %s", raw.key, segment.path.name, error)
                    continue
                if not isinstance(entry, list):
                    batch.append(entry)
                if len(batch) == size:
                    yield batch
                    batch = []
        if batch:
            yield batch

    def write(self, entries: Sequence[Entry]) -> None:
        """Append rows; when this returns they are on the disk.

        Raises:
            JournalGone: the folder is not what it was; see `renew`.
            OSError: they may or may not be on the disk; writing them again does no harm.
        """
        self._append([of_entry(entry) for entry in entries], sync=True)
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
            self._append([of_struct(DROPPED, "", 0, dropped)], sync=False)
        self._tidy()

    # Notes

    def begin(self, lives: Iterable[tuple[str, Begun | None]]) -> None:
        """Note that the lives of pages begin; None ends the note of a page.

        It is not synced: a program that is killed loses nothing that was written, and a power cut is
        no page's fault.

        Raises:
            OSError: it could not be written down.
        """
        written: list[Raw] = []
        dropped: list[tuple[str, int]] = []
        for page_id, begun in lives:
            key = _note(BEGUN, page_id)
            if begun is not None:
                times = bytes((min(begun.times, 255),))
                written.append(Raw(BEGUN, page_id, begun.life, times))
            elif self._notes.pop(key, None) is not None and self._forget(key, DELETED_VERSION):
                dropped.append((key, DELETED_VERSION))
        if dropped:
            written.append(of_struct(DROPPED, "", 0, dropped))
        if written:
            self._append(written, sync=False)

    def begun(self) -> dict[str, Begun]:
        """What is noted of the lives of pages, by their ids."""
        return {
            raw.key: Begun(raw.version, sum(raw.payload[:1]))
            for raw in list(self._notes.values())
            if raw.kind == BEGUN
        }

    def remember(self, database_id: str, counter: int) -> None:
        """Note how far this program has written to a database, by the database's own count.

        It is not synced, so the note may lag behind the database and is never ahead of it.

        Raises:
            OSError: it could not be written down.
        """
        self._append([Raw(COUNTER, database_id, counter, b"")], sync=False)

    def remembered(self, database_id: str) -> int | None:
        """How far this program had written to a database when it noted that last."""
        raw = self._notes.get(_note(COUNTER, database_id))
        return None if raw is None else raw.version

    # The folder

    def check(self) -> None:
        """Make sure that all that was written is still where it was.

        Raises:
            JournalGone: it is not.
            OSError: that cannot be found out.
        """
        self._check_folder()
        for segment in self._segments.values():
            try:
                status = segment.path.stat()
            except FileNotFoundError:
                raise JournalGone(f"{segment.path.name} of the journal has gone") from None
            if segment.file != (status.st_dev, status.st_ino) or status.st_size < segment.size:
                raise JournalGone(f"{segment.path.name} of the journal is not what it was")

    def _check_folder(self) -> None:
        self._folder.check()
        if self._file is not None:
            file, known = os.fstat(self._file), self._segments[self._next - 1].size
            if file.st_nlink == 0 or file.st_size < known:
                raise JournalGone("the newest file of the journal has gone or was cut off")

    def renew(self) -> None:
        """Begin again in whatever folder is there now, after `JournalGone`.

        What is found there is taken over, and the notes are written again. All rows that are not in the
        database are to be written again by whoever knows them.

        Raises:
            JournalInUse: the folder is another program's.
            OSError: there is no folder and none can be made.
        """
        self._close_file()
        self._folder.release()
        notes = list(self._notes.values())
        self._begin_again()
        self.lock()
        self.scan()
        if notes:
            self._append(notes, sync=False)

    def close(self) -> None:
        """Let go of the directory; if nothing in it is live any more, nothing is left in it."""
        self._close_file()
        self._delete_dead()
        self._folder.release()

    # Segments

    def _append(self, entries: list[Raw], *, sync: bool) -> None:
        self._check_folder()
        segment = self._current()
        data = self._writer.encode(entries)
        try:
            file = self._open_file(segment)
            write_all(file, data)
            if sync:
                sync_file(file)
        except OSError:
            # What is at the end of this file is unknown now, and after a failed sync the kernel
            # may drop pages that it calls clean: nothing is appended to it any more.
            self._close_file()
            raise
        segment.size += len(data)
        segment.entries = self._writer.entries
        for raw in entries:
            if raw.kind != DROPPED:
                self._move(raw, segment)

    def _current(self) -> _Segment:
        """The segment to append to."""
        last = self._segments.get(self._next - 1)
        if last is not None and self._file is not None and last.size < self._segment_bytes:
            return last
        # A file that a former program wrote may end in the middle of an entry, as may one whose
        # last write failed: each run, and each failure, begins a new one.
        self._close_file()
        segment = _Segment(self._next, self._folder.path / f"{self._next:012}.journal")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(segment.path, flags, 0o644)
        status = os.fstat(self._file)
        segment.file = (status.st_dev, status.st_ino)
        self._writer = Writer(last.entries if last is not None else 0)
        self._next += 1
        self._segments[segment.number] = segment
        sync_folder(self._folder.path)  # else the file itself may be gone after a power cut
        return segment

    def _open_file(self, segment: _Segment) -> int:
        if self._file is None:
            raise FileNotFoundError(segment.path)
        return self._file

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _move(self, raw: Raw, segment: _Segment) -> None:
        """This is the newest of its key, if it is not older than what is known."""
        key = raw.key if raw.kind in ROWS else _note(raw.kind, raw.key)
        before = self._where.get(key)
        if before is not None:
            if before.version > raw.version and raw.kind in ROWS:
                return
            self._segments[before.segment].live.discard(key)
        elif raw.kind in ROWS:
            self._rows += 1
        if raw.kind in (BEGUN, COUNTER):
            self._notes[key] = raw
        self._where[key] = _Place(segment.number, raw.version)
        segment.live.add(key)

    def _forget(self, key: str, version: int) -> bool:
        """Call the entry of a key dead if it is not newer than this version; whether there was one."""
        at = self._where.get(key)
        if at is None or at.version > version:
            return False
        del self._where[key]
        self._segments[at.segment].live.discard(key)
        if self._notes.pop(key, None) is None and not key.startswith(_NOTE):
            self._rows -= 1
        return True

    def _live(self, segment: _Segment) -> Iterator[Raw]:
        """The entries of a segment that are the newest of their keys."""
        try:
            reader = Reader(segment.path.read_bytes())
        except (OSError, LaterFormat) as error:
            log.error("%s cannot be read any more: %s", segment.path.name, error)
            self.damage.files += 1
            return
        for raw in reader:
            key = raw.key if raw.kind in ROWS else _note(raw.kind, raw.key)
            if self._where.get(key) == _Place(segment.number, raw.version):
                yield raw

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
        # One of a key was replaced by another of the same version where it was written twice.
        live = {(raw.kind, raw.key): raw for raw in self._live(oldest)}
        if live:
            self._append(list(live.values()), sync=True)
        self._delete_dead()


_NOTE: Final = "\0"


def _note(kind: str, key: str) -> str:
    """The key of what is no row: it is not to be mixed up with the row of the same id."""
    return f"{_NOTE}{kind}{key}"
