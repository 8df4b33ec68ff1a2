"""Which process runs next, and for how long the processes keep the event loop.

The processes of a runtime that have messages wait in one queue, first come, first served. In each turn
of the event loop they run for a slice of time; then the loop looks after its sockets, timers and tasks.
So if a thousand processes have work at the same moment, a request waits for a slice and not for all of
it. Erlang's scheduler does this, too; unlike that, nothing here interrupts a handler.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from libra.otp._process.mailbox import drain

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer

__all__ = ["SLICE", "RunQueue"]

SLICE = 0.001
"""Seconds for which processes run in one turn of the loop; a handler that takes longer ends it."""

SHARE = 8
"""Their share of the time: if all else takes long, they run for an eighth of what it took."""


class RunQueue:
    """The queue of one runtime.

    Args:
        loop: the running loop.
        context: the context in which handlers run.
        now: the clock of the processes, in seconds.
    """

    __slots__ = ("_awaited", "_context", "_loop", "_now", "_since", "_waiting")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
        now: Callable[[], float],
    ) -> None:
        self._loop = loop
        self._context = context
        self._now = now
        self._waiting: deque[GenServer] = deque()
        self._awaited = False
        self._since = 0.0

    def enter(self, process: GenServer) -> None:
        """Add a process, which is not in the queue."""
        self._waiting.append(process)
        if not self._awaited:
            self._await_turn()

    def _await_turn(self) -> None:
        self._awaited = True
        self._since = self._now()
        self._loop.call_soon(self._turn, context=self._context)

    def _turn(self) -> None:
        self._awaited = False
        waiting, now = self._waiting, self._now
        began = now()
        until = began + max(SLICE, (began - self._since) / SHARE)
        try:
            # Whoever comes meanwhile waits for the next turn, so that processes that keep one another
            # busy let others use the loop.
            for _ in range(len(waiting)):
                drain(waiting.popleft(), now, until)
                if now() >= until:
                    break
        finally:
            # Also if the program is being interrupted (KeyboardInterrupt): the others still run.
            if waiting and not self._awaited:
                self._await_turn()
