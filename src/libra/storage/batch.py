"""The queue in front of the one writer: what is not in the database yet.

A queue of pages, not of saves: of each page it holds only the newest version, so that a page which
changes ten times during an outage costs one row afterwards, and the queue can be no longer than the
number of pages. Pure: no clock, no task, no database.
"""

from __future__ import annotations

from itertools import islice

from libra.storage.snapshot import Entry


class Batch:
    """Entries waiting to be saved, oldest first, and those that are being saved.

    Bounded by the number of pages: beyond ``limit`` a page that is not in it yet is refused, rather
    than another's entry dropped, because whoever is refused knows that it is not safe and can say
    so and come again. A newer version of a page that is in it is always taken.

    Args:
        limit: how many pages at most, waiting and being saved together.
    """

    __slots__ = ("_flight", "_limit", "_waiting")

    def __init__(self, limit: int = 200_000) -> None:
        self._limit = limit
        # Each entry with the time since when its page has waited. In both, and across both, the
        # times only rise: who is taken was there before who waits, and goes back before it.
        self._waiting: dict[str, tuple[float, Entry]] = {}
        self._flight: dict[str, tuple[float, Entry]] = {}

    def __len__(self) -> int:
        both = sum(page in self._waiting for page in self._flight)
        return len(self._waiting) + len(self._flight) - both

    @property
    def waiting(self) -> int:
        """How many entries could be taken now."""
        return len(self._waiting)

    @property
    def in_flight(self) -> int:
        """How many entries were taken and are neither stored nor put back."""
        return len(self._flight)

    def put(self, entry: Entry, *, now: float) -> bool:
        """Add an entry, unless the same or a newer one of its page is here already.

        Args:
            entry: what is to be saved.
            now: the time in seconds, by any clock that does not go back.

        Returns:
            Whether the page is in the queue now; False if the queue is full.
        """
        page = entry.id
        _, flying = self._flight.get(page, (now, None))
        since, waiting = self._waiting.get(page, (now, None))
        newest = waiting or flying
        if newest is not None and newest.version >= entry.version:
            return True
        if newest is None and len(self) >= self._limit:
            return False
        # A newer version keeps the place and the age of the one that it replaces.
        self._waiting[page] = (since, entry)
        return True

    def take(self, count: int) -> list[Entry]:
        """Take up to ``count`` entries for saving, those that have waited longest first.

        Raises:
            RuntimeError: if those taken before are neither stored nor put back; only one batch can
                be under way, else an older version could be saved after a newer one.
        """
        if self._flight:
            raise RuntimeError("the last batch is still under way")
        pages = list(islice(self._waiting, count))
        self._flight = {page: self._waiting.pop(page) for page in pages}
        return [entry for _, entry in self._flight.values()]

    def stored(self) -> None:
        """What was taken has been saved, or refused for good: forget it."""
        self._flight = {}

    def put_back(self) -> None:
        """What was taken could not be saved: it waits again, before all others.

        Where a newer version has come in meanwhile, that one takes the place.
        """
        returned = {}
        for page, (since, entry) in self._flight.items():
            _, newest = self._waiting.pop(page, (since, entry))
            returned[page] = (since, newest)
        self._waiting = returned | self._waiting
        self._flight = {}

    def oldest(self, now: float) -> float | None:
        """For how many seconds the first of all has waited to be safe; None if nobody waits."""
        first = next(iter((self._flight or self._waiting).values()), None)
        return None if first is None else now - first[0]
