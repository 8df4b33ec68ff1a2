"""Watchdog: how late the event loop is, and which code held it.

**The problem.** asyncio cannot interrupt a handler. A handler that computes for a second stops every
process, timer and request for a second, and afterwards nothing shows which handler it was.

The watchdog asks to be woken every `interval` and measures how late that is. That is the *lag* of the
whole program. A thread watches the loop from outside. While the loop is held it can still look,
so it names the handler (or the task) that holds it, even one that never returns.

    watchdog = runtime.start(Watchdog)
    watchdog.lag().p99
"""

from __future__ import annotations

import asyncio
import logging
import selectors
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import msgspec

from libra.otp._process import ending, genserver, mailbox
from libra.otp._process.exits import ExitReason
from libra.otp._process.genserver import GenServer
from libra.otp.clock import TimerHandle

if TYPE_CHECKING:
    from libra.otp._process.children import Child
    from libra.otp._process.runtime import Runtime

__all__ = ["Lag", "Stall", "Watchdog"]

FELT = 1.0
"""Seconds without an answer that users notice, and that are worth a warning."""

_STACK = 8


class Stall(msgspec.Struct, frozen=True):
    """A callback or task holds the loop.

    Attributes:
        seconds: how long it already lasted when it was noticed.
        starved: the part of `seconds` in which the loop's thread was ready to run but had no processor,
            as far as the system reports it. The holder is not to blame for that part.
        process: the process of the callback, such as `<Page #7>`; None for code outside processes.
        holder: the callback, or the coroutine of the task, such as `Page.handle_info`.
        stack: the innermost frames, `file:line function`, innermost first.
    """

    seconds: float
    process: str | None
    holder: str
    stack: tuple[str, ...]
    starved: float = 0.0

    @property
    def by_machine(self) -> bool:
        """Whether the machine is to blame: it was busy with other programs most of the time."""
        return 2 * self.starved > self.seconds

    @property
    def words(self) -> str:
        """The holder of the loop, in words."""
        if self.by_machine:
            return "this machine, which was busy with other programs"
        return f"{self.process or 'a task'}, {self.holder}"


class Lag(msgspec.Struct, frozen=True):
    """How late the loop was, in seconds, over the last window.

    Attributes:
        last: the newest sample.
        max: the largest sample.
        p99: the value that 99 of 100 samples do not exceed.
        samples: the number of samples.
        stall: the newest stall of all that were noticed.
    """

    last: float
    max: float
    p99: float
    samples: int
    stall: Stall | None


