"""What the cluster knows of its database: how far it had come, and what it was found to have lost.

It stands in the engine, so that a database that goes back in time while no node looks is noticed by the
next that does, and so that every node knows what may be lost.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Final

import msgspec

from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.records.layout import CLUSTER
from libra.storage.history import History, HistoryLost
from libra.storage.recollection import MAX_LOSSES, Loss

log = logging.getLogger("libra.cluster")

DATABASE: Final = "libra.cluster.database"
"""The subject of what is known of it."""

#: Seconds between two tries.
AGAIN: Final = 0.3


class KnownDatabase(msgspec.Struct, frozen=True):
    """The database with all that was saved to it, and what was lost, the oldest first."""

    known: History | None = None
    losses: tuple[Loss, ...] = ()
    format: int = 1


async def recall(engine: Engine) -> KnownDatabase:
    """What is known, for as long as it takes to find out."""
    while True:
        try:
            return (await _read(engine))[0]
        except (EngineAway, Misconfigured) as error:
            log.debug("what was known of the database is not told: %s", error)
        await asyncio.sleep(AGAIN)


async def note(engine: Engine, known: History) -> None:
    """The database has come so far.

    Raises:
        EngineAway: it could not be noted, now.
    """
    before, sequence = await _read(engine)
    if before.known is not None and before.known.database == known.database:
        if before.known.counter >= known.counter:
            return
    elif before.known is not None:
        return  # a loss, that somebody is about to note
    if before.losses and (known.at is None or known.at <= before.losses[-1].noticed_at):
        return  # that was before it went back
    try:
        await _write(engine, msgspec.structs.replace(before, known=known), sequence)
    except Conflict:
        return  # another has come further, or will note the same


async def lose(engine: Engine, error: HistoryLost, now: datetime) -> None:
    """The database is another one, or has gone back; whoever is the first says what that may cost."""
    while True:
        try:
            before, sequence = await _read(engine)
            known = before.known
            if known is not None and not error.found.lacks(known):
                return  # somebody else has noticed
            until = known.at if known is not None else error.known.at
            loss = Loss(now, error.found.at, until, error.reason)
            after = KnownDatabase(error.found, (*before.losses, loss)[-MAX_LOSSES:])
            await _write(engine, after, sequence)
        except Conflict:
            continue
        except (EngineAway, Misconfigured) as away:
            log.debug("what the database has lost is noted later: %s", away)
            await asyncio.sleep(AGAIN)
        else:
            return


def read_losses(data: bytes) -> tuple[Loss, ...]:
    """What a message says that was lost.

    Raises:
        msgspec.MsgspecError: it says nothing of the kind.
    """
    return msgspec.json.decode(data, type=KnownDatabase).losses


async def _read(engine: Engine) -> tuple[KnownDatabase, int]:
    found = await engine.last(CLUSTER, DATABASE)
    if found is None:
        return KnownDatabase(), 0
    return msgspec.json.decode(found.data, type=KnownDatabase), found.sequence


async def _write(engine: Engine, what: KnownDatabase, sequence: int) -> None:
    await engine.write(DATABASE, msgspec.json.encode(what), expect=sequence)
