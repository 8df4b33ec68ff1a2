"""What belongs to a process and is undone with it: timers, tasks, monitors, waiting callers.

Each is a `Tie`, a link in a chain that hangs from its owner. A chain because an idle process
should own nothing but what it uses: no empty set, no list; and joining and leaving take the
same short time whether it has one timer or five thousand tasks.
"""

# ruff: noqa: SLF001  (a process and its ties are one machine in several files)
from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from libra.otp.clock import TimerHandle
from libra.otp.exits import CallTimeout, Crashed, ExitReason, ProcessExited
from libra.otp.messages import UNSET, Down, TaskDone, TaskFailed
from libra.otp.reports import brief

if TYPE_CHECKING:
    from libra.otp.genserver import GenServer

__all__ = ["Failure", "From", "Monitor", "Pending", "TaskRef", "Tie", "Timer", "attach", "detach"]


class Tie:
    """A link in the chain of what a process owns.

    `void` means that what it announces must not be delivered any more, even if the
    announcement stands in the mailbox already.
    """

    __slots__ = ("next", "owner", "prev", "void")

    owner: GenServer
    next: Tie | None
    prev: Tie | None
    void: bool

    def cut(self, reason: ExitReason) -> None:
        """The owner is ending for `reason`: undo this. It has left the chain already."""
        raise NotImplementedError


def attach(tie: Tie) -> None:
    """Hang `tie` into its owner's chain."""
    owner = tie.owner
    head = owner._ties
    tie.next = head
    if head is not None:
        head.prev = tie
    owner._ties = tie


def detach(tie: Tie) -> None:
    """Take `tie` out of its owner's chain; harmless when it is not in it."""
    before, after = tie.prev, tie.next
    if before is not None:
        before.next = after
    elif tie.owner._ties is tie:
        tie.owner._ties = after
    else:
        return
    if after is not None:
        after.prev = before
    tie.next = tie.prev = None


class Timer(Tie):
    """A message that a process will send itself; see `GenServer.send_after`."""

    __slots__ = ("_handle", "_message")

    def __init__(self, owner: GenServer, delay: float, message: Any) -> None:
        self.owner = owner
        self.next = self.prev = None
        self.void = False
        self._message = message
        self._handle = owner.runtime.clock.call_later(delay, self._fire)
        attach(self)

    def cancel(self) -> None:
        """Call it off: its message will not arrive, even if it is in the mailbox already."""
        self.void = True
        self._handle.cancel()
        detach(self)

    def _fire(self) -> None:
        detach(self)
        self.owner._post_info(self._message, self)

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
        """Whether the coroutine has ended, whatever became of its outcome."""
        return self._task.done()

    def cancel(self, grace: float | None = None) -> None:
        """Fence it off and ask it to end; after `grace` seconds it counts as abandoned."""
        self.void = True
        if self._task.done():
            return
        if self._cancelled_at is None:
            self._cancelled_at = self.owner.runtime.clock.time()
            self._task.cancel()
        if grace is not None and self._deadline is None:
            self._deadline = self.owner.runtime.clock.call_later(grace, self._abandon)

    def cut(self, reason: ExitReason) -> None:
        """Cancel with the owner, which waits for those that are still there."""
        if not self._last:
            self.cancel()
        if not self._task.done():
            attach(self)

    def let_go(self, grace: float) -> None:
        """The owner waits no longer: cancel it; `grace` seconds from then it is abandoned."""
        runtime = self.owner.runtime
        cancelled_at = self._cancelled_at
        left = grace if cancelled_at is None else cancelled_at + grace - runtime.clock.time()
        if left < 0.001:  # a loop's timers may be early by its clock's resolution
            self._abandon()
        else:
            runtime._lingering.add(self)
            self.cancel(left)

    def _abandon(self) -> None:
        owner = self.owner
        detach(self)
        owner.runtime._abandon(self)
        owner._task_gone()

    def _done(self, task: asyncio.Task[Any]) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        owner = self.owner
        detach(self)
        # Asking for the exception also keeps asyncio from complaining that nobody did.
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if not self.void and owner.alive:
            message = (
                TaskDone(self, self.tag, task.result())
                if error is None
                else TaskFailed(self, self.tag, error)
            )
            owner._post_info(message, self)
        else:
            if error is not None and not self.void:
                owner.runtime.log.error("%r failed: %s", self, brief(error))
            owner.runtime._task_ended(self)
            owner._task_gone()


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
        self.owner._post_info(Down(self, process, reason), self)

    def cancel(self) -> None:
        """Watch no longer; a `Down` that stands in the mailbox already is dropped."""
        detach(self)
        self.cut(reason=None)

    def cut(self, reason: ExitReason | None) -> None:
        """Leave the watched process with the owner."""
        self.void = True
        watchers = self.target._watchers
        if watchers is not None:
            watchers.pop(self, None)


