"""How pages and watches become safe: the only place that knows the order of the steps.

A page or a watch says that it has a state to keep, and is told how safe that state is. It does not
know the steps between. Here the journal comes first and then the database; a cluster has its own
order and its own implementation of this port.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, Final
from uuid import uuid4

from libra.inspector.context import Context
from libra.inspector.durability.database_writer import DatabaseWriter
from libra.inspector.durability.disk_thread import DiskThread
from libra.inspector.durability.journal_writer import JournalWriter
from libra.inspector.durability.mending import Mending
from libra.inspector.records.messages import DatabaseBacklog
from libra.inspector.records.page_record import PageRecord, life_of
from libra.observability.health import NodeHealth, Part
from libra.otp import ChildSpec, GenServer, ProcessException
from libra.report import Backup as Level
from libra.report import Report
from libra.storage import Deleted, Snapshot, Store
from libra.storage.history import Writer
from libra.storage.journal.journal import Begun, Journal
from libra.storage.recollection import Recollection

log = logging.getLogger("libra")

#: Seconds that an acknowledgement waits for a journal writer that does not answer.
PATIENCE: Final = 0.8

#: Seconds that the last save may take at shutdown.
LAST_SAVE: Final = 10.0

#: Seconds to wait at shutdown for a disk that hangs.
DISK_PATIENCE: Final = 1.0


class JournalThenDatabase:
    """A single node: first the journal on the local disk, then the database.

    The order matters. If the database had the result of a page and the journal only its submission
    when the program is killed, the page would be weighed a second time. A submission alone goes to
    both at once.

    Args:
        context: the shared state.
        store: the database.
        journal: None if it is switched off.
        recollection: what this Libra remembers of the database.
        place: the data directory, shown to people who look for the Libra that writes to the database.
        migrate: whether to bring the database's schema up to date first.
        eager: whether to bring back all unexpired pages of the database.
        max_pages: the limit of pages in memory.
        restorer: the process that brings back the kept pages and watches.

    Attributes:
        knows_database: whether a former life left a note of the database. Without one, an entry that the
            present database lacks may have been lost by it, or this may be another database.
    """

    def __init__(
        self,
        context: Context,
        store: Store,
        journal: Journal | None,
        recollection: Recollection,
        *,
        place: str,
        migrate: bool,
        eager: bool,
        max_pages: int,
        restorer: type[GenServer],
    ) -> None:
        self._context = context
        self.store = store
        self._journal = journal
        self.recollection = recollection
        self._place = place
        self._thread = DiskThread("libra-journal")
        self._migrate = migrate
        self._eager = eager
        self._max_pages = max_pages
        self._restorer = restorer
        self._deaths: dict[str, Begun] = {}
        self._begun: dict[str, Begun] = {}
        self._settled = False
        self._journal_first: set[str] = set()
        self.knows_database = False

    @property
    def copies(self) -> bool:
        """Whether the journal also holds entries that are in memory and stored in the database."""
        return self._journal is not None and self._journal.local_copy > 0

    def keep(self, entry_id: str) -> None:
        """Hand an entry to the journal first, unless the journal has it or may get it second."""
        record = self._context.records.find(entry_id)
        if record is None:
            return
        if record.backup == "stored":
            if self.copies and record.journal_first:
                self._context.processes.journal_writer.drop([(entry_id, record.row_version)])
            return
        if record.backup == "memory":
            self._context.processes.journal_writer.keep(entry_id)
            if record.journal_first:
                self._journal_first.add(entry_id)
                return
        self._context.processes.database_writer.offer(entry_id)

    def may_store(self, entry_id: str) -> bool:
        """Whether the journal has already had its turn with an entry.

        Without this check, a page that was offered as a submission and finished before it was saved
        would be in the database as a result and in the journal as a submission.
        """
        return entry_id not in self._journal_first

    async def kept(self, entry_id: str) -> bool:
        """Wait until the local disk has the entry."""
        try:
            return await self._context.processes.journal_writer.kept(entry_id, seconds=PATIENCE)
        except ProcessException as error:
            log.debug("%s is not journaled yet: %s", entry_id, error)
            return False

    async def forget(self, entry_id: str) -> None:
        """Write a deletion to the journal, then to the database."""
        self.end(entry_id)
        self._journal_first.discard(entry_id)
        await self.kept(entry_id)
        self._context.processes.database_writer.delete(entry_id)

    def release(self, entry_id: str, version: int) -> None:
        """Drop an entry from the journal: a copy, or one that the database has refused."""
        self._context.processes.journal_writer.drop([(entry_id, version)])

    def begin(self, page_id: str) -> None:
        """Note one more life in the journal, unless it is off, fails, or the program is about to end."""
        record = self._context.records.pages.get(page_id)
        if record is None or self._journal is None or self._settled:
            self._context.processes.tell_may_begin(page_id)
            return
        begun = Begun(life_of(record.version), self.deaths(page_id) + 1)
        self._begun[page_id] = begun
        self._context.processes.journal_writer.begin(page_id, begun)

    def end(self, page_id: str) -> None:
        """Drop the note of a life that has ended."""
        begun = self._begun.pop(page_id, None)
        died = self._deaths.pop(page_id, None)
        if begun is not None or died is not None:
            self._context.processes.journal_writer.begin(page_id, None)

    async def was_deleted(self, page_id: str) -> bool:
        """Look among the deletions that are kept in case a database goes back in time."""

        def look() -> bool:
            try:
                told = self.recollection.deletions(self._context.services.now())
                return any(one.id == page_id and one.of == "page" for one in told)
            except OSError as error:
                log.debug("recent deletions cannot be read: %s", error)
                return False

        looked = asyncio.get_running_loop().run_in_executor(self._thread, look)
        await asyncio.wait({looked}, timeout=PATIENCE)
        return looked.done() and looked.result()

    def next_life(self, row: Snapshot) -> int:
        """The life after that of the row, or after the last one noted in the journal."""
        noted = self._deaths.get(row.id)
        return max(life_of(row.version), 0 if noted is None else noted.life) + 1

    def announce(self, rows: list[Snapshot]) -> dict[str, int]:
        """Write down the lives of pages that come back from the journal, before anybody sees the pages.

        Call this on the journal's thread. A life that cannot be written down is used again after another
        restart: then versions of the two lives may be equal.
        """
        lives = {row.id: self.next_life(row) for row in rows}
        for page_id, life in lives.items():
            self._deaths[page_id] = Begun(life, self.deaths(page_id))
        if self._journal is not None:
            try:
                self._journal.begin([(page_id, self._deaths[page_id]) for page_id in lives])
            except OSError as error:
                log.warning(
                    "the lives of %d pages cannot be written to the journal: %s", len(lives), error
                )
        return lives

    def deaths(self, page_id: str) -> int:
        """As the journal said when the program started."""
        died = self._deaths.get(page_id)
        return 0 if died is None else died.times

    def pass_on(self, page_id: str, read: Report) -> bool:
        """Return False: one node has no other node to pass a page to."""
        return False

    def steps(self, level: Level) -> int:
        """From memory there are two steps: journaled and stored."""
        return _STEPS[level]

    def state(self) -> DatabaseBacklog:
        """What waits for the database, including what goes to the journal first."""
        return self._context.processes.database_writer.state(
            also=self._context.processes.journal_writer.waiting()
        )

    # What the two writers report

    def journaled(self, entry_id: str, version: int) -> None:
        """Note that an entry is on the local disk as of this version."""
        record = self._context.records.find(entry_id)
        if record is not None and record.journal_first and record.row_version == version:
            self._journal_first.discard(entry_id)
            self._context.processes.database_writer.offer(entry_id)
        self._is_safe(entry_id, version, "journaled")

    def not_journaled(self, entry_id: str) -> None:
        """Offer an entry to the database at once, because the local disk cannot keep it now."""
        self._journal_first.discard(entry_id)
        record = self._context.records.find(entry_id)
        if record is None:
            return
        self._context.processes.database_writer.offer(entry_id)
        if not isinstance(record, PageRecord) or not record.loss_untold:
            return
        if not self._context.processes.tell_loss(entry_id) and record.tell_loss():
            self._context.records.followers.changed(entry_id)

    def stored(self, entry_id: str, version: int) -> None:
        """Note that the database has an entry as of this version."""
        self._is_safe(entry_id, version, "stored")

    def refused(self, entry_id: str, version: int, reason: str) -> None:
        """Note that the database refuses this version of an entry, and always will."""
        kind = "page" if self._context.records.watches.get(entry_id) is None else "watch"
        log.error("the database refuses %s %s: %s", kind, entry_id, reason)
        self._is_safe(entry_id, version, "rejected")

    def lost(self, entry_id: str, level: Level) -> None:
        """Note that the database or the journal has lost an entry."""
        until_journaled = self._journal is not None
        if self._context.processes.tell_unsafe(entry_id, level, until_journaled=until_journaled):
            return
        record = self._context.records.find(entry_id)
        if record is None:
            return
        changed = record.unlearn(level, self.steps, until_journaled=until_journaled)
        self.keep(entry_id)
        if changed:
            self._context.records.followers.changed(entry_id)

    def over(self, stored: list[tuple[str, int]], deleted: Sequence[Deleted]) -> None:
        """Let the journal drop stored entries and deletions, or keep them only as its local copy."""
        # While the database has a gap, a restart must find that out again.
        known = self.store.known if self._context.availability.gap is None else None
        # Before anything is awaited: the database may be restored to its state before these deletions.
        self.recollection.deleted(deleted)
        self._context.processes.journal_writer.drop(stored, known)

    def _is_safe(self, entry_id: str, version: int, level: Level) -> None:
        if self._context.processes.tell_safe(entry_id, version, level):
            return
        # The entry has no process: it is quarantined, or about to be started again.
        record = self._context.records.find(entry_id)
        if record is not None and record.learn(version, level, self.steps):
            self._context.records.followers.changed(entry_id)

    # The processes of the durability

    def prepare(self) -> None:
        """Claim the journal and read the notes of the former program."""
        if self._journal is not None:
            self._journal.lock()
            self._journal.scan()
            self._deaths = self._journal.begun()
        self.recollection.recall()
        self.knows_database = self.recollection.known is not None

    def writers(self) -> list[ChildSpec[Any]]:
        """The journal writer and the database writer."""
        thread: Executor = self._thread
        remembered = self.recollection
        self._context.availability.losses = remembered.losses
        self.store.write_as(Writer(remembered.instance, uuid4().hex, self._place), remembered.known)
        return [
            ChildSpec(JournalWriter, (self._context, self, self._journal, thread), id="journal"),
            ChildSpec(
                DatabaseWriter,
                (self._context, self, self.store, Mending(self._context, self, thread)),
                {"migrate": self._migrate},
                id="backup",
            ),
        ]

    def restorer(self) -> ChildSpec[Any]:
        """The restorer reads from the journal, then from the database."""
        return ChildSpec(
            self._restorer,
            (self._context, self, self.store, self._journal, self._thread),
            {"eager": self._eager, "max_pages": self._max_pages},
            id="restorer",
            restart="transient",
        )

    async def settle(self) -> None:
        """Save all entries a last time, also those on their way to the journal, and close the lives.

        No page is to blame when somebody stops the program: the noted lives are taken back.
        """
        self._settled = True
        for page_id, begun in self._begun.items():
            before = begun._replace(times=self.deaths(page_id))
            self._context.processes.journal_writer.begin(page_id, before)
        try:
            # Else another Libra on this database would find only the submission of such a page.
            await self._context.processes.journal_writer.settle(seconds=LAST_SAVE)
            await self._context.processes.database_writer.drain(seconds=LAST_SAVE)
            await self._context.processes.journal_writer.settle(seconds=LAST_SAVE)
        except ProcessException as error:
            log.warning("stopping without a last save: %s", error)

    async def closed(self) -> None:
        """Do nothing: the tree closes the database."""

    def nodes(self) -> tuple[NodeHealth, ...]:
        """Return nothing: there is no cluster."""
        return ()

    def parts(self) -> dict[str, Part]:
        """Return nothing: there are no further parts."""
        return {}

    def close(self) -> None:
        """Close the journal; a disk that hangs is left alone, and its lock ends with the program."""
        if self._thread.close(DISK_PATIENCE) and self._journal is not None:
            self._journal.close()


#: How many more times a page at this level is told of a new level until it is stored.
_STEPS: Final[dict[Level, int]] = {
    "memory": 2,
    "journaled": 1,
    "replicated": 1,  # of a cluster that this node was part of
    "rejected": 1,
    "stored": 0,
}
