"""The one writer to the database.

Pages offer themselves when they have something that the database has not; what is written is taken
from their records at the moment of writing, so a page that changes often is written once, as it is
then, and a backlog of any length costs a key per page. While the database is down nobody but this
process touches it, and this process only to see whether it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, auto
from itertools import islice
from typing import TYPE_CHECKING, Any

from libra.inspector.context import Context, Outage
from libra.inspector.mending import Mending, yield_to_another
from libra.inspector.messages import Delete, Lost, Offer, State
from libra.otp import (
    Continue,
    From,
    GenServer,
    NoReply,
    TaskDone,
    TaskFailed,
    TaskRef,
    Timer,
)
from libra.storage import Store, Unavailable
from libra.storage.breaker import Breaker
from libra.storage.history import HistoryLost, LeaseHeld
from libra.storage.snapshot import DELETED_VERSION, Deleted, Entry, Refused
from libra.words import count

if TYPE_CHECKING:
    from libra.inspector.durability import JournalThenDatabase

log = logging.getLogger("libra.backup")

#: Pages in one transaction.
BATCH = 500

#: Seconds that the first offer of a batch waits for others: a batch of one page costs the database and
#: the event loop nearly as much as one of fifty.
GROUP = 0.05

#: From so many pages on a batch waits for no others.
FULL_GROUP = 50

#: Seconds between two looks at a database that has nothing to do.
IDLE_PROBE = 5.0

#: Seconds between two looks at a lease that another Libra has.
STANDBY_PROBE = 2.0

#: Seconds that a backup waits after its first crash in a row (doubling), and at most.
CRASH_PAUSE = 2.0
CRASH_PAUSE_CAP = 30.0

#: Rows that are made, and pages that are told, between two looks at the event loop: some 2 ms of work.
SLICE = 20


class Ask(Enum):
    """What the backup can be asked."""

    DRAIN = auto()
    """Answered when nothing waits any more, or when it cannot be written now."""


class Step(Enum):
    """What the backup tells itself."""

    WRITE = auto()
    PROBE = auto()
    TELL = auto()
    MEND = auto()


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: the stored version of each page, and what was refused."""

    versions: dict[str, int]
    refused: list[Refused]
    deleted: list[Deleted]