class Watchdog(GenServer):
    """Measures loop lag and names its cause."""

    __slots__ = (
        "_beat",
        "_due",
        "_interval",
        "_on_stall",
        "_samples",
        "_stall",
        "_stop",
        "_thread",
        "_timer",
        "_window",
    )

    def __init__(self, runtime: Runtime, parent: GenServer | None, child: Child | None) -> None:
        super().__init__(runtime, parent, child)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: TimerHandle | None = None

    def init(
        self,
        *,
        interval: float = 0.05,
        threshold: float = 0.1,
        window: float = 60.0,
        on_stall: Callable[[Stall], None] | None = None,
        observe: bool = True,
    ) -> None:
        """Begin to measure.

        Args:
            interval: seconds between samples.
            threshold: seconds of lag that count as a stall.
            window: seconds that `lag` looks back.
            on_stall: called *in the observing thread*, while the loop is still held.
            observe: whether to run that thread; useless with a fake clock.
        """
        self._interval = interval
        self._window = window
        self._samples: deque[tuple[float, float]] = deque()
        self._stall: Stall | None = None
        self._on_stall = on_stall
        self._wait_for_tick()
        if observe:
            self._thread = threading.Thread(
                target=self._observe,
                args=(threading.get_ident(), threshold),
                name="libra-watchdog",
                daemon=True,
            )
            self._thread.start()

    def lag(self) -> Lag:
        """The lag over the last window."""
        lags = sorted(lag for _, lag in self._samples)
        if not lags:
            return Lag(0.0, 0.0, 0.0, 0, self._stall)
        p99 = lags[-(-len(lags) * 99 // 100) - 1]  # nearest rank: ceil(0.99 n), counted from 1
        return Lag(self._samples[-1][1], lags[-1], p99, len(lags), self._stall)

    def format_status(self) -> Any:
        """Just the figures."""
        return self.lag()

    # --- Helpers ---

    def _tick(self) -> None:
        """Take a sample. The loop calls this: a message would wait for the turn of this process."""
        now = self.runtime.clock.time()
        samples = self._samples
        samples.append((now, max(0.0, now - self._due)))
        while samples[0][0] < now - self._window:
            samples.popleft()
        self._wait_for_tick()

    def _wait_for_tick(self) -> None:
        self._beat = time.monotonic()
        self._due = self.runtime.clock.time() + self._interval
        self._timer = self.runtime.clock.call_later(self._interval, self._tick)

    def _after_exit(self, reason: ExitReason) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._stop.set()
        if self._thread is not None:
            # The thread wakes at once, unless it is reporting a stall, so nothing is left behind.
            self._thread.join(_LAST_WORDS)

    def _observe(self, loop_thread: int, threshold: float) -> None:
        """The thread: look at the loop's thread whenever its heartbeat is overdue."""
        told = again = waited = 0.0
        starvation = _Starvation()
        while not self._stop.wait(self._interval):
            beat = self._beat
            if beat != told:
                told, again = beat, self._interval + threshold
                waited = starvation.waited(loop_thread)
            held = time.monotonic() - beat
            if held < again:
                continue
            again = 2 * held  # another callback may hold it by then
            frame = sys._current_frames().get(loop_thread)
            if frame is None:
                return  # the loop's thread has ended, and so should this one
            starved = starvation.waited(loop_thread) - waited
            stall = self._describe(held - self._interval, frame, starved)
            self._stall = stall
            self.runtime.log.log(
                logging.WARNING if stall.seconds >= FELT else logging.DEBUG,
                "the event loop has been blocked for %.1f s by %s%s",
                stall.seconds,
                stall.words,
                "" if stall.by_machine else f" at {stall.stack[0]}",
            )
            if self._on_stall is not None:
                self._on_stall(stall)

    def _describe(self, seconds: float, frame: FrameType, starved: float) -> Stall:
        process = self.runtime.current
        stack: list[str] = []
        holder = None
        seen: FrameType | None = frame
        while seen is not None:
            code = seen.f_code
            if len(stack) < _STACK:
                stack.append(f"{code.co_filename}:{seen.f_lineno} {code.co_qualname}")
            outer = seen.f_back
            if holder is None and outer is not None and _runs_callbacks(outer):
                holder = code.co_qualname
            seen = outer
        if process is None or holder is None:
            task = asyncio.current_task(self.runtime.loop)
            coro = None if task is None else task.get_coro()
            holder = getattr(coro, "__qualname__", None) or frame.f_code.co_qualname
        if frame.f_code.co_filename == selectors.__file__:
            starved = seconds  # the loop only waits for a processor
        owner = None if process is None else repr(process)
        return Stall(seconds, owner, holder, tuple(stack), starved)


class _Starvation:
    """How long a thread was ready to run without a processor; only Linux reports it."""

    def __init__(self) -> None:
        self._path: str | None = None

    def waited(self, thread: int) -> float:
        """Seconds since the thread began; 0 if unknown."""
        try:
            if self._path is None:
                native = next(
                    (one.native_id for one in threading.enumerate() if one.ident == thread), None
                )
                self._path = f"/proc/self/task/{native}/schedstat"
            with open(self._path, encoding="ascii") as file:  # noqa: PTH123 - thousands of times
                return int(file.read().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0


_LAST_WORDS = 0.5
"""Seconds that the thread may take to end."""

_MACHINERY = frozenset((ending.__file__, genserver.__file__, mailbox.__file__))


def _runs_callbacks(frame: FrameType) -> bool:
    return frame.f_code.co_filename in _MACHINERY
