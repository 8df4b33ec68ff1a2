"""How pages and watches become safe: the one place that knows through which hands they go.

A page or a watch says that it has something to keep, and is told how safe it is. What lies between is
none of its business: here the journal comes first and then the database; a cluster has an order of its
own and stands in the same place.
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
from libra.inspector.records.page_record import life_of
from libra.observability.health import NodeHealth, Part
from libra.otp import ChildSpec, GenServer, ProcessException
from libra.report import Backup as Level
from libra.report import Report
from libra.storage import Deleted, Snapshot, Store
from libra.storage.history import Writer
from libra.storage.journal.journal import Begun, Journal
from libra.storage.recollection import Recollection

log = logging.getLogger("libra")

#: Seconds that an acknowledgement waits for a journal writer that has not even answered.
PATIENCE: Final = 0.8

#: Seconds that the last save may take at shutdown.
LAST_SAVE: Final = 10.0

#: Seconds that a disk which hangs is waited for at the end.
DISK_PATIENCE: Final = 1.0


class JournalThenDatabase:
    """One node: the journal on the local disk first, then the database.

    In this order, because a page would be weighed a second time if the database had its result and the
    journal only its submission when the program is killed. A submission alone goes both ways at once.

    Args:
        context: the surroundings.
        store: the database.
        journal: None if it is switched off.
        recollection: what is remembered of the database.
        place: the data directory, for people who look for whoever writes to the database.
        migrate: whether the database's schema is to be brought up to date first.
        eager: whether all unexpired pages of the database are to be brought back.
        max_pages: how many pages there may be in memory.
        restorer: the process that brings back what was kept.

    Attributes:
        knows_database: whether a former life left word of the database: else what is not in the one that
            is there may have been lost by it, or it may be another one.
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
        """Whether the journal holds what is in memory and the database has, too."""
        return self._journal is not None and self._journal.local_copy > 0

    def keep(self, entry_id: str) -> None:
        """To the journal first, unless it is there already or may as well come second."""
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
        """Whether the journal has had its turn.

        Else a page that was offered as a submission, and finished before it was saved, would be in the
        database as a result and in the journal as a submission.
        """
        return entry_id not in self._journal_first

    async def kept(self, entry_id: str) -> bool:
        """Wait for the local disk."""
        try:
            return await self._context.processes.journal_writer.kept(entry_id, seconds=PATIENCE)
        except ProcessException as error:
            log.debug("%s is not journaled yet: %s", entry_id, error)
            return False

    async def forget(self, entry_id: str) -> None:
        """First the journal, then the database."""
        self.end(entry_id)
        self._journal_first.discard(entry_id)
        await self.kept(entry_id)
        self._context.processes.database_writer.delete(entry_id)

    def release(self, entry_id: str, version: int) -> None:
        """Out of the local copy."""
        if self.copies:
            self._context.processes.journal_writer.drop([(entry_id, version)])

    def begin(self, page_id: str) -> None:
        """One life more in the journal, unless it is off, fails, or the program is about to end."""
        record = self._context.records.pages.get(page_id)
        if record is None or self._journal is None or self._settled:
            self._context.processes.tell_may_begin(page_id)
            return
        begun = Begun(life_of(record.version), self.deaths(page_id) + 1)
        self._begun[page_id] = begun
        self._context.processes.journal_writer.begin(page_id, begun)

    def end(self, page_id: str) -> None:
        """No note of it is needed any more."""
        begun = self._begun.pop(page_id, None)
        died = self._deaths.pop(page_id, None)
        if begun is not None or died is not None:
            self._context.processes.journal_writer.begin(page_id, None)

    async def was_deleted(self, page_id: str) -> bool:
        """By the deletions that are remembered for a database that goes back in time."""

        def look() -> bool:
            try:
                told = self.recollection.deletions(self._context.services.now())
                return any(one.id == page_id and one.of == "page" for one in told)
            except OSError as error:
                log.debug("what was deleted of late cannot be read: %s", error)
                return False

        looked = asyncio.get_running_loop().run_in_executor(self._thread, look)
        await asyncio.wait({looked}, timeout=PATIENCE)
        return looked.done() and looked.result()

    def next_life(self, row: Snapshot) -> int:
        """The one after that of the row, or after what the journal says was begun."""
        noted = self._deaths.get(row.id)
        return max(life_of(row.version), 0 if noted is None else noted.life) + 1

    def announce(self, rows: list[Snapshot]) -> dict[str, int]:
        """Write down the lives of pages that come back from the journal, before anybody sees them.

        To be called on the journal's thread. What cannot be written is the same life after another
        restart: versions of the two may be equal then.
        """
        lives = {row.id: self.next_life(row) for row in rows}
        for page_id, life in lives.items():
            self._deaths[page_id] = Begun(life, self.deaths(page_id))
        if self._journal is not None:
            try:
                self._journal.begin([(page_id, self._deaths[page_id]) for page_id in lives])
            except OSError as error:
                log.warning("the lives of %d pages cannot be written down: %s", len(lives), error)
        return lives

    def deaths(self, page_id: str) -> int:
        """By what the journal held when the program started."""
        died = self._deaths.get(page_id)
        return 0 if died is None else died.times

    def pass_on(self, page_id: str, read: Report) -> bool:
        """There is nobody else."""
        return False

    def steps(self, level: Level) -> int:
        """Two from memory: journaled, stored."""
        return _STEPS[level]

    def state(self) -> DatabaseBacklog:
        """What waits for the database, and what will after the journal."""
        return self._context.processes.database_writer.state(
            also=self._context.processes.journal_writer.waiting()
        )

    # What the two writers did

    def journaled(self, entry_id: str, version: int) -> None:
        """An entry is on the local disk as of this version."""
        record = self._context.records.find(entry_id)
        if record is not None and record.journal_first and record.row_version == version:
            self._journal_first.discard(entry_id)
            self._context.processes.database_writer.offer(entry_id)
        self._is_safe(entry_id, version, "journaled")

    def not_journaled(self, entry_id: str) -> None:
        """The local disk cannot keep an entry at the moment, so the database does not wait for it."""
        self._journal_first.discard(entry_id)
        if self._context.records.find(entry_id) is not None:
            self._context.processes.database_writer.offer(entry_id)

    def stored(self, entry_id: str, version: int) -> None:
        """The database has an entry as of this version."""
        self._is_safe(entry_id, version, "stored")

    def refused(self, entry_id: str, version: int, reason: str) -> None:
        """The database does not take this version of an entry, and never will."""
        kind = "page" if self._context.records.watches.get(entry_id) is None else "watch"
        log.error("the database refuses %s %s: %s", kind, entry_id, reason)
        self._is_safe(entry_id, version, "rejected")

    def lost(self, entry_id: str, level: Level) -> None:
        """The database, or the journal, has lost what it had of an entry."""
        if self._context.processes.tell_unsafe(entry_id, level):
            return
        record = self._context.records.find(entry_id)
        if record is None:
            return
        changed = record.unlearn(level, self.steps)
        self.keep(entry_id)
        if changed:
            self._context.records.followers.changed(entry_id)

    def over(self, stored: list[tuple[str, int]], deleted: Sequence[Deleted]) -> None:
        """The database has these, each as of a version: they are only the journal's copy now."""
        # As long as it lacks what it had, a restart is to find that out again.
        known = self.store.known if self._context.availability.gap is None else None
        # Before anything is awaited: the database may be restored to what it was before these.
        self.recollection.deleted(deleted)
        self._context.processes.journal_writer.drop(stored, known)

    def _is_safe(self, entry_id: str, version: int, level: Level) -> None:
        if self._context.processes.tell_safe(entry_id, version, level):
            return
        # Nobody answers for it: it is quarantined, or about to be started again.
        record = self._context.records.find(entry_id)
        if record is not None and record.learn(version, level, self.steps):
            self._context.records.followers.changed(entry_id)

    # Its processes

    def prepare(self) -> None:
        """Claim the journal and read what a former program left."""
        if self._journal is not None:
            self._journal.lock()
            self._journal.scan()
            self._deaths = self._journal.begun()
        self.recollection.recall()
        self.knows_database = self.recollection.known is not None

    def writers(self) -> list[ChildSpec[Any]]:
        """The journal writer, and the backup, which writes to the database."""
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
        """From the journal, then from the database."""
        return ChildSpec(
            self._restorer,
            (self._context, self, self.store, self._journal, self._thread),
            {"eager": self._eager, "max_pages": self._max_pages},
            id="restorer",
            restart="transient",
        )

    async def settle(self) -> None:
        """A last save, of what is on its way to the journal too, and a last line in the journal.

        That the program is stopped is no page's fault: lives under way are taken back.
        """
        self._settled = True
        for page_id, begun in self._begun.items():
            before = begun._replace(times=self.deaths(page_id))
            self._context.processes.journal_writer.begin(page_id, before)
        try:
            # Else its submission is all that another Libra, on this database, would find of a page.
            await self._context.processes.journal_writer.settle(seconds=LAST_SAVE)
            await self._context.processes.database_writer.drain(seconds=LAST_SAVE)
            await self._context.processes.journal_writer.settle(seconds=LAST_SAVE)
        except ProcessException as error:
            log.warning("stopping without a last save: %s", error)

    async def closed(self) -> None:
        """Nothing does: the database is the house's."""

    def nodes(self) -> tuple[NodeHealth, ...]:
        """There is no cluster."""
        return ()

    def parts(self) -> dict[str, Part]:
        """None beside those."""
        return {}

    def close(self) -> None:
        """A disk that hangs is left to itself, and its lock ends with the program."""
        if self._thread.close(DISK_PATIENCE) and self._journal is not None:
            self._journal.close()


#: Until it is stored, a page that is this safe is told so many times of another level.
_STEPS: Final[dict[Level, int]] = {
    "memory": 2,
    "journaled": 1,
    "replicated": 1,  # of a cluster that this node was part of
    "rejected": 1,
    "stored": 0,
}
