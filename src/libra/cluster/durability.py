"""How pages become safe in a cluster: the engine first, and the local disk where it does not answer.

Here is what the processes of a page and the callers of a node meet; what carries it out is beside:
`page_writes` writes to the engine, `weighing` hands over what was weighed here, `storing` has the
database take it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from libra.cluster.alone import Alone
from libra.cluster.database import Prober
from libra.cluster.errors import Conflict, InDoubt
from libra.cluster.page_writes import PageWrites
from libra.cluster.records import STEPS
from libra.cluster.status import nodes, part
from libra.health import NodeHealth, Part
from libra.inspector.durability.disk_thread import DiskThread
from libra.inspector.durability.journal_writer import JournalWriter
from libra.inspector.records.messages import DatabaseBacklog
from libra.inspector.records.page_record import PageRecord, first_version, life_of, restore
from libra.inspector.supervised_service import Runnable, SupervisedService
from libra.otp import ChildSpec, GenServer, ProcessException
from libra.report import FINISHED, Report
from libra.report import Backup as Level
from libra.storage import DELETED_VERSION, Deleted, Snapshot, Store
from libra.storage.history import HistoryLost
from libra.storage.journal.journal import Journal
from libra.storage.recollection import InMemory, Recollection

if TYPE_CHECKING:
    from libra.cluster.node import ClusterNode
    from libra.cluster.storing import Storing

log = logging.getLogger("libra.cluster")

#: Seconds that an acknowledgement waits for the engine; then the local disk has to do.
PROMPT: Final = 0.1

#: Seconds that an acknowledgement waits for a journal writer that has not even answered.
PATIENCE: Final = 0.8

#: Seconds that the last save may take at shutdown, and that a disk which hangs is waited for.
LAST_SAVE: Final = 5.0
DISK_PATIENCE: Final = 1.0

#: Seconds that a node which weighs waits for the engine after its start, before it goes on alone.
STARTING: Final = 3.0

#: Pages that are handed over at the same time.
AT_ONCE: Final = 32

#: Seconds between two attempts to hand over what is on the local disk.
RETRY: Final = 0.5


class ReplicatedDurability:
    """The durability of one node of a cluster. See `libra.inspector.records.ports.Durability`.

    Args:
        node: this one.
        store: the database.
        journal: where submissions go that the engine does not take now; None for a node without.
        migrate: whether the database's schema is to be brought up to date first.
    """

    copies = False

    def __init__(
        self, node: ClusterNode, store: Store, journal: Journal | None, *, migrate: bool
    ) -> None:
        self._node = node
        self._writes = PageWrites(node)
        self._context = node.context
        self._store = store
        self._journal = journal
        self._migrate = migrate
        self._thread = DiskThread("libra-journal")
        self._owed: dict[str, None] = {}
        self._owes = asyncio.Event()
        self.recollection: Recollection = InMemory(node.settings.keep_deletions)
        self.storing: Storing | None = None
        self.alone: Alone | None = None
        self.watching: Runnable | None = None
        self.access: Runnable | None = None
        self._doubtful: set[str] = set()
        node.on_writable.append(lambda _: self._owes.set())

    # What pages and callers say

    def keep(self, entry_id: str) -> None:
        """A result of a page that is weighed here is handed over."""
        if self.alone is not None and self.alone.has(entry_id):
            record = self._context.records.pages.get(entry_id)
            if record is not None and record.finished and record.backup == "memory":
                self._context.processes.journal_writer.keep(entry_id)
                self._owe(entry_id)
            return
        weighing = self._node.weighing
        if weighing is not None:
            weighing.finish(entry_id)

    async def kept(self, entry_id: str) -> bool:
        """A submission: the engine has it, or else the local disk."""
        record = self._context.records.pages.get(entry_id)
        if record is None:
            return False
        asked = self._writes.may_write(entry_id)
        try:
            if asked and await self._submit(record, PROMPT):
                return True
        except InDoubt:
            self._doubtful.add(entry_id)
        self._owe(entry_id)
        safe = await self._journaled(entry_id)
        if self.alone is not None and entry_id not in self._doubtful and not record.finished:
            # It was never asked for it, or has refused: nobody else can have it.
            self.alone.weigh(record)
        return safe

    def in_doubt(self, entry_id: str) -> bool:
        """Whether the engine was asked for a page and has not answered: somebody may have it."""
        return entry_id in self._doubtful

    async def forget(self, entry_id: str) -> None:
        """A deletion: the engine has it, or else the local disk."""
        if self._node.replica is not None:
            self._node.replica.deleted(entry_id)
        if self._writes.may_write(entry_id) and await self._writes.delete(entry_id, 1.0):
            return
        self._owe(entry_id)
        await self._journaled(entry_id)

    def release(self, entry_id: str, version: int) -> None:
        """Nothing is held for a restart."""

    def begin(self, page_id: str) -> None:
        """Whoever takes a page from a queue has written it down before."""
        if self.alone is not None and self.alone.has(page_id):
            self.alone.begin(page_id)
            return
        self._context.processes.tell_may_begin(page_id)

    def end(self, page_id: str) -> None:
        """The record says so."""

    async def was_deleted(self, page_id: str) -> bool:
        """Nobody asks: results of CI, which may be sent again, are refused in a cluster."""
        return False

    def next_life(self, row: Snapshot) -> int:
        """The one after that of the row; the record has the last word."""
        return life_of(row.version) + 1

    def deaths(self, page_id: str) -> int:
        """How often the inspector of a page that is weighed here died over it."""
        if self.alone is not None and self.alone.has(page_id):
            return self.alone.deaths(page_id)
        weighing = self._node.weighing
        return 0 if weighing is None else weighing.deaths(page_id)

    def pass_on(self, page_id: str, read: Report) -> bool:
        """A page that is weighed here goes on where there is a browser, if that is known of."""
        weighing = self._node.weighing
        return weighing is not None and weighing.pass_on(page_id, read)

    def steps(self, level: Level) -> int:
        """Three from memory: journaled, replicated, stored; where the engine is there it skips one."""
        return STEPS[level]

    def state(self) -> DatabaseBacklog:
        """What only this node has, and what the engine says that waits for the database."""
        waiting = len(self._owed)
        if self.storing is not None:
            waiting += self.storing.waiting
        return DatabaseBacklog(waiting, None)

    # What the journal writer did

    def journaled(self, entry_id: str, version: int) -> None:
        """An entry is on the local disk."""
        record = self._context.records.pages.get(entry_id)
        if record is not None and record.learn(version, "journaled", self.steps):
            self._context.records.followers.changed(entry_id)

    def not_journaled(self, entry_id: str) -> None:
        """The local disk cannot keep it: it is in memory until the engine has it."""

    def lost(self, entry_id: str, level: Level) -> None:
        """The journal has lost what it had of an entry."""
        record = self._context.records.pages.get(entry_id)
        if record is not None and record.unlearn(level, self.steps):
            self._context.records.followers.changed(entry_id)

    # Handing over

    async def serve(self) -> None:
        """Hand over what is owed, whenever the engine takes it."""
        try:
            async with asyncio.timeout(STARTING):
                await self._node.ready.wait()
        except TimeoutError:
            self._weigh_alone()
        await self._node.ready.wait()
        while True:
            self._owes.clear()
            due = [entry_id for entry_id in self._owed if self._is_due(entry_id)]
            for start in range(0, len(due), AT_ONCE):
                await asyncio.gather(*map(self._hand_over, due[start : start + AT_ONCE]))
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY if self._owed else None):
                    await self._owes.wait()

    async def _hand_over(self, entry_id: str) -> None:
        context = self._context
        deleted = entry_id in context.records.deletions.pages
        if deleted:
            done, version = await self._writes.delete(entry_id, 2.0), DELETED_VERSION
        else:
            record = context.records.pages.get(entry_id)
            if record is None:
                done, version = True, 0
            elif record.finished and self.alone is not None and self.alone.has(entry_id):
                done, version = await self._give(record), record.row_version
            else:
                # One that was quarantined here is tried elsewhere.
                await self._end_alone(entry_id)
                done = await self._submitted(record)
                version = record.row_version if record.finished else record.version
        if done and deleted == (entry_id in context.records.deletions.pages):
            # Else it was deleted while its submission was handed over: that is still owed.
            self._owed.pop(entry_id, None)
            self._note_oldest()
            context.processes.journal_writer.drop([(entry_id, version)])

    def _is_due(self, entry_id: str) -> bool:
        """Whether it can be handed over now; what is weighed here is when it is finished."""
        if self.alone is not None and self.alone.has(entry_id):
            record = self._context.records.pages.get(entry_id)
            if record is not None and not record.finished and record.error is None:
                return False
        return self._writes.may_write(entry_id)

    def _weigh_alone(self) -> None:
        """The engine is away since the start: what was on the disk is weighed here."""
        if self.alone is None:
            return
        for entry_id in self._owed:
            record = self._context.records.pages.get(entry_id)
            if record is not None and not record.finished:
                self.alone.weigh(record)

    async def _submitted(self, record: PageRecord) -> bool:
        try:
            return await self._submit(record, 2.0)
        except InDoubt:
            return False

    async def _give(self, page: PageRecord) -> bool:
        """Hand over what this node has weighed by itself; whether that is done with."""
        try:
            given = await self._writes.give(page)
        except Conflict:
            log.warning("page %s was weighed elsewhere, too: that counts", page.id)
            await self._end_alone(page.id)
            self._context.records.pages.discard(page.id)
            self._context.records.followers.changed(page.id)
            return True
        if given:
            await self._end_alone(page.id)
            if page.learn(page.row_version, "replicated", self.steps):
                self._context.records.followers.changed(page.id)
        return given

    async def _submit(self, record: PageRecord, patience: float) -> bool:
        lives = 0 if self.alone is None else self.alone.life(record.id)
        done = await self._writes.submit(record, lives, patience)
        if done:
            self._doubtful.discard(record.id)
        return done

    async def _end_alone(self, page_id: str) -> None:
        if self.alone is not None and self.alone.has(page_id):
            await self.alone.handed_over(page_id)

    def _owe(self, entry_id: str) -> None:
        self._owed[entry_id] = None
        self._note_oldest()
        self._owes.set()

    def _note_oldest(self) -> None:
        self._node.ledger.oldest = min(self._owed, default=None)

    async def _journaled(self, entry_id: str) -> bool:
        try:
            kept = await self._context.processes.journal_writer.kept(entry_id, seconds=PATIENCE)
        except ProcessException as error:
            log.debug("%s is not journaled yet: %s", entry_id, error)
            return False
        return kept

    @property
    def owed(self) -> int:
        """How much only this node has."""
        return len(self._owed)

    # Its processes

    def prepare(self) -> None:
        """Claim the journal and read what a former program left."""
        if self._journal is not None:
            self._journal.lock()
            self._journal.scan()
            if self.alone is not None:
                self.alone.recall(self._journal.begun())

    def writers(self) -> list[ChildSpec[Any]]:
        """What this node is made of, beside its pages."""
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
            specs.append(ChildSpec(SupervisedService, (lambda: self,), id="hand-over"))
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
        self._store.known = error.found
        if self.storing is not None:
            self.storing.store_again(error)

    def restorer(self) -> ChildSpec[Any]:
        """What is on the local disk comes back, and is handed over."""
        return ChildSpec(Recaller, (self, self._journal), id="restorer", restart="transient")

    def recall(self, entries: Sequence[Any]) -> None:
        """What a former program left in the journal: the engine may have it or not."""
        context = self._context
        for entry in entries:
            match entry:
                case Snapshot():
                    if context.records.pages.get(entry.id) is None:
                        context.records.pages.add(self._recalled(entry))
                    self._owe(entry.id)
                case Deleted():
                    context.records.forget(entry.id)
                    self._owe(entry.id)

    def _recalled(self, row: Snapshot) -> PageRecord:
        if row.status in FINISHED:
            # It was weighed here, and may have been seen as safer than the journal knows.
            record = restore(row, "journaled", steps=STEPS["journaled"])
            if self.alone is not None:
                self.alone.keep(record.id)
            return record
        record = restore(row, "journaled", life=0)
        lives = 0 if self.alone is None else self.alone.life(row.id)
        record.version = max(row.version, first_version(lives + 1) if lives else 0)
        return record

    async def settle(self) -> None:
        """A last line in the journal."""
        try:
            await self._context.processes.journal_writer.settle(seconds=LAST_SAVE)
        except ProcessException as error:
            log.warning("stopping without a last save: %s", error)

    async def closed(self) -> None:
        """The processes have ended: the connection ends, too."""
        await self._node.engine.close()

    def close(self) -> None:
        """A disk that hangs is left to itself."""
        if self._thread.close(DISK_PATIENCE) and self._journal is not None:
            self._journal.close()

    def nodes(self) -> tuple[NodeHealth, ...]:
        """Every node that was heard lately."""
        return nodes(self._node)

    def parts(self) -> dict[str, Part]:
        """The part ``cluster`` of `/health`."""
        return {"cluster": part(self._node)}


class Recaller(GenServer):
    """Brings back what is on the local disk, and says that all can be read that there is."""

    __slots__ = ()

    def init(self, durability: ReplicatedDurability, journal: Journal | None) -> None:
        """There is little of it: what the engine could not take before the last stop."""
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
