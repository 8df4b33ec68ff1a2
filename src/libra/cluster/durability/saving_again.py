"""Saves everything in the engine to the database again, after the database has lost data.

Each inspector that notices the loss does so. The engine remembers the duty (`KnownDatabase.unsaved`)
until one of them is done, for an inspector that starts after all of those have ended.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from libra.cluster.engine.errors import EngineAway, Misconfigured, UnknownFormat
from libra.cluster.engine.pulling import Pull, PulledMessage, snapshot_of
from libra.cluster.records.known_database import lose, recall, saved_again
from libra.cluster.records.layout import WATCHES, parts_of, stream_of
from libra.cluster.records.page_records import read_record, read_tombstone, row_of
from libra.cluster.records.watch_records import RECORDS, entry_of
from libra.storage import Deleted, Entry
from libra.storage.history import HistoryLost

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Entries in one transaction.
BATCH: Final = 500

#: Seconds between two attempts to read a stream.
RETRY: Final = 0.2


class SavingAgain:
    """The duty to save everything again.

    Args:
        node: this node.
        save: saves entries to the database, for as long as that takes.
        database: waits until the database is available.
    """

    def __init__(
        self,
        node: ClusterNode,
        save: Callable[[Sequence[Entry]], Awaitable[object]],
        database: Callable[[], Awaitable[None]],
    ) -> None:
        self._node = node
        self._save = save
        self._database = database
        self._due = asyncio.Event()
        self._losses: list[tuple[HistoryLost, datetime | None]] = []

    @property
    def unnoted(self) -> bool:
        """Whether the engine does not know yet of a loss that this node has noticed."""
        return bool(self._losses)

    def lost(self, error: HistoryLost, noticed: datetime | None) -> None:
        """The database is another one, or went back; for ``noticed`` see `known_database.lose`."""
        log.warning("%s: Libra saves everything in the engine again", error)
        self._losses.append((error, noticed))
        self._due.set()

    def take_up(self) -> None:
        """The nodes that noticed a loss may have ended before they had saved everything again."""
        log.warning("Libra saves everything in the engine again: nobody has finished that yet")
        self._due.set()

    async def serve(self) -> None:
        """Save everything again whenever it is due, until the program ends."""
        while True:
            await self._due.wait()
            self._due.clear()
            while self._losses:
                await lose(self._node.engine, *self._losses[0], self._node.now)
                self._losses.pop(0)
            since = (await recall(self._node.engine)).unsaved
            await self._everything()
            if since is not None:
                await saved_again(self._node.engine, since)

    async def _everything(self) -> None:
        streams: list[tuple[str, Sequence[str]]] = [
            (stream_of(shard), (f"libra.{shard}.*.rec", f"libra.{shard}.*.del"))
            for shard in self._node.require_layout().shards
        ]
        for stream, filters in (*streams, (WATCHES, RECORDS)):
            while True:
                await self._database()
                try:
                    await self._stream(stream, filters)
                except (EngineAway, Misconfigured, LookupError) as error:
                    log.debug("%s will be saved again later: %s", stream, error)
                    await asyncio.sleep(RETRY)
                else:
                    break

    async def _stream(self, stream: str, filters: Sequence[str]) -> None:
        engine = self._node.engine
        name = f"again-{self._node.epoch}-{time.monotonic_ns()}"
        left = await snapshot_of(engine, stream, name, filters)
        pull = Pull(engine, stream, name, whole=True)
        try:
            while left > 0:
                deliveries = await pull.take(BATCH)
                left -= len(deliveries)
                entries = [entry for one in deliveries if (entry := _kept(one)) is not None]
                if entries:
                    await self._save(entries)
        finally:
            await pull.close()


def _kept(delivery: PulledMessage) -> Entry | None:
    """The entry that the database should have for a message."""
    if delivery.is_marker:
        return None
    page_id, kind = parts_of(delivery.subject)
    with suppress(UnknownFormat, ValueError):
        if page_id == "rec":
            return entry_of(delivery)  # a watch
        if kind == "del":
            return Deleted(page_id, read_tombstone(delivery.data).at)
        record = read_record(delivery.data)
        return row_of(record) if record.finished and record.backup != "rejected" else None
    return None
