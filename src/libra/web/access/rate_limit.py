"""Rate limits: a token bucket for each client, in bounded memory.

A bucket holds what a client may spend at once, and refills at a steady rate (RFC 2697 calls it a meter;
networks have used it since the 1980s). It is two numbers: its level, and the time of that level. Nothing
runs in the background.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from libra.settings import RATE

CLIENTS = 50_000
"""Most clients that are remembered, some 10 MB. The client seen longest ago is forgotten first and
starts with a full bucket. Against a client with that many addresses, use a firewall."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A number per number of seconds, and the same number at once."""

    amount: float
    seconds: float

    @classmethod
    def parse(cls, text: str) -> Rate | None:
        """Read ``100/s``, ``60/m`` or ``1000/h``; None for ``off``.

        Raises:
            ValueError: saying what is accepted.
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
        """Spend, if the bucket holds enough.

        The rate comes with each call, so it can change while the program runs. If several programs share
        the rate, each grants its share: the bucket is smaller then and fills more slowly. A cost above
        the share, but not above the whole rate, can be spent from a full bucket, which is then in debt
        until it has refilled.

        Args:
            client: the client that spends.
            rate: what the client may spend at all programs together.
            cost: how much it spends.
            share: how many programs share the rate.

        Returns:
            0 if the cost was spent; else nothing was spent, and this is the number of seconds until
            it can be. It is infinite for a cost above what the bucket can ever hold.
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
            # Never 0, however the division rounds: 0 would mean that it was spent.
            wait = max((needed - held) / per_second, 1e-6)
        self._held[client] = held, now
        self._held.move_to_end(client)
        if len(self._held) > self._size:
            self._held.popitem(last=False)
        return wait
