"""Inspects and suspends a living process from outside, as Erlang's `sys` does.

For debuggers, observers and tests. None of it wakes a hibernating process or goes through its mailbox.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from libra.otp._process.exits import NOPROC, CallingSelf, ProcessExited
from libra.otp._process.genserver import GenServer
from libra.otp._process.mailbox import schedule
from libra.otp._process.states import EXITING, IDLE, SUSPENDED

__all__ = ["Status", "get_state", "get_status", "replace_state", "resume", "suspend"]

_WORDS = ("idle", "running", "suspended", "terminating", "exiting", "dead")


class Status(msgspec.Struct, frozen=True):
    """The part of a process's state that may be shown.

    Attributes:
        pid: its id in the runtime.
        name: its class.
        phase: idle, running, suspended, terminating, exiting or dead.
        waiting: how many messages its mailbox holds.
        state: the result of its `format_status`.
    """

    pid: int
    name: str
    phase: str
    waiting: int
    state: Any


def get_status(process: GenServer) -> Status:
    """The state of `process` that may be shown, redacted by the process."""
    waiting = 0 if process._mailbox is None else len(process._mailbox)
    phase = _WORDS[process._state]
    return Status(process.pid, type(process).__name__, phase, waiting, process.format_status())


def get_state(process: GenServer) -> dict[str, Any]:
    """The attributes of the process, unredacted, in a new dict with the same values.

    Raises:
        ProcessExited: the process is dead.
    """
    _must_live(process)
    return process._attributes()


def replace_state(
    process: GenServer, update: Callable[[dict[str, Any]], Mapping[str, Any]]
) -> dict[str, Any]:
    """Set the attributes that `update(state)` returns; returns the state after that.

    An exception of `update` is raised here, and the process is unchanged.

    Raises:
        AttributeError: the process has no such attribute; it is unchanged.
        ProcessExited: the process is dead.
    """
    before = get_state(process)
    changed = update(dict(before))
    unknown = [name for name in changed if name not in before]
    if unknown:
        raise AttributeError(f"{process!r} has no {', '.join(unknown)}")
    for name, value in changed.items():
        setattr(process, name, value)
    return get_state(process)


def suspend(process: GenServer) -> None:
    """Let messages wait until `resume`; exit signals still work.

    Raises:
        CallingSelf: a handler of the process is running.
        ProcessExited: the process is dead.
    """
    _must_live(process)
    if process._state not in (IDLE, SUSPENDED):
        raise CallingSelf(f"{process!r} is running a handler")
    process._state = SUSPENDED


def resume(process: GenServer) -> None:
    """Continue after `suspend`; harmless otherwise."""
    if process._state == SUSPENDED:
        process._state = IDLE
        if process._mailbox and not process._scheduled:
            schedule(process)


def _must_live(process: GenServer) -> None:
    if process._state >= EXITING:
        raise ProcessExited(NOPROC)
