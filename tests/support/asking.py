"""Waiting for what another process does, where nothing but asking tells."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

PAUSE = 0.02
"""Seconds between two questions."""

PATIENCE = 300.0
"""Seconds after which what has to happen will not happen any more, on the busiest of machines."""


class Late(AssertionError):
    """What had to happen did not happen in time."""


async def eventually(ask: Callable[[], Awaitable[T | None]], what: str, *, within: float) -> T:
    """The first answer that is not None or False.

    Args:
        ask: asks once.
        what: what is waited for, for the error.
        within: seconds after which it is an error.

    Raises:
        Late: if it does not happen in time.
    """
    async for _ in ticks(1 / PAUSE, asyncio.Event(), within):
        answer = await ask()
        if answer:
            return answer
    raise Late(f"{what}: not within {within:g} s")


def eventually_blocking(ask: Callable[[], T | None], what: str, *, within: float) -> T:
    """As `eventually`, for those who have no event loop, and let nothing else run meanwhile.

    What happens at once is seen at once: the first pauses are shorter.
    """
    end = time.monotonic() + within
    pause, never = PAUSE / 256, threading.Event()
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise Late(f"{what}: not within {within:g} s")
        never.wait(pause)
        pause = min(2 * pause, PAUSE)


async def ticks(
    rate: float, stop: asyncio.Event, within: float = float("inf")
) -> AsyncIterator[None]:
    """Come by ``rate`` times a second until told to stop, or until ``within`` seconds have passed.

    Ticks that were missed are made up for, so that the rate holds whatever a tick takes.
    """
    loop = asyncio.get_running_loop()
    due = loop.time()
    end = due + within
    while not stop.is_set() and loop.time() < end:
        yield
        due += 1 / rate
        try:
            async with asyncio.timeout_at(min(due, end)):
                await stop.wait()
        except TimeoutError:
            continue
