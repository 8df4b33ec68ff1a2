"""Limits the number of requests of a page."""

from __future__ import annotations

from collections.abc import Callable

_REPEATS = 10
"""Factor of the limit for requests in all, including cached ones and those that become no asset."""


class RequestLimit:
    """Counts the requests of a page.

    Args:
        limit: Maximum number of requests; the next one is not recorded and sets `full`.
        on_full: Called once, when that happens.

    Attributes:
        full: Whether there were more requests than the limit.
    """

    def __init__(self, limit: int, on_full: Callable[[], None]) -> None:
        self.full = False
        self._limit = limit
        self._on_full = on_full
        self._counted = 0
        self._asked = 0

    def take(self) -> bool:
        """Count a request. Returns whether it is within the limit."""
        self._counted += 1
        self._asked += 1
        if self._counted > self._limit or self._asked > _REPEATS * self._limit:
            self._fill()
        return not self.full

    def note_free(self) -> None:
        """Count a request that uses no bandwidth, since its event still costs time."""
        self._asked += 1
        if self._asked > _REPEATS * self._limit:
            self._fill()

    def give_back(self) -> None:
        """Uncount a request that turned out to be cached."""
        self._counted -= 1

    def _fill(self) -> None:
        if not self.full:
            self.full = True
            self._on_full()
