"""The process of one watch: it has a URL weighed when it is due, judges the result and sends alerts.

::

    waiting -> due: a page is submitted -> weighed or failed -> judged -> waiting
                                                                  └-> alerts, each until it is taken

There is one timer, for whichever comes first: the next weigh-in, or the next try of an alert. Each
step is written into the record before the next one begins, so a watch that is killed continues from
there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from libra.ids import new_id
from libra.inspector.context import Context
from libra.inspector.records.messages import ClockSet, Safe, Unsafe
from libra.inspector.records.ports import WeighIns
from libra.inspector.records.watches.alerts import Alert
from libra.inspector.records.watches.watch_record import WatchRecord, WatchState
from libra.inspector.watches import steps
from libra.inspector.watches.log_lines import log_delivery, log_run
from libra.otp import (
    ChildSpec,
    From,
    GenServer,
    NoReply,
    Reply,
    TaskDone,
    TaskFailed,
    TaskRef,
    Timer,
)
from libra.report import Backup, Report
from libra.storage import Unavailable

#: Watches that were due while Libra was down are spread over this many seconds.
CATCH_UP = 60.0

#: Seconds until the next try to submit a page that did not fit into memory.
RETRY = 30.0

#: The longest timer, in seconds: the wall clock may be set, and a laptop may sleep.
NAP = 60.0

#: A timer that is this early (seconds) counts as in time: clocks are not that exact.
TOLERANCE = timedelta(milliseconds=5)


class WatchOrder(Enum):
    """Requests to a watch."""

    RUN = auto()


@dataclass(frozen=True, slots=True, repr=False)
class WatchChange:
    """Request to change the state of the watch."""

    step: Callable[[WatchState], steps.Changes]


async def change(watch: GenServer, step: Callable[[WatchState], steps.Changes]) -> None:
    """Change the state of a watch.

    Raises:
        ProcessException: the watch does not answer.
    """
    await watch.call(WatchChange(step))


def run_soon(watch: GenServer) -> None:
    """Have the page of a watch weighed now; do not wait for it."""
    watch.send(WatchOrder.RUN)


async def run(watch: GenServer) -> str | None:
    """Have the page of a watch weighed now; return its id, or None if there is no room in memory.

    Raises:
        ProcessException: the watch does not answer.
    """
    page_id: str | None = await watch.call(WatchOrder.RUN)
    return page_id


class WatcherStep(Enum):
    """Messages of a watch to itself, and the tags of its tasks."""

    TICK = auto()
    SUBMIT = auto()
    FOLLOW = auto()


class Watcher(GenServer):
    """Watches one URL."""

    __slots__ = (
        "_asked",
        "_context",
        "_delivering",
        "_made",
        "_not_before",
        "_record",
        "_timer",
        "_weigh_ins",
        "_weighing",
    )

    @classmethod
    def child_spec(cls, context: Context, record: WatchRecord) -> ChildSpec[Watcher]:
        """How its supervisor starts the process, also after a crash."""
        return ChildSpec(
            start=cls, args=(context, record), id=record.id, restart="transient", shutdown=1.0
        )

    def init(self, context: Context, record: WatchRecord) -> None:
        """Take over a watch: a new one, one that crashed, or one that was restored."""
        self._context = context
        self._record = record
        self._weigh_ins: WeighIns = context.processes.weigh_ins
        self._weighing: TaskRef | None = None
        self._delivering: TaskRef | None = None
        self._timer: Timer | None = None
        self._made: str | None = None  # the page whose id was chosen in this life of the watch
        self._asked: list[From] = []
        # A missed weigh-in is done once, and not for all watches at the same moment.
        self._not_before = self.runtime.clock.time() + CATCH_UP * record.spread
        if record.error is not None:
            record.error = None
            context.records.followers.changed(record.id)
        context.processes.durability.keep(record.id)
        if record.state.page is not None:
            self._resume(record.state.page)
        self._arm()

    def handle_call(self, request: Any, sender: From) -> Reply | NoReply:
        """Weigh the page now, or change the state."""
        if isinstance(request, WatchChange):
            self._become(request.step)
            return Reply(None)
        if request is not WatchOrder.RUN:
            raise ValueError(f"a watch does not accept {request!r}")
        page = self._record.state.page
        if page is not None and self._context.records.pages.get(page) is not None:
            return Reply(page)
        self._asked.append(sender)
        if self._weighing is None:
            self._begin()
        return NoReply()

    def handle_info(self, message: Any) -> None:
        """Take the next step."""
        match message:
            case WatcherStep.TICK:
                self._timer = None
                self._act()
            case ClockSet():
                self._act()
            case WatchOrder.RUN if self._weighing is None:
                self._begin()
            case TaskDone(_, WatcherStep.SUBMIT, submitted):
                self._weighing = None
                self._submitted(submitted=submitted)
            case TaskDone(_, WatcherStep.FOLLOW, report):
                self._weighing = None
                self._weighed(report)
            case TaskDone(_, Alert() as alert, error):
                self._delivering = None
                self._delivered(alert, error)
            case TaskFailed(_, WatcherStep.FOLLOW, Unavailable()):
                # The page has left memory before it was judged, which takes longer than a day.
                self._weighing = None
                self._weighed(None)
            case TaskFailed(_, _, error):
                raise error
            case Safe(version, level):
                self._safe(version, level)
            case Unsafe(level):
                self._unsafe(level)
        self._arm()

    def format_status(self) -> dict[str, Any]:
        """The state that the observer and a crash report may show: no webhook and no secret."""
        state = self._record.state
        return {
            "watch": state.id,
            "every": state.every,
            "next_at": state.next_at.isoformat(),
            "page": state.page,
            "alerts": len(state.alerts),
        }

    def _become(self, step: Callable[[WatchState], steps.Changes]) -> None:
        """Change the state, and do what is due after that."""
        before = self._record.state.page
        self._change(**step(self._record.state))
        if before is not None and self._record.state.page is None and self._weighing is not None:
            # The watch is weighed differently now; the page under way becomes an ordinary page.
            self.cancel_task(self._weighing)
            self._weighing = None
        self._not_before = self.runtime.clock.time()
        self._act()
        if self._weighing is None:
            for sender in self._asked:
                self.reply(sender, None)
            self._asked.clear()
        self._arm()

    # Weighing

    def _act(self) -> None:
        """Do what is due."""
        now = self._context.services.now() + TOLERANCE
        if self._record.state.next_at > self._next(now + timedelta(seconds=NAP)):
            self._change(next_at=self._next(now))  # the clock was set back
        state = self._record.state
        if self._weighing is None and self._due_at() <= now:
            if state.page is None or steps.due_at(state) <= now:
                self._begin()
            elif state.page == self._made:
                self._submit(state.page)  # there was no room for it before
            else:
                self._resume(state.page)
        elif steps.due_at(state) <= now and self._weighing is not None:
            # The weighing takes longer than the watch's interval: missed times are skipped.
            self._change(next_at=self._next(now))
        alert = steps.next_alert(state)
        if self._delivering is None and alert is not None and alert.is_due(now):
            self._delivering = self.start_task(self._weigh_ins.deliver(state, alert), tag=alert)

    def _begin(self) -> None:
        """Have the page weighed; its id is written down before the page exists."""
        now, page = self._context.services.now(), new_id()
        state = self._record.state
        self._made = page
        self._change(**steps.begun(state, page, now, due=steps.due_at(state) <= now + TOLERANCE))
        self._submit(page)

    def _submit(self, page: str) -> None:
        work = self._weigh_ins.submit(page, self._record.state)
        self._weighing = self.start_task(work, tag=WatcherStep.SUBMIT)

    def _resume(self, page: str) -> None:
        work = self._weigh_ins.resume(page, self._record.state)
        self._weighing = self.start_task(work, tag=WatcherStep.SUBMIT)

    def _submitted(self, *, submitted: bool | None) -> None:
        page = self._record.state.page
        if page is None:
            return
        if submitted is None:
            # An outage may last: one page too many is better than no weigh-in and no alert.
            self._begin()
            return
        for sender in self._asked:
            self.reply(sender, page if submitted else None)
        self._asked.clear()
        if not submitted:
            self._not_before = self.runtime.clock.time() + RETRY
            return
        self._weighing = self.start_task(self._weigh_ins.outcome(page), tag=WatcherStep.FOLLOW)

    def _weighed(self, report: Report | None) -> None:
        if report is None:
            # Somebody deleted the page: there is nothing to judge.
            self._change(page=None)
            return
        context = self._context
        state, now = self._record.state, context.services.now()
        self._change(**steps.judged(state, report, now, context.services.public_url))
        log_run(self._record.state)
        self._act()

    # Alerts

    def _delivered(self, alert: Alert, error: str | None) -> None:
        self._change(**steps.tried(self._record.state, alert, error, self._context.services.now()))
        log_delivery(self._record.state, alert)
        self._act()

    # Becoming safe, and the timer

    def _change(self, **changes: object) -> None:
        self._record.change(**changes)
        self._context.processes.durability.keep(self._record.id)
        self._context.records.followers.changed(self._record.id)

    def _safe(self, version: int, level: Backup) -> None:
        """Note how safe the watch is; if it has changed since, a newer version is on its way."""
        if self._record.learn(version, level, self._context.processes.durability.steps):
            self._context.records.followers.changed(self._record.id)

    def _unsafe(self, level: Backup) -> None:
        record = self._record
        if record.unlearn(level, self._context.processes.durability.steps):
            self._context.processes.durability.keep(record.id)
            self._context.records.followers.changed(record.id)

    def _next(self, now: datetime) -> datetime:
        return steps.next_of(self._record.state, now)

    def _due_at(self) -> datetime:
        """When to submit a page: the next one, or the one that could not be submitted before."""
        state = self._record.state
        # The pause before the next try uses the clock that nobody can set.
        held = self._not_before - self.runtime.clock.time()
        not_before = self._context.services.now() + timedelta(seconds=held)
        return not_before if state.page is not None else max(steps.due_at(state), not_before)

    def _arm(self) -> None:
        state = self._record.state
        moments = [steps.due_at(state) if self._weighing is not None else self._due_at()]
        if self._delivering is None and (alert := steps.next_alert(state)) is not None:
            moments.append(alert.due_at)
        left = (min(moments) - self._context.services.now()).total_seconds()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.send_after(min(max(left, 0.0), NAP), WatcherStep.TICK)
