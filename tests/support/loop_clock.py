"""The event loop's time in the hand of a test: no deadline passes because a machine is slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def stopped_clock() -> Iterator[Callable[[float], None]]:
    """Stop the time of the running loop. What comes is called to move it on, by seconds.

    Deadlines, timeouts and sleeps of this loop pass then and only then; sockets go on as always.
    """
    loop = asyncio.get_running_loop()
    now = loop.time()

    def move(seconds: float) -> None:
        nonlocal now
        now += seconds

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "time", lambda: now)
        yield move
