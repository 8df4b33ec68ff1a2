"""The time limits of requests."""

from __future__ import annotations

import asyncio

_NEVER = float("inf")


class Deadlines:
    """The deadlines of many requests on one timer, since every request needs one.

    A request rarely meets its deadline, and a timer of the loop for each costs more than this.

    Args:
        loop: The running loop.
    """

    __slots__ = ("_armed", "_loop", "_next", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._armed: set[Deadline] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._next = _NEVER

    def arm(self, at: float) -> Deadline:
        """A deadline for the running task.

        Args:
            at: The loop's time at which the task is cancelled.
        """
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a fetch needs a task to run in")
        deadline = Deadline(self._armed, task, at)
        self._armed.add(deadline)
        if at < self._next:
            self._wait_until(at)
        return deadline

    def close(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()

    def _wait_until(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._next = at
        self._timer = self._loop.call_at(at, self._look)

    def _look(self) -> None:
        """Ring those that are due. A deadline that was disarmed leaves its timer running until here."""
        self._timer, due = None, self._next
        self._next = _NEVER
        for deadline in [one for one in self._armed if one.at <= due]:
            deadline.ring()
        if self._armed:
            self._wait_until(min(one.at for one in self._armed))


class Deadline:
    """The same as `asyncio.timeout_at`, made by `Deadlines.arm`.

    It cancels its task. The code that catches the cancellation checks `is_cause`, and always calls
    `cancel`.

    Attributes:
        at: The loop's time at which it cancels the task.
    """

    __slots__ = ("_armed", "_cancelling", "_rung", "_task", "at")

    def __init__(self, armed: set[Deadline], task: asyncio.Task[object], at: float) -> None:
        self.at = at
        self._armed = armed
        self._task = task
        self._cancelling = task.cancelling()
        self._rung = False

    def ring(self) -> None:
        """Cancel the task."""
        self._armed.discard(self)
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
        self._armed.discard(self)
        if self._rung:  # it passed while another error propagated
            self._task.uncancel()
