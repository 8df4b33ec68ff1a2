"""The time that processes live by: the event loop's, or one that a test moves by hand."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from typing import Any, Protocol

__all__ = ["Clock", "LoopClock", "TimerHandle"]


class TimerHandle(Protocol):
    """Something due later that can be called off."""

    def cancel(self) -> None:
        """Call it off; harmless when it has run already."""


class Clock(Protocol):
    """Monotonic seconds, and a way to be called when some have passed."""

    def time(self) -> float:
        """Now, in seconds since some fixed moment."""

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> TimerHandle:
        """Run `fn(*args)` on the loop in `delay` seconds."""


class LoopClock:
    """The clock of a running asyncio (or uvloop) event loop."""

    __slots__ = ("_context", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        # One context for all timers: by default the loop would copy one for each.
        self._context = contextvars.copy_context()

    def time(self) -> float:
        """Now, in seconds, by the loop."""
        return self._loop.time()

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> TimerHandle:
        """Run `fn(*args)` on the loop in `delay` seconds."""
        return self._loop.call_later(delay, fn, *args, context=self._context)
