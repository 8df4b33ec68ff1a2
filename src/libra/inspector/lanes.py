"""The order in which a page's assets are fetched: a lane for each host.

One slow host so holds up only itself, and a page of five thousand assets has a few tasks at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from urllib.parse import urlsplit

from libra.weighing.reference import Fetch

PER_HOST = 6
"""Connections that a browser opens to one host over HTTP/1.1."""


class Lanes:
    """Fetches that wait for their turn, and how many of each host are under way."""

    __slots__ = ("_under_way", "_waiting")

    def __init__(self) -> None:
        self._waiting: dict[str, deque[Fetch]] = {}
        self._under_way: dict[str, int] = {}

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def enter(self, fetches: Iterable[Fetch]) -> None:
        """Line up fetches, each in the lane of its host."""
        for fetch in fetches:
            self._waiting.setdefault(urlsplit(fetch.url).netloc, deque()).append(fetch)

    def leave(self, fetch: Fetch) -> None:
        """A fetch that had its turn is over."""
        self._under_way[urlsplit(fetch.url).netloc] -= 1

    def turn(self) -> Iterator[Fetch]:
        """Those whose turn it is now; they are under way from here on."""
        for host in list(self._waiting):
            lane = self._waiting[host]
            free = PER_HOST - self._under_way.get(host, 0)
            while lane and free > 0:
                free -= 1
                self._under_way[host] = self._under_way.get(host, 0) + 1
                yield lane.popleft()
            if not lane:
                del self._waiting[host]
