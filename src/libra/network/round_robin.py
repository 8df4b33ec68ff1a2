"""Turns in the event loop for tasks that have much to read."""

from __future__ import annotations

import asyncio
from collections import deque


class RoundRobin:
    """Lets tasks that have much to read continue one at a time, one in each round of the event loop.

    A body that has not ended takes a turn for every piece. However many bodies arrive concurrently, and
    however expensive they are to parse, all other tasks run between any two pieces.
    """

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn."""
        turn: asyncio.Future[None] = self._loop.create_future()
        if not self._waiting:
            self._loop.call_soon(self._next)
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                break
        if self._waiting:
            self._loop.call_soon(self._next)
