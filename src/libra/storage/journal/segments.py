"""The format of a journal file, and a reader that copes with damage.

A segment begins with a head, followed by entries::

    head    magic, format, marker, marker, entries of the segment before, CRC-32
    entry   marker, ordinal, kind, flags, length of the key, length of the payload, version,
            CRC-32 of the payload, CRC-32 of all before and of the key; then the key and the payload

The marker is random and belongs to one segment, so no content of a page can look like an entry. If
the head of an entry is damaged, the reader finds the next entry by the marker and the checksum of its
head, and the ordinals show how many are missing: a flipped bit costs one entry. The head of a segment
has the marker twice and the first entry a third time, so a damaged head costs nothing.

The format before this one had neither heads nor markers; the reader still supports it.
"""

from __future__ import annotations

import os
import re
import struct
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from libra.report import FINISHED
from libra.storage.rows.entries import Deleted, Entry, Packed, Snapshot, WatchRow

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

FORMAT: Final = 2
"""The format that is written now."""

_MAGIC: Final = b"LIBRAjnl"
_HEAD: Final = struct.Struct("<8sI8s8sI")
_SUM: Final = struct.Struct("<I")
HEAD_BYTES: Final = _HEAD.size + _SUM.size

_ENTRY: Final = struct.Struct("<8sIBBHIqI")
_ENTRY_BYTES: Final = _ENTRY.size + _SUM.size
_MARKER_BYTES: Final = 8

_LOOKS_LIKE_AN_ENTRY: Final = re.compile(
    rb"(?s)(?=.{8}..\x00\x00[a-z][\x00-\x03].\x00...[\x00-\x0f])"
)
"""The start of an entry: its marker, a small ordinal, a kind, flags, two lengths."""

_SHORTEST: Final = 80
"""The least bytes of the head and the key of a row: fewer bytes at the end were cut off."""

_COMPRESSED: Final = 1
"""A flag: the payload is a zstd frame."""

STORED: Final = 2
"""A flag: the database had this row when the entry was written."""

_SMALL: Final = 100
"""Payloads of fewer bytes are not compressed."""

PAGE: Final = "s"
FINISHED_PAGE: Final = "p"
WATCH: Final = "w"
DELETED: Final = "d"
DROPPED: Final = "x"
NOW_STORED: Final = "k"
BEGUN: Final = "b"

ROWS: Final = frozenset((PAGE, FINISHED_PAGE, WATCH, DELETED))
"""The kinds of which only the newest entry for each id counts."""

LISTS: Final = frozenset((DROPPED, NOW_STORED))
"""The kinds that refer to other entries: they list keys and versions."""


class Raw(NamedTuple):
    """An entry as it is on the disk; its kind may be unknown to this version of Libra."""

    kind: str
    key: str
    version: int
    payload: bytes
    flags: int = 0


class Unreadable(Exception):
    """An intact entry that this program cannot decode, perhaps of another version."""


class LaterFormat(Exception):
    """A segment in a format of a later version of Libra, which this version leaves alone."""


@dataclass(slots=True)
class Damage:
    """The number of entries and files that could not be read and are lost.

    Attributes:
        entries: damaged or missing entries.
        files: files that could not be read at all.
    """

    entries: int = 0
    files: int = 0

    def __str__(self) -> str:
        """The damage in words for people."""
        return (
            f"{self.entries} damaged or missing entries and {self.files} unreadable files were found "
            "in the journal; those that were not in the database are lost (the log names the files)"
        )

    def __bool__(self) -> bool:
        return self.entries > 0 or self.files > 0

    def add(self, other: Damage) -> None:
        """Add another damage."""
        self.entries += other.entries
        self.files += other.files


def of_entry(entry: Entry, *, stored: bool = False) -> Raw:
    """Encode a page, a watch or a deletion; ``stored`` is whether the database has it."""
    if isinstance(entry, Snapshot) and entry.status in FINISHED:
        # Its report stays a separate frame, so that memory can take it as it is.
        row = entry if isinstance(entry, Packed) else Packed.of_row(entry)
        raw = Raw(FINISHED_PAGE, entry.id, entry.version, _packer.encode(row))
    else:
        raw = of_struct(_KINDS[type(entry)], entry.id, entry.version, entry)
    return raw._replace(flags=raw.flags | STORED) if stored else raw


def entry_bytes(raw: Raw) -> int:
    """The bytes that an entry takes in a segment."""
    return _ENTRY_BYTES + len(raw.key.encode()) + len(raw.payload)


