"""The process of one page, from its submission to its expiry.

::

    queued -> fetching -> weighing -> weighed ┐
        └────────┴────────────┴────-> failed  ┴-> (resting until it expires) -> gone from memory

Every step is a message that schedules the next one: the place from admission, the outcome of a fetch,
the deadline, the expiry. Callers can read the page between any two steps.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto
from typing import Any

import msgspec

from libra.inspector.admission import Admission, PlaceNotice
from libra.inspector.context import Context
from libra.inspector.pages.browser_choice import BrowserChoice, NextStep
from libra.inspector.pages.page_work import (
    Arrived,
    MoreOrders,
    PageWork,
    Progress,
    RenderedWork,
    StaticWork,
    work_for,
)
from libra.inspector.records.messages import ClockSet, MayBegin, Safe, TellLoss, Unsafe
from libra.inspector.records.page_record import PageRecord
from libra.otp import (
    NORMAL,
    ChildSpec,
    From,
    GenServer,
    Reply,
    Stop,
    TaskDone,
    TaskFailed,
    Timer,
)
from libra.report import Backup, Report, encode
from libra.weighing.orders.orders import Outcome, StyleFound

#: Seconds that a page waits for the note that its life begins.
PATIENCE = 0.05

#: After this many deaths of the program while a page was being weighed, the page is weighed alone.
SUSPECT = 2

#: Seconds that the program must have been stopped for a page to be weighed again, and the limit of such
#: repeats.
PAUSE = 1.0
REPEATS = 3

#: A page that expires in less than this (seconds) counts as expired: clocks are not that exact.
EARLY = 0.005


class Read(Enum):
    """Requests to a page."""

    REPORT = auto()
    LEAVE = auto()


class PageTimer(Enum):
    """Messages from a page's timers."""

    BEGIN = auto()
    DEADLINE = auto()
    EXPIRED = auto()


async def report_of(page: GenServer) -> tuple[int, bytes, bool]:
    """The version of a page, its present report as JSON, and whether it is finished.

    Raises:
        ProcessException: the page does not answer.
    """
    answer: tuple[int, bytes, bool] = await page.call(Read.REPORT)
    return answer


async def leave(page: GenServer) -> bool:
    """Ask a page to leave memory if nothing is lost by it; True if it leaves.

    Raises:
        ProcessException: the page does not answer.
    """
    goes: bool = await page.call(Read.LEAVE)
    return goes


