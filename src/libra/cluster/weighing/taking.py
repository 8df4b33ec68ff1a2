"""Taking pages from the queues, and finding out whose they are.

A redelivery is a question, not a verdict: the death of one server delivers everything again that is
under way. Its receiver asks the owner, and only silence, or a no, begins a new life.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

from libra.cluster.engine.errors import Conflict, EngineAway, UnknownFormat
from libra.cluster.engine.pulling import Pull, PulledMessage
from libra.cluster.records.layout import RESULTS_QUEUE, Queue, parts_of, stream_of
from libra.cluster.records.page_records import Record, SubmissionRecord, read_submission
from libra.cluster.weighing.passing import enter_result

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Seconds between two attempts to take.
RETRY: Final = 0.2

#: Results of CI that are taken at a time.
RESULTS: Final = 20


class Room(Protocol):
    """Where what is taken is weighed: `libra.cluster.weighing.weighing`."""

    free: asyncio.Event
    """Set while there is a place."""

    def places(self) -> int:
        """How many places are free; it may be none, or less."""

    def stopping(self) -> bool:
        """Whether nothing is taken any more, as the program is about to end."""

    def has(self, page_id: str) -> bool:
        """Whether a page is being weighed here."""

    async def begin(
        self,
        sub: SubmissionRecord,
        delivery: PulledMessage,
        *,
        expect: int,
        before: Record | None = None,
        deaths: int = 0,
    ) -> None:
        """Write that a life begins here, and begin it.

        Raises:
            Conflict: something was written to the page since.
        """


class Taking:
    """Takes pages while there is room.

    Args:
        node: this one.
        room: where they are weighed.
        spawn: runs something as long as the node weighs.

    Attributes:
        dropped: deliveries of pages that somebody has.
        second_lives: pages of others that were begun here.
        receiving: what is being found out of those that were delivered just now.
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
        """Pages of one queue of a shard, for as long as the node takes any."""
        node = self._node
        pull = Pull(node.engine, stream_of(shard), f"weigh-{queue}")
        while not self._room.stopping():
            await self._room.free.wait()
            share = len(node.require_layout().shards)
            free = max(1, self._room.places() // share)
            try:
                deliveries = await pull.take(free)
            except EngineAway as error:
                log.debug("nothing is taken from shard %d: %s", shard, error)
                await asyncio.sleep(RETRY)
                continue
            for delivery in deliveries:
                if self._room.stopping():
                    await delivery.hand_back()
                else:
                    task = self._spawn(self._receive(delivery))
                    self.receiving.add(task)
                    task.add_done_callback(self.receiving.discard)
            # What was taken counts before more is asked for.
            await asyncio.sleep(0)

    async def take_results(self, shard: int) -> None:
        """Results of CI are weighed already: they take no place."""
        pull = Pull(self._node.engine, stream_of(shard), RESULTS_QUEUE)
        while not self._room.stopping():
            try:
                deliveries = await pull.take(RESULTS)
            except EngineAway as error:
                log.debug("no results are taken from shard %d: %s", shard, error)
                await asyncio.sleep(RETRY)
                continue
            for delivery in deliveries:
                try:
                    await enter_result(self._node, delivery)
                except EngineAway as error:
                    # It is delivered again; those behind it need not wait for that.
                    log.debug("result %s is left for now: %s", delivery.subject, error)

    async def _receive(self, delivery: PulledMessage) -> None:
        """A page is ours to weigh, or was, or is somebody else's."""
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
        except EngineAway as error:
            # It is delivered again, and then the record says whether this has begun a life.
            log.debug("page %s is left for now: %s", page_id, error)

    async def _ask_about(self, sub: SubmissionRecord, delivery: PulledMessage) -> None:
        """Find out what there is to do for a page that somebody may have already."""
        node = self._node
        known = await node.read(sub.id)
        match known.kind:
            case "del" | None:
                await delivery.ack()
                return
            case "sub" if known.message is not None:
                if known.message.subject != delivery.subject:
                    # It goes on from another queue.
                    await delivery.ack()
                    return
                with suppress(Conflict):
                    newest = read_submission(known.message.data)
                    await self._room.begin(newest, delivery, expect=known.sequence)
                return
        record = known.record
        if record is None:
            return  # of a newer Libra
        if record.finished:
            # Unless somebody asked for another life after this one.
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
                return  # its owner's word holds the delivery
            deaths += answer is None
            self.second_lives += 1
            log.warning(
                "page %s is weighed again: %s, which had it, %s",
                sub.id,
                record.node,
                "does not answer" if answer is None else "has it no longer",
            )
        with suppress(Conflict):
            await self._room.begin(
                sub,
                delivery,
                expect=known.sequence,
                before=record,
                deaths=deaths,
            )
