"""The caller's side of a call: the waiting caller, its timeout, and the outcome."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec

from libra.otp._process.exits import CallTimeout, Crashed, ExitReason, ProcessExited
from libra.otp._process.messages import UNSET
from libra.otp._process.ties import Tie, detach

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer

__all__ = ["CallFailure", "From", "Pending"]


class CallFailure(msgspec.Struct, frozen=True):
    """The outcome of a call whose server ended without answering."""

    reason: ExitReason


class From(Tie):
    """The caller that waits for a reply. Opaque: keep it, and give it to `reply`."""

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
        self.answer(CallFailure(reason))

    async def wait(self, timeout: float | None, *, give_up: bool = True) -> Any:  # noqa: ASYNC109  (by the runtime's clock)
        """Wait for the outcome; with `give_up` a timeout or a cancellation makes the call void."""
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
                    # Timed out, or the caller was cancelled: a late reply has no receiver.
                    self.void = True
                    detach(self)
        return self.result(timeout)

    def result(self, timeout: float | None) -> Any:
        """The reply; raises ProcessExited, or CallTimeout when there is none yet."""
        outcome = self.outcome
        if outcome is UNSET:
            raise CallTimeout(f"{self.owner!r} did not answer within {timeout} s")
        if type(outcome) is CallFailure:
            reason = outcome.reason
            cause = reason.exception if isinstance(reason, Crashed) else None
            raise ProcessExited(reason) from cause
        return outcome


class Pending:
    """A call that was sent and is not awaited yet; see `GenServer.send_request`."""

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
        """Give the reply up; a request still in the mailbox is dropped unexecuted."""
        self._sender.void = True
        detach(self._sender)


def task_name() -> str | None:
    """The name of the running task: a report shows it as the caller."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop is running: called from plain code
        return None
    return None if task is None else task.get_name()


def _wake(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
