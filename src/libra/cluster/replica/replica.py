"""What a node that serves holds of all pages: fed by every shard, read only, bounded.

It fills the same table that a single node's pages rest in, so reading, lists and followers find them
there, over the same short cut and at the same speed, also while every other node, the engine and the
database are gone. It has no processes: a page that is weighed elsewhere is a record and what its owner
sends of it while somebody follows.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec
import zstandard

from libra.cluster.engine.answers import Message
from libra.cluster.engine.errors import EngineAway, Misconfigured, UnknownFormat
from libra.cluster.engine.pulling import PulledMessage
from libra.cluster.node.messages import PageGrowth
from libra.cluster.records.layout import parts_of
from libra.cluster.records.page_records import (
    is_quarantined,
    of_record,
    of_submission,
    read_record,
    read_submission,
)
from libra.cluster.replica.feed import Feed
from libra.cluster.replica.left_out import LeftOut
from libra.inspector.records.eviction_queue import EvictionQueue
from libra.inspector.records.page_record import PageRecord, life_of

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode
    from libra.cluster.records.known import Known

log = logging.getLogger("libra.cluster")

#: Messages that are taken at a time; between two of these others have their turn.
BATCH: Final = 250

#: Seconds between two attempts to be fed.
RETRY: Final = 0.5

#: Seconds from which on what is shown says how old it may be.
AGE: Final = 3.0

#: Seconds between two looks at who is followed, and between two requests for what one page does.
LOOK: Final = 0.25
RENEW: Final = 1.0

#: How many deletions are remembered: until every node and the database have heard of them.
DELETIONS: Final = 100_000

#: Of pages that must leave, so many leave at a time.
LEAVE: Final = 256


class Replica:
    """Feeds the records of this node.

    Args:
        node: this one.
        max_pages: how many pages there may be in memory.
        max_bytes: how many bytes their reports may have.
    """

    def __init__(self, node: ClusterNode, *, max_pages: int, max_bytes: int) -> None:
        self._node = node
        self._context = node.context
        self._max_pages = max_pages
        self._max_bytes = max_bytes
        self._sizes: dict[str, int] = {}
        self._bytes = 0
        self._owners: dict[str, tuple[str, str]] = {}
        self._asked: dict[str, float] = {}
        self._expiries = EvictionQueue(node.context.records.pages)
        self._deleted: dict[str, None] = {}
        self._read: set[int] = set()
        self._beats: dict[int, float] = {}
        self._started = time.monotonic()
        self._left_out = LeftOut()
        self.strange = 0
        self.quarantined: dict[str, str] = {}

    @property
    def complete(self) -> bool:
        """Whether every shard was read, and nothing had to leave that no database has."""
        layout = self._node.layout
        return layout is not None and self._read >= set(layout.shards) and not self._left_out

    @property
    def size(self) -> int:
        """Bytes of the reports."""
        return self._bytes

    def age(self) -> float:
        """Seconds that what is here may be behind the engine, at the most."""
        layout = self._node.layout
        if layout is None:
            return time.monotonic() - self._started
        now = time.monotonic()
        return max(now - self._beats.get(shard, self._started) for shard in layout.shards)

    async def _tell_age(self) -> None:
        """Have everybody know, each second, how old what is shown may be."""
        while True:
            age = self.age()
            self._context.availability.neighbours.behind(age if age >= AGE else 0.0, self._node.now)
            await asyncio.sleep(LOOK)

    # What it is fed with

    async def serve(self) -> None:
        """Be fed by every shard, for as long as the program runs."""
        node = self._node
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell_age())
            await node.ready.wait()
            tasks.create_task(node.each_shard(lambda shard: tasks.create_task(self._feed(shard))))
            tasks.create_task(self._grow())
            tasks.create_task(self._expire())

    async def _feed(self, shard: int) -> None:
        feed = Feed(self._node, shard)
        while True:
            try:
                await feed.open()
                if feed.anew:
                    self._read.discard(shard)
                while True:
                    if feed.caught_up and shard not in self._read:
                        self._read.add(shard)
                        self._sort_out(shard, feed.came)
                    for delivery in await feed.take(BATCH):
                        self._heard(shard, delivery)
                        feed.seen(delivery)
                    await asyncio.sleep(0)
            except (EngineAway, Misconfigured, LookupError) as error:
                log.debug("shard %d feeds nothing: %s", shard, error)
            finally:
                await feed.close()
            await asyncio.sleep(RETRY)

    def _heard(self, shard: int, delivery: PulledMessage) -> None:
        page_id, kind = parts_of(delivery.subject)
        if page_id == "clock":
            if delivery.subject.endswith(f".{self._node.epoch}"):
                self._beats[shard] = time.monotonic()
            return
        try:
            if not delivery.is_marker:
                self._node.require_layout().seen(delivery.subject)
                self._enter(page_id, kind, delivery.data)
            elif kind == "rec":
                self._expired(page_id)
        except UnknownFormat as error:
            self.strange += 1
            log.warning("%s is left alone: %s", delivery.subject, error)

    def take(self, page_id: str, known: Known) -> None:
        """Have what somebody has just read of a page from the leader: the feed may be behind it.

        Whoever was shown it is shown nothing older afterwards.
        """
        if known.message is None or known.kind is None:
            return
        with suppress(UnknownFormat):
            self._enter(page_id, known.kind, known.message.data)

    def _enter(self, page_id: str, kind: str, data: bytes) -> None:
        if kind == "rec":
            self._record(data)
        elif kind == "sub":
            self._submission(page_id, data)
        elif kind == "del":
            self.deleted(page_id)

    def _submission(self, page_id: str, data: bytes) -> None:
        known, sub = self._context.records.pages.get(page_id), read_submission(data)
        if page_id in self._context.records.deletions.pages or self._is_mine(page_id):
            return
        if known is None or sub.version > known.version:
            # It is new, or was submitted once more: to be retried, or to go on in a browser.
            record = of_submission(sub)
            if sub.read and self._context.records.followers.watched(page_id):
                record.growing = zstandard.decompress(sub.read)
            self._add(record, len(sub.result))
        elif known.learn(_reached(known), "replicated", self._context.processes.durability.steps):
            self._context.records.followers.changed(page_id)

    def _record(self, data: bytes) -> None:
        rec = read_record(data)
        self._left_out.discard(rec.id)
        if rec.id in self._context.records.deletions.pages:
            return
        if rec.finished or not rec.node:
            self._owners.pop(rec.id, None)
            self._asked.pop(rec.id, None)
        else:
            self._owners[rec.id] = rec.node, rec.epoch
        weighing = self._node.weighing
        if weighing is not None and weighing.has(rec.id):
            return  # it is this node's own, and newer in memory
        known = self._context.records.pages.get(rec.id)
        if known is not None and known.version >= rec.version:
            return
        if rec.expires_at is not None and rec.expires_at <= self._node.now:
            return
        self._add(of_record(rec), len(rec.report))
        if rec.expires_at is not None:
            self._expiries.note(rec.id, rec.expires_at)

    def _add(self, record: PageRecord, size: int) -> None:
        self._left_out.discard(record.id)
        self._context.records.pages.add(record)
        if is_quarantined(record):
            self.quarantined[record.id] = record.error or ""
        else:
            self.quarantined.pop(record.id, None)
        self._bytes += size - self._sizes.get(record.id, 0)
        self._sizes[record.id] = size
        self._context.records.followers.changed(record.id)
        self.make_room()

    def _expired(self, page_id: str) -> None:
        """Its record has expired in the engine: from here on the database is asked."""
        self._left_out.discard(page_id)
        record = self._context.records.pages.get(page_id)
        if record is not None and record.finished and record.backup in ("stored", "rejected"):
            self._let_go(page_id)

    def deleted(self, page_id: str) -> None:
        """Somebody deleted it: nobody finds it any more."""
        self._deleted[page_id] = None
        self._left_out.discard(page_id)
        self._context.records.forget(page_id)
        self._let_go(page_id)
        while len(self._deleted) > DELETIONS:
            oldest = next(iter(self._deleted))
            del self._deleted[oldest]
            self._context.records.deletions.pages.discard(oldest)

    def _let_go(self, page_id: str) -> None:
        self._context.records.pages.discard(page_id)
        self._bytes -= self._sizes.pop(page_id, 0)
        self._owners.pop(page_id, None)
        self._asked.pop(page_id, None)
        self.quarantined.pop(page_id, None)
        self._context.records.followers.changed(page_id)

    def _sort_out(self, shard: int, came: set[str] | None) -> None:
        """What did not come when all of a shard was read anew is gone."""
        if came is None:
            return
        layout = self._node.require_layout()
        for record in self._context.records.pages:
            if (
                record.backup in ("replicated", "stored", "rejected")
                and layout.shard_of(record.id) == shard
                and record.id not in came
                and not self._is_mine(record.id)
            ):
                self._let_go(record.id)

    def _is_mine(self, page_id: str) -> bool:
        weighing = self._node.weighing
        return weighing is not None and weighing.has(page_id)

    # Bounds

    def make_room(self, more: int = 0) -> bool:
        """Let pages leave until there is room; False if none may.

        First those that the database has, then those that the engine has, then those that are not
        finished; in each group the oldest. What only this node has stays.
        """
        for leaving in (_is_stored, _is_finished, _is_replicated):
            if self._fits(more):
                return True
            # No more than must, so many at a time.
            pages = len(self._context.records.pages) + more - self._max_pages
            size = self._bytes - self._max_bytes
            chosen: list[str] = []
            for record in self._context.records.pages.oldest():
                if (pages <= 0 and size <= 0) or len(chosen) == LEAVE:
                    break
                if leaving(record) and not self._is_mine(record.id):
                    chosen.append(record.id)
                    pages -= 1
                    size -= self._sizes.get(record.id, 0)
            for page_id in chosen:
                if leaving is not _is_stored:
                    self._left_out.add(page_id)
                self._let_go(page_id)
        return self._fits(more)

    def _fits(self, more: int) -> bool:
        pages = len(self._context.records.pages) + more
        return pages <= self._max_pages and self._bytes <= self._max_bytes

    async def _expire(self) -> None:
        while True:
            now = self._node.now
            for page_id in self._expiries.due(now, LEAVE):
                record = self._context.records.pages.get(page_id)
                if (
                    record is not None
                    and record.expires_at is not None
                    and record.expires_at <= now
                    and record.backup in ("stored", "rejected")
                ):
                    self._let_go(page_id)
            await asyncio.sleep(1.0)

    # What is followed

    async def _grow(self) -> None:
        """Ask the owners of the pages that somebody follows here to tell what they see."""
        node = self._node
        mine = f"libra.web.{node.name}.{node.epoch}"
        listening = None
        try:
            while True:
                if listening is None:
                    with suppress(EngineAway):
                        listening = await node.engine.listen(mine, self._on_growth)
                now = time.monotonic()
                for page_id in self._context.records.followers.followed():
                    owner = self._owners.get(page_id)
                    due = now - self._asked.get(page_id, 0.0) >= RENEW
                    if owner is not None and due and not self._is_mine(page_id):
                        self._asked[page_id] = now
                        await node.presence.follow(*owner, page_id, mine)
                await asyncio.sleep(LOOK)
        finally:
            if listening is not None:
                await listening.close()

    async def _on_growth(self, message: Message) -> None:
        try:
            growth = msgspec.msgpack.decode(message.data, type=PageGrowth)
            data = zstandard.decompress(growth.report)
        except (msgspec.MsgspecError, zstandard.ZstdError) as error:
            log.warning("what a page's owner sent cannot be read: %s", error)
            return
        record = self._context.records.pages.get(growth.id)
        if record is None or record.finished or self._is_mine(growth.id):
            return
        if growth.version > record.version and life_of(growth.version) == life_of(record.version):
            record.grow(growth.version, growth.status, data)
            self._context.records.followers.changed(growth.id)


def _reached(record: PageRecord) -> int:
    """The version of a page that whoever has its submission has."""
    return record.row_version if record.finished else record.version


def _is_stored(record: PageRecord) -> bool:
    return record.finished and record.backup in ("stored", "rejected")


def _is_finished(record: PageRecord) -> bool:
    return record.finished and record.backup == "replicated"


def _is_replicated(record: PageRecord) -> bool:
    return record.backup == "replicated"
