"""Rate limits: a token bucket for each client, in bounded memory.

A bucket holds what a client may spend at once and fills at a steady rate (RFC 2697 calls it a meter;
networks have used it since the 1980s). It is two numbers: what it held, and when. Nothing runs in the
background.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from libra.settings import RATE

CLIENTS = 50_000
"""Clients that are remembered at a time, some 10 MB. The one that was seen longest ago is forgotten
first, which is in its favour; whoever has so many addresses needs a firewall and not a limit."""


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds, and as many at once."""

    amount: float
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Rate | None:
        """Read ``100/s``, ``60/m`` or ``1000/h``; None for ``off``.

        Raises:
            ValueError: saying what is taken.
        """
        if text.strip().lower() == "off":
            return None
        match = RATE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a rate: write 100/s, 60/m, 1000/h or off")
        return cls(float(match[1]), {"s": 1.0, "m": 60.0, "h": 3600.0}[match[2].lower()])

    def __mul__(self, factor: float) -> Rate:
        return Rate(self.amount * factor, self.seconds)

    def __str__(self) -> str:
        unit = {1.0: "s", 60.0: "m", 3600.0: "h"}.get(self.seconds, f"{self.seconds:g}s")
        return f"{self.amount:g}/{unit}"


class Buckets:
    """The buckets of all clients for one kind of request.

    Args:
        size: how many clients are remembered.
        clock: monotonic seconds.
    """

    __slots__ = ("_clock", "_held", "_size")

    def __init__(self, *, size: int = CLIENTS, clock: Callable[[], float] = time.monotonic) -> None:
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._size = size
        self._clock = clock

    def __len__(self) -> int:
        return len(self._held)

    def take(self, client: str, rate: Rate, cost: float = 1.0, *, share: int = 1) -> float:
        """Spend, if there is enough.

        The rate comes with each call, so that it can change while the program runs. Of several programs
        that share it each gives its part: the bucket is smaller then and fills more slowly. What costs
        more than that part, and no more than the whole, may be spent from a full bucket, which is in
        debt for as long as that takes.

        Args:
            client: who spends.
            rate: what the client may spend, wherever it does.
            cost: what is to be spent.
            share: how many programs share the rate.

        Returns:
            0 if it was spent; else nothing was, and after so many seconds it could be. What costs
            more than the bucket can ever hold is infinitely far away.
        """
        now = self._clock()
        most = rate.amount / share
        held, since = self._held.get(client, (most, now))
        per_second = most / rate.seconds
        held = min(most, held + max(0.0, now - since) * per_second)
        needed, wait = min(cost, most), 0.0
        if cost > rate.amount:
            wait = float("inf")
        elif needed <= held:
            held -= cost
        else:
            # Never 0, however the division rounds: that would say that it was spent.
            wait = max((needed - held) / per_second, 1e-6)
        self._held[client] = held, now
        self._held.move_to_end(client)
        if len(self._held) > self._size:
            self._held.popitem(last=False)
        return wait
