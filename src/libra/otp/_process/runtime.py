"""Runtime: the state that all processes of one tree share.

There is no module state, so two trees can live in one program.
"""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from libra.otp._process import ending
from libra.otp._process.beginning import begin
from libra.otp._process.exits import SHUTDOWN, Crashed, ExitReason
from libra.otp._process.genserver import GenServer
from libra.otp._process.messages import UNSET
from libra.otp._process.reports import CrashReport, brief, take_traceback
from libra.otp._process.run_queue import RunQueue
from libra.otp._process.tasks import TaskRef
from libra.otp.clock import Clock, LoopClock

if TYPE_CHECKING:
    from libra.otp._process.children import Child

__all__ = ["Counts", "Runtime"]

P = TypeVar("P", bound=GenServer)


class Counts:
    """Counters since the runtime began.

    Attributes:
        started: processes that began, including those whose `init` failed.
        ended: how many of them are gone.
        crashed: how many of them ended for an unclean reason.
        restarted: restarts by supervisors that succeeded.
        refused: messages that a full mailbox refused.
        abandoned: tasks that ignored their cancellation until the deadline.
    """

    __slots__ = ("abandoned", "crashed", "ended", "refused", "restarted", "started")

    def __init__(self) -> None:
        self.started = self.ended = self.crashed = 0
        self.restarted = self.refused = self.abandoned = 0

    @property
    def alive(self) -> int:
        """How many processes there are now."""
        return self.started - self.ended


class Runtime:
    """The clock, the loop and the bookkeeping of one tree of processes.

    Create it inside the running event loop that its processes will use.

    Attributes:
        current: the process whose callback is running, or None. The watchdog reads it from another
            thread.
        abandoned: tasks that ignored their cancellation beyond the deadline and still run.
        counts: the counters so far.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        on_crash: Callable[[CrashReport], None] | None = None,
    ) -> None:
        """Make a runtime without processes.

        Args:
            clock: the clock of the processes; by default the event loop's.
            on_crash: called shortly afterwards for every process that ends uncleanly.
        """
        self.loop = asyncio.get_running_loop()
        self.clock: Clock = LoopClock(self.loop) if clock is None else clock
        self.log = logging.getLogger("libra.otp")
        self.current: GenServer | None = None
        self.abandoned: set[TaskRef] = set()
        self.counts = Counts()
        self._on_crash = on_crash
        self._context = contextvars.copy_context()
        self._queue = RunQueue(self.loop, self._context, self.clock.time)
        self._roots: dict[GenServer, None] = {}
        self._exiting: set[GenServer] = set()
        self._lingering: set[TaskRef] = set()
        self._drained: list[asyncio.Future[None]] = []

    def start(self, cls: type[P], *args: Any, link: GenServer | None = None, **kwargs: Any) -> P:
        """Start an unsupervised process and return it once its `init` has returned.

        Args:
            cls: the class to run.
            *args: for `init`.
            link: link it to this process, its parent.
            **kwargs: for `init`.

        Raises:
            StartError: `init` raised or returned `Stop`.
            AlreadyStarted: `init` wanted a name that a living process has.
            Ignored: `init` returned `Ignore`.
        """
        process = cls(self, link, None)
        begin(process, args, kwargs)
        self._roots[process] = None
        if link is not None:
            link.link(process)
        return process

    def processes(self) -> Iterator[tuple[int, GenServer]]:
        """All living processes with their depth, each parent before its children."""
        todo = [(0, process) for process in reversed(self._roots)]
        while todo:
            depth, process = todo.pop()
            yield depth, process
            todo.extend((depth + 1, child) for child in reversed(process._offspring()))

    async def drain(self) -> None:
        """Wait until processes that are exiting are gone and cancelled tasks have ended.

        Does not stop anything, and does not wait for abandoned tasks.
        """
        while self._exiting or self._lingering:
            future = self.loop.create_future()
            self._drained.append(future)
            await future

    async def shutdown(self) -> None:
        """Stop every unsupervised process, the newest first, and drain."""
        for process in reversed(list(self._roots)):
            ending.ask(process, SHUTDOWN)
            await process.wait_down()
        await self.drain()

    # --- For the rest of the package ---

    def _next_pid(self) -> int:
        self.counts.started += 1
        return self.counts.started

    def _spawn(
        self,
        cls: type[P],
        args: tuple[Any, ...],
        kwargs: dict[str, Any] | None,
        parent: GenServer,
        child: Child,
        legacy: Any,
    ) -> P:
        """Start a supervised process."""
        process = cls(self, parent, child)
        process.legacy = legacy
        begin(process, args, kwargs)
        return process

    def _ended(self, process: GenServer) -> None:
        self._exiting.discard(process)
        self._roots.pop(process, None)
        self.counts.ended += 1
        self._wake_drained()

    def _abandon(self, ref: TaskRef) -> None:
        self._lingering.discard(ref)
        if not ref.done:
            self.abandoned.add(ref)
            self.counts.abandoned += 1
            self.log.error("%r ignored its cancellation and was abandoned", ref)
        self._wake_drained()

    def _task_ended(self, ref: TaskRef) -> None:
        self._lingering.discard(ref)
        self.abandoned.discard(ref)
        self._wake_drained()

    def _wake_drained(self) -> None:
        if self._drained and not self._exiting and not self._lingering:
            for future in self._drained:
                if not future.done():
                    future.set_result(None)
            self._drained.clear()

    def _count_refused(self, process: GenServer) -> None:
        self.counts.refused += 1
        refused = self.counts.refused
        if refused & (refused - 1) == 0:  # 1, 2, 4, 8...: tell, but do not flood the log
            self.log.warning(
                "the mailbox of %r is full (%d messages refused so far)", process, refused
            )

    def _report(
        self,
        process: GenServer,
        reason: ExitReason,
        callback: str,
        message: Any,
        client: str | None,
    ) -> None:
        """Report to the log and the hook why a process ended uncleanly, within bounds."""
        self.counts.crashed += 1
        try:
            state = brief(process.format_status())
        except Exception as error:  # noqa: BLE001  (a subclass's code, inside a crash already)
            state = f"<format_status raised {type(error).__name__}>"
        report = CrashReport(
            pid=process.pid,
            name=type(process).__name__,
            reason=reason,
            callback=callback,
            message="" if message is UNSET else brief(message),
            state=state,
            client=client,
            traceback=take_traceback(reason.exception) if isinstance(reason, Crashed) else "",
        )
        self.log.error("%s", report)
        if self._on_crash is not None:
            # Later, not now: an exception of the hook must not disturb the exit of a process.
            self.loop.call_soon(self._on_crash, report, context=self._context)
