"""A watch, as a process: it has a URL weighed when it is due, judges the outcome, and sends alerts.

::

    waiting -> due: a page is submitted -> weighed or failed -> judged -> waiting
                                                                  └-> alerts, each until it is taken

There is one timer, for whatever comes next: the next weigh-in, or the next try of an alert. Every step
is written into the record before the next one begins, so a watch that is killed goes on from there.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

from libra.ids import new_id
from libra.inspector.alert import GONE, Alert, breaches_of, compose
from libra.inspector.context import Context
from libra.inspector.messages import Safe, Unsafe
from libra.inspector.schedule import next_due
from libra.inspector.watches import Delivery, WatchRecord, WeighIn
from libra.inspector.weigh_ins import WeighIns
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
from libra.storage import Unavailable
from libra.weighing.alarm import judge
from libra.weighing.report import Backup, Report

log = logging.getLogger("libra.watch")

#: Seconds over which the watches are spread that were due while Libra was down.
CATCH_UP = 60.0

#: Seconds until a page is submitted again that could not be, as memory was full.
RETRY = 30.0

#: Seconds that a timer lasts at most: the wall clock may be set, and a laptop may sleep.
NAP = 60.0

#: Alerts of one watch that wait at most; of more the oldest are dropped.
MAX_ALERTS = 20

#: A timer that is this early (seconds) is in time: clocks are not that exact.
TOLERANCE = timedelta(milliseconds=5)


class Ask(Enum):
    """What a watch can be asked."""

    RUN = auto()
    """To have its page weighed now. A call is answered with the page's id once that is in memory, or
    with None if there is no room."""


class Step(Enum):
    """What a watch tells itself, and what its tasks are for."""

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
        """How its supervisor starts it, and starts it again after a crash."""
        return ChildSpec(
            start=cls, args=(context, record), id=record.id, restart="transient", shutdown=1.0
        )

    def init(self, context: Context, record: WatchRecord) -> None:
        """Take up a watch: a new one, one that crashed, or one that comes back from the backup."""
        self._context = context
        self._record = record
        self._weigh_ins: WeighIns = context.weigh_ins
        self._weighing: TaskRef | None = None
        self._delivering: TaskRef | None = None
        self._timer: Timer | None = None
        self._made: str | None = None  # the page that this life of the watch chose the id of
        self._asked: list[From] = []
        # What was missed is done once, and not by all watches at the same moment.
        self._not_before = context.now() + timedelta(seconds=CATCH_UP * record.spread)
        if record.error is not None:
            record.error = None
            context.followers.changed(record.id)
        context.durability.keep(record.id)
        if record.state.page is not None:
            self._resume(record.state.page)
        self._arm()

    def handle_call(self, request: Any, sender: From) -> Reply | NoReply:
        """Weigh the page now."""
        if request is not Ask.RUN:
            raise ValueError(f"a watch cannot be asked {request!r}")
        page = self._record.state.page
        if page is not None and self._context.records.get(page) is not None:
            return Reply(page)
        self._asked.append(sender)
        if self._weighing is None:
            self._begin()
        return NoReply()

    def handle_info(self, message: Any) -> None:
        """Go on."""
        match message:
            case Step.TICK:
                self._timer = None
                self._act()
            case Ask.RUN if self._weighing is None:
                self._begin()
            case TaskDone(_, Step.SUBMIT, submitted):
                self._weighing = None
                self._submitted(submitted=submitted)
            case TaskDone(_, Step.FOLLOW, report):
                self._weighing = None
                self._weighed(report)
            case TaskDone(_, Alert() as alert, error):
                self._delivering = None
                self._delivered(alert, error)
            case TaskFailed(_, Step.FOLLOW, Unavailable()):
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
        """What the observer and a crash report may show: no webhook and no secret."""
        state = self._record.state
        return {
            "watch": state.id,
            "every": state.every,
            "next_at": state.next_at.isoformat(),
            "page": state.page,
            "alerts": len(state.alerts),
        }

    # Weighing

    def _act(self) -> None:
        """Do what is due."""
        now = self._context.now() + TOLERANCE
        if self._record.state.next_at > self._next(now + timedelta(seconds=NAP)):
            self._change(next_at=self._next(now))  # the clock was set back
        state = self._record.state
        if self._weighing is None and self._due_at() <= now:
            if state.page is None or state.next_at <= now:
                self._begin()
            elif state.page == self._made:
                self._submit(state.page)  # for which there was no room before
            else:
                self._resume(state.page)
        elif state.next_at <= now and self._weighing is not None:
            # It takes longer than the watch's interval: what is missed is not made up for.
            self._change(next_at=self._next(now))
        if self._delivering is None and state.alerts and state.alerts[0].due_at <= now:
            self._deliver()

    def _begin(self) -> None:
        """Have the page weighed; its id is written down before it exists."""
        now, page = self._context.now(), new_id()
        due = self._record.state.next_at
        self._made = page
        self._change(page=page, next_at=self._next(now) if due <= now + TOLERANCE else due)
        self._submit(page)

    def _submit(self, page: str) -> None:
        work = self._weigh_ins.submit(page, self._record.state.url, self._record.state.method)
        self._weighing = self.start_task(work, tag=Step.SUBMIT)

    def _resume(self, page: str) -> None:
        work = self._weigh_ins.resume(page, self._record.state.url, self._record.state.method)
        self._weighing = self.start_task(work, tag=Step.SUBMIT)

    def _submitted(self, *, submitted: bool | None) -> None:
        page = self._record.state.page
        if page is None:
            return
        if submitted is None:
            # An outage may last: rather one page too many than nothing weighed and nobody told.
            self._begin()
            return
        for sender in self._asked:
            self.reply(sender, page if submitted else None)
        self._asked.clear()
        if not submitted:
            self._not_before = self._context.now() + timedelta(seconds=RETRY)
            return
        self._weighing = self.start_task(self._weigh_ins.outcome(page), tag=Step.FOLLOW)

    def _weighed(self, report: Report | None) -> None:
        if report is None:
            # Somebody deleted the page: there is nothing to judge.
            self._change(page=None)
            return
        context, state = self._context, self._record.state
        now = context.now()
        judgement = judge(report, state.terms, state.standing)
        weighed = report.status == "weighed"
        alerts = state.alerts
        if state.webhook is not None:
            new = compose(state.id, report, judgement, now, context.public_url)
            alerts = (*alerts, *new)[-MAX_ALERTS:]
        self._change(
            page=None,
            last=WeighIn(
                page=report.id,
                at=report.finished_at or now,
                total=report.total.transfer_bytes if weighed else None,
                complete=report.complete,
                change=judgement.change,
                breaches=breaches_of(judgement),
                error=report.error,
            ),
            standing=judgement.standing,
            alerts=alerts,
            # It stays with the method of its first weigh-in: else a change would be one of methods.
            method=report.method if weighed else state.method,
        )
        self._act()

    # Alerts

    def _deliver(self) -> None:
        state = self._record.state
        if state.webhook is None or state.secret is None:
            return
        alert = state.alerts[0]  # the others wait, since a receiver wants them in their order
        work = self._weigh_ins.deliver(state.webhook, state.webhook_headers, state.secret, alert)
        self._delivering = self.start_task(work, tag=alert)

    def _delivered(self, alert: Alert, error: str | None) -> None:
        now = self._context.now()
        again = None
        if error is not None and not error.startswith(GONE):
            again = alert.failed(now)
        if error is not None and again is None:
            log.warning("watch %s gives up alert %s: %s", self._record.id, alert.id, error)
        tried = {alert.id: again}
        left = (tried.get(one.id, one) for one in self._record.state.alerts)
        self._change(
            alerts=tuple(one for one in left if one is not None),
            delivery=Delivery(alert.event, now, error, error is not None and again is None),
        )
        self._act()

    # Being kept, and the timer

    def _change(self, **changes: object) -> None:
        self._record.change(**changes)
        self._context.durability.keep(self._record.id)
        self._context.followers.changed(self._record.id)

    def _safe(self, version: int, level: Backup) -> None:
        """How safe it is now, unless it has changed since: then more is on its way."""
        if self._record.learn(version, level, self._context.durability.steps):
            self._context.followers.changed(self._record.id)

    def _unsafe(self, level: Backup) -> None:
        record = self._record
        if record.unlearn(level, self._context.durability.steps):
            self._context.durability.keep(record.id)
            self._context.followers.changed(record.id)

    def _next(self, now: datetime) -> datetime:
        state = self._record.state
        return next_due(state.every, after=now, since=state.created_at, spread=self._record.spread)

    def _due_at(self) -> datetime:
        """When a page is to be submitted: the next one, or the one that could not be before."""
        state = self._record.state
        if state.page is not None:
            return self._not_before
        if state.next_at < self._not_before:
            return self._not_before
        return state.next_at

    def _arm(self) -> None:
        state = self._record.state
        moments = [state.next_at if self._weighing is not None else self._due_at()]
        if state.alerts and self._delivering is None:
            moments.append(state.alerts[0].due_at)
        left = (min(moments) - self._context.now()).total_seconds()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.send_after(min(max(left, 0.0), NAP), Step.TICK)