def of_struct(kind: str, key: str, version: int, data: object) -> Raw:
    """Encode any other entry."""
    payload = _packer.encode(data)
    if len(payload) < _SMALL:
        return Raw(kind, key, version, payload)
    return Raw(kind, key, version, zstd.compress(payload, 1), _COMPRESSED)


def decode(raw: Raw) -> Entry | list[tuple[str, int]]:
    """Decode an entry: a page, a watch, a deletion, or a list of keys and versions.

    Raises:
        Unreadable: it is from another version of Libra.
    """
    try:
        payload = zstd.decompress(raw.payload) if raw.flags & _COMPRESSED else raw.payload
        if raw.kind in LISTS:
            return _unpack_drops.decode(payload)
        return _unpack[raw.kind].decode(payload)
    except (msgspec.MsgspecError, zstd.ZstdError, KeyError) as error:
        raise Unreadable(str(error)) from None


class SegmentWriter:
    """Writes the bytes of one new segment.

    Args:
        entries_before: the number of entries in the segment before this one; 0 if unknown.
    """

    __slots__ = ("_head", "_marker", "_ordinal")

    def __init__(self, entries_before: int = 0) -> None:
        self._marker = marker = os.urandom(_MARKER_BYTES)
        head = _HEAD.pack(_MAGIC, FORMAT, marker, marker, entries_before)
        self._head = head + _SUM.pack(zlib.crc32(head))
        self._ordinal = 0

    @property
    def entries(self) -> int:
        """The number of entries so far."""
        return self._ordinal

    def encode(self, entries: list[Raw]) -> bytes:
        """Encode these entries, after the head of the segment if they are its first ones."""
        parts = [self._head] if self._ordinal == 0 else []
        for raw in entries:
            key = raw.key.encode()
            head = _ENTRY.pack(
                self._marker,
                self._ordinal,
                ord(raw.kind),
                raw.flags,
                len(key),
                len(raw.payload),
                raw.version,
                zlib.crc32(raw.payload),
            )
            parts += (head, _SUM.pack(zlib.crc32(key, zlib.crc32(head))), key, raw.payload)
            self._ordinal += 1
        return b"".join(parts)


