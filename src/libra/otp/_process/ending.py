"""How a process ends: politely, at once, or because of another; and who learns of it.

    terminate     its own clean-up runs; an unclean reason is reported
        close     it counts as dead: names free, callers answered, timers and tasks cancelled
            finish    its last tasks are gone, or overdue: monitors, links and supervisor learn of it

A kill and most exit signals begin with `close`. Without tasks all steps run at once.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from libra.otp._process import mailbox
from libra.otp._process.calls import CallFailure, From, task_name
from libra.otp._process.exits import (
    KILLED,
    NOPROC,
    NORMAL,
    CallTimeout,
    Crashed,
    ExitReason,
    Normal,
    is_clean,
)
from libra.otp._process.messages import UNSET, Exited
from libra.otp._process.states import DEAD, EXITING, RUNNING, SUSPENDED, TERMINATING
from libra.otp._process.ties import Tie, detach

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer

__all__ = ["ask", "close", "finish", "gone", "kill", "signal", "terminate", "watch"]

#: Seconds that a cancelled task may take to end once its process, which may not wait, is gone.
LINGER: Final = 5.0


def terminate(
    process: GenServer,
    reason: ExitReason,
    callback: str = "",
    message: Any = UNSET,
    guard: Tie | None = None,
    reply: Any = UNSET,
) -> None:
    """End politely: run `terminate`, report an unclean reason, reply, close."""
    if process._state >= TERMINATING:
        return
    runtime = process.runtime
    previous = runtime.current
    runtime.current = process
    process._state = TERMINATING
    try:
        process.terminate(reason)
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (the boundary)
        reason, callback, message = Crashed(error), "terminate", UNSET
    finally:
        runtime.current = previous
    if not is_clean(reason):
        client = guard.client or task_name() if isinstance(guard, From) else None
        runtime._report(process, reason, callback, message, client)
    if isinstance(guard, From):
        guard.answer(CallFailure(reason) if reply is UNSET else reply)
    close(process, reason)


def close(process: GenServer, reason: ExitReason, *, at_once: bool = False) -> None:
    """Make the process dead: free its names, drop its mail, answer callers, cancel tasks."""
    process._state = EXITING
    process.exit_reason = reason
    _disarm(process)
    process._mailbox = None
    _cut_ties(process, reason)
    if at_once or process._ties is None:
        finish(process)
        return
    # Only running tasks are left. The exit is complete when they have ended.
    runtime = process.runtime
    runtime._exiting.add(process)
    grace = process._grace_seconds()
    if grace is not None:
        process._idle = runtime.clock.call_later(grace, finish, process)


def task_gone(process: GenServer) -> None:
    """A task has ended or was given up; it may have been the last that an exit waits for."""
    if process._state == EXITING and process._ties is None:
        finish(process)


def finish(process: GenServer) -> None:
    """Complete the exit: inform monitors, links and the supervisor, once."""
    process._state = DEAD
    _disarm(process)
    while (tie := process._ties) is not None:
        detach(tie)
        tie.let_go(process._grace_seconds() or LINGER)
    reason = process.exit_reason or NORMAL
    watchers, process._watchers = process._watchers, None
    if watchers is not None:
        for watcher in watchers:
            watcher._told(process, reason)
    process._after_exit(reason)
    process.runtime._ended(process)
    parent, child = process._parent, process._child
    if child is not None and parent is not None:
        parent._child_exited(child, process, reason)


def kill(process: GenServer) -> None:
    """End at once, without `terminate`; a task that does not end is abandoned and reported."""
    if process._state == RUNNING:
        mailbox.post(process, mailbox.DIE, KILLED, None, first=True)
    elif process._state < TERMINATING:
        close(process, KILLED, at_once=True)
    elif process._state == EXITING:
        finish(process)


def ask(process: GenServer, reason: ExitReason) -> None:
    """End politely after the messages in the mailbox, whether it traps exits or not."""
    if process._state == SUSPENDED:
        terminate(process, reason)
    else:
        mailbox.post(process, mailbox.EXIT, reason, None)


def signal(process: GenServer, sender: GenServer, reason: ExitReason) -> None:
    """`sender`, a parent or a linked process, ends or wants `process` to end."""
    if process._state >= TERMINATING:
        return
    if process.trap_exit:
        if sender is process._parent:
            ask(process, reason)
        else:
            mailbox.post_info(process, Exited(sender, reason))
    elif isinstance(reason, Normal):
        return
    elif process._state == RUNNING:
        mailbox.post(process, mailbox.DIE, reason, None, first=True)
    else:
        close(process, reason)


def watch(process: GenServer, watcher: Any) -> None:
    """Call `watcher._told(process, reason)` once the exit is complete; now if it already is."""
    if process._state == DEAD:
        watcher._told(process, NOPROC)
    else:
        if process._watchers is None:
            process._watchers = {}
        process._watchers[watcher] = None


async def gone(process: GenServer, timeout: float | None) -> ExitReason:  # noqa: ASYNC109  (by the runtime's clock)
    """Wait until the exit is complete; raises CallTimeout."""
    if process._state != DEAD:
        waiter = _Waiter(process.runtime.loop.create_future())
        watch(process, waiter)
        timer = None
        if timeout is not None:
            timer = process.runtime.clock.call_later(timeout, waiter._told, process, NOPROC)
        try:
            await waiter.future
        finally:
            if timer is not None:
                timer.cancel()
            if process._watchers is not None:
                process._watchers.pop(waiter, None)
        if process._state != DEAD:
            raise CallTimeout(f"{process!r} has not ended after {timeout} s")
    return process.exit_reason or NORMAL


class _Waiter:
    """A coroutine that waits for a process to be gone."""

    __slots__ = ("future",)

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future

    def _told(self, process: GenServer, reason: ExitReason) -> None:
        if not self.future.done():
            self.future.set_result(None)


def _cut_ties(process: GenServer, reason: ExitReason) -> None:
    """Undo the ties of the process; a task that still runs attaches itself again."""
    tie, process._ties = process._ties, None
    while tie is not None:
        following = tie.next
        tie.prev = tie.next = None
        tie.cut(reason)
        tie = following


def _disarm(process: GenServer) -> None:
    if process._idle is not None:
        process._idle.cancel()
        process._idle = None
