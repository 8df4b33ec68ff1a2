"""The journal: what has been acknowledged and is not in the database yet, on the local disk.

It makes ``202 Accepted`` true. A submission is here before it is acknowledged, and a result before it
counts as safe, so ``kill -9`` during an outage of the database loses nothing.

The journal is a row of segments, files to which entries are only ever appended
(`libra.storage.segments` says how). The row of a page, a watch or a deletion is live while it is the
newest of its id and the database has not got it. Segments are deleted whole and *oldest first*: so what
is left is always the last part of history, and no older state of a page outlives a newer one. When
the oldest segment holds little that is live, that is written again at the end and the segment goes.

With a *local copy*, a row stays when the database has it, until its page leaves memory: then a restart
finds what was in memory, whatever the database does. The copy costs no write, as the row is there
already.
It is what gives way: the oldest of it goes when the journal is too large, or the disk is full.

Beside rows there are notes: how often the life of a page was begun, and how far this program had
written to a database. An entry of a kind that only a later version of Libra knows is kept as it is.

Nothing here is asynchronous: a journal is used by one thread, which may wait for the disk.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from libra.storage.journal_folder import (
    Folder,
    JournalGone,
    JournalInUse,
    Reserve,
    sync_file,
    sync_folder,
    write_all,
)
from libra.storage.journal_index import Index, Segment, note_key
from libra.storage.journal_scan import Scan
from libra.storage.segments import (
    BEGUN,
    COUNTER,
    DROPPED,
    LISTS,
    NOW_STORED,
    ROWS,
    STORED,
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
from libra.storage.snapshot import DELETED_VERSION, Entry, Snapshot, WatchRow

__all__ = ["Begun", "Journal", "JournalGone", "JournalInUse"]

log = logging.getLogger("libra.journal")

T = TypeVar("T")

SEGMENT_BYTES: Final = 8_000_000
"""A segment of this size is followed by a new one."""

TIDY_BYTES: Final = 4 * SEGMENT_BYTES
"""Above this size of the whole journal the oldest segment is cleared if it is mostly dead."""


_OVER: Final = bytes((0, 1))
"""Of the note of a life: it ended well, and only its number is still needed."""

RESERVE_BYTES: Final = 1_000_000
"""What is kept free for the day on which the disk is full, so that copies can give way then."""


class Begun(NamedTuple):
    """What is noted of the life of a page before it begins.

    Attributes:
        life: which of its lives it is; each is higher than the one before.
        times: how many lives were begun in a row, this one too, without one that ended well.
    """

    life: int
    times: int


class Journal:
    """The journal of one data directory.

    Args:
        directory: where its segments are; it is made if it is missing.
        segment_bytes: see `SEGMENT_BYTES`.
        tidy_bytes: see `TIDY_BYTES`.
        local_copy: bytes that the journal may have on the disk for the sake of rows that the database
            has, beside twice those that it has not; with 0 they are dropped at once.

    Attributes:
        damage: what could not be read of what a former program wrote.
        local_copy: as it was given.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        tidy_bytes: int = TIDY_BYTES,
        local_copy: int = 0,
    ) -> None:
        self._folder = Folder(directory)
        self._reserve = Reserve(directory / "reserve")
        # The oldest of the copy goes with its segment, so a small copy needs smaller ones.
        small = max(local_copy // 8, 1) if local_copy else segment_bytes
        self._segment_bytes = min(segment_bytes, small)
        self._tidy_bytes = tidy_bytes
        self.local_copy = local_copy
        self._file: int | None = None
        self._writer = Writer()
        self._readers = 0
        self._making_room = False
        self.damage = Damage()
        self._begin_again()

    def _begin_again(self) -> None:
        self._index = Index()
        self._next = 1
        self._scanned = False

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self._index.size

    @property
    def owed(self) -> int:
        """Bytes of what the database has not got, and of the notes."""
        return self._index.owed

    @property
    def copied(self) -> int:
        """Bytes of the local copy."""
        return self._index.copied

    def __len__(self) -> int:
        """How many pages, watches and deletions are in the journal that the database has not."""
        return self._index.rows

    def lock(self) -> None:
        """Claim the folder for this program; the claim ends with `close` or with the process.

        Raises:
            JournalInUse: another program has it.
            OSError: the folder cannot be made or opened.
        """
        self._folder.claim()

    def scan(self) -> None:
        """Find out what a former program left; does nothing if that is known.

        Raises:
            OSError: the directory cannot be read.
        """
        if self._scanned:
            return
        scan = Scan(self._index, self.damage, copies=self.local_copy > 0)
        self._next = scan.read(self._folder.path)
        self._scanned = True
        self._delete_dead()

    def batches(self, size: int = 500) -> Iterator[list[Entry]]:
        """Every page, watch and deletion that the database has not got, ``size`` at a time."""
        rows = self._rows(sorted(self._index.segments), lambda s: s.rows > 0, copies=False)
        return self._in_batches(rows, size)

    def stored_watches(self) -> list[WatchRow]:
        """Those watches of the local copy that there are."""
        rows = self._rows(sorted(self._index.segments), lambda s: s.watches > 0, copies=True)
        return [entry for entry in rows if isinstance(entry, WatchRow)]

    def copies(self, size: int = 500) -> Iterator[list[Snapshot]]:
        """The pages of the local copy, ``size`` at a time, the youngest first."""
        youngest = sorted(self._index.segments, reverse=True)
        rows = self._rows(youngest, lambda s: s.copied > 0, copies=True)
        return self._in_batches((entry for entry in rows if isinstance(entry, Snapshot)), size)

    def _in_batches(self, rows: Iterator[T], size: int) -> Iterator[list[T]]:
        self._readers += 1
        try:
            batch: list[T] = []
            for row in rows:
                batch.append(row)
                if len(batch) == size:
                    yield batch
                    batch = []
            if batch:
                yield batch
        finally:
            self._readers -= 1

    def _rows(
        self, numbers: list[int], wanted: Callable[[Segment], bool], *, copies: bool
    ) -> Iterator[Entry]:
        for number in numbers:
            segment = self._index.segments.get(number)
            if segment is None or not wanted(segment):
                continue  # gone since, or of no more use
            raws = self._live(segment)
            for raw in reversed(list(raws)) if copies else raws:
                place = self._index.place(raw.key)
                if raw.kind not in ROWS or place is None or place.copy is not copies:
                    continue
                try:
                    entry = decode(raw)
                except Unreadable as error:
                    log.error("%s is kept unread in %s: %s", raw.key, segment.path.name, error)
                    continue
                if not isinstance(entry, list):
                    yield entry

    def write(self, entries: Sequence[Entry]) -> None:
        """Append rows; when this returns they are on the disk.

        Raises:
            JournalGone: the folder is not what it was; see `renew`.
            OSError: they may or may not be on the disk; writing them again does no harm.
        """
        self._append([of_entry(entry) for entry in entries], sync=True)
        self._delete_dead()

    def drop(self, gone: Iterable[tuple[str, int]]) -> None:
        """Nobody needs these any more, each as of a version: what is not newer can go.

        This is written down too, so that a restart does not bring back what has been stored. It is
        not synced: what a power cut makes of it is stored once more, which does no harm.

        Raises:
            OSError: it could not be written down; nothing is lost by that.
        """
        gone = list(gone)
        dropped = [one for one in gone if self._index.forget(*one)]
        dropped += self._lives_over(key for key, _ in gone)
        self._delete_dead()
        if dropped and self._index.segments:
            self._append([of_struct(DROPPED, "", 0, dropped)], sync=False)
        self._tidy()

    def store(self, stored: Iterable[tuple[str, int]]) -> list[str]:
        """The database has these rows, each in this version: from here on they are the local copy.

        It is written down as `drop` does, which this is where there is no local copy.

        Returns:
            The ids of which there is no such entry here, as far as there is room for them: see `copy`.

        Raises:
            OSError: as `drop`.
        """
        if not self.local_copy:
            self.drop(stored)
            return []
        marked: list[tuple[str, int]] = []
        lacking: list[str] = []
        for key, version in stored:
            place = self._index.place(key)
            if self._index.store(key, version):
                marked.append((key, version))
            elif place is None or place.version < version:
                lacking.append(key)
        if marked:
            self._append([of_struct(NOW_STORED, "", 0, marked)], sync=False)
        self._tidy()
        return lacking if self.size < self.local_copy else []

    def copy(self, rows: Sequence[Snapshot | WatchRow]) -> None:
        """Append rows that the database has to the local copy. Not synced: they are there already.

        Raises:
            OSError: they are not in the copy.
        """
        if rows and self.local_copy:
            self._append([of_entry(row, stored=True) for row in rows], sync=False, copies=True)
            if over := self._lives_over(row.id for row in rows):
                self._append([of_struct(DROPPED, "", 0, over)], sync=False)
            self._tidy()

    # Notes

    def begin(self, lives: Iterable[tuple[str, Begun | None]]) -> None:
        """Note that the lives of pages begin; None ends the note of a page.

        As long as the row of a page is here from an earlier life, a note stays that says which life it
        was: else the page would begin that life again when it comes back, with the same versions.

        It is not synced: a program that is killed loses nothing that was written, and a power cut is
        no page's fault.

        Raises:
            OSError: it could not be written down.
        """
        written: list[Raw] = []
        dropped: list[tuple[str, int]] = []
        for page_id, begun in lives:
            key = note_key(BEGUN, page_id)
            if begun is None and self._is_older(page_id):
                written.append(Raw(BEGUN, page_id, self._index.notes[key].version, _OVER))
            elif begun is not None:
                times = bytes((min(begun.times, 255),))
                written.append(Raw(BEGUN, page_id, begun.life, times))
            elif self._index.forget(key, DELETED_VERSION):
                dropped.append((key, DELETED_VERSION))
        if dropped:
            written.append(of_struct(DROPPED, "", 0, dropped))
        if written:
            self._append(written, sync=False)

    def _is_older(self, page_id: str) -> bool:
        """Whether the row of a page is here, and from an earlier life than the one that is noted."""
        note, place = self._index.notes.get(note_key(BEGUN, page_id)), self._index.place(page_id)
        return note is not None and place is not None and place.version >> 32 < note.version

    def _lives_over(self, page_ids: Iterable[str]) -> list[tuple[str, int]]:
        """Forget the notes that stayed only for an older row, where that is here no more."""
        over: list[tuple[str, int]] = []
        for page_id in page_ids:
            key = note_key(BEGUN, page_id)
            note = self._index.notes.get(key)
            if note is None or note.payload != _OVER or self._is_older(page_id):
                continue
            if self._index.forget(key, DELETED_VERSION):
                over.append((key, DELETED_VERSION))
        return over

    def begun(self) -> dict[str, Begun]:
        """What is noted of the lives of pages, by their ids."""
        return {
            raw.key: Begun(raw.version, sum(raw.payload[:1]))
            for raw in list(self._index.notes.values())
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
        raw = self._index.notes.get(note_key(COUNTER, database_id))
        return None if raw is None else raw.version

    # The folder

    def check(self) -> None:
        """Make sure that all that was written is still where it was.

        Raises:
            JournalGone: it is not.
            OSError: that cannot be found out.
        """
        self._check_folder()
        for segment in self._index.segments.values():
            try:
                status = segment.path.stat()
            except FileNotFoundError:
                raise JournalGone(f"{segment.path.name} of the journal has gone") from None
            if segment.file != (status.st_dev, status.st_ino) or status.st_size < segment.size:
                raise JournalGone(f"{segment.path.name} of the journal is not what it was")

    def _check_folder(self) -> None:
        self._folder.check()
        if self._file is not None:
            file, known = os.fstat(self._file), self._index.segments[self._next - 1].size
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
        notes = list(self._index.notes.values())
        self._begin_again()
        self.lock()
        self.scan()
        if notes:
            self._append(notes, sync=False)

    def close(self) -> None:
        """Let go of the directory; if nothing in it is live any more, nothing is left in it."""
        self._close_file()
        self._delete_dead()
        if not self._index.segments or not self.local_copy:
            self._reserve.release()
        self._folder.release()

    # Segments

    def _append(self, entries: list[Raw], *, sync: bool, copies: bool = False) -> None:
        self._check_folder()
        while True:
            try:
                self._append_once(entries, sync=sync)
            except OSError as error:
                # What is at the end of this file is unknown now, and after a failed sync the kernel
                # may drop pages that it calls clean: nothing is appended to it any more.
                self._close_file()
                full = error.errno in (ENOSPC, EDQUOT)
                if copies or not full or not self._make_room():
                    raise
            else:
                return

    def _append_once(self, entries: list[Raw], *, sync: bool) -> None:
        segment = self._current()
        data = self._writer.encode(entries)
        file = self._open_file(segment)
        write_all(file, data)
        if sync:
            sync_file(file)
        segment.size += len(data)
        segment.entries = self._writer.entries
        for raw in entries:
            if raw.kind not in LISTS:
                self._index.move(raw, segment)

    def _current(self) -> Segment:
        """The segment to append to."""
        last = self._index.segments.get(self._next - 1)
        if last is not None and self._file is not None and last.size < self._segment_bytes:
            return last
        # A file that a former program wrote may end in the middle of an entry, as may one whose
        # last write failed: each run, and each failure, begins a new one.
        self._close_file()
        self._keep_reserve()
        segment = Segment(self._next, self._folder.path / f"{self._next:012}.journal")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(segment.path, flags, 0o644)
        status = os.fstat(self._file)
        segment.file = (status.st_dev, status.st_ino)
        self._writer = Writer(last.entries if last is not None else 0)
        self._next += 1
        self._index.segments[segment.number] = segment
        sync_folder(self._folder.path)  # else the file itself may be gone after a power cut
        return segment

    def _open_file(self, segment: Segment) -> int:
        if self._file is None:
            raise FileNotFoundError(segment.path)
        return self._file

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _live(self, segment: Segment) -> Iterator[Raw]:
        """The entries of a segment that are the newest of their keys."""
        try:
            reader = Reader(segment.path.read_bytes())
        except (OSError, LaterFormat) as error:
            log.error("%s cannot be read any more: %s", segment.path.name, error)
            self.damage.files += 1
            return
        for raw in reader:
            if raw.kind not in LISTS and self._index.is_live(raw, segment):
                yield raw

    def _delete_dead(self) -> None:
        """Delete the oldest segments as long as nothing in them is live."""
        while (segment := self._index.oldest()) is not None and not segment.live:
            if segment.number == self._next - 1 and self._file is not None:
                # The one being written: begin a new one only when that frees something.
                if segment.size < self._segment_bytes // 8:
                    return
                self._close_file()
            self._delete(segment)

    def _delete(self, segment: Segment) -> None:
        segment.path.unlink(missing_ok=True)
        del self._index.segments[segment.number]

    def _tidy(self) -> None:
        """Make the journal smaller where it is larger than it should be."""
        if self._readers:
            return  # who reads all of it must not miss what would be moved
        self._clear_dead()
        while self._too_large() and self._clear_oldest():
            pass

    def _clear_dead(self) -> None:
        """Write again what is live in the oldest segment, if that is little, so that it can go."""
        oldest = self._index.oldest()
        if oldest is None or oldest.number == self._next - 1 or self.size <= self._tidy_bytes:
            return
        # The pages of a copy leave in the order in which they came: what is left of a segment will be
        # gone soon, and to write half of it again would be half as much again for all that is written.
        little = oldest.size // (8 if self.local_copy else 2)
        if oldest.live < little:
            self._clear(oldest)

    def _too_large(self) -> bool:
        return self.copied > 0 and self.size > self.local_copy + 2 * self.owed

    def _clear_oldest(self) -> bool:
        """Give up the copies in the oldest segment; whether it could go."""
        oldest = self._index.oldest()
        if oldest is None:
            return False
        if oldest.number == self._next - 1:
            self._close_file()
        self._index.give_up(oldest)
        return self._clear(oldest)

    def _clear(self, segment: Segment) -> bool:
        # One of a key was replaced by another of the same version where it was written twice.
        live = {(raw.kind, raw.key): self._as_it_is(raw) for raw in self._live(segment)}
        if live:
            self._append(list(live.values()), sync=True)
        self._delete_dead()
        return segment.number not in self._index.segments

    def _as_it_is(self, raw: Raw) -> Raw:
        """An entry with what was found out since it was written."""
        place = self._index.place(raw.key) if raw.kind in ROWS else None
        return raw._replace(flags=raw.flags | STORED) if place is not None and place.copy else raw

    # A full disk

    def _make_room(self) -> bool:
        """The disk is full: give up the oldest of the copy; False if that cannot be done."""
        oldest = self._index.oldest()
        if self._making_room:
            return False
        if oldest is None or not self.copied:
            return self._reserve.release()
        log.warning("the disk is full, the oldest of the local copy gives way")
        self._making_room = True
        try:
            self._index.give_up(oldest)
            if oldest.owed:
                # What else is in there has to be written before that can go.
                self._reserve.release()
                return self._clear(oldest)
            self._delete(oldest)
        except OSError as error:
            log.debug("the local copy cannot give way: %s", error)
            return False
        finally:
            self._making_room = False
        return True

    def _keep_reserve(self) -> None:
        if self.copied and not self._making_room:
            self._reserve.keep(min(RESERVE_BYTES, self._segment_bytes))
