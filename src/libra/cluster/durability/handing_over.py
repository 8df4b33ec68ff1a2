"""Hands a web node's submissions and deletions over to the engine: at once, or when it is back.

Until then they are on the local disk. Pages that no other node can have are weighed here (`alone`).
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from libra.cluster.durability.page_writes import PageWrites
from libra.cluster.engine.errors import Conflict, InDoubt
from libra.inspector.records.page_record import PageRecord
from libra.storage import DELETED_VERSION

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


class HandOver:
    """The entries that this node has and the engine has not.

    Args:
        node: this node.

    Attributes:
        alone: The pages weighed here while the engine is away; None for a node that does not weigh.
    """

    def __init__(self, node: ClusterNode) -> None:
        self._node = node
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

    async def submit_at_once(self, record: PageRecord) -> bool:
        """Submit a page while a client waits for it; returns whether the engine has it now."""
        try:
            return self._writes.may_write(record.id) and await self._submit(record, PROMPT)
        except InDoubt:
            self._doubtful.add(record.id)
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
            elif record.finished and self.alone is not None and self.alone.has(entry_id):
                done, version = await self._give(record), record.row_version
            else:
                # Also a page that was quarantined here. Its process ends before the engine can have the
                # page: from then on any node may begin it, this one too, even if the answer is lost.
                await self._end_alone(entry_id)
                done = await self._submitted(record)
                version = record.row_version if record.finished else record.version
        if done and deleted == (entry_id in context.records.deletions.pages):
            # Otherwise it was deleted while its submission was handed over: the deletion is still owed.
            self._owed.pop(entry_id, None)
            self._note_oldest()
            if self.alone is not None:
                # Only now: each attempt tells the engine of the lives and deaths.
                self.alone.forget(entry_id)
            context.processes.journal_writer.drop([(entry_id, version)])

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
            await self._end_alone(page.id)
            self._context.records.pages.discard(page.id)
            self._context.records.followers.changed(page.id)
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
        done = await self._writes.submit(record, lives, deaths, patience)
        if done:
            self._doubtful.discard(record.id)
        return done

    async def _end_alone(self, page_id: str) -> None:
        if self.alone is not None and self.alone.has(page_id):
            await self.alone.stop(page_id)

    def _note_oldest(self) -> None:
        self._node.ledger.oldest = min(self._owed, default=None)
