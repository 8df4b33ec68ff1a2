"""The order in which a page's assets are fetched: a lane for each origin.

A few tasks walk along each lane and fetch one thing after the other. So one slow origin holds up only
itself, and a page of five thousand assets has a few tasks at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from libra.weighing.reference import Fetch
from libra.weighing.urls import origin_of

PER_ORIGIN = 6
"""Connections that a browser opens to one origin over HTTP/1.1, and tasks that walk along its lane."""


class Lane:
    """What is to be fetched from one origin."""

    __slots__ = ("_waiting", "_walkers")

    def __init__(self) -> None:
        self._waiting: deque[Fetch] = deque()
        self._walkers = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def enter(self, fetch: Fetch) -> bool:
        """Line up a fetch; whether a further task is to walk along the lane."""
        self._waiting.append(fetch)
        if self._walkers == PER_ORIGIN:
            return False
        self._walkers += 1
        return True

    def take(self) -> Fetch | None:
        """What a task is to fetch next; at None it has come to the end of the lane, and ends."""
        if self._waiting:
            return self._waiting.popleft()
        self._walkers -= 1
        return None


class Lanes:
    """The lanes of one page."""

    __slots__ = ("_lanes",)

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}

    def enter(self, fetches: Iterable[Fetch]) -> list[Lane]:
        """Line up fetches, each in the lane of its origin.

        Returns:
            A lane for each further task that is to walk along it.
        """
        to_walk: list[Lane] = []
        for fetch in fetches:
            origin = origin_of(fetch.url)
            lane = self._lanes.get(origin)
            if lane is None:
                lane = self._lanes[origin] = Lane()
            if lane.enter(fetch):
                to_walk.append(lane)
        return to_walk
