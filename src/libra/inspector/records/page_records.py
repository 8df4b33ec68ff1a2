"""The table that holds the records of all pages that are in memory."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from operator import attrgetter
from typing import Final

from sortedcontainers import SortedList  # type: ignore[import-untyped] # it ships no types

from libra.inspector.records.by_url import ByUrl
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.submission_keys import SubmissionKeys
from libra.report import Status

#: Ids to look up at a time in a walk through the records.
AT_ONCE: Final = 64


class PageRecords:
    """All records by page id, in the order of their ids, which is the order of submission.

    Attributes:
        keys: the idempotency keys of submitted pages, also of some that have left memory.
        by_url: the same records by their URL.
        added: called with each record that is added.
    """

    def __init__(self) -> None:
        self.keys = SubmissionKeys()
        self._by_id: dict[str, PageRecord] = {}
        # A plain list is too slow: pages that come back at a start enter at its beginning, the older
        # ones last, and each would move all others.
        self._ids = SortedList()
        self._changes = 0
        self._series: dict[str, list[str]] = {}
        self.by_url = ByUrl[PageRecord]()
        self.added: Callable[[PageRecord], None] | None = None

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[PageRecord]:
        """All records as of now, in no particular order."""
        return iter(list(self._by_id.values()))

    def by_status(self) -> Counter[Status]:
        """How many pages there are of each status; some 5 ms for 100,000."""
        return Counter(map(attrgetter("status"), self._by_id.values()))

    def get(self, page_id: str) -> PageRecord | None:
        """The record of a page, or None."""
        return self._by_id.get(page_id)

    def add(self, record: PageRecord) -> None:
        """Add a record; replace one with the same id."""
        known = self._by_id.get(record.id)
        if known is not None:
            self.by_url.discard(known)
        self.by_url.add(record)
        if known is None:
            self._ids.add(record.id)
            self._changes += 1
            if record.series is not None:
                insort(self._series.setdefault(record.series, []), record.id)
        self._by_id[record.id] = record
        self.keys.note(record.key, record.id)
        if self.added is not None:
            self.added(record)

    def discard(self, page_id: str) -> None:
        """Remove a record, if there is one."""
        record = self._by_id.pop(page_id, None)
        if record is None:
            return
        self._ids.remove(page_id)
        self.by_url.discard(record)
        self._changes += 1
        if record.series is not None:
            others = self._series[record.series]
            others.remove(page_id)
            if not others:
                del self._series[record.series]

    def newest_of(self, series: str, before: str | None = None) -> str | None:
        """The newest result of a series in memory; with ``before``, one older than that id."""
        found = self._series.get(series, [])
        position = len(found) if before is None else bisect_left(found, before)
        return found[position - 1] if position else None

    def newest(self, after: str | None = None, floor: str | None = None) -> Iterator[PageRecord]:
        """Records from the newest to the oldest; with ``after``, only those older than that id.

        With ``floor``, only those with this id or a newer one.

        Callers may add or discard records meanwhile: the walk continues from its place.
        """
        last = after
        while True:
            rest = self._ids.irange(floor, last, inclusive=(True, False), reverse=True)
            ids: list[str] = list(islice(rest, AT_ONCE))
            seen = self._changes
            for page_id in ids:
                last = page_id
                yield self._by_id[page_id]
                if self._changes != seen:
                    break
            else:
                if len(ids) < AT_ONCE:
                    return
