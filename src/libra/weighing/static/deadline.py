"""The time limit of one request."""

from __future__ import annotations

import asyncio


class Deadline:
    """The same as `asyncio.timeout_at` at half its cost, since every request needs one.

    It cancels the task that created it. The code that catches the cancellation checks `is_cause`, and
    always calls `cancel`.

    Args:
        loop: The running loop.
        deadline: The loop's time at which the task is cancelled.
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
        """Whether this deadline alone caused the cancellation, and nothing outside did."""
        if not self._rung:
            return False
        self._rung = False
        return self._task.uncancel() <= self._cancelling

    def cancel(self) -> None:
        """Disarm the deadline."""
        self._handle.cancel()
        if self._rung:  # it passed while another error propagated
            self._task.uncancel()
