"""The cluster's record of its database: how far it had come, and which losses nodes found.

It is kept in the engine. So if the database goes back in time while no node looks, the next node that
does notices, and every node knows what may be lost. It has the counters of all nodes, so that the loss
of a node that has ended is noticed by the others.

What a node knows of the database counts here only if it has looked since the last loss that is noted:
before that, the database had batches that are lost now. With them the same loss would be noted again.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final

import msgspec

from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.records.layout import CLUSTER
from libra.storage.history import MANY, History, HistoryLost
from libra.storage.recollection import MAX_LOSSES, Loss

log = logging.getLogger("libra.cluster")

DATABASE: Final = "libra.cluster.database"
"""The subject of this knowledge."""

UNSURE: Final = datetime.min.replace(tzinfo=UTC)
"""In place of the last loss: a node does not know whether it has looked since then."""

#: Seconds between two tries, and tries of a note that other nodes overtake.
AGAIN: Final = 0.3
TRIES: Final = 5


class KnownDatabase(msgspec.Struct, frozen=True):
    """The newest history saved to the database, and its losses, the oldest first.

    Attributes:
        unsaved: when the loss was noticed after which nobody has saved everything again yet; None if
            somebody has.
    """

    known: History | None = None
    losses: tuple[Loss, ...] = ()
    unsaved: datetime | None = None
    format: int = 1

    @property
    def noticed(self) -> datetime | None:
        """When the last loss was noticed."""
        return self.losses[-1].noticed_at if self.losses else None


async def recall(engine: Engine) -> KnownDatabase:
    """Read this knowledge, for as long as it takes."""
    while True:
        try:
            return (await _read(engine))[0]
        except (EngineAway, Misconfigured) as error:
            log.debug("the record of the database cannot be read: %s", error)
        await asyncio.sleep(AGAIN)


async def note(engine: Engine, known: History, noticed: datetime | None) -> KnownDatabase:
    """Note how far the database has come.

    Args:
        engine: the engine.
        known: the database as this node knows it.
        noticed: when the last loss was noticed after which this node has looked; None for none.

    Returns:
        What is noted now. If it has another last loss than ``noticed``, nothing was changed.

    Raises:
        EngineAway: the engine cannot note it now.
        Conflict: other nodes were faster each time.
    """
    for _ in range(TRIES):
        before, sequence = await _read(engine)
        if before.noticed != noticed:
            return before
        after = known
        if before.known is not None:
            if before.known.database != known.database:
                return before  # a loss that another task is about to note
            if not before.known.lacks(known):
                return before
            after = _bounded(before.known.joined(known))
        noted = msgspec.structs.replace(before, known=after)
        with suppress(Conflict):
            await _write(engine, noted, sequence)
            return noted
    raise Conflict("other nodes have noted how far the database has come")


async def lose(engine: Engine, error: HistoryLost, noticed: datetime | None, now: datetime) -> None:
    """Note that the database is another one, or has gone back; the first node notes the loss.

    The others look again, against what is noted then.

    Args:
        engine: the engine.
        error: what this node knew and what it found.
        noticed: when the last loss was noticed after which this node knew that; None for none.
        now: the present time.
    """
    while True:
        try:
            before, sequence = await _read(engine)
            known = before.known
            if known is None:
                known = error.known
            elif before.noticed != noticed:
                return  # another node has noticed, and others may have saved since this one looked
            elif known.database == error.known.database:
                known = known.joined(error.known)  # it may have found the last batch of all
            if not error.found.lacks(known):
                return
            lost = HistoryLost(known, error.found)
            loss = Loss(now, lost.since, lost.until, lost.reason)
            losses = (*before.losses, loss)[-MAX_LOSSES:]
            await _write(engine, KnownDatabase(_bounded(error.found), losses, now), sequence)
        except Conflict:
            continue
        except (EngineAway, Misconfigured) as away:
            log.debug("the losses of the database will be noted later: %s", away)
            await asyncio.sleep(AGAIN)
        else:
            return


async def saved_again(engine: Engine, since: datetime) -> None:
    """Note that everything was saved again after a loss, unless there has been another loss since."""
    while True:
        try:
            before, sequence = await _read(engine)
            if before.unsaved != since:
                return
            await _write(engine, msgspec.structs.replace(before, unsaved=None), sequence)
        except Conflict:
            continue
        except (EngineAway, Misconfigured) as away:
            log.debug("that everything is saved again will be noted later: %s", away)
            await asyncio.sleep(AGAIN)
        else:
            return


def read_known(data: bytes) -> KnownDatabase:
    """The knowledge in a message.

    Raises:
        msgspec.MsgspecError: the message is not of this form.
    """
    return msgspec.json.decode(data, type=KnownDatabase)


def _bounded(known: History) -> History:
    """Without the nodes that a look would not compare, as many others have saved since."""
    if len(known.nodes) <= MANY:
        return known
    newest = sorted(known.nodes.items(), key=lambda one: one[1].at or UNSURE, reverse=True)
    return msgspec.structs.replace(known, nodes=dict(newest[:MANY]))


async def _read(engine: Engine) -> tuple[KnownDatabase, int]:
    found = await engine.last(CLUSTER, DATABASE)
    if found is None:
        return KnownDatabase(), 0
    return read_known(found.data), found.sequence


async def _write(engine: Engine, what: KnownDatabase, sequence: int) -> None:
    await engine.write(DATABASE, msgspec.json.encode(what), expect=sequence)
