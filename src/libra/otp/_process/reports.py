"""Crash reports, and a way to show any value within bounds.

A crash report that prints a whole state or mailbox can turn one crash into an out-of-memory kill. So
`brief` walks a value itself, a few levels deep and a few items wide, and never calls a `__repr__`.
"""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import islice
from typing import Any

import msgspec

from libra.otp._process.exits import ExitReason

__all__ = ["CrashReport", "brief"]

#: The width, depth and length to which a value is shown.
MAX_ITEMS = 8
MAX_DEPTH = 4
MAX_TEXT = 200
MAX_FRAMES = 20
MAX_TRACEBACK = 8_000


class CrashReport(msgspec.Struct, frozen=True):
    """The known facts about a process that ended for an unclean reason.

    Attributes:
        pid: its id in the runtime.
        name: its class.
        reason: why it ended.
        callback: the callback that failed, such as `handle_call`.
        message: the message it was handling, shown briefly.
        state: the result of `format_status`, shown briefly.
        client: the task that waited for the answer, if it was a call.
        traceback: the last frames, as text. The exception itself keeps none, since frames would keep the
            dead process and everything it held in memory.
    """

    pid: int
    name: str
    reason: ExitReason
    callback: str
    message: str
    state: str
    client: str | None
    traceback: str

    def __str__(self) -> str:
        client = f"\nclient: {self.client}" if self.client else ""
        return (
            f"{self.name} #{self.pid} ended in {self.callback}: {brief(str(self.reason))}"
            f"\nlast message: {self.message}\nstate: {self.state}{client}\n{self.traceback}"
        ).rstrip()


def brief(value: object) -> str:
    """`value` as text for people, bounded in width, depth and length, without its `__repr__`."""
    try:
        return _show(value, MAX_DEPTH)
    except Exception as error:  # noqa: BLE001  (a foreign container, which must not spoil a report)
        return f"<{type(value).__name__}, which raised {type(error).__name__}>"


def take_traceback(error: BaseException) -> str:
    """The last frames of `error` as text; removes the tracebacks from it and its causes."""
    text = "".join(traceback.format_exception(error, limit=-MAX_FRAMES))[-MAX_TRACEBACK:]
    seen: BaseException | None = error
    for _ in range(MAX_FRAMES):
        if seen is None:
            break
        seen.__traceback__ = None
        seen = seen.__cause__ or seen.__context__
    return text


def _show(value: object, depth: int) -> str:
    if value is None or isinstance(value, bool | int | float | str | bytes | bytearray):
        return _scalar(value)
    name = type(value).__name__
    if depth <= 0:
        return f"<{name}>"
    if isinstance(value, BaseException):
        return f"{name}({_items(value.args, depth)})"
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    if isinstance(value, Sequence | AbstractSet):
        return f"{name}({_items(value, depth)})"
    fields = _fields(value)
    if fields is None:
        return f"<{name}>"
    shown = [f"{field}={_show(getattr(value, field, None), depth - 1)}" for field in fields]
    return f"{name}({', '.join(shown)})"


def _scalar(value: Any) -> str:
    if isinstance(value, str | bytes | bytearray) and len(value) > MAX_TEXT:
        return f"{value[:MAX_TEXT]!r}... ({len(value)} long)"
    if isinstance(value, int) and value.bit_length() > MAX_TEXT:
        return f"<int of {value.bit_length()} bits>"
    return repr(value)


def _mapping(value: Mapping[Any, Any], depth: int) -> str:
    shown = [
        f"{_show(key, depth - 1)}: {_show(item, depth - 1)}"
        for key, item in islice(value.items(), MAX_ITEMS)
    ]
    return "{" + ", ".join(shown) + _rest(len(value)) + "}"


def _items(value: Sequence[Any] | AbstractSet[Any], depth: int) -> str:
    shown = [_show(item, depth - 1) for item in islice(value, MAX_ITEMS)]
    return ", ".join(shown) + _rest(len(value))


def _rest(size: int) -> str:
    return f", ... ({size} in all)" if size > MAX_ITEMS else ""


def _fields(value: object) -> tuple[str, ...] | None:
    if isinstance(value, msgspec.Struct):
        return value.__struct_fields__
    if dataclasses.is_dataclass(value):
        return tuple(field.name for field in dataclasses.fields(value))
    return None
