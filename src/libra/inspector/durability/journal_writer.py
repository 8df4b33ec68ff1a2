"""The journal writer: it acknowledges an entry only after the local disk has it.

Pages say that they have a state to keep, and callers wait for it: for a submission before its
acknowledgement, for a deletion before its confirmation. Everything that arrives while the disk is
busy goes into the next write (group commit). Entries that no caller waits for wait a moment for
others. A disk that fails or hangs does not stop submissions: the waiting callers learn that their
page is only in memory, `/health` says since when, and the journal writer keeps trying.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from enum import Enum, auto
from functools import partial
from typing import Any

from libra.inspector.availability import Outage
from libra.inspector.context import Context
from libra.inspector.durability.disk_work import write_down
from libra.inspector.durability.journal_batch import (
    SLICE,
    Beside,
    copies_of,
    entries_of,
    sorted_out,
)
from libra.inspector.durability.writer_port import WriterPort
from libra.inspector.records.messages import Begin, Dropped, Keep, Settle
from libra.inspector.records.ports import JournalWriterPort
from libra.otp import From, NoReply, TaskDone, TaskFailed, TaskRef, Timer
from libra.storage.history import History
from libra.storage.journal.journal import Begun, Journal, JournalGone, JournalInUse

log = logging.getLogger("libra.journal")

#: Pages in one write.
BATCH = 500

#: Seconds that a write may take before the disk counts as failing and no caller waits for it.
PATIENCE = 0.5

#: Seconds between two attempts to write to a disk that fails.
RETRY = 1.0

#: Seconds between two checks that everything written is still in place.
LOOK = 5.0

#: Seconds that entries without a waiting caller (a result, an entry to drop) wait for others.
LINGER = 0.02

#: Entries to drop in one write; after a long failure of the disk many wait.
DROPPED = 5_000

#: Copies to write together when there is nothing else to write.
COPIES = 100

#: Seconds that a caller of `Settle` also waits for the local copy.
COPYING = 2.0

Waiting = dict[str, list[From]]
"""Pages by id, with the callers that wait for them."""


class JournalWriterStep(Enum):
    """Messages of the journal writer to itself."""

    IMPATIENT = auto()
    LOOK = auto()
    RETRY = auto()
    WRITE = auto()
    TELL = auto()


class JournalWriter(JournalWriterPort):
    """Writes to the journal, one batch at a time, on a thread that may wait for the disk."""

    __slots__ = (
        "_awaited",
        "_beside",
        "_context",
        "_copies",
        "_dropped",
        "_durability",
        "_in_hand",
        "_journal",
        "_known",
        "_lingering",
        "_lives",
        "_looking",
        "_patience",
        "_renewing",
        "_retry",
        "_settle_by",
        "_settling",
        "_thread",
        "_waiting",
        "_writing",
    )

    mailbox_limit = 1_000_000

    def init(
        self,
        context: Context,
        durability: WriterPort,
        journal: Journal | None,
        thread: Executor,
    ) -> None:
        """Start, also after a crash, with every page that is only in memory.

        Args:
            context: the shared state.
            durability: learns what is on the disk.
            journal: None if it is switched off; then nothing is kept, and callers are told so.
            thread: a thread of its own, because it may wait for the disk.
        """
        self._context = context
        self._durability = durability
        self._journal = journal
        self._thread = thread
        self._waiting: Waiting = {
            r.id: [] for r in context.records.everything() if r.backup == "memory"
        }
        self._waiting |= {
            deleted: []
            for deleted in context.records.deletions.pages | context.records.deletions.watches
        }
        self._in_hand: Waiting = {}
        self._dropped: list[tuple[str, int]] = []
        self._copies: dict[str, None] = {}
        self._known: History | None = None
        self._lives: dict[str, Begun | None] = {}
        self._beside: Beside | None = None
        self._settling: list[From] = []
        self._settle_by = 0.0
        self._looking = self._renewing = False
        self._awaited = False
        self._lingering: Timer | None = None
        self._writing: TaskRef | None = None
        self._patience: Timer | None = None
        self._retry: Timer | None = None
        context.processes.journal_writer = self
        crashes: int = self.legacy or 0
        self.legacy = crashes + 1  # forgotten at the first success
        if crashes:
            # A bug in the disk code must not use up the restarts of the whole program.
            reason = f"the journal writer crashed {crashes} times in a row"
            context.availability.disk_trouble = context.availability.disk_trouble or Outage(
                context.services.now(), reason
            )
            self._retry = self.send_after(min(RETRY * 2.0**crashes, 30.0), JournalWriterStep.RETRY)
            for entry_id in self._waiting:
                durability.not_journaled(entry_id)
        if journal is None and context.availability.disk_trouble is None:
            context.availability.disk_trouble = Outage(
                context.services.now(), "the journal is switched off"
            )
        elif journal is not None:
            self.send_after(LOOK, JournalWriterStep.LOOK)
        self._write()

    def handle_call(self, request: Any, sender: From) -> NoReply:
        """Keep a page and answer when that is done: True, or False if the disk fails."""
        if isinstance(request, Settle):
            self._settling.append(sender)
            self._settle_by = self.runtime.clock.time() + COPYING
            if self._context.availability.disk_trouble is not None:
                self._settled()
            self._write()
            return NoReply()
        if not isinstance(request, Keep):
            raise ValueError(f"the journal writer does not accept {request!r}")
        self._waiting.setdefault(request.page_id, []).append(sender)
        self._awaited = True
        if self._context.availability.disk_trouble is not None:
            self._let_go(self._waiting)
        self._write()
        return NoReply()

    def handle_cast(self, message: Any) -> None:
        """Take a page to keep, a page that the database has, or one that no longer needs to be kept."""
        match message:
            case Keep(page_id):
                self._waiting.setdefault(page_id, [])
                if self._context.availability.disk_trouble is not None:
                    self._durability.not_journaled(page_id)
            case Begin(page_id, begun):
                self._lives[page_id] = begun
                if self._context.availability.disk_trouble is not None:
                    self._context.processes.tell_may_begin(page_id)
                elif begun is not None:
                    self._awaited = True
            case Dropped(stored, known):
                self._dropped += stored
                self._known = known or self._known
        self._write()

    def handle_info(self, message: Any) -> None:
        """Handle a write that is done, has failed, or takes too long."""
        match message:
            case TaskDone(_, JournalWriterStep.TELL):
                self._writing = None
                self._write()
            case TaskDone(_, _, (versions, lives, lacking)):
                self._writing = self._beside = None
                self._copies |= dict.fromkeys(lacking)
                self._written(versions, lives)
            case TaskFailed(_, _, JournalGone() as error):
                self._gone(error)
            case TaskFailed(_, _, OSError() | JournalInUse() as error):
                self._writing = None
                self._put_back()
                self._failing(str(error))
                self._retry = self.send_after(RETRY, JournalWriterStep.RETRY)
            case TaskFailed(_, _, error):
                raise error
            case JournalWriterStep.LOOK:
                self.send_after(LOOK, JournalWriterStep.LOOK)
                self._looking = True
                self._write(alone=True)
            case JournalWriterStep.RETRY:
                self._retry = None
                self._write()
            case JournalWriterStep.WRITE:
                self._lingering = None
                self._write(alone=True)
            case JournalWriterStep.IMPATIENT:
                self._patience = None
                self._failing(f"the disk has not answered for {PATIENCE:g} s")

    def waiting(self) -> set[str]:
        """The ids that are not on the disk yet; callers read them from outside, like a Registry."""
        return self._waiting.keys() | self._in_hand.keys()

    def _write(self, *, alone: bool = False) -> None:
        """Begin the next write, if there is one: at once if a caller waits for it."""
        if self._journal is None:
            self._waiting.clear()
            self._lives.clear()
            self._dropped.clear()
            known, self._known = self._known, None
            self._durability.recollection.remember(known)
            self._settled()
            return
        if self._writing is not None or self._retry is not None:
            return
        waiting = self._waiting or self._lives or self._dropped or self._known is not None
        if not (waiting or self._looking or self._renewing):
            if not self._copies or self.runtime.clock.time() > self._settle_by:
                self._settled()
            if not self._copies:
                return
        if not (alone or self._awaited or self._settling or len(self._waiting) >= BATCH):
            if self._lingering is None:
                self._lingering = self.send_after(LINGER, JournalWriterStep.WRITE)
            return
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        for page_id in self._context.records.batch(self._waiting, BATCH):
            self._in_hand[page_id] = self._waiting.pop(page_id)
        # If more waits than fits into one write, a caller may wait for the rest.
        self._awaited = bool(self._waiting)
        copies = [] if self._in_hand else list(self._copies)[:COPIES]
        for entry_id in copies:
            del self._copies[entry_id]
        beside = self._beside = Beside(self._lives, self._dropped[:DROPPED], self._known, copies)
        self._lives, self._dropped, self._known = {}, self._dropped[DROPPED:], None
        self._patience = self.send_after(PATIENCE, JournalWriterStep.IMPATIENT)
        first = Journal.renew if self._renewing else Journal.check if self._looking else None
        self._looking = False
        self._writing = self.start_task(self._commit(first, list(self._in_hand), beside))

    async def _commit(
        self,
        first: Callable[[Journal], None] | None,
        page_ids: list[str],
        beside: Beside,
    ) -> tuple[dict[str, int], list[str], list[str]]:
        context, journal = self._context, self._journal
        if journal is None:
            return {}, [], []
        entries = await entries_of(context.records, page_ids)
        copied = await copies_of(context.records, beside.copies)
        lives, dropped = beside.lives, beside.dropped
        stored, gone = (
            sorted_out(context.records, dropped) if self._durability.copies else ([], dropped)
        )
        # The state of the database is noted before the journal drops anything.
        note = partial(self._durability.recollection.remember, beside.known)
        work = asyncio.get_running_loop().run_in_executor(
            self._thread, write_down, journal, first, lives, entries, copied, stored, gone, note
        )
        lacking = await asyncio.shield(work)
        return {entry.id: entry.version for entry in entries}, list(lives), lacking

    def _written(self, versions: dict[str, int], lives: list[str]) -> None:
        self._calm()
        self._renewing = False
        self.legacy = None
        trouble, self._context.availability.disk_trouble = (
            self._context.availability.disk_trouble,
            None,
        )
        if trouble is not None:
            log.warning("Libra writes the journal again, after: %s", trouble.reason)
            # The copy lacks entries that were stored meanwhile or were in a folder that has gone.
            for record in self._context.records.everything() if self._durability.copies else ():
                if record.backup == "stored":
                    self._dropped.append((record.id, record.row_version))
        for page_id in lives:
            self._context.processes.tell_may_begin(page_id)
        kept, self._in_hand = self._in_hand, {}
        # The next write waits for this: no page may hear of an older version after a newer one.
        self._writing = self.start_task(self._tell_each(kept, versions), tag=JournalWriterStep.TELL)

    async def _tell_each(self, kept: Waiting, versions: dict[str, int]) -> None:
        for number, (page_id, senders) in enumerate(kept.items(), 1):
            # Tell the page first: a caller that is answered may ask it at once how safe it is.
            if page_id in versions:
                self._durability.journaled(page_id, versions[page_id])
            for sender in senders:
                self.reply(sender, True)
            if number % SLICE == 0:
                await asyncio.sleep(0)

    def _gone(self, error: JournalGone) -> None:
        """Write everything again, elsewhere, since the written files have gone."""
        self._put_back()
        self._failing(str(error))
        self._renewing = True
        for deleted in (
            self._context.records.deletions.pages | self._context.records.deletions.watches
        ):
            self._waiting.setdefault(deleted, [])
        # The next write waits for this: a page that says ``journaled`` must take that back first.
        self._writing = self.start_task(self._tell_all_gone(), tag=JournalWriterStep.TELL)

    async def _tell_all_gone(self) -> None:
        for number, record in enumerate(self._context.records.everything(), 1):
            if record.backup == "journaled":
                self._durability.lost(record.id, "journaled")
            if number % SLICE == 0:
                await asyncio.sleep(0)

    def _failing(self, reason: str) -> None:
        """Stop all waiting, because the disk fails or hangs."""
        self._calm()
        if self._context.availability.disk_trouble is None:
            log.error("the journal cannot be written; pages are only in memory: %s", reason)
            self._context.availability.disk_trouble = Outage(self._context.services.now(), reason)
        self._settled()
        for waiting in (self._in_hand, self._waiting):
            self._let_go(waiting)
            for page_id in waiting:
                self._durability.not_journaled(page_id)

    def _settled(self) -> None:
        for sender in self._settling:
            self.reply(sender, None)
        self._settling.clear()

    def _let_go(self, waiting: Waiting) -> None:
        for senders in waiting.values():
            for sender in senders:
                self.reply(sender, False)
            senders.clear()

    def _put_back(self) -> None:
        for page_id, senders in self._waiting.items():
            self._in_hand.setdefault(page_id, []).extend(senders)
        self._waiting, self._in_hand = self._in_hand, {}
        if (beside := self._beside) is None:
            return
        self._beside = None
        beside.lives.update(self._lives)
        self._lives = beside.lives
        self._dropped[:0] = beside.dropped
        self._known = self._known or beside.known
        self._copies = dict.fromkeys(beside.copies) | self._copies

    def _calm(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
