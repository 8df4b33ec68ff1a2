"""How messages reach a process and run through its callbacks, one at a time.

A mailbox exists only while it holds messages. Its first message puts the process into the run queue,
whose turns handle a bounded batch; an idle process costs the loop nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from libra.otp._process import ending
from libra.otp._process.calls import From
from libra.otp._process.exits import KILLED, BadReturnValue, Crashed, MailboxFull
from libra.otp._process.messages import TIMEOUT, Continue, Hibernate, NoReply, Reply, Stop, Timeout
from libra.otp._process.reports import brief
from libra.otp._process.states import EXITING, IDLE, RUNNING
from libra.otp._process.ties import Tie

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer

__all__ = ["Mail", "check_room", "handle", "post", "post_bounded", "post_info"]

#: (kind, payload, guard). The guard is the caller, timer, task or monitor that sent the message. If it
#: has become void, the message is dropped.
Mail = tuple[int, Any, Tie | None]

CALL: Final = 0
CAST: Final = 1
INFO: Final = 2
CONTINUE: Final = 3
EXIT: Final = 4  # end politely: terminate runs
DIE: Final = 5  # end at once: the signal came while a handler was running
CALLBACKS: Final = ("handle_call", "handle_cast", "handle_info", "handle_continue")

#: How many messages one process handles before the loop runs anything else.
BATCH: Final = 64


def post(
    process: GenServer, kind: int, payload: Any, guard: Tie | None, *, first: bool = False
) -> None:
    """Put a message into the mailbox; a dead process gets none."""
    if process._state >= EXITING:
        return
    mailbox = process._mailbox
    if mailbox is None:
        process._mailbox = mailbox = deque()
    if first:
        mailbox.appendleft((kind, payload, guard))
    else:
        mailbox.append((kind, payload, guard))
    if not process._scheduled:
        schedule(process)


def post_info(process: GenServer, message: Any, guard: Tie | None = None) -> None:
    """Put a message of the runtime into the mailbox, even if it is full."""
    post(process, INFO, message, guard)


def post_bounded(process: GenServer, kind: int, message: Any) -> None:
    """Put a message of a user into the mailbox, or drop and count it if the mailbox is full."""
    mailbox = process._mailbox
    if mailbox is not None and len(mailbox) >= process.mailbox_limit:
        process.runtime._count_refused(process)
    else:
        post(process, kind, message, None)


def check_room(process: GenServer) -> None:
    """Raise MailboxFull if the mailbox is full, so that the caller learns it at once."""
    mailbox = process._mailbox
    if mailbox is not None and len(mailbox) >= process.mailbox_limit:
        process.runtime._count_refused(process)
        raise MailboxFull(f"{process!r} has {len(mailbox)} messages waiting")


def schedule(process: GenServer) -> None:
    """Schedule a look at the mailbox."""
    process._scheduled = True
    process.runtime._queue.enter(process)


def drain(process: GenServer, now: Callable[[], float], until: float) -> None:
    """Handle the waiting messages, a batch at most, and after the first none that begins too late.

    Messages that a handler sends to its own process wait for the next turn. Otherwise a process that
    keeps itself busy, such as a supervisor that retries a restart, would let nothing else run.

    Args:
        process: the process.
        now: the clock.
        until: the end of its turn.
    """
    process._scheduled = False
    mailbox = process._mailbox
    for _ in range(min(len(mailbox or ()), BATCH)):
        if process._state != IDLE or not mailbox:
            break
        kind, payload, guard = mailbox.popleft()
        if guard is None or not guard.void:
            handle(process, kind, payload, guard)
            if now() >= until:
                break
    if not mailbox:
        # An empty deque keeps a block of memory; an idle process keeps none.
        if process._mailbox is mailbox:
            process._mailbox = None
    elif process._state == IDLE and not process._scheduled:
        schedule(process)


def handle(process: GenServer, kind: int, payload: Any, guard: Tie | None) -> None:
    """Run one message through its callback; a crash does not get past this function."""
    if kind >= EXIT:
        if kind == EXIT:
            ending.terminate(process, payload)
        else:
            ending.close(process, payload, at_once=payload is KILLED)
        return
    if process._idle is not None:
        process._idle.cancel()
        process._idle = None
    runtime = process.runtime
    previous = runtime.current
    runtime.current = process
    process._state = RUNNING
    result: Any
    try:
        if kind == CALL:
            result = _serve(process, payload, cast("From", guard))
        elif kind == INFO:
            result = process.handle_info(payload)
        elif kind == CAST:
            result = process.handle_cast(payload)
        else:
            result = process.handle_continue(payload)
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (the boundary)
        # A handler has no task of its own to cancel. A CancelledError here comes from reading a
        # cancelled future, and is an error like any other.
        ending.terminate(process, Crashed(error), CALLBACKS[kind], payload, guard)
        return
    except BaseException:
        process._state = IDLE
        raise
    finally:
        runtime.current = previous
    process._state = IDLE
    if result is not None:
        then(process, result, CALLBACKS[kind], payload, guard)
    if process.hibernate_after is not None:
        arm_hibernation(process)


def _serve(process: GenServer, request: Any, sender: From) -> Any:
    result: object = process.handle_call(request, sender)
    kind = type(result)
    if kind is Reply:
        reply = cast("Reply", result)
        sender.answer(reply.value)
        return reply.then
    if kind is NoReply:
        return cast("NoReply", result).then
    if kind is Stop:
        return result
    raise BadReturnValue("handle_call", brief(result))


def then(process: GenServer, result: Any, callback: str, payload: Any, guard: Tie | None) -> None:
    """Do what the return value of a callback says."""
    kind = type(result)
    if kind is Continue:
        post(process, CONTINUE, result.token, None, first=True)
    elif kind is Timeout:
        clock = process.runtime.clock
        process._idle = clock.call_later(result.seconds, _time_out, process)
    elif kind is Hibernate:
        _hibernate(process)
    elif kind is Stop:
        ending.terminate(process, result.reason, callback, payload, guard, result.reply)
    else:
        error = BadReturnValue(callback, brief(result))
        ending.terminate(process, Crashed(error), callback, payload, guard)


def arm_hibernation(process: GenServer) -> None:
    """Start the timer after which an idle process hibernates."""
    seconds = process.hibernate_after
    if seconds is not None and process._idle is None and process._state == IDLE:
        process._idle = process.runtime.clock.call_later(seconds, _hibernate, process)


def _time_out(process: GenServer) -> None:
    process._idle = None
    # A waiting message takes precedence over the timeout, even one of 0.
    if not process._mailbox:
        post_info(process, TIMEOUT)


def _hibernate(process: GenServer) -> None:
    process._idle = None
    if process._mailbox:
        return
    try:
        process.compact()
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001  (the boundary)
        ending.terminate(process, Crashed(error), "compact")