class PageInspector(GenServer):
    """Weighs one page and then answers requests for it until it expires."""

    __slots__ = (
        "_beginning",
        "_choice",
        "_context",
        "_deadline",
        "_overdue",
        "_paused",
        "_record",
        "_repeats",
        "_seen",
        "_work",
    )

    @classmethod
    def child_spec(cls, context: Context, record: PageRecord) -> ChildSpec[PageInspector]:
        """How the page's supervisor starts the process, also after a crash."""
        return ChildSpec(
            start=cls, args=(context, record), id=record.id, restart="transient", shutdown=1.0
        )

    def init(self, context: Context, record: PageRecord) -> None:
        """Take over a page: a new one, one that crashed, or one that was restored."""
        self._context = context
        self._record = record
        self._work: PageWork | None = None
        self._deadline: Timer | None = None
        self._seen: tuple[int, bytes] | None = None
        self._beginning: Timer | None = None
        self._paused = 0.0
        self._repeats = 0
        self._overdue = False
        self._choice = BrowserChoice(context, record)
        context.processes.registry.register(record.id, self)
        if record.finished:
            if record.backup == "stored":
                context.processes.durability.end(record.id)
            self._rest()
        else:
            record.begin_life()
            self._ask_for_a_place()
            context.records.followers.changed(record.id)
        if not record.stored:
            context.processes.durability.keep(record.id)

    def handle_call(self, request: Any, sender: From) -> Reply | Stop:
        """Answer a request for the page."""
        match request:
            case Read.REPORT:
                return Reply(self._read())
            case Read.LEAVE:
                if not self._record.may_leave or self._context.records.followers.watched(
                    self._record.id
                ):
                    return Reply(False)
                self._leave()
                return Stop(NORMAL, reply=True)
        raise ValueError(f"a page does not accept {request!r}")

    def handle_info(self, message: Any) -> Stop | None:
        """Take the next step of the page's life."""
        match message:
            case Arrived(work, outcome) if work is self._work:
                self._arrived(outcome)
            case MoreOrders(work) if work is self._work:
                self._advanced(work, done=work.go_on())
            case TaskDone(ref, _, outcome):
                if self._work is not None and self._work.take(ref, outcome):
                    self._conclude(self._work)
            case Progress(work, report) if work is self._work:
                self._progress(report)
            case TaskFailed(_, _, error):
                # A fetch reports failures as its outcome. An exception is a bug, and bugs belong to the
                # supervisor.
                raise error
            case PlaceNotice.GRANTED:
                self._announce()
            case MayBegin() | PageTimer.BEGIN:
                self._begin_once()
            case PageTimer.DEADLINE:
                self._out_of_time()
            case PageTimer.EXPIRED | ClockSet():
                return self._expire()
            case _:
                return self._heard(message)
        return None

    def format_status(self) -> dict[str, Any]:
        """The state that the observer and a crash report may show: no headers, which may be secrets."""
        record = self._record
        return {
            "page": record.id,
            "status": record.status,
            "version": record.version,
            "under_way": len(self._work.under_way) if self._work else 0,
        }

    # Weighing

    def _announce(self) -> None:
        """Have the beginning of this life written down before it begins."""
        self._beginning = self.send_after(PATIENCE, PageTimer.BEGIN)
        self._context.processes.durability.begin(self._record.id)

    def _begin_once(self) -> None:
        if self._beginning is not None:
            self._beginning.cancel()
            self._beginning = None
            self._begin()

    def _begin(self) -> None:
        context, record = self._context, self._record
        self._work = work = work_for(self, record, context)
        self._deadline = self.send_after(work.seconds, PageTimer.DEADLINE)
        self._paused = context.services.pauses.seconds()
        record.status = "fetching"
        if not self._repeats and self._choice.report() is None:
            context.services.tally.begin(record.id)
        self._changed()
        work.begin()

    def _arrived(self, outcome: Outcome | StyleFound) -> None:
        work = self._work
        if not isinstance(work, StaticWork):
            return
        self._record.status = "weighing"
        self._advanced(work, done=work.arrived(outcome))

    def _advanced(self, work: StaticWork, *, done: bool) -> None:
        if done:
            self._conclude(work)
        else:
            self._changed()

    def _progress(self, report: Report) -> None:
        if isinstance(self._work, RenderedWork):
            self._record.status = "weighing"
            self._work.progress(report)
            self._changed()

    def _out_of_time(self) -> None:
        if self._work is not None:
            self._work.give_up()
            self._conclude(self._work)

    def _conclude(self, work: PageWork) -> None:
        for ref in work.under_way:
            self.cancel_task(ref)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._was_robbed(work):
            self._repeats += 1
            self._begin()
            return
        if self._goes_on(work):
            return
        record, now = self._record, self._context.services.now()
        fell_back = self._choice.fall_back(work)
        record.status = "failed" if work.failed and not fell_back else "weighed"
        # Whatever was stored of this page before, the result is only in memory now.
        record.backup = "memory"
        record.version += 1
        report = msgspec.structs.replace(
            (self._choice.report() if fell_back else None) or work.report(record.base()),
            finished_at=now,
            expires_at=now + timedelta(seconds=self._context.services.ttl),
            duration_ms=round((self.runtime.clock.time() - work.started) * 1000),
        )
        record.rest(report, self._context.processes.durability.steps("memory"))
        self._work = self._deadline = self._seen = None
        self._choice.forget()
        self._admission_of(work).release(self)
        self._context.records.followers.changed(record.id)
        self._context.processes.durability.keep(record.id)
        self._context.processes.durability.end(record.id)
        self._rest()
        self._context.services.tally.finish(report)

    def _goes_on(self, work: PageWork) -> bool:
        """Whether a browser weighs the page next, here or at another node; if so, release its place."""
        following = self._choice.after(work)
        if following is NextStep.NOTHING:
            return False
        self._admission_of(work).release(self)
        self._work = self._deadline = None
        if following is NextStep.BROWSER_HERE:
            self._ask_for_a_place()
        self._changed()
        return True

    def _ask_for_a_place(self) -> None:
        durability = self._context.processes.durability
        suspected = durability.deaths(self._record.id) >= SUSPECT
        self._context.processes.admission[self._record.method].ask(self, alone=suspected)

    def _admission_of(self, work: PageWork) -> Admission:
        return self._context.processes.admission[
            "static" if isinstance(work, StaticWork) else "rendered"
        ]

    def _was_robbed(self, work: PageWork) -> bool:
        """Whether the page is incomplete because the program did not run during its time."""
        if (
            self._context.services.pauses.seconds() - self._paused < PAUSE
            or self._repeats == REPEATS
        ):
            return False
        return work.failed is not None or not work.report(self._record.base()).complete

    def _changed(self) -> None:
        self._record.version += 1
        self._context.records.followers.changed(self._record.id)

    # Being read

    def _read(self) -> tuple[int, bytes, bool]:
        record = self._record
        data = record.resting()
        if data is not None:
            return record.shown_version, data, True
        # Many clients may read an unfinished page between two changes: encode it once.
        if self._seen is None or self._seen[0] != record.version:
            self._seen = record.version, encode(self._report())
        return *self._seen, False

    def _report(self) -> Report:
        base = self._record.base()
        if self._work is not None:
            return self._work.report(base)
        return self._choice.report() or base

    # Becoming safe, and leaving

    def _heard(self, message: Any) -> Stop | None:
        """Take the news of how safe the page is."""
        match message:
            case Safe(version, level):
                return self._safe(version, level)
            case Unsafe(level, until_journaled):
                self._unsafe(level, until_journaled=until_journaled)
            case TellLoss() if self._record.tell_loss():
                self._context.records.followers.changed(self._record.id)
        return None

    def _safe(self, version: int, level: Backup) -> Stop | None:
        record = self._record
        if not record.learn(version, level, self._context.processes.durability.steps):
            return None
        self._context.records.followers.changed(record.id)
        if record.may_leave:
            self._context.processes.durability.end(record.id)
        self._tell_if_evictable()
        return self._leave_if_overdue()

    def _unsafe(self, level: Backup, *, until_journaled: bool) -> None:
        record, durability = self._record, self._context.processes.durability
        if record.unlearn(level, durability.steps, until_journaled=until_journaled):
            self._context.records.followers.changed(record.id)
            durability.keep(record.id)

    def _rest(self) -> None:
        self._arm()
        self._tell_if_evictable()

    def _arm(self) -> None:
        """Set the timer for the page's expiry; the timer ignores the wall clock."""
        expires_at = self._record.expires_at
        if expires_at is not None:
            left = (expires_at - self._context.services.now()).total_seconds()
            self._deadline = self.send_after(max(left, 0.0), PageTimer.EXPIRED)

    def _expire(self) -> Stop | None:
        """Leave if the page has expired by the wall clock, which may have been set meanwhile."""
        expires_at = self._record.expires_at
        if expires_at is None or not self._record.finished:
            return None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        self._overdue = (expires_at - self._context.services.now()).total_seconds() <= EARLY
        if not self._overdue:
            self._arm()
        return self._leave_if_overdue()

    def _tell_if_evictable(self) -> None:
        record = self._record
        if record.expires_at is not None and record.may_leave:
            self._context.records.evictions.note(record.id, record.expires_at)

    def _leave_if_overdue(self) -> Stop | None:
        if not self._overdue or not self._record.may_leave:
            return None
        self._leave()
        return Stop(NORMAL)

    def _leave(self) -> None:
        self._context.records.pages.discard(self._record.id)
        self._context.processes.durability.release(self._record.id, self._record.row_version)
        self._context.records.followers.changed(self._record.id)
