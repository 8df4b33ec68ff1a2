"""For tests of processes: a clock that the test advances, and a way to wait until all is idle.

clock = FakeClock()
runtime = Runtime(clock=clock)
...
await clock.advance(60)     # every timer due in the next minute, in order
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from libra.otp._process.runtime import Runtime
from libra.otp._process.tasks import TaskRef

__all__ = ["FakeClock", "settle", "tasks_under_way"]

# If the loop does not show its ready queue (uvloop), this many turns count as settled.
_BLIND_TURNS = 64
_MAX_TURNS = 1_000_000


class FakeClock:
    """A clock that stands still until the test advances it.

    Args:
        now: the seconds it shows at first.
        start: the date and time of that moment on the matching wall clock.
    """

    def __init__(
        self, now: float = 1_000.0, *, start: datetime = datetime(2026, 11, 23, 12, tzinfo=UTC)
    ) -> None:
        self._now = now
        self._zero = start - timedelta(seconds=now)
        self._timers: list[_FakeTimer] = []
        self._order = count()

    def time(self) -> float:
        """The seconds it shows."""
        return self._now

    def now(self) -> datetime:
        """The wall clock, which moves with it."""
        return self._zero + timedelta(seconds=self._now)

    @property
    def next_due(self) -> float | None:
        """When the next timer is due, in its seconds; None if there is no timer."""
        while self._timers and self._timers[0].fn is None:
            heapq.heappop(self._timers)
        return self._timers[0].when if self._timers else None

    def call_later(self, delay: float, fn: Callable[..., object], *args: Any) -> _FakeTimer:
        """Run `fn(*args)` once the clock has advanced by `delay` seconds."""
        timer = _FakeTimer(self._now + max(delay, 0.0), next(self._order), fn, args)
        heapq.heappush(self._timers, timer)
        return timer

    async def advance(self, seconds: float) -> None:
        """Advance the clock: run the due timers in order, and let the loop settle after each."""
        until = self._now + seconds
        await settle()
        while self._timers and self._timers[0].when <= until:
            timer = heapq.heappop(self._timers)
            if timer.fn is None:
                continue
            self._now = max(self._now, timer.when)
            timer.run()
            await settle()
        self._now = until

    def block(self, seconds: float) -> None:
        """Advance the clock while the loop is blocked, as by a slow handler.

        Timers that become due meanwhile run afterwards, in order and late.
        """
        self._now += seconds
        loop = asyncio.get_running_loop()
        while self._timers and self._timers[0].when <= self._now:
            loop.call_soon(heapq.heappop(self._timers).run)

    @property
    def pending(self) -> int:
        """How many timers are neither run nor cancelled."""
        return sum(timer.fn is not None for timer in self._timers)


class _FakeTimer:
    __slots__ = ("args", "fn", "order", "when")

    def __init__(
        self, when: float, order: int, fn: Callable[..., object], args: tuple[Any, ...]
    ) -> None:
        self.when = when
        self.order = order
        self.fn: Callable[..., object] | None = fn
        self.args = args

    def __lt__(self, other: _FakeTimer) -> bool:
        return (self.when, self.order) < (other.when, other.order)

    def cancel(self) -> None:
        self.fn = None
        self.args = ()

    def run(self) -> None:
        fn, args = self.fn, self.args
        self.cancel()
        if fn is not None:
            fn(*args)


def tasks_under_way(runtime: Runtime) -> list[asyncio.Task[Any]]:
    """The running tasks of a tree's processes, which make progress without the clock."""
    found = []
    for _, process in runtime.processes():
        tie = process._ties
        while tie is not None:
            if isinstance(tie, TaskRef) and not tie.done:
                found.append(tie._task)
            tie = tie.next
    return found


async def settle() -> None:
    """Give the loop turns until nothing is ready: no message, and no task that could continue.

    Does not wait for the network, threads or timers.
    """
    ready = getattr(asyncio.get_running_loop(), "_ready", None)
    if ready is None:
        for _ in range(_BLIND_TURNS):
            await asyncio.sleep(0)
        return
    for _ in range(_MAX_TURNS):
        await asyncio.sleep(0)
        if not ready:
            return
    raise RuntimeError("the event loop does not settle: something always schedules more work")
