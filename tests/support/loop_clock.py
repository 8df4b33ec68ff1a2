"""The event loop's time in the hand of a test: stopped, or moved forward while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest


class Clock:
    """The clock of an event loop. It runs as clocks do, and can be moved forward as well."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._time = loop.time
        self._ahead = 0.0
        loop.time = self._read  # type: ignore[method-assign]

    def move(self, seconds: float) -> None:
        self._ahead += seconds

    def move_soon(self, seconds: float) -> None:
        """Move it in the next turn of the loop, where the deadlines are the first to see that.

        Moved within a look at the page, it would make what has just begun seem old.
        """
        self._loop.call_soon(self.move, seconds)

    def _read(self) -> float:
        return self._time() + self._ahead


@contextmanager
def stopped_clock() -> Iterator[Callable[[float], None]]:
    """Stop the time of the running loop. What comes is called to move it on, by seconds.

    Deadlines, timeouts and sleeps of this loop pass then and only then, however slow the machine is;
    sockets go on as always.
    """
    loop = asyncio.get_running_loop()
    now = loop.time()

    def move(seconds: float) -> None:
        nonlocal now
        now += seconds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", lambda: now)
        yield move