class Failure(msgspec.Struct, frozen=True):
    """The outcome of a call whose server ended without answering."""

    reason: ExitReason


class From(Tie):
    """Who waits for the reply to a call. Opaque: keep it, and give it to `reply`."""

    __slots__ = ("client", "future", "outcome")

    def __init__(self, owner: GenServer) -> None:
        self.owner = owner
        self.next = self.prev = None
        self.void = False
        self.outcome: Any = UNSET
        self.future: asyncio.Future[None] | None = None
        self.client: str | None = None

    def answer(self, outcome: Any) -> None:
        """Set the outcome, once; dropped when the caller is gone or has been answered."""
        if self.void or self.outcome is not UNSET:
            return
        self.outcome = outcome
        detach(self)
        future = self.future
        if future is not None and not future.done():
            future.set_result(None)

    def cut(self, reason: ExitReason) -> None:
        """The server ends: tell the caller why, at once."""
        self.answer(Failure(reason))

    async def wait(self, timeout: float | None, *, give_up: bool = True) -> Any:  # noqa: ASYNC109  (by the runtime's clock)
        """Wait for the outcome; with `give_up` the call is void once the waiting ends."""
        if self.outcome is UNSET:
            runtime = self.owner.runtime
            future = self.future = runtime.loop.create_future()
            timer = None
            if timeout is not None:
                timer = runtime.clock.call_later(timeout, _wake, future)
            try:
                await future
            finally:
                if timer is not None:
                    timer.cancel()
                self.future = None
                if self.outcome is UNSET and give_up:
                    # Timed out, or the caller was cancelled: nobody is there for a late reply.
                    self.void = True
                    detach(self)
        return self.result(timeout)

    def result(self, timeout: float | None) -> Any:
        """The reply; raises ProcessExited, or CallTimeout when there is none yet."""
        outcome = self.outcome
        if outcome is UNSET:
            raise CallTimeout(f"{self.owner!r} gave no answer within {timeout} s")
        if type(outcome) is Failure:
            reason = outcome.reason
            cause = reason.exception if isinstance(reason, Crashed) else None
            raise ProcessExited(reason) from cause
        return outcome


class Pending:
    """A call that was sent and not yet waited for; see `GenServer.send_request`."""

    __slots__ = ("_sender",)

    def __init__(self, sender: From) -> None:
        self._sender = sender

    @property
    def done(self) -> bool:
        """Whether the outcome is known."""
        return self._sender.outcome is not UNSET

    async def wait(self, timeout: float | None = None) -> Any:  # noqa: ASYNC109  (by the runtime's clock)
        """The reply. After a `CallTimeout` it may be waited for again.

        Raises:
            CallTimeout: there is none within `timeout` seconds (0: there is none yet).
            ProcessExited: the server ended without replying.
        """
        if timeout is not None and timeout <= 0:
            return self._sender.result(timeout)
        return await self._sender.wait(timeout, give_up=False)

    def abandon(self) -> None:
        """Want the reply no longer; a request still in the mailbox is dropped unexecuted."""
        self._sender.void = True
        detach(self._sender)


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
