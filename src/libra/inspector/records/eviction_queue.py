"""Which resting page leaves first when memory is full: the one nearest to its expiry."""

from __future__ import annotations

from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from libra.inspector.records.page_records import PageRecords


class Evictable(NamedTuple):
    """A page that may leave, and the time of its expiry."""

    expires_at: datetime
    page_id: str


class EvictionQueue:
    """Pages that may leave, in the order of their expiry.

    A page that has left meanwhile stays in the queue until its turn and is skipped then, which is
    cheaper than searching for it. When more have left than are still in memory, the queue is cleaned
    up.

    A start brings back those pages first that expire last. In a heap each of them would have to pass all
    others; in a list of their own, where the next one is at the end, each costs one comparison.
    """

    def __init__(self, records: PageRecords) -> None:
        self._records = records
        self._heap: list[Evictable] = []
        self._falling: list[Evictable] = []

    def note(self, page_id: str, expires_at: datetime) -> None:
        """Note that this page may leave and when it expires."""
        entry = Evictable(expires_at, page_id)
        if not self._falling or entry <= self._falling[-1]:
            self._falling.append(entry)
        else:
            heappush(self._heap, entry)
        if len(self._heap) + len(self._falling) > 2 * len(self._records) + 64:
            entries = {*self._heap, *self._falling}
            self._heap = [entry for entry in entries if self._records.get(entry.page_id)]
            heapify(self._heap)
            self._falling.clear()

    def due(self, now: datetime, most: int) -> list[str]:
        """Take out up to ``most`` pages that have expired; they then leave without being asked."""
        due: list[str] = []
        while len(due) < most and (departure := self._pop(now)) is not None:
            due.append(departure.page_id)
        return due

    def next(self) -> Evictable | None:
        """Take out the page with the earliest expiry; None if no page may leave."""
        while (departure := self._pop()) is not None:
            if self._records.get(departure.page_id) is not None:
                return departure
        return None

    def _pop(self, until: datetime | None = None) -> Evictable | None:
        """Take out the first entry, with ``until`` only if it expires by then."""
        heap, falling = self._heap, self._falling
        from_heap = bool(heap) and not (falling and falling[-1] < heap[0])
        if not from_heap and not falling:
            return None
        first = heap[0] if from_heap else falling[-1]
        if until is not None and first.expires_at > until:
            return None
        return heappop(heap) if from_heap else falling.pop()
