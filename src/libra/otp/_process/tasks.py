"""The sources of messages for an idle process: its tasks, timers and monitors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from libra.otp._process.ending import task_gone
from libra.otp._process.exits import ExitReason
from libra.otp._process.mailbox import post_info
from libra.otp._process.messages import Down, TaskDone, TaskFailed
from libra.otp._process.reports import brief
from libra.otp._process.ties import Tie, attach, detach
from libra.otp.clock import TimerHandle

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer

__all__ = ["Monitor", "TaskRef", "Timer"]


class Timer(Tie):
    """A message that a process will send itself; see `GenServer.send_after`."""

    __slots__ = ("_handle", "_message")

    def __init__(self, owner: GenServer, delay: float, message: Any) -> None:
        self.owner = owner
        self.next = self.prev = None
        self.void = False
        self._message = message
        self._handle = owner.runtime.clock.call_later(delay, self)
        attach(self)

    def cancel(self) -> None:
        """Cancel it: its message does not arrive, even if it is already in the mailbox."""
        self.void = True
        self._handle.cancel()
        detach(self)

    def __call__(self) -> None:
        """Send the message. The timer is its own callback, which saves one object while it waits."""
        detach(self)
        post_info(self.owner, self._message, self)

    def cut(self, reason: ExitReason) -> None:
        """Cancel with the owner."""
        self.void = True
        self._handle.cancel()


class TaskRef(Tie):
    """A coroutine that runs beside its process; see `GenServer.start_task`."""

    __slots__ = ("_cancelled_at", "_deadline", "_last", "_task", "tag")

    def __init__(self, owner: GenServer, task: asyncio.Task[Any], tag: Any, *, last: bool) -> None:
        self.owner = owner
        self.next = self.prev = None
        self.void = False
        self.tag = tag
        self._task = task
        self._last = last
        self._cancelled_at: float | None = None
        self._deadline: TimerHandle | None = None
        attach(self)
        task.add_done_callback(self._done)

    def __repr__(self) -> str:
        return f"<TaskRef {self._task.get_name()} of {self.owner!r} tag={self.tag!r}>"

    @property
    def done(self) -> bool:
        """Whether the coroutine has ended, with any outcome."""
        return self._task.done()

    def cancel(self, grace: float | None = None) -> None:
        """Discard its outcome and ask it to end; after `grace` seconds it counts as abandoned."""
        self.void = True
        if self._task.done():
            return
        if self._cancelled_at is None:
            self._cancelled_at = self.owner.runtime.clock.time()
            self._task.cancel()
        if grace is not None and self._deadline is None:
            self._deadline = self.owner.runtime.clock.call_later(grace, self._abandon)

    def cut(self, reason: ExitReason) -> None:
        """Cancel with the owner, which waits for tasks that still run."""
        if not self._last:
            self.cancel()
        if not self._task.done():
            attach(self)

    def let_go(self, grace: float) -> None:
        """Cancel, as the owner waits no longer; `grace` seconds later the task is abandoned."""
        runtime = self.owner.runtime
        runtime._lingering.add(self)
        if self._cancelled_at is not None:
            grace -= runtime.clock.time() - self._cancelled_at
        self.cancel(grace)

    def _abandon(self) -> None:
        owner = self.owner
        detach(self)
        owner.runtime._abandon(self)
        task_gone(owner)

    def _done(self, task: asyncio.Task[Any]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        owner = self.owner
        detach(self)
        # Reading the exception also keeps asyncio from reporting that nobody did.
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if not self.void and owner.alive:
            message = (
                TaskDone(self, self.tag, task.result())
                if error is None
                else TaskFailed(self, self.tag, error)
            )
            post_info(owner, message, self)
        else:
            if error is not None and not self.void:
                owner.runtime.log.error("%r failed: %s", self, brief(error))
            owner.runtime._task_ended(self)
            task_gone(owner)


class Monitor(Tie):
    """One process's watch over another; see `GenServer.monitor`."""

    __slots__ = ("target",)

    def __init__(self, owner: GenServer, target: GenServer) -> None:
        self.owner = owner
        self.next = self.prev = None
        self.void = False
        self.target = target
        attach(self)

    def _told(self, process: GenServer, reason: ExitReason) -> None:
        detach(self)
        post_info(self.owner, Down(self, process, reason), self)

    def cancel(self) -> None:
        """Stop watching; a `Down` that is already in the mailbox is dropped."""
        detach(self)
        self.cut(reason=None)

    def cut(self, reason: ExitReason | None) -> None:
        """Remove the watch together with its owner."""
        self.void = True
        watchers = self.target._watchers
        if watchers is not None:
            watchers.pop(self, None)
