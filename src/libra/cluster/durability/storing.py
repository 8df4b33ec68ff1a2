"""Saves finished entries of the engine to the database, and notes in the engine that it has them.

Every inspector does so, for every shard: if one does not finish a batch, the engine delivers it to
another. Saves may be repeated and come in any order, as the database keeps the highest version of each
page.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from libra.cluster.durability.progress import Progress
from libra.cluster.durability.saving_again import SavingAgain
from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured, UnknownFormat
from libra.cluster.engine.pulling import Pull, PulledMessage
from libra.cluster.records.known_database import recall
from libra.cluster.records.layout import TOMBSTONES, WATCHES, parts_of, stream_of
from libra.cluster.records.page_records import (
    Record,
    Tombstone,
    read_record,
    read_tombstone,
    rewritten,
    row_of,
    ttl_of,
)
from libra.cluster.records.watch_records import entry_of
from libra.inspector.records.records import BATCH_BYTES
from libra.storage import Deleted, Entry, Snapshot, Store, Unavailable
from libra.storage.history import HistoryLost

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Pages in one transaction, and seconds that the first of a batch waits for others.
BATCH: Final = 500
GROUP: Final = 0.05

#: A batch of this size does not wait for further pages.
FULL_GROUP: Final = 50

#: Seconds between two looks at whether the database is back, and between two attempts to take.
LOOK: Final = 0.2

#: Tries to note a save while the leader has a write of the page under way.
TRIES: Final = 5

#: Notes that are written to the engine concurrently.
AT_ONCE: Final = 32

#: Seconds between two looks at the backlog.
COUNT: Final = 5.0


class Storing:
    """Saves the entries of the shards to the database.

    Args:
        node: this node.
        store: the database.

    Attributes:
        waiting: how many records and tombstones of all shards the database lacked at the last look.
    """

    def __init__(self, node: ClusterNode, store: Store) -> None:
        self._node = node
        self._context = node.context
        self._store = store
        self._saving = asyncio.Lock()
        self._again = SavingAgain(node, self._save, self._database)
        self._progress = Progress(node, store, self._again)
        self.waiting = 0

    async def serve(self) -> None:
        """Save entries, until the program ends."""
        await self._node.ready.wait()
        layout = self._node.require_layout()
        before = await recall(self._node.engine)
        self._progress.begin(layout.identity.name, before)
        if before.unsaved is not None:
            self._again.take_up()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(
                self._node.each_shard(lambda shard: tasks.create_task(self._store_shard(shard)))
            )
            tasks.create_task(self._count())
            tasks.create_task(self._again.serve())
            tasks.create_task(self._progress.serve())
            tasks.create_task(self._store_watches())

    async def _store_watches(self) -> None:
        """Save watches and their deletions to the database."""
        pull = Pull(self._node.engine, WATCHES, "store")
        while True:
            await self._database()
            try:
                deliveries = await pull.take(BATCH)
            except EngineAway as error:
                log.debug("cannot take watches to store: %s", error)
                await asyncio.sleep(LOOK)
                continue
            entries: dict[str, Entry] = {}
            taken: list[PulledMessage] = []
            for delivery in deliveries:
                try:
                    entry = entry_of(delivery)
                except UnknownFormat as error:
                    log.warning("%s is left to a newer Libra: %s", delivery.subject, error)
                    continue
                taken.append(delivery)
                if entry is not None:
                    entries[entry.id] = entry
            try:
                if entries:
                    await self._save_now(list(entries.values()))
            except Unavailable:
                await _hand_back(pull, taken)
                continue
            for delivery in taken:
                await delivery.ack()

    async def _store_shard(self, shard: int) -> None:
        pull = Pull(self._node.engine, stream_of(shard), "store")
        while True:
            await self._database()
            try:
                deliveries = await pull.take(BATCH)
                if len(deliveries) < FULL_GROUP:
                    await asyncio.sleep(GROUP)
                    deliveries += pull.there(BATCH - len(deliveries))
            except EngineAway as error:
                log.debug("cannot take pages to store from shard %d: %s", shard, error)
                await asyncio.sleep(LOOK)
                continue
            left = deque(deliveries)
            try:
                await self._store_all(shard, left)
            except Unavailable:
                await _hand_back(pull, left)

    async def _database(self) -> None:
        """Wait until the database is available, as far as is known."""
        await self._context.availability.opened.wait()
        while self._context.availability.outage is not None:  # noqa: ASYNC110 - it is a plain fact of the context
            await asyncio.sleep(LOOK)

    async def _store_all(self, shard: int, deliveries: deque[PulledMessage]) -> None:
        """Store what was delivered; takes each delivery out once that is done.

        Raises:
            Unavailable: the database does not answer.
        """
        entries: list[tuple[PulledMessage, Record | Tombstone, Entry]] = []
        noted: list[tuple[PulledMessage, Record | Tombstone]] = []
        size = 0
        for number, delivery in enumerate(tuple(deliveries)):
            try:
                known = self._read(delivery)
            except UnknownFormat as error:
                log.warning("%s is left to a newer Libra: %s", delivery.subject, error)
                continue
            if known is not None and _is_noted(known):
                noted.append((delivery, known))
                continue
            entry = None if known is None else self._entry(delivery, known)
            if known is None or entry is None:
                await delivery.ack()
                continue
            entries.append((delivery, known, entry))
            size += len(entry.report) if isinstance(entry, Snapshot) else 0
            if size > BATCH_BYTES:
                await self._store_batch(entries)
                while deliveries[0] is not delivery:
                    deliveries.popleft()
                entries, size = [], 0
            if number % 20 == 19:
                await asyncio.sleep(0)
        if entries:
            await self._store_batch(entries)
        for start in range(0, len(noted), AT_ONCE):
            await asyncio.gather(
                *(self._let_go(shard, *one) for one in noted[start : start + AT_ONCE])
            )

    def _read(self, delivery: PulledMessage) -> Record | Tombstone | None:
        """A finished record or a tombstone; None for all other messages.

        Raises:
            UnknownFormat: a newer Libra wrote it.
        """
        if delivery.is_marker:
            return None
        self._node.require_layout().seen(delivery.subject)
        if parts_of(delivery.subject)[1] == "del":
            return read_tombstone(delivery.data)
        record = read_record(delivery.data)
        return record if record.finished else None

    def _entry(self, delivery: PulledMessage, known: Record | Tombstone) -> Entry | None:
        """The entry to save; None if it cannot be saved."""
        if isinstance(known, Tombstone):
            return Deleted(parts_of(delivery.subject)[0], known.at)
        try:
            return row_of(known)
        except ValueError as error:
            log.error("%s cannot be stored: %s", delivery.subject, error)
        return None

    async def _store_batch(
        self, batch: Sequence[tuple[PulledMessage, Record | Tombstone, Entry]]
    ) -> None:
        refused = await self._save_now([entry for _, _, entry in batch])
        for start in range(0, len(batch), AT_ONCE):
            await asyncio.gather(
                *(
                    self._note(delivery, known, refused.get(entry.id))
                    for delivery, known, entry in batch[start : start + AT_ONCE]
                )
            )

    async def _save(self, entries: Sequence[Entry]) -> None:
        """Save entries, for as long as that takes."""
        while True:
            try:
                await self._save_now(entries)
            except Unavailable:
                await asyncio.sleep(LOOK)
                await self._database()
            else:
                return

    async def _save_now(self, entries: Sequence[Entry]) -> dict[str, str]:
        """Save entries; returns why some are refused, by their ids.

        Raises:
            Unavailable: the database does not answer this node. It may answer others.
        """
        while True:
            try:
                async with self._saving:
                    refused = await self._store.save(entries)
            except HistoryLost as error:
                self.store_again(error)
            except Unavailable as error:
                self._context.processes.database_writer.unavailable(error)
                raise
            else:
                # A page deleted in the database has its tombstone in the engine, or has had it.
                reasons = {one.id: one.reason for one in refused if not one.deleted}
                for page_id, reason in reasons.items():
                    log.error("the database refuses page %s: %s", page_id, reason)
                return reasons

    def store_again(self, error: HistoryLost) -> None:
        """Save all records and tombstones of the engine again: the database is another one or went back.

        From here on its state counts as right.
        """
        self._progress.lost(error)

    async def _note(
        self, delivery: PulledMessage, known: Record | Tombstone, refused: str | None
    ) -> None:
        """Write to the engine that the database has an entry.

        The queue delivers this note, too, and what is no longer needed goes with it (`_let_go`). So it
        goes even if this node ends here. If another program has written to the page since, that write
        counts: the queue delivers it as well.
        """
        page_id, kind = parts_of(delivery.subject)
        ttl: int | None
        if isinstance(known, Tombstone):
            data, ttl = rewritten(delivery.data, stored=True), TOMBSTONES
        else:
            level = "stored" if refused is None else "rejected"
            version = known.stored_version if refused is None else known.version + 1
            data = rewritten(
                delivery.data, backup=level, version=version, database=self._database_id
            )
            ttl = ttl_of("stored", known.expires_at, self._node.now)
        try:
            await self._write(page_id, kind, data, delivery.sequence, ttl)
        except (EngineAway, Misconfigured) as error:
            # The queue delivers it again, and saving it again changes nothing.
            log.debug("page %s is stored, but this could not be noted: %s", page_id, error)
            return
        await delivery.ack()

    async def _write(
        self, page_id: str, kind: str, data: bytes, expect: int, ttl: int | None
    ) -> None:
        """Write the note, unless another program has written to the page since.

        Raises:
            EngineAway: it may be noted or not.
        """
        for _ in range(TRIES):
            try:
                await self._node.write(page_id, kind, data, expect=expect, ttl=ttl)
            except Conflict:
                if (await self._node.read(page_id)).sequence != expect:
                    return
                await asyncio.sleep(LOOK)  # the leader has it under way
            else:
                return
        raise EngineAway("the leader is still writing this page after a long wait")

    async def _let_go(self, shard: int, delivery: PulledMessage, known: Record | Tombstone) -> None:
        """Purge what a noted page no longer needs, or else have the note delivered again.

        A submission that stayed would be the page once its record has expired.
        """
        api, stream = self._node.engine.api, stream_of(shard)
        page_id = parts_of(delivery.subject)[0]
        try:
            if isinstance(known, Tombstone):
                for what in ("sub.>", "rec"):
                    subjects = f"libra.{shard}.{page_id}.{what}"
                    await api(f"STREAM.PURGE.{stream}", {"filter": subjects})
            elif known.sub:
                # This also purges the submissions before it, but not a later one that retries the page.
                subjects = f"libra.{shard}.{page_id}.sub.>"
                await api(f"STREAM.PURGE.{stream}", {"filter": subjects, "seq": known.sub + 1})
        except (EngineAway, Misconfigured, LookupError) as error:
            log.debug("the submission of page %s will be purged later: %s", page_id, error)
        else:
            await delivery.ack()

    @property
    def _database_id(self) -> str:
        return "" if self._store.known is None else self._store.known.database

    async def _count(self) -> None:
        while True:
            waiting = 0
            for shard in self._node.require_layout().shards:
                with suppress(EngineAway, Misconfigured, LookupError):
                    info = await self._node.engine.api(f"CONSUMER.INFO.{stream_of(shard)}.store")
                    waiting += info["num_pending"] + info["num_ack_pending"]
            self.waiting = waiting
            await asyncio.sleep(COUNT)


async def _hand_back(pull: Pull, deliveries: Iterable[PulledMessage]) -> None:
    """Leave deliveries to the nodes that reach the database."""
    await pull.hand_back()
    for delivery in deliveries:
        await delivery.hand_back()
    await asyncio.sleep(LOOK)  # by then this node knows of the outage


def _is_noted(known: Record | Tombstone) -> bool:
    """Whether the engine knows that the database has it, or refuses it."""
    if isinstance(known, Tombstone):
        return known.stored
    return known.backup in ("stored", "rejected")
