"""What was deleted, for as long as the database may still have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from libra.storage import Deleted


class Deletions:
    """Pages and watches that nobody finds any more, whatever the database still has.

    Args:
        now: the wall clock.

    Attributes:
        pages: pages whose deletion has not reached the database yet.
        watches: watches whose deletion has not reached the database yet.
        stored: those of both kinds whose deletion has, but which the restorer may still have in hand.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.pages: set[str] = set()
        self.watches: set[str] = set()
        self.stored: set[str] = set()
        self._noting: dict[int, set[str]] = {}

    def of(self, entry_id: str) -> Deleted | None:
        """The deletion of a page or a watch that the database does not know of yet, or None."""
        if entry_id in self.pages:
            return Deleted(entry_id, self._now())
        return Deleted(entry_id, self._now(), "watch") if entry_id in self.watches else None

    def add_page(self, page_id: str) -> None:
        """A page is deleted."""
        self.pages.add(page_id)
        for deleted in self._noting.values():
            deleted.add(page_id)

    @contextmanager
    def meanwhile(self) -> Iterator[set[str]]:
        """The pages that are deleted while the block lasts, growing.

        What the database was asked for before a deletion may arrive after it, and by then the
        deletion may be done with and forgotten.
        """
        deleted: set[str] = set()
        self._noting[id(deleted)] = deleted
        try:
            yield deleted
        finally:
            del self._noting[id(deleted)]

    def forget_stored(self) -> None:
        """Nobody can bring back any more what is deleted from the database: it needs no memory here."""
        self.pages -= self.stored
        self.watches -= self.stored
        self.stored.clear()
