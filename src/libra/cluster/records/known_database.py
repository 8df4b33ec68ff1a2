"""The cluster's record of its database: how far it had come, and which losses nodes found.

It is kept in the engine. So if the database goes back in time while no node looks, the next node that
does notices, and every node knows what may be lost.
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
"""The subject of this knowledge."""

#: Seconds between two tries.
AGAIN: Final = 0.3


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


async def recall(engine: Engine) -> KnownDatabase:
    """Read this knowledge, for as long as it takes."""
    while True:
        try:
            return (await _read(engine))[0]
        except (EngineAway, Misconfigured) as error:
            log.debug("the record of the database cannot be read: %s", error)
        await asyncio.sleep(AGAIN)


async def note(engine: Engine, known: History) -> None:
    """Note how far the database has come.

    Raises:
        EngineAway: the engine cannot note it now.
    """
    before, sequence = await _read(engine)
    if before.known is not None and before.known.database == known.database:
        if before.known.counter >= known.counter:
            return
    elif before.known is not None:
        return  # a loss that another task is about to note
    if before.losses and (known.at is None or known.at <= before.losses[-1].noticed_at):
        return  # that was before it went back
    try:
        await _write(engine, msgspec.structs.replace(before, known=known), sequence)
    except Conflict:
        return  # another node has come further, or will note the same


async def lose(engine: Engine, error: HistoryLost, now: datetime) -> None:
    """Note that the database is another one, or has gone back; the first node notes the loss."""
    while True:
        try:
            before, sequence = await _read(engine)
            known = before.known
            if known is not None and not error.found.lacks(known):
                return  # another node has noticed
            until = known.at if known is not None else error.known.at
            loss = Loss(now, error.found.at, until, error.reason)
            after = KnownDatabase(error.found, (*before.losses, loss)[-MAX_LOSSES:], now)
            await _write(engine, after, sequence)
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


def read_losses(data: bytes) -> tuple[Loss, ...]:
    """The losses in a message.

    Raises:
        msgspec.MsgspecError: the message is not of this form.
    """
    return msgspec.json.decode(data, type=KnownDatabase).losses


async def _read(engine: Engine) -> tuple[KnownDatabase, int]:
    found = await engine.last(CLUSTER, DATABASE)
    if found is None:
        return KnownDatabase(), 0
    return msgspec.json.decode(found.data, type=KnownDatabase), found.sequence


async def _write(engine: Engine, what: KnownDatabase, sequence: int) -> None:
    await engine.write(DATABASE, msgspec.json.encode(what), expect=sequence)
