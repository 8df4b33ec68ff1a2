"""The order in which a page's assets are fetched: a lane for each origin.

A few tasks walk along each lane and fetch one thing after the other. So one slow origin holds up only
itself, and a page of five thousand assets has a few tasks at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from functools import partial

from libra.urls import origin_of
from libra.weighing.orders.orders import Fetch

PER_ORIGIN = 6
"""Connections that a browser opens to one origin over HTTP/1.1, and tasks that walk along its lane.

Over HTTP/2 one connection takes many requests at a time, and a lane is wider."""


class OriginQueue:
    """What is to be fetched from one origin.

    Args:
        width: How many tasks may walk along it now.
    """

    __slots__ = ("_coming", "_waiting", "_walkers", "_width")

    def __init__(self, width: Callable[[], int] = lambda: PER_ORIGIN) -> None:
        self._width = width
        self._waiting: deque[Fetch] = deque()
        self._walkers = 0
        self._coming = 0  # those of them that were asked to come and have taken nothing yet

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, fetch: Fetch) -> bool:
        """Line up a fetch; whether a further task is to walk along the lane."""
        self._waiting.append(fetch)
        if self._walkers >= self._width():
            return False
        self._walkers += 1
        self._coming += 1
        return True

    def widen(self) -> int:
        """How many further tasks are to walk along it, as its width may be another since."""
        further = min(self._width() - self._walkers, len(self._waiting) - self._coming)
        if further <= 0:
            return 0
        self._walkers += further
        self._coming += further
        return further

    def take(self) -> Fetch | None:
        """What a task is to fetch next; at None it has come to the end of the lane, and ends."""
        self._coming = max(0, self._coming - 1)
        if self._waiting:
            return self._waiting.popleft()
        self._walkers -= 1
        return None


class OriginQueues:
    """The lanes of one page.

    Args:
        width: How many tasks may walk along the lane of an origin.
    """

    __slots__ = ("_lanes", "_width")

    def __init__(self, width: Callable[[str], int] = lambda _: PER_ORIGIN) -> None:
        self._width = width
        self._lanes: dict[str, OriginQueue] = {}

    def enter(self, fetches: Iterable[Fetch]) -> list[OriginQueue]:
        """Line up fetches, each in the lane of its origin.

        Returns:
            A lane for each further task that is to walk along it.
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
        """The lane of what has been fetched, once for each further task that is to walk along it now."""
        lane = self._lanes.get(origin_of(url))
        return [] if lane is None else [lane] * lane.widen()
