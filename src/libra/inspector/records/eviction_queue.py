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
    """

    def __init__(self, records: PageRecords) -> None:
        self._records = records
        self._heap: list[Evictable] = []

    def note(self, page_id: str, expires_at: datetime) -> None:
        """Note that this page may leave and when it expires."""
        heappush(self._heap, Evictable(expires_at, page_id))
        if len(self._heap) > 2 * len(self._records) + 64:
            present = {entry for entry in self._heap if self._records.get(entry.page_id)}
            self._heap = list(present)
            heapify(self._heap)

    def due(self, now: datetime, most: int) -> list[str]:
        """Take out up to ``most`` pages that have expired; they then leave without being asked."""
        due: list[str] = []
        while self._heap and self._heap[0].expires_at <= now and len(due) < most:
            due.append(heappop(self._heap).page_id)
        return due

    def next(self) -> Evictable | None:
        """Take out the page with the earliest expiry; None if no page may leave."""
        while self._heap:
            departure = heappop(self._heap)
            if self._records.get(departure.page_id) is not None:
                return departure
        return None