class SegmentReader:
    """Reads one segment and skips damaged parts.

    Attributes:
        entries: the number of entries so far, including damaged ones.
        entries_before: the number of entries in the segment before it; 0 if unknown.
        damage: the skipped entries.
        cut_off: whether it ends in the middle of an entry, as after a crash.

    Args:
        data: the content of the file.

    Raises:
        LaterFormat: this version of Libra cannot read it.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.entries = 0
        self.damage = Damage()
        self.cut_off = False
        self.entries_before = 0
        self._marker = self._marker_of_head()
        self._old = self._marker is None and not data.startswith(_MAGIC)

    def _marker_of_head(self) -> bytes | None:
        """The marker of the segment, from any place where it is intact."""
        data = self._data
        if len(data) >= HEAD_BYTES:
            magic, written, marker, again, before = _HEAD.unpack_from(data)
            (checksum,) = _SUM.unpack_from(data, _HEAD.size)
            if zlib.crc32(data[: _HEAD.size]) == checksum and magic == _MAGIC:
                if written > FORMAT:
                    raise LaterFormat(f"its format is {written}, this Libra reads up to {FORMAT}")
                self.entries_before = before
                return bytes(marker)
            for copy in (marker, again, data[HEAD_BYTES : HEAD_BYTES + _MARKER_BYTES]):
                if any(copy) and self._find(copy, HEAD_BYTES) is not None:
                    return bytes(copy)
        if _begins_old(data):
            return None
        # The head and the first entry are damaged: look for any bytes that are a valid entry.
        for found in _LOOKS_LIKE_AN_ENTRY.finditer(data):
            marker = data[found.start() : found.start() + _MARKER_BYTES]
            if _entry_at(data, found.start(), marker) is not None:
                return marker
        return None

    def __iter__(self) -> Iterator[Raw]:
        """The entries, in the order of writing."""
        return self._read_old() if self._old else self._read()

    def _read(self) -> Iterator[Raw]:
        data, at = self._data, HEAD_BYTES
        if self._marker is None:
            self._end_unread()
            return
        while at < len(data):
            head = _entry_at(data, at, self._marker)
            if head is None:
                found = self._find(self._marker, at + 1)
                if found is None:
                    self._end(at)
                    return
                at = found
                continue
            self._count_up_to(head.ordinal)
            end = head.payload_at + head.length
            if end > len(data):
                self.cut_off = True
                return
            self.entries += 1
            payload = data[head.payload_at : end]
            at = end
            if zlib.crc32(payload) != head.checksum:
                self.damage.entries += 1
                continue
            yield Raw(head.kind, head.key, head.version, payload, head.flags)

    def _count_up_to(self, ordinal: int) -> None:
        missing = ordinal - self.entries
        if missing > 0:
            self.damage.entries += missing
            self.entries = ordinal

    def _end(self, at: int) -> None:
        """Note the end of the readable entries."""
        rest = self._data[at:]
        if len(rest) < _SHORTEST or not any(rest):  # a power cut may leave zeros
            self.cut_off = True
        else:
            self.damage.entries += 1
            self.entries += 1

    def _end_unread(self) -> None:
        """Note the end of a file in which nothing more can be made out."""
        if self.entries == 0 and len(self._data) > HEAD_BYTES:
            self.damage.files += 1
        else:
            self.cut_off = True

    def _find(self, marker: bytes, at: int) -> int | None:
        """The place of the next entry with an intact head."""
        while (at := self._data.find(marker, at)) >= 0:
            if _entry_at(self._data, at, marker) is not None:
                return at
            at += 1
        return None

    def _read_old(self) -> Iterator[Raw]:
        """Format 1: each entry is a length, a CRC-32 and a zstd frame of a kind and its data."""
        data, at = memoryview(self._data), 0
        while at < len(data):
            end = at + _OLD.size
            length, checksum = _OLD.unpack(data[at:end]) if end <= len(data) else (0, 0)
            if length == 0 or end + length > len(data):
                self._end_unread()
                return
            payload = bytes(data[end : end + length])
            at = end + length
            self.entries += 1
            raw = _of_old(payload) if zlib.crc32(payload) == checksum else None
            if raw is None:
                self.damage.entries += 1
            else:
                yield raw


class _EntryHead(NamedTuple):
    ordinal: int
    kind: str
    flags: int
    key: str
    version: int
    checksum: int
    payload_at: int
    length: int


def _entry_at(data: bytes, at: int, marker: bytes) -> _EntryHead | None:
    """The head of the entry that begins here; None if there is none or it is damaged."""
    if at + _ENTRY_BYTES > len(data):
        return None
    found, ordinal, kind, flags, key_bytes, length, version, payload_sum = _ENTRY.unpack_from(
        data, at
    )
    if found != marker:
        return None
    key_at = at + _ENTRY_BYTES
    key = data[key_at : key_at + key_bytes]
    (checksum,) = _SUM.unpack_from(data, at + _ENTRY.size)
    if zlib.crc32(key, zlib.crc32(data[at : at + _ENTRY.size])) != checksum:
        return None
    return _EntryHead(
        ordinal, chr(kind), flags, key.decode(), version, payload_sum, key_at + key_bytes, length
    )


def _begins_old(data: bytes) -> bool:
    """Whether the data begins with a whole entry of format 1."""
    if len(data) < _OLD.size:
        return False
    length, checksum = _OLD.unpack_from(data)
    if not 0 < length <= len(data) - _OLD.size:
        return False
    return bool(zlib.crc32(data[_OLD.size : _OLD.size + length]) == checksum)


def _of_old(payload: bytes) -> Raw | None:
    try:
        data = zstd.decompress(payload)
        kind = data[:1].decode()
        if kind == DROPPED:
            return of_struct(kind, "", 0, _unpack_drops.decode(data[1:]))
        return of_entry(_unpack[kind if kind in _unpack else DELETED].decode(data[1:]))
    except (msgspec.MsgspecError, zstd.ZstdError, UnicodeDecodeError):
        return None


_OLD: Final = struct.Struct("<II")
_packer = msgspec.msgpack.Encoder()
_unpack_drops = msgspec.msgpack.Decoder(list[tuple[str, int]])
_KINDS: Final[dict[type[Entry], str]] = {
    Snapshot: PAGE,
    Packed: FINISHED_PAGE,
    WatchRow: WATCH,
    Deleted: DELETED,
}
_unpack: Final[dict[str, msgspec.msgpack.Decoder[Entry]]] = {
    kind: msgspec.msgpack.Decoder(entry) for entry, kind in _KINDS.items()
}
