"""The clock of processes: the event loop's, or one that a test advances by hand."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from time import perf_counter
from typing import Any, Protocol

__all__ = ["Clock", "LoopClock", "TimerHandle"]


class TimerHandle(Protocol):
    """A pending timer that can be cancelled."""

    def cancel(self) -> None:
        """Cancel it; harmless when it has run already."""


class Clock(Protocol):
    """Monotonic seconds, and a way to be called after a delay."""

    def time(self) -> float:
        """Now, in seconds since some fixed moment."""

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> TimerHandle:
        """Run `fn(*args)` on the loop in `delay` seconds."""


class LoopClock:
    """The clock of a running asyncio (or uvloop) event loop.

    It keeps its timers in its own heap and asks the loop only for the next one. A hundred thousand
    resting processes each have a timer for their expiry. A timer of the loop takes 150 bytes (asyncio)
    to 500 bytes (uvloop), and one of these takes 90.
    """

    __slots__ = ("_alarm", "_context", "_heap", "_live", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._context = contextvars.copy_context()
        self._heap: list[_HeapTimer] = []
        self._live = 0
        self._alarm: asyncio.TimerHandle | None = None

    def time(self) -> float:
        """Now, in seconds. Finer than the loop's clock: two timers are never due at the same moment."""
        return perf_counter()

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> TimerHandle:
        """Run `fn(*args)` on the loop in `delay` seconds."""
        timer = _HeapTimer(self, perf_counter() + delay, fn, args)
        heap = self._heap
        heappush(heap, timer)
        self._live += 1
        if heap[0] is timer:
            self._arm()
        return timer

    @property
    def pending(self) -> int:
        """How many timers are neither run nor cancelled."""
        return self._live

    def _arm(self) -> None:
        """Ask the loop to wake us for the first timer."""
        if self._alarm is not None:
            self._alarm.cancel()
        delay = max(0.0, self._heap[0].when - perf_counter())
        self._alarm = self._loop.call_later(delay, self._wake, context=self._context)

    def _wake(self) -> None:
        self._alarm = None
        heap = self._heap
        now = perf_counter()
        for _ in range(_BATCH):
            if not heap or heap[0].when > now:
                break
            # Run by the loop, not here: if one raises, the others still run.
            self._loop.call_soon(heappop(heap).run, context=self._context)
        if heap:
            self._arm()

    def _done(self, *, cancelled: bool) -> None:
        self._live -= 1
        heap = self._heap
        if self._live == 0:
            heap.clear()
            if self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None
        elif cancelled and len(heap) > _SLACK + 2 * self._live:
            # Mostly calls that were answered in time: do not keep their timers until they are due.
            heap[:] = [timer for timer in heap if timer.fn is not None]
            heapify(heap)


class _HeapTimer:
    __slots__ = ("args", "clock", "fn", "when")

    def __init__(
        self, clock: LoopClock, when: float, fn: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self.clock = clock
        self.when = when
        self.fn: Callable[..., object] | None = fn
        self.args = args

    def __lt__(self, other: _HeapTimer) -> bool:
        return self.when < other.when

    def cancel(self) -> None:
        if self.fn is not None:
            self.fn = None
            self.args = ()
            self.clock._done(cancelled=True)

    def run(self) -> None:
        fn, args = self.fn, self.args
        if fn is not None:
            self.fn = None
            self.args = ()
            self.clock._done(cancelled=False)
            fn(*args)


# How many due timers run in one turn of the loop, and how many cancelled ones may stay in the heap.
_BATCH = 512
_SLACK = 64
