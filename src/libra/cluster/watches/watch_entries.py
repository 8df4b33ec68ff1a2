"""The watches of a cluster, in the engine and in memory, where they are listed and shown.

A watch is a record, which changes by compare-and-set, and a scheduled message for its next turn.
"""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import msgspec

from libra.cluster.engine.errors import EngineAway, Misconfigured, UnknownFormat
from libra.cluster.engine.pulling import Pull, PulledMessage, snapshot_of
from libra.cluster.records.layout import WATCHES
from libra.cluster.records.watch_records import RECORDS, WatchEntry, read_kept, watch_of
from libra.inspector.records.watches.watch_record import WatchRecord
from libra.inspector.watches import steps

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.watch")

#: Seconds between two attempts to follow them.
RETRY: Final = 0.5

#: Changes per batch.
BATCH: Final = 250


class WatchEntries:
    """Reads and writes watches, schedules their turns, and follows the writes of others.

    Args:
        node: this node.
    """

    def __init__(self, node: ClusterNode) -> None:
        self._node = node
        self._context = node.context

    async def read(self, watch_id: str, patience: float = 2.0) -> tuple[int, WatchEntry | None]:
        """Read a watch from the leader: its place in the stream, 0 if there is none, and its entry.

        Raises:
            EngineAway: the leader does not answer, or only a newer Libra can read the watch.
        """
        self._node.require_layout()
        found = await self._node.engine.last(
            WATCHES, f"libra.watch.rec.{watch_id}", patience=patience
        )
        if found is None:
            return 0, None
        if found.is_marker:
            return found.sequence, None
        try:
            return found.sequence, read_kept(found.data)
        except UnknownFormat as error:
            # It is not lost: a newer Libra has it, and takes its turns.
            raise EngineAway(str(error)) from None

    async def write(
        self,
        watch_id: str,
        kept: WatchEntry,
        *,
        expect: int,
        ttl: int | None = None,
        patience: float = 2.0,
    ) -> None:
        """Write a version of a watch after the one with the sequence ``expect``.

        Raises:
            Conflict: another version was written meanwhile.
            EngineAway: the engine does not answer.
        """
        self._node.require_layout()
        await self._node.engine.write(
            f"libra.watch.rec.{watch_id}",
            msgspec.json.encode(kept),
            expect=expect,
            ttl=ttl,
            patience=patience,
        )

    async def arm(self, watch_id: str, at: datetime, *, patience: float = 2.0) -> None:
        """Schedule the next turn in place of the present one; none for a watch that rests."""
        if at >= steps.NEVER:
            return
        self._node.require_layout()
        moment = at.astimezone(UTC)
        await self._node.engine.write(
            f"libra.watch.at.{watch_id}",
            moment.isoformat().encode(),
            headers={
                "Nats-Schedule": f"@at {moment:%Y-%m-%dT%H:%M:%S.%f}Z",
                "Nats-Schedule-Target": f"libra.watch.due.{watch_id}",
            },
            patience=patience,
        )

    async def hear(self) -> None:
        """Keep every watch in memory, to be listed and shown."""
        engine = self._node.engine
        while True:
            name = f"watches-{self._node.epoch}-{time.monotonic_ns()}"
            pull = Pull(engine, WATCHES, name, whole=True)
            try:
                if await snapshot_of(engine, WATCHES, name, RECORDS) == 0:
                    self._context.availability.watches_known.set()
                while True:
                    for delivery in await pull.take(BATCH):
                        self._heard(delivery)
            except LookupError as error:
                log.debug("there is no stream of watches: %s", error)
                self._node.lacks_streams()
            except (EngineAway, Misconfigured) as error:
                log.debug("the watches cannot be read: %s", error)
            finally:
                await pull.close()
            await asyncio.sleep(RETRY)

    def show(self, watch_id: str, kept: WatchEntry) -> WatchRecord:
        """Take a version of a watch into memory, unless a newer one is there; returns the newer."""
        known = self._context.records.watches.get(watch_id)
        if known is not None and known.version >= kept.version:
            return known
        if kept.state is None:
            raise ValueError(f"watch {watch_id} is deleted")
        record = WatchRecord(kept.state, kept.version, "replicated")
        self._context.records.watches.add(record)
        self._context.records.followers.changed(watch_id)
        return record

    def gone(self, watch_id: str) -> None:
        """Remove a watch from memory."""
        self._context.records.watches.discard(watch_id)
        self._context.records.followers.changed(watch_id)

    def _heard(self, delivery: PulledMessage) -> None:
        watch_id = watch_of(delivery.subject)
        if delivery.is_marker:
            self.gone(watch_id)
        else:
            try:
                kept = read_kept(delivery.data)
            except UnknownFormat as error:
                log.warning("%s is left alone: %s", delivery.subject, error)
            else:
                if kept.state is None:
                    self.gone(watch_id)
                else:
                    self.show(watch_id, kept)
        if delivery.pending == 0:
            self._context.availability.watches_known.set()
