"""The only process that writes to the database.

Pages offer themselves when they have a state that the database lacks. The writer takes the state from
their records at the moment of writing. So a page that changes often is written once, in its latest
state, and a backlog costs one key per page. While the database is down, only this process touches it,
and only to see whether it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from enum import Enum, auto
from typing import Any

from libra.inspector.availability import Outage
from libra.inspector.context import Context
from libra.inspector.durability.backlog import Backlog
from libra.inspector.durability.batch import SLICE, Written, save
from libra.inspector.durability.mending import Mending, erase, yield_to_another
from libra.inspector.durability.pruned_pages import PrunedPages
from libra.inspector.durability.writer_port import WriterPort
from libra.inspector.records.messages import DatabaseBacklog, Delete, Drain, Lost, Offer
from libra.inspector.records.ports import DatabaseWriterPort
from libra.otp import (
    Continue,
    From,
    NoReply,
    TaskDone,
    TaskFailed,
    TaskRef,
    Timer,
)
from libra.storage import Store, Unavailable
from libra.storage.breaker import Breaker
from libra.storage.history import HistoryLost, LeaseHeld
from libra.storage.rows.entries import DELETED_VERSION
from libra.wording import count

log = logging.getLogger("libra.backup")

#: Pages in one transaction.
BATCH = 500

#: Seconds that the first offer of a batch waits for others: a batch of one page costs the database
#: and the event loop nearly as much as a batch of fifty.
GROUP = 0.05

#: A batch of this many pages does not wait for others.
FULL_GROUP = 50

#: Seconds between two checks of a database while there is nothing to write.
IDLE_PROBE = 5.0

#: Seconds between two checks of a lease that another Libra holds.
STANDBY_PROBE = 2.0

#: Seconds to wait after the first of several crashes in a row (doubling), and the maximum.
CRASH_PAUSE = 2.0
CRASH_PAUSE_CAP = 30.0


class DatabaseWriterStep(Enum):
    """Messages of the database writer to itself."""

    WRITE = auto()
    PROBE = auto()
    TELL = auto()
    MEND = auto()
    FOLLOW = auto()


class DatabaseWriter(DatabaseWriterPort):
    """Writes pages to the database in batches, and knows whether the database is available."""

    __slots__ = (
        "_backlog",
        "_breaker",
        "_context",
        "_draining",
        "_due",
        "_durability",
        "_leading",
        "_lost_tables",
        "_mending",
        "_migrate",
        "_opened",
        "_pruned",
        "_store",
        "_task",
        "_timer",
    )

    mailbox_limit = 1_000_000

    def init(
        self,
        context: Context,
        durability: WriterPort,
        store: Store,
        mending: Mending,
        *,
        migrate: bool = False,
    ) -> Continue:
        """Start, also after a crash, with every page that is not stored.

        Args:
            context: the shared state.
            durability: learns what is stored.
            store: the database.
            mending: what to do when the database lacks something that it had.
            migrate: whether to bring its schema up to date first.
        """
        self._context = context
        self._durability = durability
        self._store = store
        self._mending = mending
        self._pruned = PrunedPages(context, durability)
        self._leading = False  # whether this program has written to the database as its only writer
        self._migrate = migrate
        self._opened = False
        self._breaker = Breaker(now=self.runtime.clock.time())
        self._backlog = Backlog(
            context.records, self.runtime.clock.time(), gap=context.availability.gap is not None
        )
        self._task: TaskRef | None = None
        self._timer: Timer | None = None
        self._due: DatabaseWriterStep | None = None
        self._draining: list[From] = []
        context.processes.database_writer = self
        self._lost_tables = False
        return Continue()

    def handle_continue(self, token: Any) -> None:
        """Open the database; no process waits for that."""
        crashes: int = self.legacy or 0
        self.legacy = crashes + 1  # forgotten at the first success
        if crashes:
            # A bug in the database code must not use up the restarts of the whole program.
            delay = min(CRASH_PAUSE * 2.0 ** (crashes - 1), CRASH_PAUSE_CAP)
            reason = (
                f"the database writer crashed {crashes} times in a row; next try in {delay:g} s"
            )
            self._context.availability.outage = self._context.availability.outage or Outage(
                self._context.services.now(), reason
            )
            self._after(delay, DatabaseWriterStep.PROBE)
        else:
            self._probe()

    def _probe(self) -> None:
        work = self._store.ping() if self._opened else self._open()
        self._task = self.start_task(work, tag=DatabaseWriterStep.PROBE)

    async def _open(self) -> None:
        if self._migrate and (await self._store.schema()).state in ("missing", "behind"):
            await self._store.migrate()
        await self._store.open()

    def handle_call(self, request: Any, sender: From) -> NoReply:
        """Answer once nothing waits any more."""
        if not isinstance(request, Drain):
            raise ValueError(f"the database writer does not accept {request!r}")
        self._draining.append(sender)
        self._write_now()
        return NoReply()

    def handle_cast(self, message: Any) -> None:
        """Take a page to store or to delete, or the news that a reader found the database down."""
        match message:
            case Offer(page_id) | Delete(page_id):
                self._backlog.offer(page_id, self.runtime.clock.time())
                if (
                    self._task is None
                    and self._may_write()
                    and self._due is not DatabaseWriterStep.WRITE
                ):
                    self._after(GROUP, DatabaseWriterStep.WRITE)
            case Lost(HistoryLost()):
                # A reader may have asked a standby that is behind. Only the result of a save counts.
                if self._task is None and self._context.availability.outage is None:
                    self._cancel_timer()
                    self._probe()
            case Lost(error):
                if self._context.availability.outage is None:
                    self._failed(error)

    def handle_info(self, message: Any) -> None:
        """Continue to write or to probe."""
        match message:
            case DatabaseWriterStep.WRITE:
                self._timer = self._due = None
                self._write_now()
            case DatabaseWriterStep.PROBE:
                self._timer = self._due = None
                if self._task is None:
                    self._probe()
            case TaskDone(_, DatabaseWriterStep.WRITE, written):
                self._task = None
                self._written(written)
                self._succeeded(len(written.versions) + len(written.deleted))
            case TaskDone(_, DatabaseWriterStep.TELL | DatabaseWriterStep.FOLLOW):
                pass
            case TaskDone(_, DatabaseWriterStep.MEND, lacking):
                self._task = None
                self._mend(lacking)
            case TaskDone():
                self._task = None
                self._opened = True
                # The database answers. Only a save tells whether it is back: a full disk answers too.
                if self._backlog:
                    self._save_next()
                else:
                    self._succeeded()
            case TaskFailed(_, DatabaseWriterStep.FOLLOW, Unavailable() as error):
                log.debug("pruned pages will leave memory later: %s", error)
            case TaskFailed(_, _, Unavailable() as error):
                self._task = None
                self._backlog.put_back()
                self._unavailable(error)
            case TaskFailed(_, _, error):
                # This is a bug, not a known failure of a database. The supervisor sees it, and the next
                # life finds everything that is not stored in the records.
                raise error

    def _unavailable(self, error: Unavailable) -> None:
        match error:
            case HistoryLost():
                self._cancel_timer()
                self._task = self.start_task(
                    self._mending.begin(error), tag=DatabaseWriterStep.MEND
                )
            case LeaseHeld():
                self._stand_by(error)
            case _:
                self._failed(error)

    def state(self, *, also: AbstractSet[str] = frozenset()) -> DatabaseBacklog:
        """Return how much waits now; callers read it from outside, like a Registry, without a message.

        Args:
            also: entries that will be offered later, such as a result on its way to the journal.
        """
        return self._backlog.state(self.runtime.clock.time(), also)

    @property
    def breaker(self) -> str:
        """The state of the breaker, read from outside, in words: ``open, 12 attempts failed``."""
        failed = count(self._breaker.failures, "attempt")
        return f"{self._breaker.state}, {failed} failed"

    def _write_now(self) -> None:
        if self._task is not None or not self._may_write():
            self._answer_drained()
            return
        if not self._backlog:
            self._answer_drained()
            self._after(IDLE_PROBE, DatabaseWriterStep.PROBE)
            return
        self._save_next()

    def _save_next(self) -> None:
        self._cancel_timer()
        ids, lost = self._backlog.take(BATCH), lambda: self._lost_tables
        work = save(self._context, self._durability, self._store, ids, lost)
        self._task = self.start_task(work, tag=DatabaseWriterStep.WRITE)

    def _written(self, written: Written) -> None:
        self._backlog.saved(written.held)
        self._context.records.deletions.stored.update(deletion.id for deletion in written.deleted)
        if not self._context.availability.restoring:
            # While restoring, a row that the restorer read before the deletion would bring the page
            # back.
            self._context.records.deletions.forget_stored()
        for refused in written.refused:
            if refused.deleted:
                self.start_task(erase(self._context, refused.id), tag=DatabaseWriterStep.TELL)
            else:
                self._durability.refused(refused.id, refused.version, refused.reason)
        dropped = [
            *written.versions.items(),
            *((one.id, DELETED_VERSION) for one in written.deleted),
        ]
        self._durability.over(dropped, written.deleted)

    def _failed(self, error: Unavailable) -> None:
        if self._context.availability.outage is None:
            log.warning("the database is unavailable; Libra continues without it: %s", error)
            self._context.availability.available_since = None
            self._context.availability.outage = Outage(self._context.services.now(), str(error))
        if error.fault in ("schema", "corrupt") and not self._lost_tables:
            # What it had may be gone for good: all of it goes back to the journal, and says so.
            self._lost_tables = True
            self.start_task(self._tell_all_lost(), tag=DatabaseWriterStep.TELL)
        now = self.runtime.clock.time()
        self._breaker.failed(now)
        self._after(self._breaker.retry_at - now, DatabaseWriterStep.PROBE)
        self._context.availability.opened.set()
        self._answer_drained()

    def _may_write(self) -> bool:
        return (
            self._context.availability.outage is None and self._context.availability.standby is None
        )

    def _mend(self, lacking: Sequence[str]) -> None:
        """Offer again everything in memory that the database may lack."""
        self._backlog.lost(lacking, self.runtime.clock.time())
        self._lost_tables = False
        self._probe()

    def _stand_by(self, error: LeaseHeld) -> None:
        """Another Libra writes to this database: write nothing until its lease ends."""
        context = self._context
        if context.availability.standby is None:
            log.warning("this Libra only reads the database until the lease ends: %s", error.reason)
        if self._leading or context.availability.standby is None:
            # It was stopped so long that another has taken over, or starts with a former life's memory.
            self._leading = False
            self.start_task(yield_to_another(context), tag=DatabaseWriterStep.TELL)
        now = context.services.now()
        context.availability.standby = context.availability.standby or Outage(now, error.reason)
        self._close_gap()
        context.availability.outage = None
        context.availability.available_since = context.availability.available_since or now
        self._breaker.succeeded(self.runtime.clock.time())
        context.availability.opened.set()
        self._answer_drained()
        self._after(STANDBY_PROBE, DatabaseWriterStep.PROBE)

    def _lead(self) -> None:
        """Note that this Libra is the one that writes to the database."""
        self._leading = True
        if self._context.availability.standby is not None:
            log.warning("the lease has ended: this Libra now writes to the database")
            self._context.availability.standby = None
            self._context.processes.restore_again()

    def _succeeded(self, saved: int = 0) -> None:
        self.legacy = None
        self._lead()
        self._close_gap()
        self._breaker.succeeded(self.runtime.clock.time())
        outage = self._context.availability.outage
        if outage is not None or self._context.availability.available_since is None:
            self._context.availability.available_since = self._context.services.now()
        if outage is not None:
            self._context.availability.outage = None
            if self._lost_tables and self._opened:
                self._backlog.offer_all(self.runtime.clock.time())
                self._lost_tables = False
            log.warning(
                # The database counts as back once a batch is saved, which is often all that had waited.
                "the database is back after %.1f s: %d of the waiting entries %s saved, %d wait",
                (self._context.services.now() - outage.since).total_seconds(),
                saved,
                "is" if saved == 1 else "are",
                len(self._backlog),
            )
        self._context.availability.opened.set()
        if self._pruned.due():
            self.start_task(self._pruned.follow(), tag=DatabaseWriterStep.FOLLOW)
        if self._backlog and len(self._backlog) < FULL_GROUP and not self._draining:
            self._after(GROUP, DatabaseWriterStep.WRITE)
        else:
            self._write_now()

    def _close_gap(self) -> None:
        availability = self._context.availability
        availability.owed = availability.gap is not None and self._backlog.lacks_records()
        if availability.gap is not None and not self._backlog.lacks_anything():
            log.warning("the database lacks nothing any more that it had and this Libra still has")
            availability.gap = None
            self._durability.over([], ())

    async def _tell_all_lost(self) -> None:
        for number, record in enumerate(self._context.records.everything(), 1):
            self._durability.lost(record.id, "stored")
            if number % SLICE == 0:
                await asyncio.sleep(0)

    def _answer_drained(self) -> None:
        if self._may_write() and (self._backlog.owes or self._context.availability.gap is not None):
            return
        for sender in self._draining:
            self.reply(sender, None)
        self._draining.clear()

    def _after(self, delay: float, step: DatabaseWriterStep) -> None:
        self._cancel_timer()
        self._timer = self.send_after(delay, step)
        self._due = step

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._due = None
