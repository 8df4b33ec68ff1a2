"""Parts of a page that could not be reached, and are tried once more at the end."""

from __future__ import annotations

from libra.failures import is_one_of
from libra.weighing.orders.orders import Fetch, Outcome
from libra.weighing.roles import READ_ROLES

_UNREACHED = ("dns", "refused", "unreachable", "disconnected")
"""Errors of parts that are tried once more: what is wrong may be over in a moment."""

SECOND_TRIES = 200
"""Parts of a page that are tried once more at most: a page may name many addresses that lead nowhere."""


class SecondTries:
    """Remembers what is to be tried once more, and never again."""

    __slots__ = ("_tried", "_waiting")

    def __init__(self) -> None:
        self._tried: set[int] = set()
        self._waiting: list[tuple[Fetch, str]] = []

    def take(self, fetch: Fetch, outcome: Outcome) -> bool:
        """Put off a part if it could not be reached; whether that is so."""
        if (
            not is_one_of(outcome.error, _UNREACHED)
            or outcome.http_status is not None
            or fetch.reference.role == "document"
            or fetch.index in self._tried
            or len(self._tried) == SECOND_TRIES
        ):
            return False
        self._tried.add(fetch.index)
        self._waiting.append((fetch, outcome.error or ""))
        return True

    def due(self, *, pending: int, pending_reads: int) -> list[Fetch]:
        """What is to be tried now: all, once there is nothing else to wait for.

        What is to be read comes first, when only that is missing: the style waits for it.

        Args:
            pending: Orders that have no outcome yet.
            pending_reads: Those of them whose bodies are read.
        """
        again = [
            fetch
            for fetch, _ in self._waiting
            if pending == 0 or (pending_reads == 0 and fetch.reference.role in READ_ROLES)
        ]
        if again:
            places = {fetch.index for fetch in again}
            self._waiting = [left for left in self._waiting if left[0].index not in places]
        return again

    def errors(self) -> dict[int, str]:
        """Why those that still wait could not be reached, by their place among the assets."""
        return {fetch.index: why for fetch, why in self._waiting}
