"""What is made of large reports: pages for people, CSV, HAR, comparisons.

It takes a second of computing for ten thousand assets, and a client may ask for it as often as he likes.
So few are made at a time and outside the event loop, those who ask for the same meanwhile share one, and
when too many wait the next are told to come again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, TypeVar

from libra.formats import to_csv, to_har
from libra.web.problems import Refused
from libra.weighing.report import decode

T = TypeVar("T")

LARGE = 150_000
"""Bytes of a report from which others would notice if something were made of it on the event loop."""

AT_A_TIME = 2
"""How many are made at a time."""

WAITING = 100
"""Requests that may wait for one, those who share one included."""

RETRY_SECONDS = 5.0
"""After which it is worth while to ask again."""

FORMATS = {"csv": "text/csv", "har": "application/json"}
"""Formats that a report is turned into, by the suffix that asks for them, and their types."""


def convert(data: bytes, form: str) -> bytes:
    """A report in another format. The one place where one is made, and it needs nothing but this.

    Args:
        data: the report's JSON.
        form: one of `FORMATS`.
    """
    make = {"csv": to_csv, "har": to_har}[form]
    return make([decode(data)]).encode()


class Making:
    """Makes things in threads, each once for all who want the same at the same time."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_A_TIME)
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}
        self.waiting = 0

    async def make(self, key: Hashable, size: int, make: Callable[[], T]) -> T:
        """What `make` makes: at once of a small report, else in a thread when its turn comes.

        Args:
            key: what it is, version included: whoever wants the same shares it.
            size: bytes of what it is made of.
            make: makes it; must not need the event loop.

        Raises:
            Refused: 503, when too many wait.
        """
        if size <= LARGE:
            return make()
        if self.waiting >= WAITING:
            raise Refused(
                503,
                "busy",
                f"{WAITING} requests wait for large reports already. Ask again later, "
                "or read the report as JSON, for which nobody waits.",
                retry_after=RETRY_SECONDS,
            )
        task: asyncio.Task[T] | None = self._under_way.get(key)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._in_thread(make))
            task.add_done_callback(lambda done: self._made(key, done))
        self.waiting += 1
        try:
            return await asyncio.shield(task)
        finally:
            self.waiting -= 1

    async def _in_thread(self, make: Callable[[], T]) -> T:
        async with self._room:
            return await asyncio.to_thread(make)

    def _made(self, key: Hashable, task: asyncio.Task[Any]) -> None:
        del self._under_way[key]
        if not task.cancelled():
            task.exception()  # whoever waited for it has been told; there may be nobody left
