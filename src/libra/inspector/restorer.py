"""Restores pages and watches after a start, or after a crash of their supervisor.

First come the pages whose records are still in memory (their processes died with the supervisor, their
records did not), then those of the journal, then those of the database. A start never waits for this:
Libra looks up a page that has not come back yet when somebody asks for it. Watches come back before
the pages of the database, in every restore mode, because nobody asks for a watch before it is due.

The journal holds what the database lacks, and a copy of pages that were in memory and stored. A copy
comes back at once and unchanged, even if the database is down. Once the database can be read, the
copy is compared with it: another Libra may have changed, deleted or pruned a page meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Executor
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from libra.ids import new_id
from libra.inspector.context import Context
from libra.inspector.durability.mending import let_go
from libra.inspector.pace import SLICE, few_collections, give_way
from libra.inspector.pages.starting import start
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.restored_page import restore
from libra.inspector.watch_restorer import WatchRestorer
from libra.otp import NORMAL, Continue, GenServer, Stop, TaskDone, TaskFailed
from libra.report import FINISHED, Backup
from libra.storage import Deleted, Store, Unavailable, UnreadableRow
from libra.storage.journal.journal import Journal
from libra.storage.rows.entries import Packed, Snapshot, WatchRow

if TYPE_CHECKING:
    from libra.inspector.durability.durability import JournalThenDatabase

#: Seconds until Libra tries again to read the database.
RETRY = 2.0

#: Pages of the local copy to read at a time; between them the journal does other work.
COPIES = 100

#: The log line for a page that cannot come back.
SET_ASIDE = "page %s is set aside, its stored report cannot be read: %s"

log = logging.getLogger("libra.restore")


class RestorerStep(Enum):
    """Messages of the restorer to itself."""

    RECORDS = auto()
    JOURNAL = auto()
    COPIES = auto()
    RESUME = auto()
    WATCHES = auto()
    DATABASE = auto()


class Restorer(GenServer):
    """Starts a process for every page that should have one, and then stops."""

    __slots__ = (
        "_context",
        "_durability",
        "_eager",
        "_journal",
        "_max_pages",
        "_orphans",
        "_restored",
        "_store",
        "_thread",
        "_unchecked",
        "_unconfirmed",
        "_watches",
    )

    def init(
        self,
        context: Context,
        durability: JournalThenDatabase,
        store: Store,
        journal: Journal | None,
        thread: Executor,
        *,
        eager: bool,
        max_pages: int,
    ) -> Continue:
        """Start with the records in memory.

        Args:
            context: the shared state.
            durability: writes down which lives begin.
            store: the database.
            journal: None if it is switched off.
            thread: the journal's thread.
            eager: whether to bring back all unexpired pages of the database.
            max_pages: the limit of pages in memory.
        """
        self._context = context
        self._durability = durability
        self._store = store
        self._journal = journal
        self._thread = thread
        self._eager = eager
        self._max_pages = max_pages
        self._restored = 0
        self._unchecked: list[PageRecord] = []  # pages that came back packed
        self._unconfirmed: set[str] = set()  # copies not compared with the database yet
        self._watches = WatchRestorer(context, durability, store)
        self._orphans = list(context.records.pages)
        context.availability.restoring = True
        context.availability.keys_known.clear()
        return Continue(RestorerStep.RECORDS)

    def handle_continue(self, token: Any) -> Stop | None:
        """Adopt the records in memory first, one slice at a time."""
        return self._adopt()

    def handle_info(self, message: Any) -> Stop | None:
        """Take the next step."""
        match message:
            case RestorerStep.RECORDS:
                return self._adopt()
            case RestorerStep.WATCHES:
                self.start_task(self._watches.restore(), tag=RestorerStep.WATCHES)
            case RestorerStep.DATABASE:
                self._read_database()
            case TaskDone(_, RestorerStep.JOURNAL, unfinished):
                self.start_task(self._recall_copies(), tag=RestorerStep.COPIES)
                self.start_task(self._resume_all(unfinished), tag=RestorerStep.RESUME)
            case TaskDone(_, RestorerStep.RESUME):
                self.send(RestorerStep.WATCHES)
            case TaskDone(_, RestorerStep.WATCHES, False):
                self.send_after(RETRY, RestorerStep.WATCHES)
            case TaskDone(_, RestorerStep.WATCHES):
                self._context.availability.watches_known.set()
                if not self._eager and not self._durability.copies:
                    return self._done()
                self._read_database()
            case TaskDone(_, RestorerStep.DATABASE):
                log.info("restored %d pages from the database", self._restored)
                return self._done()
            case TaskFailed(_, _, Unavailable() as error):
                log.debug("cannot restore yet: %s", error)
                self.send_after(RETRY, RestorerStep.DATABASE)
            case TaskFailed(_, _, error):
                raise error
        return None

    def _done(self) -> Stop | None:
        if self._has_lost_the_watches():
            self.send(RestorerStep.WATCHES)
            return None
        self._context.availability.restoring = False
        self._context.records.deletions.forget_stored()
        return Stop(NORMAL)

    def _adopt(self) -> Stop | None:
        for record in self._orphans[-SLICE:]:
            if self._context.processes.registry.whereis(record.id) is None:
                self._bring_up(record)
        del self._orphans[-SLICE:]
        if self._orphans:
            self.send(RestorerStep.RECORDS)
        else:
            self.start_task(self._replay(), tag=RestorerStep.JOURNAL)
        return None

    async def _replay(self) -> list[PageRecord]:
        """Bring back what a former program acknowledged but did not store, in every restore mode.

        Returns:
            The pages to weigh, unless the database has them as finished.
        """
        if self._journal is None:
            self._context.availability.replayed.set()
            return []
        unfinished: list[PageRecord] = []
        batches = self._journal.batches()
        loop = asyncio.get_running_loop()
        while batch := await loop.run_in_executor(self._thread, next, batches, None):
            back = [e for e in batch if isinstance(e, Snapshot) and self._is_missing(e)]
            announce = self._durability.announce
            lives = await loop.run_in_executor(self._thread, announce, back)
            for number, entry in enumerate(batch, 1):
                if isinstance(entry, Deleted):
                    watch = entry.of == "watch"
                    gone = (
                        self._context.records.deletions.watches
                        if watch
                        else self._context.records.deletions.pages
                    )
                    gone.add(entry.id)
                    self._context.processes.database_writer.delete(entry.id)
                elif isinstance(entry, WatchRow):
                    # Visible from here on; the database may have a newer state.
                    self._watches.recall(entry, "journaled")
                elif entry.id in self._context.records.deletions.pages:
                    continue  # deleted since this batch was read
                elif entry.status in FINISHED:
                    self._bring_back(entry, "journaled", lives.get(entry.id))
                elif self._context.records.pages.get(entry.id) is None:
                    new_id.known(entry.id)
                    # Readable from here on; whether to weigh it is decided later.
                    record = self._restored_as(entry, "journaled", lives.get(entry.id))
                    self._context.records.pages.add(record)
                    unfinished.append(record)
                if number % SLICE == 0:
                    await give_way()
        self._context.availability.replayed.set()
        return unfinished

    async def _recall_copies(self) -> None:
        """Bring back, unchanged, what was in memory and stored in the database."""
        context, journal, loop = self._context, self._journal, asyncio.get_running_loop()
        if journal is None or not self._durability.copies:
            context.availability.recalled.set()
            return
        for row in await loop.run_in_executor(self._thread, journal.stored_watches):
            if context.availability.standby is not None:
                self._durability.release(row.id, row.version)
            elif context.records.watches.get(row.id) is None:
                self._watches.recall(row, "stored")
                self._watches.unconfirmed.add(row.id)
        batches = journal.copies(COPIES)
        with few_collections():
            while batch := await loop.run_in_executor(self._thread, next, batches, None):
                for number, copy in enumerate(batch, 1):
                    self._recall_copy(copy)
                    if number % SLICE == 0:
                        await give_way()
        context.availability.recalled.set()
        await self._check_all()

    def _recall_copy(self, row: Snapshot) -> None:
        context = self._context
        if not self._is_missing(row):
            return
        if (
            row.expires_at is None
            or row.expires_at <= context.services.now()
            or len(context.records.pages) >= self._max_pages
            or context.availability.standby
            is not None  # it is for another Libra to change and to delete
            or self._was_pruned(row)
        ):
            self._durability.release(row.id, row.version)
            return
        self._bring_back(row, "stored", copied=True)
        self._unconfirmed.add(row.id)

    def _was_pruned(self, row: Snapshot) -> bool:
        """Whether it was pruned, as far as the last contact with the database showed."""
        known = self._store.known
        before = None if known is None else known.pruned_before
        return before is not None and row.submitted_at is not None and row.submitted_at < before

    async def _resume_all(self, unfinished: list[PageRecord]) -> None:
        await self._context.availability.opened.wait()
        for number, record in enumerate(unfinished, 1):
            await self._resume(record)
            if number % SLICE == 0:
                # During an outage nothing above waits, and all would ask for a place at one moment.
                await give_way()

    async def _resume(self, record: PageRecord) -> None:
        """Weigh a page that was not finished, unless the database has it as finished."""
        context = self._context
        stored = None
        if context.availability.outage is None:
            try:
                stored = await self._store.load(record.id)
            except UnreadableRow as error:
                log.warning("page %s is weighed again: %s", record.id, error)
            except Unavailable as error:
                context.processes.database_writer.unavailable(error)
        if context.records.pages.get(record.id) is not record:
            return  # deleted meanwhile
        if stored is not None and stored.status in FINISHED:
            context.processes.journal_writer.drop([(record.id, record.version)])
            # Clients may have read it as unfinished meanwhile, so it continues above that version.
            record = self._restored_as(stored, "memory")
            context.records.pages.add(record)
        self._bring_up(record)
        context.records.followers.changed(record.id)

    def _has_lost_the_watches(self) -> bool:
        """Whether another Libra had the lease since they came back, so that they have left memory.

        Nobody else brings them back: the restorer is not started again while it runs.
        """
        return not self._context.availability.watches_known.is_set()

    def _read_database(self) -> None:
        if self._has_lost_the_watches():
            self.send(RestorerStep.WATCHES)
        elif (
            self._context.availability.outage is not None
            or self._context.availability.standby is not None
        ):
            # Only the database writer probes a database that is known to be down. If another Libra
            # writes to the database, that Libra weighs and deletes its pages.
            self.send_after(RETRY, RestorerStep.DATABASE)
        else:
            self.start_task(self._restore(), tag=RestorerStep.DATABASE)

    async def _restore(self) -> None:
        await self._context.availability.opened.wait()
        await self._context.availability.recalled.wait()
        if self._eager:
            with few_collections():
                await self._read_all()
        await self._check_all()
        while self._unconfirmed:
            page_id = self._unconfirmed.pop()
            try:
                await self._confirm(page_id, await self._store.load(page_id))
            except UnreadableRow as error:
                log.warning("page %s stays as it is in the local copy: %s", page_id, error)
            except Unavailable:
                self._unconfirmed.add(page_id)
                raise
            await give_way()

    async def _read_all(self) -> None:
        async for rows in self._store.batches(now=self._context.services.now()):
            for number, row in enumerate(rows):
                if row.id in self._unconfirmed:
                    self._unconfirmed.discard(row.id)
                    await self._confirm(row.id, row)
                elif len(self._context.records.pages) >= self._max_pages:
                    return
                else:
                    self._bring_back(row, "stored")
                if number % SLICE == SLICE - 1:
                    await give_way()

    async def _check_all(self) -> None:
        """Unpack the pages that came back packed, after all of them are in memory."""
        context = self._context
        unchecked, self._unchecked = self._unchecked, []
        for number, record in enumerate(unchecked, 1):
            try:
                if context.records.pages.get(record.id) is record:
                    record.check()
            except ValueError as error:
                log.error(SET_ASIDE, record.id, error)
                await let_go(context, record)
            if number % SLICE == 0:
                await give_way()

    async def _confirm(self, page_id: str, row: Snapshot | None) -> None:
        """Compare a page of the local copy with its row in the database."""
        context = self._context
        record = context.records.pages.get(page_id)
        if record is None or record.backup != "stored" or context.availability.gap is not None:
            return  # it has left memory, or is being saved again
        if row is not None and row.version <= record.version:
            return
        if row is None and not self._durability.knows_database:
            self._durability.lost(page_id, "stored")
            return
        await let_go(context, record)
        if row is not None:
            self._bring_back(row, "stored")

    def _is_missing(self, row: Snapshot) -> bool:
        context = self._context
        return (
            context.records.pages.get(row.id) is None
            and row.id not in context.records.deletions.pages
        )

    def _bring_back(
        self, row: Snapshot, backup: Backup, life: int | None = None, *, copied: bool = False
    ) -> None:
        context = self._context
        new_id.known(row.id)
        if not self._is_missing(row):
            return
        try:
            record = self._restored_as(row, backup, life)
        except ValueError as error:
            # One unreadable page must not keep the others from coming back.
            log.error(SET_ASIDE, row.id, error)
            return
        if isinstance(row, Packed):
            self._unchecked.append(record)
        context.records.pages.add(record)
        start(context, record, copied=copied)
        self._restored += 1

    def _restored_as(self, row: Snapshot, backup: Backup, life: int | None = None) -> PageRecord:
        durability = self._durability
        life = durability.next_life(row) if life is None else life
        return restore(row, backup, durability.steps(backup), life)

    def _bring_up(self, record: PageRecord) -> None:
        start(self._context, record)
