"""Deleted pages and watches, for as long as the database may still have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from libra.storage import Deleted


class Deletions:
    """Pages and watches that are deleted, even if the database still has them.

    Args:
        now: the wall clock.

    Attributes:
        pages: pages whose deletion has not reached the database yet.
        watches: watches whose deletion has not reached the database yet.
        stored: pages and watches whose deletion has reached the database, but which the restorer may
            still hold.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.pages: set[str] = set()
        self.watches: set[str] = set()
        self.stored: set[str] = set()
        self._noting: dict[int, set[str]] = {}

    def of(self, entry_id: str) -> Deleted | None:
        """The deletion of a page or a watch that the database does not know yet, or None."""
        if entry_id in self.pages:
            return Deleted(entry_id, self._now())
        return Deleted(entry_id, self._now(), "watch") if entry_id in self.watches else None

    def add_page(self, page_id: str) -> None:
        """Note that a page is deleted."""
        self.pages.add(page_id)
        for deleted in self._noting.values():
            deleted.add(page_id)

    @contextmanager
    def meanwhile(self) -> Iterator[set[str]]:
        """The pages whose deletion is made or forgotten here while the block runs; the set grows.

        An answer of the database may arrive after a deletion that it does not include, whether that was
        made before or after the question. By then the deletion may be stored and forgotten here. So
        nothing of an answer counts that is in this set or in `pages`.
        """
        deleted: set[str] = set()
        self._noting[id(deleted)] = deleted
        try:
            yield deleted
        finally:
            del self._noting[id(deleted)]

    def forget_stored(self) -> None:
        """Forget the deletions that the database has, once nothing can bring their entries back."""
        for deleted in self._noting.values():
            deleted.update(self.stored)
        self.pages -= self.stored
        self.watches -= self.stored
        self.stored.clear()
