"""How pages become safe in a cluster: in the engine first, or on the local disk if it does not answer.

Here is the interface for the processes of a page and the callers of a node. Other modules do the work:
`handing_over` writes this node's submissions and deletions to the engine, `weighing` writes the pages
that were weighed here, and `storing` saves them to the database.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from libra.cluster.durability.database import Prober
from libra.cluster.durability.handing_over import HandOver
from libra.cluster.records.page_records import STEPS
from libra.cluster.status import nodes, part
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.durability.disk_thread import DiskThread
from libra.inspector.durability.journal_writer import JournalWriter
from libra.inspector.records.messages import DatabaseBacklog
from libra.inspector.records.page_record import PageRecord, first_version, life_of
from libra.inspector.records.restored_page import restore
from libra.inspector.supervised_service import Runnable, SupervisedService
from libra.observability.health import NodeHealth, Part
from libra.otp import ChildSpec, GenServer, ProcessException
from libra.report import FINISHED, Report
from libra.report import Backup as Level
from libra.storage import Deleted, Snapshot, Store
from libra.storage.history import HistoryLost
from libra.storage.journal.journal import Journal
from libra.storage.recollection import InMemory, Recollection

if TYPE_CHECKING:
    from libra.cluster.durability.storing import Storing
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Seconds that an acknowledgement waits for a journal writer that does not answer.
PATIENCE: Final = 0.8

#: Seconds that the last save may take at shutdown, and that shutdown waits for a disk that hangs.
LAST_SAVE: Final = 5.0
DISK_PATIENCE: Final = 1.0


class ReplicatedDurability:
    """The durability of one node of a cluster. See `libra.inspector.records.ports.Durability`.

    Args:
        node: this node.
        store: the database.
        journal: keeps submissions that the engine does not take now; None for a node without.
        migrate: whether to bring the database's schema up to date first.
    """

    copies = False

    def __init__(
        self, node: ClusterNode, store: Store, journal: Journal | None, *, migrate: bool
    ) -> None:
        self._node = node
        self._context = node.context
        self._store = store
        self._journal = journal
        self._migrate = migrate
        self._thread = DiskThread("libra-journal")
        self.hand_over = HandOver(node, DatabaseReader(node.context, store))
        self.recollection: Recollection = InMemory(node.settings.keep_deletions)
        self.storing: Storing | None = None
        self.watching: Runnable | None = None
        self.access: Runnable | None = None

    # Calls from pages and callers

    def keep(self, entry_id: str) -> None:
        """Hand over a result of a page that is weighed here."""
        if self.hand_over.alone is not None and self.hand_over.alone.has(entry_id):
            record = self._context.records.pages.get(entry_id)
            if record is not None and record.finished and record.backup == "memory":
                self._context.processes.journal_writer.keep(entry_id)
                self.hand_over.owe(entry_id)
            return
        weighing = self._node.weighing
        if weighing is not None:
            weighing.finish(entry_id)

    async def kept(self, entry_id: str) -> bool:
        """Keep a submission in the engine, or else on the local disk."""
        record = self._context.records.pages.get(entry_id)
        if record is None:
            return False
        if await self.hand_over.submit_at_once(record):
            return True
        self.hand_over.owe(entry_id)
        safe = await self._journaled(entry_id)
        alone = self.hand_over.alone
        if alone is not None and self.hand_over.is_only_here(record) and not record.finished:
            # While this waited for the disk, it may have been handed over, or deleted.
            alone.weigh(record)
        return safe

    async def forget(self, entry_id: str) -> None:
        """Write a deletion to the engine, or else to the local disk."""
        if self._node.replica is not None:
            self._node.replica.deleted(entry_id)
        if await self.hand_over.delete_at_once(entry_id):
            return
        self.hand_over.owe(entry_id)
        await self._journaled(entry_id)

    def release(self, entry_id: str, version: int) -> None:
        """Do nothing: a cluster holds no page for a restart."""

    def begin(self, page_id: str) -> None:
        """Let a page begin: the node that takes a page from a queue has already written its life."""
        if self.hand_over.alone is not None and self.hand_over.alone.has(page_id):
            self.hand_over.alone.begin(page_id)
            return
        self._context.processes.tell_may_begin(page_id)

    def end(self, page_id: str) -> None:
        """Count no death of a page that is weighed here alone; the record says it of any other page."""
        if self.hand_over.alone is not None and self.hand_over.alone.has(page_id):
            self.hand_over.alone.end(page_id)

    async def was_deleted(self, page_id: str) -> bool:
        """False: a deleted result of CI that is sent again meets its tombstone in the engine."""
        return False

    def next_life(self, row: Snapshot) -> int:
        """The life after the row's; the record in the engine decides."""
        return life_of(row.version) + 1

    def deaths(self, page_id: str) -> int:
        """How many times the inspector of a page that is weighed here died over it."""
        if self.hand_over.alone is not None and self.hand_over.alone.has(page_id):
            return self.hand_over.alone.deaths(page_id)
        weighing = self._node.weighing
        return 0 if weighing is None else weighing.deaths(page_id)

    def pass_on(self, page_id: str, read: Report) -> bool:
        """Pass a page that is weighed here to a node with a browser, if one is known."""
        weighing = self._node.weighing
        return weighing is not None and weighing.pass_on(page_id, read)

    def steps(self, level: Level) -> int:
        """Three from memory: journaled, replicated, stored; with the engine, a page skips the first."""
        return STEPS[level]

    def state(self) -> DatabaseBacklog:
        """Count the entries that only this node has, and those in the engine not yet in the database."""
        waiting = self.hand_over.owed
        if self.storing is not None:
            waiting += self.storing.waiting
        return DatabaseBacklog(waiting, None)

    # Calls from the journal writer

    def journaled(self, entry_id: str, version: int) -> None:
        """An entry is on the local disk."""
        record = self._context.records.pages.get(entry_id)
        if record is not None and record.learn(version, "journaled", self.steps):
            self._context.records.followers.changed(entry_id)

    def not_journaled(self, entry_id: str) -> None:
        """Do nothing: the entry stays in memory until the engine has it."""

    def lost(self, entry_id: str, level: Level) -> None:
        """The journal has lost its copy of an entry."""
        record = self._context.records.pages.get(entry_id)
        if record is not None and record.unlearn(level, self.steps):
            self._context.records.followers.changed(entry_id)

    async def _journaled(self, entry_id: str) -> bool:
        try:
            kept = await self._context.processes.journal_writer.kept(entry_id, seconds=PATIENCE)
        except ProcessException as error:
            log.debug("%s is not journaled yet: %s", entry_id, error)
            return False
        return kept

    # Its processes

    def prepare(self) -> None:
        """Claim the journal and read what a former program left."""
        if self._journal is not None:
            self._journal.lock()
            self._journal.scan()
            if self.hand_over.alone is not None:
                self.hand_over.alone.recall(self._journal.begun())

    def writers(self) -> list[ChildSpec[Any]]:
        """The processes of this node, except those of its pages."""
        node, context = self._node, self._context
        specs: list[ChildSpec[Any]] = [
            ChildSpec(SupervisedService, (lambda: node,), id="engine"),
            ChildSpec(SupervisedService, (lambda: node.presence,), id="presence"),
            ChildSpec(SupervisedService, (lambda: node.ledger,), id="ledger"),
            ChildSpec(
                Prober,
                (context, self._store),
                {"migrate": self._migrate, "on_lost": self._lost},
                id="database",
            ),
            ChildSpec(JournalWriter, (context, self, self._journal, self._thread), id="journal"),
        ]
        if node.replica is not None:
            replica = node.replica
            specs.append(ChildSpec(SupervisedService, (lambda: replica,), id="replica"))
            specs.append(ChildSpec(SupervisedService, (lambda: self.hand_over,), id="hand-over"))
        if self.access is not None:
            access = self.access
            specs.append(ChildSpec(SupervisedService, (lambda: access,), id="access"))
        if self.watching is not None:
            watching = self.watching
            specs.append(ChildSpec(SupervisedService, (lambda: watching,), id="turns of watches"))
        if node.weighing is not None:
            weighing = node.weighing
            specs.append(ChildSpec(SupervisedService, (lambda: weighing,), id="weighing"))
        if self.storing is not None:
            storing = self.storing
            specs.append(ChildSpec(SupervisedService, (lambda: storing,), id="storing"))
        return specs

    def _lost(self, error: HistoryLost) -> None:
        if self.storing is not None:  # no other node has a counter to compare
            self.storing.store_again(error)

    def restorer(self) -> ChildSpec[Any]:
        """The process that reads the local disk back and has the entries handed over."""
        return ChildSpec(Recaller, (self, self._journal), id="restorer", restart="transient")

    def recall(self, entries: Sequence[Any]) -> None:
        """Take in the entries that a former program left; the engine may or may not have them."""
        context = self._context
        for entry in entries:
            match entry:
                case Snapshot():
                    if context.records.pages.get(entry.id) is None:
                        context.records.pages.add(self._recalled(entry))
                    self.hand_over.owe(entry.id)
                case Deleted():
                    context.records.forget(entry.id)
                    self.hand_over.owe(entry.id)

    def _recalled(self, row: Snapshot) -> PageRecord:
        if row.status in FINISHED:
            # It was weighed here, and clients may have seen a safer level than the journal knows.
            record = restore(row, "journaled", steps=STEPS["journaled"])
            if self.hand_over.alone is not None:
                self.hand_over.alone.keep(record.id)
            return record
        record = restore(row, "journaled", life=0)
        lives = 0 if self.hand_over.alone is None else self.hand_over.alone.life(row.id)
        record.version = max(row.version, first_version(lives + 1) if lives else 0)
        return record

    async def settle(self) -> None:
        """Write a last line to the journal."""
        if self.hand_over.alone is not None:
            self.hand_over.alone.settle()
        try:
            await self._context.processes.journal_writer.settle(seconds=LAST_SAVE)
        except ProcessException as error:
            log.warning("stopping without a last save: %s", error)

    async def closed(self) -> None:
        """Close the connection: the processes have ended."""
        await self._node.engine.close()

    def close(self) -> None:
        """Close the journal; abandon a disk that hangs."""
        if self._thread.close(DISK_PATIENCE) and self._journal is not None:
            self._journal.close()

    def nodes(self) -> tuple[NodeHealth, ...]:
        """Every node that was heard lately."""
        return nodes(self._node)

    def parts(self) -> dict[str, Part]:
        """The part ``cluster`` of `/health`."""
        return {"cluster": part(self._node)}


class Recaller(GenServer):
    """Reads the local disk back, then announces that every page can be read.

    It also starts again with the supervisor of the pages, and then starts those that are weighed alone.
    """

    __slots__ = ()

    def init(self, durability: ReplicatedDurability, journal: Journal | None) -> None:
        """Read the journal, with the entries that the engine could not take before the last stop."""
        context = durability._context  # noqa: SLF001 - it belongs to it
        if journal is not None and not context.availability.replayed.is_set():
            for batch in journal.batches():
                durability.recall(batch)
        for event in (
            context.availability.replayed,
            context.availability.recalled,
            context.availability.keys_known,
        ):
            event.set()
        context.availability.restoring = False
        if durability.hand_over.alone is not None:
            durability.hand_over.alone.restart()
