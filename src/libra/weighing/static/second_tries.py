"""Second tries at the end of a weigh-in, for assets that could not be reached."""

from __future__ import annotations

from libra.failures import is_one_of
from libra.weighing.orders.orders import Fetch, Outcome
from libra.weighing.roles import READ_ROLES

_UNREACHED = ("dns", "refused", "unreachable", "disconnected")
"""Errors after which an asset is tried once more, because the cause may be temporary."""

SECOND_TRIES = 200
"""Maximum number of assets to try once more, because a page may name many dead addresses."""


class SecondTries:
    """Remembers which assets to try once more, each only once."""

    __slots__ = ("_tried", "_waiting")

    def __init__(self) -> None:
        self._tried: set[int] = set()
        self._waiting: list[tuple[Fetch, str]] = []

    def take(self, fetch: Fetch, outcome: Outcome) -> bool:
        """Postpone a fetch if its asset could not be reached. Returns whether it was postponed."""
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
        """The fetches to repeat now: all of them once no other order is pending.

        Those with bodies to read are due earlier, once only they are missing, because the style waits
        for them.

        Args:
            pending: The number of orders without an outcome.
            pending_reads: The number of these orders whose bodies are read.
        """
        if not self._waiting:
            return []
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
        """The errors of the assets that still wait, by their index."""
        return {fetch.index: why for fetch, why in self._waiting}
