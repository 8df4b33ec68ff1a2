"""A node's writes about pages to the engine: submissions, pages it weighed alone, and deletions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from libra.cluster.engine.errors import Conflict, EngineAway, InDoubt, Misconfigured, TooLarge
from libra.cluster.records.fitting import BESIDE, fitted
from libra.cluster.records.known import Known
from libra.cluster.records.page_records import STEPS, SubmissionRecord, Tombstone, record_of
from libra.inspector.records.page_record import PageRecord
from libra.report import Backup as Level
from libra.weighing.options import DESKTOP

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

#: Tries of a deletion whose page changes at the same moment, and seconds between two of them.
TRIES: Final = 8
AGAIN: Final = 0.15


class PageWrites:
    """Writes, each of them once; notes at the node which leaders do not answer.

    Args:
        node: this node.
    """

    def __init__(self, node: ClusterNode) -> None:
        self._node = node
        self._context = node.context

    def may_write(self, page_id: str) -> bool:
        """Whether the leader of a page's stream has answered lately."""
        layout = self._node.layout
        return layout is not None and layout.shard_of(page_id) in self._node.writable

    async def submit(self, record: PageRecord, lives: int, deaths: int, patience: float) -> bool:
        """Write a submission once; returns whether the engine has it now.

        Args:
            record: the page. A finished page is a result of CI, whose record is sent along.
            lives: how many lives of it this node began while it was alone.
            deaths: how many of these ended because the node died.
            patience: seconds that the engine may take.

        Raises:
            InDoubt: the engine has not answered.
        """
        node = self._node
        sub, queue = self._submission_of(record, lives, deaths)
        try:
            data = node.encoded(sub)
            await node.write(record.id, f"sub.{queue}", data, expect=0, patience=patience)
        except Conflict:
            # The engine has it because an answer was lost, or a write of it is still under way.
            known = await self._known(record.id)
            if known is None or known.sequence == 0:
                raise InDoubt("the leader is still writing this submission") from None
            self._had(record.id, known)
        except InDoubt as error:
            self._no_answer(record.id, error)
            raise
        except (EngineAway, Misconfigured) as error:
            self._no_answer(record.id, error)
            return False
        reached = record.row_version if record.finished else record.version
        if record.learn(reached, "replicated", _steps):
            self._context.records.followers.changed(record.id)
        return True

    async def give(self, page: PageRecord) -> bool:
        """Write a page that this node weighed alone; returns whether the engine has it now.

        Raises:
            Conflict: another node weighed it, too.
        """
        node = self._node
        record = record_of(page, node.name, node.epoch)
        try:
            await node.write_surely(fitted(record, node.engine.max_payload - BESIDE), expect=0)
        except (EngineAway, Misconfigured, TooLarge) as error:
            self._no_answer(page.id, error)
            return False
        return True

    async def delete(self, page_id: str, patience: float) -> bool:
        """Write a deletion and tell the page's owner; returns whether the engine has it now."""
        node = self._node
        stone = node.encoded(Tombstone(self._context.services.now()))
        try:
            for _ in range(TRIES):
                known = await node.read(page_id, patience)
                if known.kind == "del":
                    return True
                try:
                    await node.write(
                        page_id, "del", stone, expect=known.sequence, patience=patience
                    )
                except Conflict:
                    await asyncio.sleep(AGAIN)
                    continue
                await self._cancel(known)
                return True
        except (EngineAway, Misconfigured) as error:
            self._no_answer(page_id, error)
        return False

    async def _known(self, page_id: str) -> Known | None:
        try:
            return await self._node.read(page_id)
        except EngineAway:
            return None

    def _had(self, page_id: str, known: Known) -> None:
        """A page was submitted again under its id, and may be gone by now."""
        if known.kind == "del":
            if self._node.replica is not None:
                self._node.replica.deleted(page_id)
        elif known.kind is None:
            # It was stored, and its record has expired: from now on this node asks the database.
            self._context.records.pages.discard(page_id)
            self._context.records.followers.changed(page_id)

    def _submission_of(
        self, page: PageRecord, lives: int, deaths: int
    ) -> tuple[SubmissionRecord, str]:
        """The submission of a page, and the queue for it."""
        node, options = self._node, page.options
        if options is None and not page.finished:
            # If it comes back from the journal, only this node knows what was asked for.
            again, services = self._context.options_again(page), self._context.services
            options = None if again == services.options_for("static", DESKTOP) else again
        sub = SubmissionRecord(
            page.id, page.url, page.submitted_at, options, page.key, lives, deaths=deaths
        )
        if not page.finished:
            return sub, page.method
        # A result of CI: an inspector writes its record.
        record = fitted(
            record_of(page, node.name, node.epoch), (node.engine.max_payload - BESIDE) // 2
        )
        return msgspec.structs.replace(sub, result=node.encoded(record)), "result"

    async def _cancel(self, known: Known) -> None:
        record = known.record
        if record is not None and not record.finished and record.node:
            if record.epoch == self._node.epoch and self._node.weighing is not None:
                await self._node.weighing.drop(record.id)
            else:
                await self._node.presence.cancel(record.node, record.epoch, record.id)

    def _no_answer(self, page_id: str, error: Exception) -> None:
        layout = self._node.layout
        if layout is not None:
            self._node.wrote(layout.shard_of(page_id), error)


def _steps(level: Level) -> int:
    return STEPS[level]
