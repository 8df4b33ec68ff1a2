"""Shares the limits of an origin between nodes that fetch from it at the same time.

An origin takes a limited number of concurrent requests and wants a pause between two, whichever nodes
send them. Nodes do not take turns. Each announces once a second the origins that it has requests under
way to, and a node that hears of another at the same origin keeps to its share. For a second the nodes
may exceed the limit together. A ``Retry-After`` that one node received holds for all.
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

#: Origins that a node announces at most; it hardly ever has requests under way to more.
MOST: Final = 500

#: Seconds; shorter pauses are not announced.
SHORT: Final = 1.0


def number_of(origin: str) -> int:
    """A number for an origin, in four bytes. Origins with the same number only slow each other down."""
    return crc32(origin.encode())


@lru_cache(maxsize=4096)
def is_ones_own(origin: str) -> bool:
    """Whether an origin is a private address or this machine, which the operator had to allow.

    Limits protect the servers of others. To one's own servers each node uses all its connections.
    """
    host = host_and_port(origin).rpartition(":")[0]
    try:
        return not ip_address(host.strip("[]")).is_global
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class SharedPoliteness:
    """Makes the fetcher of this node keep to its share.

    Args:
        fetcher: the fetcher of this node.
        epoch: identifies this start of the node.
    """

    def __init__(self, fetcher: Fetcher, epoch: str) -> None:
        self._fetcher = fetcher
        self._epoch = epoch
        self._others: Counter[int] = Counter()
        fetcher.politeness.sharing = self._sharing

    def origins(self) -> tuple[int, ...]:
        """The origins that this node has requests under way to."""
        return tuple(map(number_of, self._fetcher.origins()[:MOST]))

    def left_alone(self) -> dict[str, float]:
        """The origins that asked for a pause, and the seconds that are left."""
        waits = self._fetcher.politeness.left_alone(asyncio.get_running_loop().time())
        named = sorted(waits.items(), key=lambda wait: -wait[1])[:MOST]
        return {origin: round(seconds, 1) for origin, seconds in named if seconds > SHORT}

    def heard(self, here: Here, living: Iterable[Here]) -> None:
        """Take in the announcement of a node.

        Args:
            here: the announcement.
            living: the last announcements of all living nodes.
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
