"""What nodes that weigh say to one another of the servers that they fetch from.

An origin takes so many requests at a time and wants a pause between two, whoever asks. Nodes do not
take turns: each says once a second which origins it has requests under way to, and whoever hears of
another at the same one keeps to its part. For a second they may be more than that. And what one was
told with ``Retry-After`` holds for all.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from ipaddress import ip_address
from typing import Final
from zlib import crc32

from libra.cluster.node.messages import Here
from libra.urls import host_and_port
from libra.weighing.static.fetcher import Fetcher

#: Origins that a node names at the most; it has more under way to hardly ever.
MOST: Final = 500

#: Seconds of a pause that are not worth to be told.
SHORT: Final = 1.0


def number_of(origin: str) -> int:
    """What stands for an origin, in four bytes. Two of the same number are slower together, no more."""
    return crc32(origin.encode())


@lru_cache(maxsize=4096)
def is_ones_own(origin: str) -> bool:
    """Whether a server is named by an address that is no public one, which somebody had to open.

    Manners are for the servers of others: of one's own each node uses as many connections as it may.
    """
    host = host_and_port(origin).rpartition(":")[0]
    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class SharedPoliteness:
    """Has the fetcher of this node keep to its part.

    Args:
        fetcher: of this node.
        epoch: which start of it this is.
    """

    def __init__(self, fetcher: Fetcher, epoch: str) -> None:
        self._fetcher = fetcher
        self._epoch = epoch
        self._others: Counter[int] = Counter()
        fetcher.politeness.sharing = self._sharing

    def origins(self) -> tuple[int, ...]:
        """Those that this node has requests under way to."""
        return tuple(map(number_of, self._fetcher.origins()[:MOST]))

    def left_alone(self) -> dict[str, float]:
        """Those that asked not to be asked, and for how many seconds more."""
        waits = self._fetcher.politeness.left_alone(asyncio.get_running_loop().time())
        named = sorted(waits.items(), key=lambda wait: -wait[1])[:MOST]
        return {origin: round(seconds, 1) for origin, seconds in named if seconds > SHORT}

    def heard(self, here: Here, living: Iterable[Here]) -> None:
        """A node has spoken.

        Args:
            here: what it said.
            living: the last words of all that are there.
        """
        if here.epoch == self._epoch:
            others = (number for one in living if one.epoch != here.epoch for number in one.origins)
            self._others = Counter(others)
            return
        now = asyncio.get_running_loop().time()
        politeness = self._fetcher.politeness
        known = politeness.left_alone(now)
        for origin, seconds in here.left_alone.items():
            if seconds > known.get(origin, 0.0) + SHORT:
                politeness.leave_alone(origin, seconds, now)

    def _sharing(self, origin: str) -> int:
        if not self._others or is_ones_own(origin):
            return 1
        return 1 + self._others[number_of(origin)]
