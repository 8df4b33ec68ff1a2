"""The segments of a journal: files to which entries are only ever appended, deleted oldest first.

When the oldest segment has few live entries, they are written again at the end, so that the file can
be deleted. Copies of stored rows are dropped when the journal is too large or the disk is full.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from errno import EDQUOT, ENOSPC
from pathlib import Path
from typing import Final

from libra.storage.journal.folder import (
    JournalFolder,
    JournalGone,
    Reserve,
    read_file,
    sync_file,
    sync_folder,
    write_all,
)
from libra.storage.journal.index import Index, Segment
from libra.storage.journal.scan import Scan
from libra.storage.journal.segments import (
    LISTS,
    ROWS,
    STORED,
    Damage,
    LaterFormat,
    Raw,
    SegmentReader,
    SegmentWriter,
)

log = logging.getLogger("libra.journal")

SEGMENT_BYTES: Final = 8_000_000
"""The size in bytes after which a new segment begins."""

TIDY_BYTES: Final = 4 * SEGMENT_BYTES
"""The size of the journal in bytes above which a mostly dead oldest segment is cleared."""

RESERVE_BYTES: Final = 1_000_000
"""Bytes that stay reserved, so that copies can be dropped when the disk is full."""


class SegmentLog:
    """The files of one journal, and their live entries.

    Args:
        directory: the folder of the files; it is made if it is missing.
        segment_bytes: see `SEGMENT_BYTES`.
        tidy_bytes: see `TIDY_BYTES`.
        local_copy: bytes of disk space for copies, beside twice the bytes of the rest.

    Attributes:
        index: the newest entry of each key, and its place.
        damage: entries of a former program that could not be read.
        readers: how many readers read the whole journal now, during which no entry may be moved.
    """

    def __init__(
        self, directory: Path, *, segment_bytes: int, tidy_bytes: int, local_copy: int
    ) -> None:
        self._folder = JournalFolder(directory)
        self._reserve = Reserve(directory / "reserve")
        # The oldest copies are deleted with their segment, so a small copy needs smaller segments.
        small = max(local_copy // 8, 1) if local_copy else segment_bytes
        self._segment_bytes = min(segment_bytes, small)
        self._tidy_bytes = tidy_bytes
        self._local_copy = local_copy
        self._file: int | None = None
        self._writer = SegmentWriter()
        self._making_room = False
        self.readers = 0
        self.damage = Damage()
        self.begin_again()

    def begin_again(self) -> None:
        """Start with an empty index."""
        self.index = Index()
        self._next = 1
        self._scanned = False

    def lock(self) -> None:
        """Claim the folder for this program; the claim ends with `close` or with the process.

        Raises:
            JournalInUse: another program has it.
            OSError: the folder cannot be made or opened.
        """
        self._folder.claim()

    def scan(self) -> None:
        """Read the segments of a former program; do nothing if that was done before.

        Raises:
            OSError: the directory cannot be read.
        """
        if self._scanned:
            return
        scan = Scan(self.index, self.damage, copies=self._local_copy > 0)
        self._next = scan.read(self._folder.path)
        self._scanned = True
        self.delete_dead()

    def check(self) -> None:
        """Check that all written files are still in place.

        Raises:
            JournalGone: a file has gone or was cut off.
            OSError: the files cannot be examined.
        """
        self._check_folder()
        for segment in self.index.segments.values():
            try:
                status = segment.path.stat()
            except FileNotFoundError:
                raise JournalGone(f"{segment.path.name} of the journal no longer exists") from None
            if segment.file != (status.st_dev, status.st_ino) or status.st_size < segment.size:
                raise JournalGone(f"{segment.path.name} of the journal was replaced or cut off")

    def _check_folder(self) -> None:
        self._folder.check()
        if self._file is not None:
            file, known = os.fstat(self._file), self.index.segments[self._next - 1].size
            if file.st_nlink == 0 or file.st_size < known:
                raise JournalGone("the newest file of the journal was deleted or cut off")

    def release(self) -> None:
        """Release the folder; a program can then claim it again, or another folder in its place."""
        self._close_file()
        self._folder.release()

    def close(self) -> None:
        """Release the folder; delete the oldest segments that have no live entries."""
        self._close_file()
        self.delete_dead()
        if not self.index.segments or not self._local_copy:
            self._reserve.release()
        self._folder.release()

    def append(self, entries: list[Raw], *, sync: bool, copies: bool = False) -> None:
        """Append entries; when the disk is full, drop copies first, unless the entries are copies.

        Raises:
            JournalGone: the folder was replaced, or a file has gone or was cut off.
            OSError: the entries may or may not be written.
        """
        self._check_folder()
        while True:
            try:
                self._append_once(entries, sync=sync)
            except OSError as error:
                # The end of this file is unknown now, and after a failed sync the kernel may drop
                # pages that it calls clean: so no entry is appended to it any more.
                self._break_off()
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
                self.index.move(raw, segment)

    def _current(self) -> Segment:
        """The segment to append to."""
        last = self.index.segments.get(self._next - 1)
        if last is not None and self._file is not None and last.size < self._segment_bytes:
            return last
        # A file of a former program may end in the middle of an entry, and so may a file after a
        # failed write. So each run, and each failure, begins a new file.
        self._close_file()
        self._keep_reserve()
        while os.path.lexists(path := self._folder.path / f"{self._next:012}.journal"):
            self._next += 1  # somebody copied it there: the next start reads it
        segment = Segment(self._next, path)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(segment.path, flags, 0o644)
        status = os.fstat(self._file)
        segment.file = (status.st_dev, status.st_ino)
        self._writer = SegmentWriter(last.entries if last is not None else 0)
        self._next += 1
        self.index.segments[segment.number] = segment
        sync_folder(self._folder.path)  # otherwise a power cut may remove the file
        return segment

    def _open_file(self, segment: Segment) -> int:
        if self._file is None:
            raise FileNotFoundError(segment.path)
        return self._file

    def _break_off(self) -> None:
        """Close the newest file without what a failed write has left in it.

        Every failed attempt begins a file: on a disk that stays full, the remains would pile up and
        take the space that somebody makes.
        """
        segment = self.index.segments.get(self._next - 1)
        if segment is not None and self._file is not None:
            with suppress(OSError):
                os.ftruncate(self._file, segment.size)
                if not segment.size and os.path.samestat(os.fstat(self._file), segment.path.stat()):
                    self._delete(segment)
                    self._next -= 1
        self._close_file()

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def live(self, segment: Segment) -> Iterator[Raw]:
        """The entries of a segment that are the newest of their keys."""
        try:
            reader = SegmentReader(read_file(segment.path))
        except (OSError, LaterFormat) as error:
            log.error("%s can no longer be read: %s", segment.path.name, error)
            self.damage.files += 1
            return
        for raw in reader:
            if raw.kind not in LISTS and self.index.is_live(raw, segment):
                yield raw

    def delete_dead(self) -> None:
        """Delete the oldest segments while they have no live entries."""
        while (segment := self.index.oldest()) is not None and not segment.live:
            if segment.number == self._next - 1 and self._file is not None:
                # This is the current segment: begin a new one only if that frees something.
                if segment.size < self._segment_bytes // 8:
                    return
                self._close_file()
            self._delete(segment)

    def _delete(self, segment: Segment) -> None:
        segment.path.unlink(missing_ok=True)
        del self.index.segments[segment.number]

    def tidy(self) -> None:
        """Shrink the journal if it is too large."""
        if self.readers:
            return  # a reader of the whole journal must not miss an entry that is moved
        self._clear_dead()
        while self._too_large() and self._clear_oldest():
            pass

    def _clear_dead(self) -> None:
        """Write the oldest segment's live entries again if they are few, so that it can be deleted."""
        oldest = self.index.oldest()
        if oldest is None or oldest.number == self._next - 1 or self.index.size <= self._tidy_bytes:
            return
        # The pages of a copy leave in the order of their arrival, so the rest of a segment will be
        # dead soon. Writing half of each segment again would add half as much to all writes.
        little = oldest.size // (8 if self._local_copy else 2)
        if oldest.live < little:
            self._clear(oldest)

    def _too_large(self) -> bool:
        return self.index.copied > 0 and self.index.size > self._local_copy + 2 * self.index.owed

    def _clear_oldest(self) -> bool:
        """Drop the copies in the oldest segment; return whether the segment could be deleted."""
        oldest = self.index.oldest()
        if oldest is None:
            return False
        if oldest.number == self._next - 1:
            self._close_file()
        self.index.give_up(oldest)
        return self._clear(oldest)

    def _clear(self, segment: Segment) -> bool:
        # Where a key was written twice with the same version, the last entry wins.
        live = {(raw.kind, raw.key): self._as_it_is(raw) for raw in self.live(segment)}
        if live:
            self.append(list(live.values()), sync=True)
        self.delete_dead()
        return segment.number not in self.index.segments

    def _as_it_is(self, raw: Raw) -> Raw:
        """The entry, with a flag if it has become a copy since it was written."""
        place = self.index.place(raw.key) if raw.kind in ROWS else None
        return raw._replace(flags=raw.flags | STORED) if place is not None and place.copy else raw

    def _make_room(self) -> bool:
        """Drop the oldest copies, since the disk is full; return False if that is impossible."""
        oldest = self.index.oldest()
        if self._making_room:
            return False
        if oldest is None or not self.index.copied:
            return self._reserve.release()
        log.warning("the disk is full: dropping the oldest entries of the local copy")
        self._making_room = True
        try:
            self.index.give_up(oldest)
            if oldest.owed:
                # The owed entries in it have to be written elsewhere before it can be deleted.
                self._reserve.release()
                return self._clear(oldest)
            self._delete(oldest)
        except OSError as error:
            log.debug("the local copy cannot be shrunk: %s", error)
            return False
        finally:
            self._making_room = False
        return True

    def _keep_reserve(self) -> None:
        if self.index.copied and not self._making_room:
            self._reserve.keep(min(RESERVE_BYTES, self._segment_bytes))
