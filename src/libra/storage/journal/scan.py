"""Reads the segments of a former program from the folder of a journal.

A file that is not a segment or cannot be read affects no other file, and missing entries are counted.
"""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Final

from libra.storage.journal.folder import read_file
from libra.storage.journal.index import Index, Segment
from libra.storage.journal.segments import (
    DROPPED,
    LISTS,
    Damage,
    LaterFormat,
    SegmentReader,
    Unreadable,
    decode,
)

log = logging.getLogger("libra.journal")

_NUMBER: Final = re.compile(r"[0-9]{12}")
_MAX_NUMBER: Final = 2**31  # the numbers of the next segments must fit into 32 bits of the index


class Scan:
    """Fills an index from the segments in a folder.

    Args:
        index: an empty index.
        damage: counts entries and files that cannot be read.
        copies: whether to keep rows that the database has.
    """

    def __init__(self, index: Index, damage: Damage, *, copies: bool) -> None:
        self._index = index
        self._damage = damage
        self._copies = copies

    def read(self, folder: Path) -> int:
        """Read all segments, in the order of writing; return the number of the next segment.

        Raises:
            OSError: the folder cannot be read.
        """
        following = 1
        before: dict[int, int] = {}
        unread: set[int] = set()
        for path in sorted(folder.iterdir()):
            if path.suffix != ".journal" or not path.stem.isdigit():
                continue
            if not _NUMBER.fullmatch(path.stem) or (number := int(path.stem)) >= _MAX_NUMBER:
                log.error("%s is left alone: no segment of Libra has that name", path.name)
                self._damage.files += 1
                continue
            following = max(following, number + 1)
            try:
                reader = SegmentReader(read_file(path))
            except LaterFormat as error:
                log.error("%s is left alone: %s", path.name, error)
                unread.add(number)
                continue
            except OSError as error:
                log.error("%s is left alone because it cannot be read: %s", path.name, error)
                self._damage.files += 1
                unread.add(number)
                continue
            self._read_segment(Segment(number, path), reader)
            before[number] = reader.entries_before
        self._count_missing(before, unread)
        if not self._copies:
            self._index.give_up(None)
        return following

    def _read_segment(self, segment: Segment, reader: SegmentReader) -> None:
        self._index.segments[segment.number] = segment
        for raw in reader:
            if raw.kind not in LISTS:
                self._index.move(raw, segment)
                continue
            try:
                listed = decode(raw)
            except Unreadable as error:
                log.warning(
                    "%s: a list of dropped or stored entries cannot be read: %s",
                    segment.path.name,
                    error,
                )
                continue
            over = raw.kind == DROPPED or not self._copies
            do = self._index.forget if over else self._index.store
            for key, version in listed if isinstance(listed, list) else ():
                do(key, version)
        segment.entries = reader.entries
        status = segment.path.stat()
        segment.size, segment.file = status.st_size, (status.st_dev, status.st_ino)
        if reader.cut_off:
            log.warning("%s ends in the middle of an entry, as after a crash", segment.path.name)
        if reader.damage.files:
            log.error("%s has nothing that can be read: its entries are lost", segment.path.name)
        elif reader.damage:
            lost = reader.damage.entries
            log.error("%s is damaged: %d of its entries are lost", segment.path.name, lost)
        self._damage.add(reader.damage)

    def _count_missing(self, before: dict[int, int], unread: set[int]) -> None:
        """Find files that are cut off or missing, from what each segment says of the one before it."""
        for number, entries in before.items():
            former = self._index.segments.get(number - 1)
            if former is not None and former.entries < entries:
                missing = entries - former.entries
                log.error("%s lacks its last %d entries", former.path.name, missing)
                self._damage.entries += missing
            elif former is None and number > min(before) and number - 1 not in unread:
                log.error(
                    "segment %d of the journal is missing, with %d entries", number - 1, entries
                )
                self._damage.entries += entries
