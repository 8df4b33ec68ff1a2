"""Exit reasons of processes, and the exceptions of `libra.otp`.

An exit reason is a small frozen value. Three kinds are *clean*: `NORMAL`, `SHUTDOWN` and
`Shutdown(detail)`; a clean exit is never logged as an error and does not restart a transient
child. Every other reason is a failure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from libra.otp._process.genserver import GenServer

#: How much of an exception's own text is shown.
MAX_TEXT = 1_000

__all__ = [
    "KILLED",
    "NOPROC",
    "NORMAL",
    "SHUTDOWN",
    "AlreadyRegistered",
    "AlreadyStarted",
    "BadReturnValue",
    "CallTimeout",
    "CallingSelf",
    "Crashed",
    "ExitReason",
    "Failed",
    "HandlerMissing",
    "Ignored",
    "InvalidSpec",
    "Killed",
    "MailboxFull",
    "MaxChildren",
    "NoProcess",
    "Normal",
    "NotFound",
    "ProcessException",
    "ProcessExited",
    "Shutdown",
    "StartError",
    "is_clean",
]


class ExitReason(msgspec.Struct, frozen=True):
    """The base of all exit reasons."""


class Normal(ExitReason, frozen=True):
    """The process had finished its work."""

    def __str__(self) -> str:
        return "normal"


class Shutdown(ExitReason, frozen=True):
    """The process was asked to stop, or stopped itself on purpose, with an optional detail."""

    detail: Any = None

    def __str__(self) -> str:
        return "shutdown" if self.detail is None else f"shutdown: {self.detail}"


class Killed(ExitReason, frozen=True):
    """The process was ended without `terminate`."""

    def __str__(self) -> str:
        return "killed"


class NoProcess(ExitReason, frozen=True):
    """There is no such living process."""

    def __str__(self) -> str:
        return "no such process"


class Crashed(ExitReason, frozen=True):
    """A callback raised. The exception is kept without its traceback (see `CrashReport`)."""

    exception: BaseException

    def __str__(self) -> str:
        name = type(self.exception).__name__
        try:
            text = str(self.exception)
        except Exception:  # noqa: BLE001  (a foreign __str__, which must not spoil an exit)
            return name
        return f"{name}: {text[:MAX_TEXT]}" if text else name


class Failed(ExitReason, frozen=True):
    """The process gave up for a reason of its own that is not an exception."""

    detail: Any

    def __str__(self) -> str:
        return str(self.detail)


NORMAL = Normal()
SHUTDOWN = Shutdown()
KILLED = Killed()
NOPROC = NoProcess()


def is_clean(reason: ExitReason) -> bool:
    """Whether `reason` is normal, shutdown or shutdown with a detail."""
    return isinstance(reason, Normal | Shutdown)


class ProcessException(Exception):
    """The base of everything that `libra.otp` raises to its callers."""


class ProcessExited(ProcessException):
    """The process that should have answered is gone; `reason` is its exit reason, or `NOPROC`."""

    def __init__(self, reason: ExitReason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class CallTimeout(ProcessException, TimeoutError):
    """No answer within the caller's time. The process itself continues."""


class CallingSelf(ProcessException):
    """A handler called, or stopped, its own process and would have waited for itself."""


class MailboxFull(ProcessException):
    """The mailbox has `mailbox_limit` messages waiting; the call was not queued."""


class StartError(ProcessException):
    """A process did not start; `reason` says why. Its name, if it took one, is free again."""

    def __init__(self, reason: ExitReason) -> None:
        super().__init__(str(reason))
        self.reason = reason


class AlreadyStarted(StartError):
    """The name or the child id belongs to `process`, which is unchanged.

    `process` is None while the child with that id is restarting or quarantined.
    """

    def __init__(self, process: GenServer | None) -> None:
        super().__init__(Failed(f"already started: {process!r}"))
        self.process = process


class Ignored(ProcessException):
    """`init` returned `Ignore()`: there is no process, and that is not an error."""


class MaxChildren(StartError):
    """The supervisor has reached its limit of children."""

    def __init__(self, limit: int) -> None:
        super().__init__(Failed(f"the supervisor already has {limit} children, its limit"))
        self.limit = limit


class InvalidSpec(ProcessException, ValueError):
    """An invalid child specification; no supervisor has seen it."""


class NotFound(ProcessException, LookupError):
    """The supervisor has no such child, or the registry no such entry of that owner."""


class AlreadyRegistered(ProcessException):
    """The key belongs to `owner`, a living process."""

    def __init__(self, key: object, owner: GenServer) -> None:
        super().__init__(f"{key} is registered by {owner!r}")
        self.key = key
        self.owner = owner


class HandlerMissing(ProcessException):
    """A call, cast or continue reached a class that has no handler for it."""


class BadReturnValue(ProcessException):
    """A callback returned something that is not one of its return values."""

    def __init__(self, callback: str, value: str) -> None:
        super().__init__(f"{callback} returned {value}")
        self.callback = callback
        self.value = value