class Backup(GenServer):
    """Writes pages to the database in batches, for ever, and knows whether it is there."""

    __slots__ = (
        "_breaker",
        "_context",
        "_draining",
        "_due",
        "_durability",
        "_in_hand",
        "_lacking",
        "_leading",
        "_lost_tables",
        "_mending",
        "_migrate",
        "_opened",
        "_store",
        "_task",
        "_timer",
        "_waiting",
    )

    mailbox_limit = 1_000_000

    def init(
        self,
        context: Context,
        durability: JournalThenDatabase,
        store: Store,
        mending: Mending,
        *,
        migrate: bool = False,
    ) -> Continue:
        """Begin, or begin again after a crash, with every page that is not stored.

        Args:
            context: the surroundings.
            durability: who learns what is stored.
            store: the database.
            mending: what is to be done when the database lacks what it had.
            migrate: whether its schema is to be brought up to date first.
        """
        self._context = context
        self._durability = durability
        self._store = store
        self._mending = mending
        self._leading = False  # whether this program has written to the database, as its only one
        self._migrate = migrate
        self._opened = False
        self._breaker = Breaker(now=self.runtime.clock.time())
        self._waiting: dict[str, float] = {}
        self._in_hand: dict[str, float] = {}
        self._task: TaskRef | None = None
        self._timer: Timer | None = None
        self._due: Step | None = None
        self._draining: list[From] = []
        context.backup = self
        self._lost_tables = False
        now = self.runtime.clock.time()
        for record in context.everything():
            if record.backup != "stored":
                self._waiting[record.id] = now
        for deleted in context.forgotten | context.unwatched:
            self._waiting[deleted] = now
        self._lacking: set[str] = set() if context.gap is None else set(self._waiting)
        return Continue()

    def handle_continue(self, token: Any) -> None:
        """Open the database; nobody waits for that."""
        crashes: int = self.legacy or 0
        self.legacy = crashes + 1  # forgotten at the first success
        if crashes:
            # A bug around the database must not use up the restarts of the whole program.
            delay = min(CRASH_PAUSE * 2.0 ** (crashes - 1), CRASH_PAUSE_CAP)
            reason = f"the backup crashed {crashes} times in a row, it tries again in {delay:g} s"
            self._context.outage = self._context.outage or Outage(self._context.now(), reason)
            self._after(delay, Step.PROBE)
        else:
            self._probe()

    def _probe(self) -> None:
        work = self._store.ping() if self._opened else self._open()
        self._task = self.start_task(work, tag=Step.PROBE)

    async def _open(self) -> None:
        if self._migrate and (await self._store.schema()).state in ("missing", "behind"):
            await self._store.migrate()
        await self._store.open()

    def handle_call(self, request: Any, sender: From) -> NoReply:
        """Say when nothing waits any more."""
        if request is not Ask.DRAIN:
            raise ValueError(f"the backup cannot be asked {request!r}")
        self._draining.append(sender)
        self._write_now()
        return NoReply()

    def handle_cast(self, message: Any) -> None:
        """A page has something to store or is to be deleted, or somebody met the database down."""
        match message:
            case Offer(page_id) | Delete(page_id):
                self._waiting.setdefault(page_id, self.runtime.clock.time())
                if self._task is None and self._may_write() and self._due is not Step.WRITE:
                    self._after(GROUP, Step.WRITE)
            case Lost(HistoryLost()):
                # What was read may be from a standby that is behind. What a save finds counts.
                if self._task is None and self._context.outage is None:
                    self._cancel_timer()
                    self._probe()
            case Lost(error):
                if self._context.outage is None:
                    self._failed(error)

    def handle_info(self, message: Any) -> None:
        """Go on writing or probing."""
        match message:
            case Step.WRITE:
                self._timer = self._due = None
                self._write_now()
            case Step.PROBE:
                self._timer = self._due = None
                if self._task is None:
                    self._probe()
            case TaskDone(_, Step.WRITE, written):
                self._task = None
                self._written(written)
                self._succeeded()
            case TaskDone(_, Step.TELL):
                pass
            case TaskDone(_, Step.MEND, lacking):
                self._task = None
                self._mend(lacking)
            case TaskDone():
                self._task = None
                self._opened = True
                # It answers. Whether it is back is for a save to tell: a full disk answers too.
                if self._waiting:
                    self._save_next()
                else:
                    self._succeeded()
            case TaskFailed(_, _, Unavailable() as error):
                self._task = None
                self._put_back()
                self._unavailable(error)
            case TaskFailed(_, _, error):
                # Not a failure that a database is known to have: a bug. The supervisor sees it, and
                # the next life finds everything that is not stored in the records.
                raise error

    def _unavailable(self, error: Unavailable) -> None:
        match error:
            case HistoryLost():
                self._cancel_timer()
                self._task = self.start_task(self._mending.begin(error), tag=Step.MEND)
            case LeaseHeld():
                self._stand_by(error)
            case _:
                self._failed(error)

    def state(self, *, also: AbstractSet[str] = frozenset()) -> State:
        """How much waits now; to be read from outside, like a Registry, without a message.

        Args:
            also: what will be offered later, such as a result on its way to the journal.
        """
        # Both keep the order of arrival, and what is in hand was there before what waits.
        times = [*islice(self._in_hand.values(), 1), *islice(self._waiting.values(), 1)]
        oldest = self.runtime.clock.time() - min(times) if times else None
        return State(len(self._in_hand.keys() | self._waiting.keys() | also), oldest)

    @property
    def breaker(self) -> str:
        """How the breaker stands, in words: ``open, 12 attempts failed``. To be read from outside."""
        failed = count(self._breaker.failures, "attempt")
        return f"{self._breaker.state}, {failed} failed"

    def _write_now(self) -> None:
        if self._task is not None or not self._may_write():
            self._answer_drained()
            return
        if not self._waiting:
            self._answer_drained()
            self._after(IDLE_PROBE, Step.PROBE)
            return
        self._save_next()

    def _save_next(self) -> None:
        self._cancel_timer()
        for page_id in self._context.batch(self._waiting, BATCH):
            self._in_hand[page_id] = self._waiting.pop(page_id)
        self._task = self.start_task(self._save(list(self._in_hand)), tag=Step.WRITE)

    async def _save(self, page_ids: list[str]) -> Written:
        context = self._context
        entries: list[Entry] = []
        versions: dict[str, int] = {}
        deleted: list[Deleted] = []
        for number, page_id in enumerate(page_ids, 1):
            record, deletion = context.find(page_id), context.deletion(page_id)
            if deletion is not None:
                entries.append(deletion)
                deleted.append(deletion)
            elif record is not None and self._durability.may_store(page_id):
                row = record.row()
                versions[page_id] = row.version
                entries.append(row)
            if number % SLICE == 0:
                await asyncio.sleep(0)
        refused = await self._store.save(entries) if entries else []
        for one in refused:
            versions.pop(one.id, None)
        stored: dict[str, int] = {}
        for number, (page_id, version) in enumerate(versions.items(), 1):
            if self._lost_tables:
                break  # somebody found them missing just now: all that is left is offered again
            self._durability.stored(page_id, version)
            stored[page_id] = version
            if number % SLICE == 0:
                await asyncio.sleep(0)
        return Written(stored, refused, deleted)

    def _written(self, written: Written) -> None:
        self._lacking -= self._in_hand.keys()
        self._in_hand.clear()
        self._context.erased.update(deletion.id for deletion in written.deleted)
        if not self._context.restoring:
            # Else a row that the restorer read before the deletion would bring it back to life.
            self._context.forget_deletions()
        for refused in written.refused:
            self._durability.refused(refused.id, refused.version, refused.reason)
        dropped = [
            *written.versions.items(),
            *((one.id, DELETED_VERSION) for one in written.deleted),
        ]
        self._durability.over(dropped, written.deleted)

    def _put_back(self) -> None:
        for page_id in self._in_hand:
            self._waiting.pop(page_id, None)
        self._waiting = self._in_hand | self._waiting
        self._in_hand = {}

    def _failed(self, error: Unavailable) -> None:
        if self._context.outage is None:
            log.warning("the database is unavailable, all goes on without it: %s", error)
            self._context.available_since = None
            self._context.outage = Outage(self._context.now(), str(error))
        if error.fault in ("schema", "corrupt") and not self._lost_tables:
            # What it had may be gone for good. Pages go back to the journal, so that a crash before
            # they are saved again loses nothing, and say that they are not stored.
            self._lost_tables = True
            self.start_task(self._tell_all_lost(), tag=Step.TELL)
        now = self.runtime.clock.time()
        self._breaker.failed(now)
        self._after(self._breaker.retry_at - now, Step.PROBE)
        self._context.opened.set()
        self._answer_drained()

    def _may_write(self) -> bool:
        return self._context.outage is None and self._context.standby is None

    def _mend(self, lacking: Iterable[str]) -> None:
        """All that is here and that the database may lack waits again."""
        now = self.runtime.clock.time()
        for entry_id in lacking:
            self._waiting.setdefault(entry_id, now)
        self._lacking, self._lost_tables = set(lacking), False
        self._probe()

    def _stand_by(self, error: LeaseHeld) -> None:
        """Another Libra writes to this database: write nothing until its lease ends."""
        context = self._context
        if context.standby is None:
            log.warning("the database is only read, until its lease ends: %s", error.reason)
        if self._leading or context.standby is None:
            # This one was stopped or cut off for so long that another has taken over, or begins
            # beside another with what it remembers of a former life.
            self._leading = False
            self.start_task(yield_to_another(context), tag=Step.TELL)
        context.standby = context.standby or Outage(context.now(), error.reason)
        context.outage = None
        context.available_since = context.available_since or context.now()
        self._breaker.succeeded(self.runtime.clock.time())
        context.opened.set()
        self._answer_drained()
        self._after(STANDBY_PROBE, Step.PROBE)

    def _lead(self) -> None:
        """This is the Libra that writes to the database."""
        self._leading = True
        if self._context.standby is not None:
            log.warning("the lease has ended, this Libra writes to the database now")
            self._context.standby = None
            self._context.restore_again()

    def _succeeded(self) -> None:
        self.legacy = None
        self._lead()
        if self._context.gap is not None and not self._lacking:
            log.warning("all that the database lacked and that is here is saved again")
            self._context.gap = None
            self._durability.over([], ())
        self._breaker.succeeded(self.runtime.clock.time())
        outage = self._context.outage
        if outage is not None or self._context.available_since is None:
            self._context.available_since = self._context.now()
        if outage is not None:
            self._context.outage = None
            if self._lost_tables and self._opened:
                self._offer_all()
            log.warning(
                "the database is back after %.1f s, %d pages are waiting to be stored",
                (self._context.now() - outage.since).total_seconds(),
                len(self._waiting),
            )
        self._context.opened.set()
        if self._waiting and len(self._waiting) < FULL_GROUP and not self._draining:
            self._after(GROUP, Step.WRITE)
        else:
            self._write_now()

    async def _tell_all_lost(self) -> None:
        for number, record in enumerate(self._context.records, 1):
            self._durability.lost(record.id, "stored")
            if number % SLICE == 0:
                await asyncio.sleep(0)

    def _offer_all(self) -> None:
        now = self.runtime.clock.time()
        for record in self._context.everything():
            self._waiting.setdefault(record.id, now)
        self._lost_tables = False

    def _answer_drained(self) -> None:
        owes = self._waiting or self._in_hand or self._context.gap is not None
        if self._may_write() and owes:
            return
        for sender in self._draining:
            self.reply(sender, None)
        self._draining.clear()

    def _after(self, delay: float, step: Step) -> None:
        self._cancel_timer()
        self._timer = self.send_after(delay, step)
        self._due = step

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self._due = None
