"""Which resting page leaves first when memory is full: the one nearest to its expiry."""

from __future__ import annotations

from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import NamedTuple

from libra.inspector.records.page_records import PageRecords


class Evictable(NamedTuple):
    """A page that may leave, and when it would expire."""

    expires_at: datetime
    page_id: str


class EvictionQueue:
    """Pages that may leave, by the time of their expiry.

    A page that has left meanwhile stays here until its turn comes and is passed over then, which
    is cheaper than looking for it; when more have left than are still here, the rest is sorted out.
    """

    def __init__(self, records: PageRecords) -> None:
        self._records = records
        self._heap: list[Evictable] = []

    def note(self, page_id: str, expires_at: datetime) -> None:
        """This page may leave; it would expire at this time."""
        heappush(self._heap, Evictable(expires_at, page_id))
        if len(self._heap) > 2 * len(self._records) + 64:
            present = {entry for entry in self._heap if self._records.get(entry.page_id)}
            self._heap = list(present)
            heapify(self._heap)

    def due(self, now: datetime, most: int) -> list[str]:
        """Take out pages that have expired, so many at most: they leave by themselves."""
        due: list[str] = []
        while self._heap and self._heap[0].expires_at <= now and len(due) < most:
            due.append(heappop(self._heap).page_id)
        return due

    def next(self) -> Evictable | None:
        """Take out the page that is nearest to its expiry; None when no page may leave."""
        while self._heap:
            departure = heappop(self._heap)
            if self._records.get(departure.page_id) is not None:
                return departure
        return None
