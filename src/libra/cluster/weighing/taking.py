"""Takes pages from the queues, and finds out which node owns them.

A redelivery is a question, not a verdict: the death of one server delivers everything under way again.
The receiver asks the owner, and only silence or a no begins a new life.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from libra.cluster.engine.errors import (
    Conflict,
    EngineAway,
    Misconfigured,
    TooLarge,
    UnknownFormat,
)
from libra.cluster.engine.pulling import Pull, PulledMessage
from libra.cluster.records.layout import RESULTS_QUEUE, Queue, parts_of, stream_of
from libra.cluster.records.page_records import Record, SubmissionRecord, read_submission
from libra.cluster.weighing.passing import enter_result

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Seconds between two attempts to take.
RETRY: Final = 0.2

#: Results of CI per batch.
RESULTS: Final = 20


class Room(Protocol):
    """Where taken pages are weighed: `libra.cluster.weighing.weighing`."""

    free: asyncio.Event
    """Set while there is a place."""

    def places(self) -> int:
        """How many places are free; may be zero or negative."""

    def stopping(self) -> bool:
        """Whether the program is about to end, so that no page is taken any more."""

    def has(self, page_id: str) -> bool:
        """Whether this node is weighing a page."""

    async def begin(
        self,
        sub: SubmissionRecord,
        delivery: PulledMessage,
        *,
        expect: int,
        before: Record | None = None,
        deaths: int = 0,
    ) -> None:
        """Write that a life of the page begins here, then begin it.

        Raises:
            Conflict: another program has written to the page since.
        """


class Taking:
    """Takes pages while there is room.

    Args:
        node: this node.
        room: where the pages are weighed.
        spawn: runs a task for as long as the node weighs.

    Attributes:
        dropped: deliveries of pages that a node already has.
        second_lives: pages of other nodes that began here.
        receiving: the tasks that look into the newest deliveries.
    """

    def __init__(
        self,
        node: ClusterNode,
        room: Room,
        spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]],
    ) -> None:
        self._node = node
        self._room = room
        self._spawn = spawn
        self.receiving: set[asyncio.Task[None]] = set()
        self.dropped = 0
        self.second_lives = 0

    async def take(self, shard: int, queue: Queue) -> None:
        """Take pages from one queue of a shard, for as long as the node takes any."""
        node = self._node
        pull = Pull(node.engine, stream_of(shard), f"weigh-{queue}")
        while not self._room.stopping():
            await self._room.free.wait()
            share = len(node.require_layout().shards)
            free = max(1, self._room.places() // share)
            try:
                deliveries = await pull.take(free)
            except EngineAway as error:
                log.debug("cannot take pages from shard %d: %s", shard, error)
                await asyncio.sleep(RETRY)
                continue
            for delivery in deliveries:
                if self._room.stopping():
                    await delivery.hand_back()
                else:
                    task = self._spawn(self._receive(delivery))
                    self.receiving.add(task)
                    task.add_done_callback(self.receiving.discard)
            # Let the taken pages count before asking for more.
            await asyncio.sleep(0)

    async def take_results(self, shard: int) -> None:
        """Take results of CI, which are already weighed and use no place."""
        pull = Pull(self._node.engine, stream_of(shard), RESULTS_QUEUE)
        while not self._room.stopping():
            try:
                deliveries = await pull.take(RESULTS)
            except EngineAway as error:
                log.debug("cannot take results from shard %d: %s", shard, error)
                await asyncio.sleep(RETRY)
                continue
            for delivery in deliveries:
                try:
                    await enter_result(self._node, delivery)
                except (EngineAway, Misconfigured, TooLarge) as error:
                    # The queue delivers it again; the results behind it need not wait.
                    log.debug("result %s is left for now: %s", delivery.subject, error)

    async def _receive(self, delivery: PulledMessage) -> None:
        """Begin a delivered page, or find out which node has it."""
        if delivery.is_marker:
            await delivery.ack()
            return
        page_id, _ = parts_of(delivery.subject)
        self._node.require_layout().seen(delivery.subject)
        if self._room.has(page_id):
            self.dropped += 1
            return
        try:
            sub = read_submission(delivery.data)
        except UnknownFormat as error:
            log.warning("%s is left to a newer Libra: %s", delivery.subject, error)
            return
        try:
            if delivery.times == 1:
                try:
                    await self._room.begin(sub, delivery, expect=delivery.sequence)
                except Conflict:
                    pass
                else:
                    return
            await self._ask_about(sub, delivery)
        except (EngineAway, Misconfigured) as error:
            # The queue delivers it again; then the record says whether this call began a life.
            log.debug("page %s is left for now: %s", page_id, error)

    async def _ask_about(self, sub: SubmissionRecord, delivery: PulledMessage) -> None:
        """Find out what to do with a page that a node may already have."""
        node = self._node
        known = await node.read(sub.id)
        match known.kind:
            case "del" | None:
                await delivery.ack()
                return
            case "sub" if known.message is not None:
                if known.message.subject != delivery.subject:
                    # It continues from another queue.
                    await delivery.ack()
                    return
                with suppress(Conflict):
                    newest = read_submission(known.message.data)
                    await self._room.begin(newest, delivery, expect=known.sequence)
                return
        record = known.record
        if record is None:
            return  # written by a newer Libra
        if record.finished:
            # Unless a client asked for another life after this one.
            if sub.lives < record.life:
                await delivery.ack()
                return
            with suppress(Conflict):
                await self._room.begin(sub, delivery, expect=known.sequence)
            return
        deaths = record.deaths
        if record.node:
            if record.epoch == node.epoch:
                answer: bool | None = self._room.has(sub.id)
            else:
                answer = await node.presence.has(record.node, record.epoch, sub.id)
            if answer:
                self.dropped += 1
                return  # its owner keeps reporting progress, which holds the delivery
            deaths += answer is None
            self.second_lives += 1
            log.warning(
                "page %s is weighed again: %s, which had it, %s",
                sub.id,
                record.node,
                "does not answer" if answer is None else "no longer has it",
            )
        with suppress(Conflict):
            await self._room.begin(
                sub,
                delivery,
                expect=known.sequence,
                before=record,
                deaths=deaths,
            )
