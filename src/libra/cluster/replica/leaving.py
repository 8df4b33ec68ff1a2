"""Which pages leave the memory of a web node first when it is full.

First those that the database has, then finished ones that only the engine has, then unfinished ones; in
each group the oldest. Pages that only this node has stay.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Final, NamedTuple

from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.page_records import PageRecords

STORED: Final = 0
FINISHED: Final = 1
UNFINISHED: Final = 2

#: Entries of pages that have left or changed, beside one for each page, before a group is cleaned up.
_STALE: Final = 64


class Leaving(NamedTuple):
    """A page that leaves, and whether the database has it."""

    page_id: str
    is_stored: bool


class LeavingOrder:
    """The order in which the pages in memory leave it.

    A web node that is full takes one page out for each that comes in, so it must not look at the others
    for that. The entry of a page that has left or changed meanwhile stays until its turn.

    Args:
        pages: the pages in memory; each that is added there has its place here.
    """

    def __init__(self, pages: PageRecords) -> None:
        self._pages = pages
        self._groups: tuple[list[str], ...] = ([], [], [])
        for record in pages:
            self.note(record)
        pages.added = self.note

    def note(self, record: PageRecord) -> None:
        """Give a page the place that it has in its present state."""
        group = _group_of(record)
        if group is None:
            return
        heap = self._groups[group]
        heappush(heap, record.id)
        if len(heap) > 2 * len(self._pages) + _STALE:
            heap[:] = {page_id for page_id in heap if self._pages.get(page_id) is not None}
            heapify(heap)

    def take(self, stays: Callable[[str], bool]) -> Leaving | None:
        """Take out the page that leaves first; None if none may.

        Args:
            stays: whether a page has to stay for now, for a reason that its state does not tell.
        """
        for group, heap in enumerate(self._groups):
            staying: list[str] = []
            found: Leaving | None = None
            moved: int | None = None
            while heap and found is None:
                page_id = heappop(heap)
                record = self._pages.get(page_id)
                if record is None:
                    continue
                place = _group_of(record)
                if place != group:  # it changed, and nobody said so
                    self.note(record)
                    if place is not None:
                        moved = place if moved is None else min(moved, place)
                elif stays(page_id):
                    staying.append(page_id)
                else:
                    found = Leaving(page_id, group == STORED)
            for page_id in staying:
                heappush(heap, page_id)
            if found is not None:
                return found
            if moved is not None and moved < group:
                return self.take(stays)
        return None


def _group_of(record: PageRecord) -> int | None:
    if record.backup in ("stored", "rejected"):
        return STORED if record.finished else None
    if record.backup != "replicated":
        return None
    return FINISHED if record.finished else UNFINISHED
