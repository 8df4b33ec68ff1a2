"""Answers made from large reports: pages for people, CSV, HAR, comparisons.

Ten thousand assets take a second of computing, and a client may ask for them at will. So parsers make
only a few answers at a time. Requests for the same answer share it, and when too many wait, further
ones are refused until later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from libra.web.http.problems import RequestRefused

T = TypeVar("T")

LARGE = 150_000
"""Bytes of a report from which making a page of it would visibly block the event loop."""

LARGE_DOWNLOAD = 20_000
"""The same for a download, which has all assets and not some."""

AT_A_TIME = 2
"""How many answers are made at a time."""

WAITING = 100
"""Requests that may wait for an answer, including those that share one."""

RETRY_SECONDS = 5.0
"""Seconds until it is worth asking again."""

FORMATS = {"csv": "text/csv", "har": "application/json"}
"""The formats of a report by their suffix, and their content types."""


class Making:
    """Makes answers elsewhere, each once for all simultaneous requests for it."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_A_TIME)
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}
        self.waiting = 0

    async def share(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """Return the result of `make`, when its turn comes.

        Args:
            key: identifies the result, version included: requests with the same key share it.
            make: makes it.

        Raises:
            RequestRefused: 503, too many requests wait; and whatever `make` raises.
        """
        if self.waiting >= WAITING:
            raise RequestRefused(
                503,
                "busy",
                f"{WAITING} requests already wait for large reports. Try again later, "
                "or read the report as JSON, which needs no waiting.",
                retry_after=RETRY_SECONDS,
            )
        task: asyncio.Task[T] | None = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._in_turn(make))
            task.add_done_callback(lambda done: self._made(key, done))
        self.waiting += 1
        try:
            return await asyncio.shield(task)
        finally:
            self.waiting -= 1

    async def _in_turn(self, make: Callable[[], Awaitable[T]]) -> T:
        async with self._room:
            return await make()

    def _made(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # every waiting request has had it; there may be none left
