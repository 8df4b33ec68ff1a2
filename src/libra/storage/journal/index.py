"""The journal's index: the place of the newest entry of each key, and whether it is owed or a copy.

An entry is live while it is the newest of its key and was not dropped. A live row is *owed* while the
database lacks it. After that it is a *copy*, kept only so that a restart in the middle of an outage
finds it. Owed rows must not be lost; copies may be dropped at any time.

The index has an entry for every page in memory, so a place is one number instead of an object.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, NamedTuple

from libra.storage.journal.segments import BEGUN, ROWS, STORED, WATCH, Raw, entry_bytes

_NOTE: Final = "\0"

# From the lowest bit: two flags, the bytes of the entry, its segment, its version.
_COPY: Final = 1
_WATCH: Final = 2
_FLAG_BITS: Final = 2
_SIZE_BITS: Final = 32
_SIZE_MASK: Final = (1 << _SIZE_BITS) - 1
_SEGMENT_AT: Final = _FLAG_BITS + _SIZE_BITS
_SEGMENT_BITS: Final = 32
_SEGMENT_MASK: Final = (1 << _SEGMENT_BITS) - 1
_VERSION_AT: Final = _SEGMENT_AT + _SEGMENT_BITS


class Segment:
    """One file of the journal.

    Attributes:
        number: its number; segments are numbered in the order in which they were written.
        path: the path of the file.
        size: its size in bytes.
        entries: the number of entries, including dead ones.
        owed: bytes of the live entries that are not copies.
        copied: bytes of the copies.
        rows: the number of owed rows.
        watches: the number of copies of watches.
        file: its device and inode.
    """

    __slots__ = ("copied", "entries", "file", "number", "owed", "path", "rows", "size", "watches")

    def __init__(self, number: int, path: Path) -> None:
        self.number = number
        self.path = path
        self.size = self.entries = self.owed = self.copied = self.rows = self.watches = 0
        self.file: tuple[int, int] | None = None

    @property
    def live(self) -> int:
        """Bytes of its live entries."""
        return self.owed + self.copied


class EntryPlace(NamedTuple):
    """The newest entry of a key: its version, and whether it is a copy."""

    version: int
    copy: bool


class Index:
    """The segments of a journal and their live entries.

    Attributes:
        segments: the segments by their numbers.
        notes: the live notes that this program understands.
    """

    def __init__(self) -> None:
        self.segments: dict[int, Segment] = {}
        self.notes: dict[str, Raw] = {}
        self._where: dict[str, int] = {}

    @property
    def size(self) -> int:
        """Bytes on the disk."""
        return sum(segment.size for segment in self.segments.values())

    @property
    def owed(self) -> int:
        """Bytes of all entries that must not be lost."""
        return sum(segment.owed for segment in self.segments.values())

    @property
    def copied(self) -> int:
        """Bytes of all copies."""
        return sum(segment.copied for segment in self.segments.values())

    @property
    def rows(self) -> int:
        """How many pages, watches and deletions the database lacks."""
        return sum(segment.rows for segment in self.segments.values())

    def oldest(self) -> Segment | None:
        """The segment that is deleted first."""
        return self.segments[min(self.segments)] if self.segments else None

    def place(self, key: str) -> EntryPlace | None:
        """The place of the newest entry of a key, or None."""
        packed = self._where.get(key)
        return None if packed is None else EntryPlace(packed >> _VERSION_AT, bool(packed & _COPY))

    def is_live(self, raw: Raw, segment: Segment) -> bool:
        """Whether this entry of a segment is the newest of its key."""
        packed = self._where.get(key_of(raw))
        return packed is not None and packed >> _SEGMENT_AT == (
            raw.version << _SEGMENT_BITS | segment.number
        )

    def move(self, raw: Raw, segment: Segment) -> None:
        """Make this entry the newest of its key, unless a newer one is known."""
        row = raw.kind in ROWS
        key = raw.key if row else note_key(raw.kind, raw.key)
        before = self._where.get(key)
        if before is not None:
            if row and before >> _VERSION_AT > raw.version:
                return
            self._count(key, before, -1)
        if raw.kind == BEGUN:
            self.notes[key] = raw
        flags = _WATCH * (raw.kind == WATCH) | _COPY * (row and raw.flags & STORED > 0)
        place = raw.version << _SEGMENT_BITS | segment.number
        packed = (place << _SIZE_BITS | entry_bytes(raw)) << _FLAG_BITS | flags
        self._where[key] = packed
        self._count(key, packed, 1)

    def forget(self, key: str, version: int) -> bool:
        """Mark a key's entry dead if it is not newer than this version; False if there was none."""
        packed = self._where.get(key)
        if packed is None or packed >> _VERSION_AT > version:
            return False
        del self._where[key]
        self.notes.pop(key, None)
        self._count(key, packed, -1)
        return True

    def store(self, key: str, version: int) -> bool:
        """Mark an owed row as a copy if the database has this version; False if nothing changed."""
        packed = self._where.get(key)
        if packed is None or packed & _COPY or packed >> _VERSION_AT != version:
            return False
        self._count(key, packed, -1)
        self._where[key] = packed | _COPY
        self._count(key, packed | _COPY, 1)
        return True

    def give_up(self, segment: Segment | None) -> None:
        """Drop the copies in a segment, or all copies."""
        for key in [
            key
            for key, packed in self._where.items()
            if packed & _COPY
            and (segment is None or packed >> _SEGMENT_AT & _SEGMENT_MASK == segment.number)
        ]:
            self._count(key, self._where.pop(key), -1)

    def _count(self, key: str, packed: int, sign: int) -> None:
        segment = self.segments[packed >> _SEGMENT_AT & _SEGMENT_MASK]
        size = packed >> _FLAG_BITS & _SIZE_MASK
        if packed & _COPY:
            segment.copied += sign * size
            if packed & _WATCH:
                segment.watches += sign
        else:
            segment.owed += sign * size
            if not key.startswith(_NOTE):
                segment.rows += sign


def key_of(raw: Raw) -> str:
    """The index key of an entry; the keys of notes and of rows never collide."""
    return raw.key if raw.kind in ROWS else note_key(raw.kind, raw.key)


def note_key(kind: str, key: str) -> str:
    """The index key of a note."""
    return f"{_NOTE}{kind}{key}"
