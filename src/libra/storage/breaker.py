"""The breaker: decides whether Libra may try the database, and when next.

There is one for each node, for its one writer. So an outage costs one cheap attempt from time to
time, however many pages wait. It is pure: the caller passes the time, and there are no timers.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Literal, TypeAlias

State: TypeAlias = Literal["closed", "open", "half-open"]


class Breaker:
    """Closed in normal operation, open during an outage, half-open during one attempt.

    The pause between attempts follows "exponential back-off with full jitter" (AWS Architecture
    Blog, 2015): uniform between 0 and min(cap, base * 2^n). The jitter is full, not a few percent, so
    that a fleet that lost its database at one moment does not return to it at one moment.

    Args:
        base: upper bound of the first pause, in seconds.
        cap: upper bound of every pause, in seconds. Together with the deadline of an attempt it
            bounds the time from the return of the database to its discovery.
        uniform: draws a number between its two arguments.
    """

    __slots__ = ("_base", "_cap", "_failures", "_retry_at", "_since", "_state", "_uniform")

    def __init__(
        self,
        *,
        base: float = 0.1,
        cap: float = 0.9,
        now: float = 0.0,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._base = base
        self._cap = cap
        self._uniform = uniform
        self._state: State = "closed"
        self._since = now
        self._failures = 0
        self._retry_at = now

    @property
    def state(self) -> State:
        """``closed``, ``open`` or ``half-open``."""
        return self._state

    @property
    def since(self) -> float:
        """When the database was last found to be down, or to be back."""
        return self._since

    @property
    def failures(self) -> int:
        """How many attempts have failed since the last success."""
        return self._failures

    @property
    def retry_at(self) -> float:
        """When an open breaker lets the next attempt through."""
        return self._retry_at

    def allow(self, now: float) -> bool:
        """Whether an attempt may be made now; a yes while open makes the breaker half-open."""
        if self._state == "open" and now >= self._retry_at:
            self._state = "half-open"
            return True
        return self._state == "closed"

    def succeeded(self, now: float) -> bool:
        """Note that an attempt succeeded; return whether that ended an outage."""
        ended = self._state != "closed"
        if ended:
            self._since = now
        self._state = "closed"
        self._failures = 0
        return ended

    def failed(self, now: float) -> bool:
        """Note that an attempt failed; return whether that began an outage. See `retry_at`."""
        began = self._state == "closed"
        if began:
            self._since = now
        self._state = "open"
        # Beyond 2^64 the cap applies anyway, and a float would overflow in a long outage.
        ceiling = min(self._cap, self._base * 2.0 ** min(self._failures, 64))
        self._failures += 1
        self._retry_at = now + self._uniform(0.0, ceiling)
        return began
