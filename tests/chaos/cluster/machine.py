"""For how long the machine itself may have held up a cluster: what a busy one costs is not its
fault."""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from chaos.cluster.history import Call, History
from chaos.history import Strain
from chaos.quiet import seconds_lost_with_disks
from support.asking import ticks

LOOKS = 10.0
"""How often in a second it is written down how the machine does."""


@asynccontextmanager
async def machine_watched(history: History) -> AsyncIterator[None]:
    """Write down how the machine does, from before the first call to after the last answer."""
    stop = asyncio.Event()

    async def watch() -> None:
        async for _ in ticks(LOOKS, stop):
            history.add(Strain(time.monotonic(), seconds_lost_with_disks()))

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        stop.set()
        await watching
        history.add(Strain(time.monotonic(), seconds_lost_with_disks()))


def held_up_in(history: History) -> Callable[[float, float], float]:
    """Seconds, at most, for which somebody waited for a processor or for memory in an interval.

    Beside what the kernel says there is what a server took that has nothing to do with the cluster.
    """
    strains = sorted(history.strains, key=lambda strain: strain.at)
    pings = sorted((c for c in history.calls if c.kind == "ping"), key=lambda c: c.started)
    longest = max((ping.seconds for ping in pings), default=0.0)

    def held_up(start: float, end: float) -> float:
        before = bisect_right(strains, start, key=lambda strain: strain.at) - 1
        after = bisect_left(strains, end, key=lambda strain: strain.at)
        by_kernel = 0.0
        if before >= 0 and after < len(strains):
            by_kernel = strains[after].waited - strains[before].waited
        first = bisect_left(pings, start - longest, key=lambda ping: ping.started)
        last = bisect_right(pings, end, key=lambda ping: ping.started)
        meanwhile = (ping.seconds for ping in pings[first:last] if ping.ended >= start)
        return max(by_kernel, max(meanwhile, default=0.0))

    return held_up


def held_up_of(history: History) -> Callable[[Call], float]:
    """The same of a call."""
    held_up = held_up_in(history)
    return lambda call: held_up(call.started, call.ended)
