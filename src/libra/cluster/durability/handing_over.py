"""Hands a web node's submissions and deletions over to the engine: at once, or when it is back.

Until then they are on the local disk. Pages that no other node can have are weighed here (`alone`).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from libra.cluster.durability.page_writes import PageWrites
from libra.cluster.engine.errors import Conflict, InDoubt
from libra.cluster.records.streams import MARKERS
from libra.ids import moment_of
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.records.page_record import PageRecord
from libra.report import FINISHED
from libra.storage import DELETED_VERSION, Unavailable, UnreadableRow

if TYPE_CHECKING:
    from libra.cluster.durability.alone import Alone
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Seconds that an acknowledgement waits for the engine before the local disk has to do.
PROMPT: Final = 0.1

#: Seconds that a node which weighs waits for the engine after its start, before it weighs alone.
STARTING: Final = 3.0

#: Pages that are handed over concurrently.
AT_ONCE: Final = 32

#: Seconds between two attempts to hand over the entries on the local disk.
RETRY: Final = 0.5

#: Age from which the engine may have forgotten a page: nothing is left of one that expired and then had
#: its marker for as long as that stays.
FORGOTTEN: Final = timedelta(seconds=MARKERS)


class HandOver:
    """The entries that this node has and the engine has not.

    Args:
        node: this node.
        database: reads what became of pages that the engine may have forgotten.

    Attributes:
        alone: The pages weighed here while the engine is away; None for a node that does not weigh.
    """

    def __init__(self, node: ClusterNode, database: DatabaseReader) -> None:
        self._node = node
        self._database = database
        self._context = node.context
        self._writes = PageWrites(node)
        self._owed: dict[str, None] = {}
        self._owes = asyncio.Event()
        self._doubtful: set[str] = set()
        self.alone: Alone | None = None
        node.on_writable.append(lambda _: self._owes.set())

    @property
    def owed(self) -> int:
        """How many entries only this node has."""
        return len(self._owed)

    def in_doubt(self, entry_id: str) -> bool:
        """Whether the engine was asked to take a page and has not answered: another node may have it."""
        return entry_id in self._doubtful

    def is_only_here(self, record: PageRecord) -> bool:
        """Whether no other node can have a page: the engine was never asked for it, or has refused."""
        is_there = self._context.records.pages.get(record.id) is record
        return is_there and record.id in self._owed and record.id not in self._doubtful

    async def submit_at_once(self, record: PageRecord) -> bool:
        """Submit a page while a client waits for it; returns whether the engine has it now."""
        try:
            return self._writes.may_write(record.id) and await self._submit(record, PROMPT)
        except InDoubt:
            return False

    async def delete_at_once(self, entry_id: str) -> bool:
        """Delete a page while a client waits for it; returns whether the engine has that now."""
        return self._writes.may_write(entry_id) and await self._writes.delete(entry_id, 1.0)

    def owe(self, entry_id: str) -> None:
        """Note that the engine lacks an entry of this node: hand it over as soon as possible."""
        self._owed[entry_id] = None
        self._note_oldest()
        self._owes.set()

    async def serve(self) -> None:
        """Hand over the owed entries whenever the engine takes them."""
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
            else:
                done = await self._hand_over_page(record)
                version = record.row_version if record.finished else record.version
        if done and deleted == (entry_id in context.records.deletions.pages):
            # Otherwise it was deleted while its submission was handed over: the deletion is still owed.
            self._owed.pop(entry_id, None)
            self._note_oldest()
            if self.alone is not None:
                # Only now: each attempt tells the engine of the lives and deaths.
                self.alone.forget(entry_id)
            context.processes.journal_writer.drop([(entry_id, version)])

    async def _hand_over_page(self, record: PageRecord) -> bool:
        try:
            over = await self._is_over(record.id)
        except Unavailable as error:
            log.debug("page %s waits until the database can be asked: %s", record.id, error)
            return False
        if over:
            await self._leave(record)
            return True
        if record.finished and self.alone is not None and self.alone.has(record.id):
            return await self._give(record)
        # Also a page that was quarantined here. Its process ends before the engine can have the page:
        # from then on any node may begin it, this one too, even if the answer is lost.
        await self._end_alone(record.id)
        return await self._submitted(record)

    async def _is_over(self, page_id: str) -> bool:
        """Whether the database knows the end of an old page, which may have been handed over before.

        A power cut can undo that the journal dropped it. If the engine has forgotten the page since, it
        would take it for a new one: a finished page would be weighed again, a deleted one come back.

        Raises:
            Unavailable: the database cannot be asked now.
        """
        made = moment_of(page_id)
        if made is None or self._node.now - made < FORGOTTEN:
            return False
        trace = await self._database.trace(page_id)
        if trace == "deleted" and self._node.replica is not None:
            self._node.replica.deleted(page_id)
        if trace != "stored":
            return trace == "deleted"
        # A database that served a single Libra before may have it unfinished.
        try:
            row = await self._database.load(page_id)
        except UnreadableRow:
            return False  # the page of the local disk is the only readable one
        return row is not None and row.status in FINISHED

    def _is_due(self, entry_id: str) -> bool:
        """Whether an entry can be handed over now; a page that is weighed here must be finished."""
        if self.alone is not None and self.alone.has(entry_id):
            record = self._context.records.pages.get(entry_id)
            if record is not None and not record.finished and record.error is None:
                return False
        return self._writes.may_write(entry_id)

    def _weigh_alone(self) -> None:
        """The engine has been away since the start: weigh the pages of the local disk here."""
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
        """Hand over a page that this node weighed alone; returns whether that is done."""
        try:
            given = await self._writes.give(page)
        except Conflict:
            log.warning("page %s was also weighed on another node: that result counts", page.id)
            await self._leave(page)
            return True
        if given:
            await self._end_alone(page.id)
            if page.learn(page.row_version, "replicated", self._context.processes.durability.steps):
                self._context.records.followers.changed(page.id)
        return given

    async def _submit(self, record: PageRecord, patience: float) -> bool:
        alone = self.alone
        lives, deaths = (
            (0, 0) if alone is None else (alone.life(record.id), alone.deaths(record.id))
        )
        # In doubt until the engine answers. A refusal says nothing of an earlier attempt.
        was_in_doubt = record.id in self._doubtful
        self._doubtful.add(record.id)
        done = await self._writes.submit(record, lives, deaths, patience)
        if done or not was_in_doubt:
            self._doubtful.discard(record.id)
        return done

    async def _leave(self, page: PageRecord) -> None:
        """Leave a page to those who have its end: from now on this node asks them."""
        await self._end_alone(page.id)
        self._context.records.pages.discard(page.id)
        self._context.records.followers.changed(page.id)

    async def _end_alone(self, page_id: str) -> None:
        if self.alone is not None and self.alone.has(page_id):
            await self.alone.stop(page_id)

    def _note_oldest(self) -> None:
        self._node.ledger.oldest = min(self._owed, default=None)
