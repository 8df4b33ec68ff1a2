"""The journal: acknowledged entries that are not in the database yet, on the local disk.

It makes ``202 Accepted`` true. A submission is in the journal before it is acknowledged, and a result
before it counts as safe, so ``kill -9`` during an outage of the database loses nothing.

The journal is a series of segments, files to which entries are only ever appended
(`libra.storage.journal.segments` describes them). The row of a page, a watch or a deletion is live
while it is the newest of its id and the database lacks it. Segments are deleted whole and *oldest
first*. So the rest is always the last part of history, and no older state of a page outlives a newer
one. When the oldest segment holds few live entries, they are written again at the end and the segment
is deleted.

With a *local copy*, a stored row stays until its page leaves memory. Then a restart finds the pages
that were in memory, even if the database is down. The copy costs no write, because the row is already
there. The oldest copies are dropped when the journal is too large or the disk is full.

Beside rows there are notes: how often the life of a page was begun. Entries of kinds that only a later
version of Libra knows are kept unchanged.

The journal is synchronous: one thread uses it, which may wait for the disk.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from libra.storage.journal.folder import JournalGone, JournalInUse
from libra.storage.journal.index import Segment, note_key
from libra.storage.journal.segment_log import SEGMENT_BYTES, TIDY_BYTES, SegmentLog
from libra.storage.journal.segments import (
    BEGUN,
    DROPPED,
    NOW_STORED,
    ROWS,
    Damage,
    Raw,
    Unreadable,
    decode,
    of_entry,
    of_struct,
)
from libra.storage.rows.entries import DELETED_VERSION, Entry, Snapshot, WatchRow

__all__ = ["Begun", "Journal", "JournalGone", "JournalInUse"]

log = logging.getLogger("libra.journal")

T = TypeVar("T")

_OVER: Final = bytes((0, 1))
"""In the note of a life: it ended well, and only its number is still needed."""


class Begun(NamedTuple):
    """The note on a page's life, written before the life begins.

    Attributes:
        life: the number of the life; each is higher than the one before.
        times: how many lives in a row, including this one, were begun without one that ended well.
    """

    life: int
    times: int


class Journal:
    """The journal of one data directory.

    Args:
        directory: the folder of its segments; it is made if it is missing.
        segment_bytes: see `SEGMENT_BYTES`.
        tidy_bytes: see `TIDY_BYTES`.
        local_copy: bytes of disk space for stored rows, beside twice the bytes of the owed rows; with
            0 stored rows are dropped at once.

    Attributes:
        local_copy: the argument of that name.
    """

    def __init__(
        self,
        directory: Path,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        tidy_bytes: int = TIDY_BYTES,
        local_copy: int = 0,
    ) -> None:
        self._log = SegmentLog(
            directory,
            segment_bytes=segment_bytes,
            tidy_bytes=tidy_bytes,
            local_copy=local_copy,
        )
        self.local_copy = local_copy
        self._carried: dict[str, Raw] = {}

    @property
    def damage(self) -> Damage:
        """The entries of a former program that could not be read."""
        return self._log.damage

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return self._log.index.size

    @property
    def owed(self) -> int:
        """Bytes of the rows that the database lacks, and of the notes."""
        return self._log.index.owed

    @property
    def copied(self) -> int:
        """Bytes of the local copy."""
        return self._log.index.copied

    def __len__(self) -> int:
        """How many pages, watches and deletions in the journal the database lacks."""
        return self._log.index.rows

    def lock(self) -> None:
        """Claim the folder for this program; the claim ends with `close` or with the process.

        Raises:
            JournalInUse: another program has it.
            OSError: the folder cannot be made or opened.
        """
        self._log.lock()

    def scan(self) -> None:
        """Read the segments of a former program; do nothing if that was done before.

        Raises:
            OSError: the directory cannot be read.
        """
        self._log.scan()

    def batches(self, size: int = 500) -> Iterator[list[Entry]]:
        """Every page, watch and deletion that the database lacks, ``size`` at a time."""
        rows = self._rows(sorted(self._log.index.segments), lambda s: s.rows > 0, copies=False)
        return self._in_batches(rows, size)

    def stored_watches(self) -> list[WatchRow]:
        """The watches of the local copy that were not deleted."""
        rows = self._rows(sorted(self._log.index.segments), lambda s: s.watches > 0, copies=True)
        return [entry for entry in rows if isinstance(entry, WatchRow)]

    def copies(self, size: int = 500) -> Iterator[list[Snapshot]]:
        """The pages of the local copy, ``size`` at a time, newest first."""
        youngest = sorted(self._log.index.segments, reverse=True)
        rows = self._rows(youngest, lambda s: s.copied > 0, copies=True)
        return self._in_batches((entry for entry in rows if isinstance(entry, Snapshot)), size)

    def _in_batches(self, rows: Iterator[T], size: int) -> Iterator[list[T]]:
        self._log.readers += 1
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
            self._log.readers -= 1

    def _rows(
        self, numbers: list[int], wanted: Callable[[Segment], bool], *, copies: bool
    ) -> Iterator[Entry]:
        for number in numbers:
            segment = self._log.index.segments.get(number)
            if segment is None or not wanted(segment):
                continue  # deleted since, or without entries of that kind
            raws = self._log.live(segment)
            for raw in reversed(list(raws)) if copies else raws:
                place = self._log.index.place(raw.key)
                if raw.kind not in ROWS or place is None or place.copy is not copies:
                    continue
                try:
                    entry = decode(raw)
                except Unreadable as error:
                    log.error(
                        "%s cannot be read and stays in %s: %s", raw.key, segment.path.name, error
                    )
                    continue
                if not isinstance(entry, list):
                    yield entry

    def write(self, entries: Sequence[Entry]) -> None:
        """Append rows; when this returns they are on the disk.

        Raises:
            JournalGone: the folder is not what it was; see `renew`.
            OSError: they may or may not be on the disk; writing them again does no harm.
        """
        self._log.append([of_entry(entry) for entry in entries], sync=True)
        self._log.delete_dead()

    def drop(self, gone: Iterable[tuple[str, int]]) -> None:
        """Drop entries that nobody needs any more, each as of a version: newer ones stay.

        The journal writes that down too, so that a restart does not bring back stored entries. It
        does not sync it: what a power cut destroys is stored once more, which does no harm.

        Raises:
            OSError: it could not be written down; nothing is lost by that.
        """
        gone = list(gone)
        dropped = [one for one in gone if self._log.index.forget(*one)]
        dropped += self._lives_over(key for key, _ in gone)
        self._log.delete_dead()
        if dropped and self._log.index.segments:
            self._log.append([of_struct(DROPPED, "", 0, dropped)], sync=False)
        self._log.tidy()

    def store(self, stored: Iterable[tuple[str, int]]) -> list[str]:
        """Make rows that the database has, each in this version, part of the local copy.

        This is written down as in `drop`. Without a local copy this is the same as `drop`.

        Returns:
            The ids without such an entry in the journal, if there is room for them: see `copy`.

        Raises:
            OSError: as in `drop`.
        """
        if not self.local_copy:
            self.drop(stored)
            return []
        marked: list[tuple[str, int]] = []
        lacking: list[str] = []
        for key, version in stored:
            place = self._log.index.place(key)
            if self._log.index.store(key, version):
                marked.append((key, version))
            elif place is None or place.version < version:
                lacking.append(key)
        if marked:
            self._log.append([of_struct(NOW_STORED, "", 0, marked)], sync=False)
        self._log.tidy()
        return lacking if self.size < self.local_copy else []

    def copy(self, rows: Sequence[Snapshot | WatchRow]) -> None:
        """Append stored rows to the local copy. They are not synced, because the database has them.

        Raises:
            OSError: they are not in the local copy.
        """
        if rows and self.local_copy:
            self._log.append([of_entry(row, stored=True) for row in rows], sync=False, copies=True)
            if over := self._lives_over(row.id for row in rows):
                self._log.append([of_struct(DROPPED, "", 0, over)], sync=False)
            self._log.tidy()

    # Notes

    def begin(self, lives: Iterable[tuple[str, Begun | None]]) -> None:
        """Note that lives of pages begin; None ends the note of a page.

        While the journal has the row of a page from an earlier life, a note with the number of the
        last life stays. Otherwise the page would begin that life again when it comes back, with the
        same versions.

        It is not synced: a killed program loses nothing that was written, and a power cut is not the
        fault of a page.

        Raises:
            OSError: it could not be written down.
        """
        written: list[Raw] = []
        dropped: list[tuple[str, int]] = []
        for page_id, begun in lives:
            key = note_key(BEGUN, page_id)
            if begun is None and self._is_older(page_id):
                written.append(Raw(BEGUN, page_id, self._log.index.notes[key].version, _OVER))
            elif begun is not None:
                times = bytes((min(begun.times, 255),))
                written.append(Raw(BEGUN, page_id, begun.life, times))
            elif self._log.index.forget(key, DELETED_VERSION):
                dropped.append((key, DELETED_VERSION))
        if dropped:
            written.append(of_struct(DROPPED, "", 0, dropped))
        if written:
            self._log.append(written, sync=False)

    def _is_older(self, page_id: str) -> bool:
        """Whether the journal's row of a page is from an earlier life than the noted one."""
        note, place = (
            self._log.index.notes.get(note_key(BEGUN, page_id)),
            self._log.index.place(page_id),
        )
        return note is not None and place is not None and place.version >> 32 < note.version

    def _lives_over(self, page_ids: Iterable[str]) -> list[tuple[str, int]]:
        """Forget the notes that stayed only for an older row, if that row has gone."""
        over: list[tuple[str, int]] = []
        for page_id in page_ids:
            key = note_key(BEGUN, page_id)
            note = self._log.index.notes.get(key)
            if note is None or note.payload != _OVER or self._is_older(page_id):
                continue
            if self._log.index.forget(key, DELETED_VERSION):
                over.append((key, DELETED_VERSION))
        return over

    def begun(self) -> dict[str, Begun]:
        """The notes on the lives of pages, by their ids."""
        return {
            raw.key: Begun(raw.version, sum(raw.payload[:1]))
            for raw in list(self._log.index.notes.values())
            if raw.kind == BEGUN
        }

    # The folder

    def check(self) -> None:
        """Check that all written files are still in place.

        Raises:
            JournalGone: a file has gone or was cut off.
            OSError: the files cannot be examined.
        """
        self._log.check()

    def renew(self) -> None:
        """Start again in the folder that exists now, after `JournalGone`.

        This takes over the content of that folder and writes the notes again. The caller must write
        again all rows that the database lacks.

        Raises:
            JournalInUse: another program uses the folder.
            OSError: there is no folder and none can be made.
        """
        self._log.release()
        # Kept until they are written: the first attempts may find no folder.
        self._carried = self._log.index.notes | self._carried
        self._log.begin_again()
        self.lock()
        self.scan()
        if self._carried:
            self._log.append([*self._carried.values()], sync=False)
            self._carried = {}

    def close(self) -> None:
        """Release the folder; delete the oldest segments that have no live entries."""
        self._log.close()
