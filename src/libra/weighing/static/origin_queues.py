"""The order in which a page's assets are fetched: one queue for each origin.

A few tasks serve each queue and fetch one asset after the other. So a slow origin delays only itself,
and a page of five thousand assets needs only a few tasks.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from libra.urls import origin_of
from libra.weighing.orders.orders import Fetch

PER_ORIGIN = 6
"""Connections that a browser opens to one origin over HTTP/1.1, and tasks that serve its queue.

Over HTTP/2 one connection carries many requests at the same time, so more tasks serve the queue."""


class OriginQueue:
    """The assets to fetch from one origin.

    Args:
        width: Returns how many tasks may serve it now.
    """

    __slots__ = ("_coming", "_waiting", "_walkers", "_width")

    def __init__(self, width: Callable[[], int] = lambda: PER_ORIGIN) -> None:
        self._width = width
        self._waiting: deque[Fetch] = deque()
        self._walkers = 0
        self._coming = 0  # those of them that have started but not taken a fetch yet

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, fetch: Fetch) -> bool:
        """Add a fetch. Returns whether another task should serve the queue."""
        self._waiting.append(fetch)
        if self._walkers >= self._width():
            return False
        self._walkers += 1
        self._coming += 1
        return True

    def widen(self) -> int:
        """The number of further tasks that should serve the queue, since its width may have changed."""
        unserved = len(self._waiting) - self._coming
        if unserved <= 0:
            return 0
        further = min(self._width() - self._walkers, unserved)
        if further <= 0:
            return 0
        self._walkers += further
        self._coming += further
        return further

    def take(self) -> Fetch | None:
        """The next fetch for a task; at None the queue is empty and the task ends."""
        self._coming = max(0, self._coming - 1)
        if self._waiting:
            return self._waiting.popleft()
        self._walkers -= 1
        return None


class OriginQueues:
    """The queues of one page.

    Args:
        width: Returns how many tasks may serve the queue of an origin.
    """

    __slots__ = ("_lanes", "_width")

    def __init__(self, width: Callable[[str], int] = lambda _: PER_ORIGIN) -> None:
        self._width = width
        self._lanes: dict[str, OriginQueue] = {}

    def enter(self, fetches: Iterable[Fetch]) -> list[OriginQueue]:
        """Add fetches, each to the queue of its origin.

        Returns:
            A queue for each further task that should serve it.
        """
        to_walk: list[OriginQueue] = []
        for fetch in fetches:
            origin = origin_of(fetch.url)
            lane = self._lanes.get(origin)
            if lane is None:
                lane = self._lanes[origin] = OriginQueue(partial(self._width, origin))
            if lane.enter(fetch):
                to_walk.append(lane)
        return to_walk

    def widen(self, url: str) -> list[OriginQueue]:
        """The queue of a finished fetch, once for each further task that should serve it now."""
        lane = self._lanes.get(origin_of(url))
        return [] if lane is None else [lane] * lane.widen()
