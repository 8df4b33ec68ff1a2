"""How many requests a page may make before it is stopped."""

from __future__ import annotations

from collections.abc import Callable

_REPEATS = 10
"""So many times the limit may be asked for of what is in the cache, or never becomes an asset."""


class RequestLimit:
    """Counts the requests of a page.

    Args:
        limit: How many there may be; the next is not entered, and what it is of is `full`.
        on_full: Called once at that moment.

    Attributes:
        full: Whether there were more requests than there may be.
    """

    def __init__(self, limit: int, on_full: Callable[[], None]) -> None:
        self.full = False
        self._limit = limit
        self._on_full = on_full
        self._counted = 0
        self._asked = 0

    def take(self) -> bool:
        """Count one request more, if there is room for it."""
        self._counted += 1
        self._asked += 1
        if self._counted > self._limit or self._asked > _REPEATS * self._limit:
            self._fill()
        return not self.full

    def note_free(self) -> None:
        """Count what costs nobody's bandwidth: to be told of it costs time."""
        self._asked += 1
        if self._asked > _REPEATS * self._limit:
            self._fill()

    def give_back(self) -> None:
        """One that was counted has come from the cache."""
        self._counted -= 1

    def _fill(self) -> None:
        if not self.full:
            self.full = True
            self._on_full()
