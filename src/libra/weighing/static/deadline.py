"""The time limit of one request."""

from __future__ import annotations

import asyncio


class Deadline:
    """What `asyncio.timeout_at` does, at half its cost: there is one for every request.

    It cancels the task that made it; who catches that asks `is_cause`, and calls `cancel` in any case.

    Args:
        loop: The running one.
        deadline: Its time at which the task is cancelled.
    """

    __slots__ = ("_cancelling", "_handle", "_rung", "_task")

    def __init__(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a fetch needs a task to run in")
        self._task = task
        self._cancelling = task.cancelling()
        self._rung = False
        self._handle = loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._rung = True
        self._task.cancel()

    def is_cause(self) -> bool:
        """Whether a cancellation came from here alone and not, too, from outside."""
        if not self._rung:
            return False
        self._rung = False
        return self._task.uncancel() <= self._cancelling

    def cancel(self) -> None:
        """Let the time pass without consequence."""
        self._handle.cancel()
        if self._rung:  # it rang while another error was on its way
            self._task.uncancel()
