"""Return values of callbacks, and the messages that the runtime itself puts into a mailbox.

All are frozen: sending does not copy, so messages between processes must not change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from libra.otp._process.exits import ExitReason

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer
    from libra.otp._process.tasks import Monitor, TaskRef

__all__ = [
    "TIMEOUT",
    "Continue",
    "Down",
    "Exited",
    "Hibernate",
    "Ignore",
    "Next",
    "NoReply",
    "Reply",
    "Stop",
    "TaskDone",
    "TaskFailed",
    "TimedOut",
    "Timeout",
]


class _Unset(msgspec.Struct, frozen=True):
    """Stands for "no reply"; None cannot, since it is a valid reply."""


UNSET = _Unset()


class Continue(msgspec.Struct, frozen=True):
    """Run `handle_continue(token)` before any message, even one already waiting."""

    token: Any = None


class Timeout(msgspec.Struct, frozen=True):
    """Put `TIMEOUT` into `handle_info` unless a message arrives within `seconds`."""

    seconds: float


class Hibernate(msgspec.Struct, frozen=True):
    """Drop state that can be made again (`compact`); any message wakes the process."""


class Stop(msgspec.Struct, frozen=True):
    """End the process: `terminate(reason)` runs, then the reply, if any, is delivered."""

    reason: ExitReason
    reply: Any = UNSET


class Ignore(msgspec.Struct, frozen=True):
    """From `init` only: there is nothing to run here, which is not an error."""


Next = Continue | Timeout | Hibernate | None


class Reply(msgspec.Struct, frozen=True):
    """The answer to a call, and what to do next."""

    value: Any = None
    then: Next = None


class NoReply(msgspec.Struct, frozen=True):
    """No answer yet (it comes from `reply`), and what to do next."""

    then: Next = None


class TimedOut(msgspec.Struct, frozen=True):
    """The message of a returned `Timeout`."""


TIMEOUT = TimedOut()


class Down(msgspec.Struct, frozen=True):
    """A monitored process is gone. Exactly one per monitor."""

    monitor: Monitor
    process: GenServer
    reason: ExitReason


class Exited(msgspec.Struct, frozen=True):
    """A linked process is gone; only a process that traps exits sees this."""

    process: GenServer
    reason: ExitReason


class TaskDone(msgspec.Struct, frozen=True):
    """A task of this process has returned."""

    ref: TaskRef
    tag: Any
    result: Any


class TaskFailed(msgspec.Struct, frozen=True):
    """A task of this process has raised, or other code cancelled it."""

    ref: TaskRef
    tag: Any
    error: BaseException
