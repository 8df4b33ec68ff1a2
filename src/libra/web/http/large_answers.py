"""What is made of large reports: pages for people, CSV, HAR, comparisons.

It takes a second of computing for ten thousand assets, and a client may ask for it as often as he likes.
So few are made at a time, by parsers; those who ask for the same meanwhile share one, and when too many
wait the next are told to come again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar

from libra.web.http.problems import RequestRefused

T = TypeVar("T")

LARGE = 150_000
"""Bytes of a report from which others would notice if a page were made of it on the event loop."""

LARGE_DOWNLOAD = 20_000
"""The same of a download, which has all assets and not some."""

AT_A_TIME = 2
"""How many are made at a time."""

WAITING = 100
"""Requests that may wait for one, those who share one included."""

RETRY_SECONDS = 5.0
"""After which it is worth while to ask again."""

FORMATS = {"csv": "text/csv", "har": "application/json"}
"""Formats that a report is turned into, by the suffix that asks for them, and their types."""


class Making:
    """Makes things elsewhere, each once for all who want the same at the same time."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_A_TIME)
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}
        self.waiting = 0

    async def share(self, key: Hashable, make: Callable[[], Awaitable[T]]) -> T:
        """What `make` makes elsewhere, when its turn comes.

        Args:
            key: what it is, version included: whoever wants the same shares it.
            make: has it made.

        Raises:
            Refused: 503, when too many wait; and what `make` raises.
        """
        if self.waiting >= WAITING:
            raise RequestRefused(
                503,
                "busy",
                f"{WAITING} requests wait for large reports already. Ask again later, "
                "or read the report as JSON, for which nobody waits.",
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
            task.exception()  # whoever waited for it has been told; there may be nobody left
