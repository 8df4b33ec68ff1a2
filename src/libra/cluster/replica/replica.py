"""A web node's copy of all pages: fed by every shard, read only, bounded.

It fills the table that a single node keeps its pages in. So reads, lists and followers find the pages
there at the same speed, even while every other node, the engine and the database are gone. It has no
processes: a page that is weighed elsewhere is a record, and its owner sends the progress while a client
follows it.
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
from libra.cluster.replica.leaving import LeavingOrder
from libra.cluster.replica.left_out import LeftOut
from libra.inspector.records.eviction_queue import EvictionQueue
from libra.inspector.records.page_record import PageRecord, life_of

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode
    from libra.cluster.records.known import Known

log = logging.getLogger("libra.cluster")

#: Messages per batch; other tasks run between two batches.
BATCH: Final = 250

#: Seconds between two attempts to open a feed.
RETRY: Final = 0.5

#: From this age in seconds on, pages say how old they may be.
AGE: Final = 3.0

#: Seconds between two looks at which pages are followed, and between two requests for one page's
#: progress.
LOOK: Final = 0.25
RENEW: Final = 1.0

#: Deletions that are remembered: until every node and the database know them.
DELETIONS: Final = 100_000

#: Pages that expire in one batch, at most.
LEAVE: Final = 256

#: Messages between two turns of other tasks.
TURN: Final = 20


class Replica:
    """Keeps the records of this node in step with the engine.

    Args:
        node: this node.
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
        self._leaving = LeavingOrder(node.context.records.pages)
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
        """Whether every shard was read, and no page left memory that no database has."""
        layout = self._node.layout
        return layout is not None and self._read >= set(layout.shards) and not self._left_out

    @property
    def size(self) -> int:
        """Bytes of the reports."""
        return self._bytes

    def age(self) -> float:
        """Seconds that the records here may be behind the engine, at most."""
        layout = self._node.layout
        if layout is None:
            return time.monotonic() - self._started
        now = time.monotonic()
        return max(now - self._beats.get(shard, self._started) for shard in layout.shards)

    async def _tell_age(self) -> None:
        """Publish each second how old the shown pages may be."""
        while True:
            age = self.age()
            self._context.availability.neighbours.behind(age if age >= AGE else 0.0, self._node.now)
            await asyncio.sleep(LOOK)

    # Feeding

    async def serve(self) -> None:
        """Follow every shard, until the program ends."""
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
                    for number, delivery in enumerate(await feed.take(BATCH)):
                        if number % TURN == TURN - 1:
                            await asyncio.sleep(0)
                        self._heard(shard, delivery)
                        feed.seen(delivery)
                    await asyncio.sleep(0)
            except (EngineAway, Misconfigured, LookupError) as error:
                log.debug("shard %d delivers nothing: %s", shard, error)
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
        """Take in a page just read from the leader, which the feed may not have delivered yet.

        A client that saw it then never sees an older version.
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
            # It is new, or was submitted again: for a retry, or to continue in a browser.
            record = of_submission(sub)
            if sub.read and self._context.records.followers.watched(page_id):
                record.growing = zstandard.decompress(sub.read)
            self._add(record, len(sub.result))
        elif known.learn(_reached(known), "replicated", self._context.processes.durability.steps):
            self._leaving.note(known)
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
        noted = rec.finished and rec.backup in ("stored", "rejected")
        if self._is_mine(rec.id) and not noted:
            return  # this node weighs it, and its version in memory is newer
        known = self._context.records.pages.get(rec.id)
        if known is not None and known.version >= rec.version:
            self._leaving.note(known)  # this node may have changed it, and says so to nobody else
            return
        if noted and rec.expires_at is not None and rec.expires_at <= self._node.now:
            # It was stored late, so late that its time in memory is over.
            if known is not None:
                self._let_go(rec.id)
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
        """The record of a page has expired in the engine: from now on this node asks the database.

        Only noted records expire, so the database has the page, whatever this node last heard of it.
        """
        self._left_out.discard(page_id)
        record = self._context.records.pages.get(page_id)
        if record is not None and _is_replicated_or_safer(record) and not self._is_mine(page_id):
            self._let_go(page_id)

    def deleted(self, page_id: str) -> None:
        """A client deleted the page: remove it."""
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
        """Drop the pages that did not come when the whole shard was read again: they are gone."""
        if came is None:
            return
        layout = self._node.require_layout()
        for record in self._context.records.pages:
            if (
                _is_replicated_or_safer(record)
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
        """Let pages leave until there is room, in their `LeavingOrder`; False if none may."""
        while not self._fits(more):
            leaving = self._leaving.take(self._is_mine)
            if leaving is None:
                return False
            if not leaving.is_stored:
                self._left_out.add(leaving.page_id)
            self._let_go(leaving.page_id)
        return True

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

    # Following

    async def _grow(self) -> None:
        """Ask the owners of the pages that clients follow here to send their progress."""
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
            log.warning("the progress of a page cannot be read: %s", error)
            return
        record = self._context.records.pages.get(growth.id)
        if record is None or record.finished or self._is_mine(growth.id):
            return
        if growth.version > record.version and life_of(growth.version) == life_of(record.version):
            record.grow(growth.version, growth.status, data)
            self._context.records.followers.changed(growth.id)


def _reached(record: PageRecord) -> int:
    """The version of a page for a node that has its submission."""
    return record.row_version if record.finished else record.version


def _is_replicated_or_safer(record: PageRecord) -> bool:
    return record.backup in ("replicated", "stored", "rejected")
