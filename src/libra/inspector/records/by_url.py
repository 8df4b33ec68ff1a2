"""The records in memory by their URL: the weigh-ins of each URL as a list, newest first.

The list consists of the records themselves, and each record knows the one before and after it. So
100,000 pages of as many URLs need no 100,000 lists. Pages enter at one end when they are submitted,
and at the other when they come back after a start. They may leave anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Self, TypeVar


class Link:
    """An entry that knows the weigh-ins before and after it.

    Attributes:
        id: the id; ids sort by time.
        url: the URL that was weighed.
        newer: the weigh-in after this one; for the newest one, the oldest; None outside of a list.
        older: the weigh-in before this one; None for the oldest.
    """

    __slots__ = ("id", "newer", "older", "url")

    id: str
    url: str
    newer: Self | None
    older: Self | None


L = TypeVar("L", bound=Link)


class ByUrl(Generic[L]):
    """Finds the weigh-ins of a URL that are in memory."""

    def __init__(self) -> None:
        self._newest: dict[str, L] = {}

    def __len__(self) -> int:
        """How many URLs there are."""
        return len(self._newest)

    def newest(self, url: str) -> L | None:
        """The newest weigh-in of a URL, or None."""
        return self._newest.get(url)

    def newest_of_each(self) -> list[L]:
        """The newest weigh-in of each URL as of now, in no particular order."""
        return list(self._newest.values())

    def of(self, url: str) -> Iterator[L]:
        """The weigh-ins of a URL, newest first; do not add or discard any meanwhile."""
        record = self._newest.get(url)
        while record is not None:
            yield record
            record = record.older

    def add(self, record: L) -> None:
        """Add a record that is not in the list."""
        newest = self._newest.get(record.url)
        if newest is None:
            record.newer, record.older = record, None
            self._newest[record.url] = record
            return
        oldest = newest.newer
        if oldest is None:
            raise ValueError(f"record {newest.id} is in no list")
        if record.id > newest.id:
            record.newer, record.older = oldest, newest
            newest.newer = record
            self._newest[record.url] = record
        elif record.id < oldest.id:
            record.newer, record.older = oldest, None
            oldest.older = newest.newer = record
        else:
            after = newest
            while after.older is not None and after.older.id > record.id:
                after = after.older
            record.newer, record.older = after, after.older
            if after.older is not None:
                after.older.newer = record
            after.older = record

    def discard(self, record: L) -> None:
        """Remove a record, if it is in the list."""
        newer, older = record.newer, record.older
        if newer is None:
            return
        newest = self._newest[record.url]
        if record is newest:
            if older is None:
                del self._newest[record.url]
            else:
                self._newest[record.url] = older
                older.newer = newer if newer is not record else older
        else:
            newer.older = older
            if older is not None:
                older.newer = newer
            else:
                newest.newer = newer  # this is the oldest one now
        record.newer = record.older = None
