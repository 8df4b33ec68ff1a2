"""The life of one page, as a process.

::

    queued -> fetching -> weighing -> weighed ┐
        └────────┴────────────┴────-> failed  ┴-> (resting until it expires) -> gone from memory

Every step is a message that schedules the next one: the place that admission grants, the outcome of
a fetch, the deadline, the expiry. The page can be read between any two of them.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum, auto
from typing import Any

import msgspec

from libra.inspector.admission import Admission, Ask, Release, Turn
from libra.inspector.context import Context
from libra.inspector.messages import (
    Journaled,
    Keep,
    Offer,
    Read,
    Refused,
    Stored,
    Unjournaled,
    Unstored,
)
from libra.inspector.record import PageRecord
from libra.inspector.work import Arrived, Progress, RenderedWork, StaticWork, Work
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
from libra.weighing.reference import Outcome, StyleFound
from libra.weighing.report import Report, encode


class Alarm(Enum):
    """What a page's timers tell it."""

    DEADLINE = auto()
    EXPIRED = auto()


class PageInspector(GenServer):
    """Weighs one page and then answers for it until it expires."""

    __slots__ = ("_context", "_deadline", "_overdue", "_record", "_seen", "_work")

    @classmethod
    def child_spec(cls, context: Context, record: PageRecord) -> ChildSpec[PageInspector]:
        """How the page's supervisor starts it, and starts it again after a crash."""
        return ChildSpec(
            start=cls, args=(context, record), id=record.id, restart="transient", shutdown=1.0
        )

    def init(self, context: Context, record: PageRecord) -> None:
        """Take up a page: a new one, one that crashed, or one that comes back from the backup."""
        self._context = context
        self._record = record
        self._work: Work | None = None
        self._deadline: Timer | None = None
        self._seen: tuple[int, bytes] | None = None
        self._overdue = False
        context.registry.register(record.id, self)
        if record.finished:
            self._rest()
        else:
            record.begin_life(context.now())
            self._admission().cast(Ask(self))
            context.followers.changed(record.id)
        if record.backup != "stored":
            # A result goes to the database only after the journal: see `_keep`.
            if record.finished and record.backup == "memory":
                self._keep()
            else:
                context.backup.cast(Offer(record.id))

    def handle_call(self, request: Any, sender: From) -> Reply | Stop:
        """Answer for the page."""
        match request:
            case Read.REPORT:
                return Reply(self._read())
            case Read.LEAVE:
                if not self._may_leave() or self._context.followers.watched(self._record.id):
                    return Reply(False)
                self._leave()
                return Stop(NORMAL, reply=True)
        raise ValueError(f"a page cannot be asked {request!r}")

    def handle_info(self, message: Any) -> Stop | None:
        """The next step of the page's life."""
        match message:
            case Arrived(outcome):
                self._arrived(outcome)
            case TaskDone(ref, _, outcome):
                if self._work is not None and self._work.take(ref, outcome):
                    self._conclude(self._work)
            case Progress(report):
                self._progress(report)
            case TaskFailed(_, _, error):
                # A fetch reports what went wrong as its outcome. That it raises is a bug, and bugs
                # belong to the supervisor.
                raise error
            case Turn.GRANTED:
                self._begin()
            case Alarm.DEADLINE:
                self._out_of_time()
            case Alarm.EXPIRED:
                self._overdue = True
                return self._leave_if_overdue()
            case _:
                return self._heard(message)
        return None

    def format_status(self) -> dict[str, Any]:
        """What the observer and a crash report may show: no headers, which may hold credentials."""
        record = self._record
        return {
            "page": record.id,
            "status": record.status,
            "version": record.version,
            "under_way": len(self._work.under_way) if self._work else 0,
        }

    # Weighing

    def _begin(self) -> None:
        context, record = self._context, self._record
        options = record.options or context.options_for(record.method, record.viewport)
        if record.method == "rendered":
            work: Work = RenderedWork(self, record.url, options, context.browsers)
        else:
            work = StaticWork(
                self, record.url, options, context.fetcher, context.reader_for(options)
            )
        self._work = work
        self._deadline = self.send_after(work.seconds, Alarm.DEADLINE)
        record.status = "fetching"
        context.tally.begin(record.id)
        self._changed()
        work.begin()

    def _arrived(self, outcome: Outcome | StyleFound) -> None:
        work = self._work
        if not isinstance(work, StaticWork):
            return
        self._record.status = "weighing"
        if work.arrived(outcome):
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

    def _conclude(self, work: Work) -> None:
        for ref in work.under_way:
            self.cancel_task(ref)
        if self._deadline is not None:
            self._deadline.cancel()
        record, now = self._record, self._context.now()
        record.status = "failed" if work.failed else "weighed"
        # Whatever of this page was stored before, the result is only in memory now.
        record.backup = "memory"
        record.version += 1
        report = msgspec.structs.replace(
            work.report(record.base()),
            finished_at=now,
            expires_at=now + timedelta(seconds=self._context.ttl),
            duration_ms=round((self.runtime.clock.time() - work.started) * 1000),
        )
        record.rest(report)
        self._work = self._deadline = self._seen = None
        self._admission().cast(Release(self))
        self._context.followers.changed(record.id)
        self._keep()
        self._rest()
        self._context.tally.finish(report)

    def _admission(self) -> Admission:
        return self._context.admission[self._record.method]

    def _changed(self) -> None:
        self._record.version += 1
        self._context.followers.changed(self._record.id)

    # Being read

    def _read(self) -> tuple[int, bytes, bool]:
        record = self._record
        data = record.resting()
        if data is not None:
            return record.version, data, True
        # Until it is finished a page may be read by many between two changes: encode it once.
        if self._seen is None or self._seen[0] != record.version:
            self._seen = record.version, encode(self._report())
        return *self._seen, False

    def _report(self) -> Report:
        base = self._record.base()
        return base if self._work is None else self._work.report(base)

    # Being backed up, and leaving

    def _heard(self, message: Any) -> Stop | None:
        """What the journal or the database did with the page."""
        match message:
            case Journaled(version):
                self._journaled(version)
            case Unjournaled():
                self._context.backup.cast(Offer(self._record.id))
            case Stored(version):
                return self._stored(version)
            case Unstored():
                self._unstored()
            case Refused(version, reason):
                self._refused(version, reason)
        return None

    def _keep(self) -> None:
        # First the journal, then the database. If the database had the result and the journal only
        # the submission when the program is killed, the page would be weighed a second time.
        self._context.keeper.cast(Keep(self._record.id))

    def _journaled(self, version: int) -> None:
        record = self._record
        if record.finished:
            if version != record.stored_version:
                return  # that was the submission; the result is on its way
            self._context.backup.cast(Offer(record.id))
        if record.backup == "memory":
            record.mark("journaled", record.version + 1)
            self._context.followers.changed(record.id)

    def _stored(self, version: int) -> Stop | None:
        record = self._record
        if record.finished and version < record.stored_version:
            return None  # what was stored is the submission; the result is on its way
        record.mark("stored", record.stored_version if record.finished else record.version + 1)
        self._context.followers.changed(record.id)
        self._tell_if_evictable()
        return self._leave_if_overdue()

    def _unstored(self) -> None:
        record = self._record
        if record.backup == "stored":
            record.mark("memory", record.version + 1)
            record.stored_version = record.version + 2
            self._context.followers.changed(record.id)
            self._keep()

    def _refused(self, version: int, reason: str) -> None:
        record = self._record
        if version == record.stored_version or not record.finished:
            record.mark("rejected", record.version + 1)
            # Should the database take it after all, that is one more version.
            record.stored_version = record.version + 1
            self._context.followers.changed(record.id)

    def _rest(self) -> None:
        expires_at = self._record.expires_at
        if expires_at is not None:
            left = (expires_at - self._context.now()).total_seconds()
            self.send_after(max(left, 0.0), Alarm.EXPIRED)
        self._tell_if_evictable()

    def _tell_if_evictable(self) -> None:
        record = self._record
        if record.expires_at is not None and self._may_leave():
            self._context.departures.note(record.id, record.expires_at)

    def _may_leave(self) -> bool:
        """What the database has may leave, and what it refuses, as that cannot become safer.

        What is only journaled stays: it is from here that the database gets it.
        """
        record = self._record
        return record.finished and record.backup in ("stored", "rejected")

    def _leave_if_overdue(self) -> Stop | None:
        if not self._overdue or not self._may_leave():
            return None
        self._leave()
        return Stop(NORMAL)

    def _leave(self) -> None:
        self._context.records.discard(self._record.id)
        self._context.followers.changed(self._record.id)
