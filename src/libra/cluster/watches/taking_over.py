"""Takes the watches of the database over into the engine, once in the life of its stream.

They are older than the cluster, or the engine was made anew, perhaps while this node ran. Several nodes
may do this at the same time.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.records.layout import WATCHES
from libra.cluster.records.watch_records import TAKEN, WatchEntry
from libra.cluster.watches.watch_entries import WatchEntries
from libra.inspector.records.watches.watch_record import restore_watch
from libra.storage import Store, Unavailable
from libra.storage.rows.entries import WatchRow

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.watch")

#: Seconds between two attempts.
RETRY: Final = 0.5

#: Seconds between two looks whether the stream is another one.
LOOK: Final = 30.0

#: Seconds until the first turn of a watch, at the least.
FIRST: Final = 2.0


async def take_over(node: ClusterNode, entries: WatchEntries, store: Store) -> None:
    """Write what the engine lacks, whenever both the engine and the database are there."""
    availability = node.context.availability
    while True:
        await availability.opened.wait()
        try:
            if await node.engine.last(WATCHES, TAKEN) is not None:
                await asyncio.sleep(LOOK)
            elif availability.outage is None:
                for row in await store.watches():
                    await _take_over_one(node, entries, row)
                with suppress(Conflict):
                    await node.engine.write(TAKEN, b"", expect=0)
                continue
        except (EngineAway, Misconfigured, Unavailable) as error:
            log.debug("the watches of the database are taken over later: %s", error)
        await asyncio.sleep(RETRY)


async def _take_over_one(node: ClusterNode, entries: WatchEntries, row: WatchRow) -> None:
    try:
        state = restore_watch(row, "stored").state
    except msgspec.MsgspecError as error:
        log.error("watch %s of the database cannot be read: %s", row.id, error)
        return
    kept = WatchEntry(row.version, state)
    # First the turn: the node may end at any moment, and a turn without a watch does no harm.
    soon = node.context.services.now() + timedelta(seconds=FIRST)
    await entries.arm(row.id, max(state.next_at, soon))
    with suppress(Conflict):
        await entries.write(row.id, kept, expect=0)
        entries.show(row.id, kept)
