"""All nodes, and the entries that only they hold: each node has a lasting entry in the engine.

Each second, a node that takes pages says that its journal is clean, or gives the oldest id that it holds
and the engine does not. While such a node is silent, a page made since 2 s before its last entry may be
in its journal. The other nodes then answer 503, not 404, until the node is back or is removed.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import msgspec

from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.engine.pulling import Pull, PulledMessage, snapshot_of
from libra.cluster.records.known_database import DATABASE, read_known
from libra.cluster.records.layout import CLUSTER, IDENTITY, read_identity
from libra.cluster.records.page_records import FORMAT

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Seconds between two entries of a node, and between two attempts to read those of the others.
BEAT: Final = 1.0
RETRY: Final = 0.5

#: Seconds that a node has to write before it is taken to be gone.
HEARING: Final = 3.0

#: Milliseconds from the making of an id until its node owes the page to the engine, at most: it first
#: waits for the idempotency key and for the engine.
NOT_YET_OWED: Final = 2_000

#: Milliseconds that an id may be ahead of the clock here; no node made an id further ahead.
AHEAD: Final = 900_000

BATCH: Final = 100


class LedgerEntry(msgspec.Struct, frozen=True):
    """The last word of a node.

    Attributes:
        node: its name.
        epoch: the start of the node that wrote this.
        role: its role.
        version: the version of its program.
        at: the time of writing, in milliseconds of its own clock.
        oldest: the oldest id that only this node has; None for none.
        left: whether it has ended in good order, and holds nothing.
        reads: the highest format of records that it reads.
    """

    node: str
    epoch: str
    role: str
    version: str
    at: int
    oldest: str | None = None
    left: bool = False
    reads: int = 1


class Ledger:
    """Writes the entry of this node, and knows those of all nodes.

    Args:
        node: this node.
        version: the version of its program.
    """

    def __init__(self, node: ClusterNode, version: str) -> None:
        self._node = node
        self._version = version
        self._entries: dict[str, LedgerEntry] = {}
        self._read = False
        self.oldest: str | None = None

    @property
    def entries(self) -> list[LedgerEntry]:
        """The last word of every node that has not left."""
        return [entry for entry in self._entries.values() if not entry.left]

    @property
    def format(self) -> int:
        """The newest format of records that every node reads, including silent nodes."""
        return min((FORMAT, *(entry.reads for entry in self.entries)))

    def may_have(self, page_id: str) -> str | None:
        """The node that may have a page missing in the engine and the database; None for none."""
        made = int(page_id[:8] + page_id[9:13], 16)
        if made > time.time() * 1000 + AHEAD:
            return None
        if not self._read:
            return "a node that this one has not heard of"
        for entry in self.entries:
            if entry.node == self._node.name or entry.role == "inspector":
                continue
            # What the node made right before its entry was perhaps not owed yet.
            owed = entry.oldest is not None and page_id >= entry.oldest
            if owed or made > entry.at - NOT_YET_OWED:
                return entry.node
        return None

    async def serve(self) -> None:
        """Write this node's entry and read those of the others, until the program ends."""
        await self._node.ready.wait()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._say_on())
                tasks.create_task(self._hear())
        finally:
            # Nothing is owed, so no node needs to wait for this one.
            with suppress(EngineAway, Misconfigured):
                await self._say(left=self.oldest is None)

    async def _say_on(self) -> None:
        while True:
            with suppress(EngineAway, Misconfigured):
                await self._say()
            await asyncio.sleep(BEAT)

    async def _say(self, *, left: bool = False) -> None:
        node = self._node
        entry = LedgerEntry(
            node.name,
            node.epoch,
            node.role,
            self._version,
            int(time.time() * 1000),
            self.oldest,
            left,
            FORMAT,
        )
        await node.engine.write(f"libra.cluster.node.{node.name}", msgspec.json.encode(entry))

    async def _hear(self) -> None:
        engine = self._node.engine
        while True:
            name = f"ledger-{self._node.epoch}-{time.monotonic_ns()}"
            pull = Pull(engine, CLUSTER, name, whole=True)
            try:
                await snapshot_of(
                    engine, CLUSTER, name, ["libra.cluster.node.*", DATABASE, IDENTITY]
                )
                while True:
                    for delivery in await pull.take(BATCH):
                        self._heard(delivery)
            except (EngineAway, Misconfigured, LookupError) as error:
                log.debug("the entries of the nodes cannot be read: %s", error)
            finally:
                await pull.close()
            await asyncio.sleep(RETRY)

    def _heard(self, delivery: PulledMessage) -> None:
        name = delivery.subject.rpartition(".")[2]
        if delivery.subject == DATABASE:
            try:
                self._node.database = read_known(delivery.data)
            except msgspec.MsgspecError as error:
                log.warning("the record of the database cannot be read: %s", error)
            else:
                self._node.context.availability.losses = self._node.database.losses
        elif delivery.subject == IDENTITY:
            with suppress(msgspec.MsgspecError):
                self._node.told(read_identity(delivery.data))
        elif delivery.is_marker or not delivery.data:
            self._entries.pop(name, None)
            self._node.presence.forget(name)
        else:
            try:
                self._entries[name] = msgspec.json.decode(delivery.data, type=LedgerEntry)
            except msgspec.MsgspecError as error:
                log.warning("the entry of node %s cannot be read: %s", name, error)
        if delivery.pending == 0:
            self._read = True


async def entries(engine: Engine) -> list[LedgerEntry]:
    """The last word of every node, including those that have left.

    Raises:
        EngineAway: the engine cannot be asked.
    """
    info = await engine.api(f"STREAM.INFO.{CLUSTER}", {"subjects_filter": "libra.cluster.node.*"})
    words = [await engine.last(CLUSTER, subject) for subject in info["state"].get("subjects") or ()]
    return [
        msgspec.json.decode(word.data, type=LedgerEntry)
        for word in words
        if word is not None and word.data
    ]


async def remove(engine: Engine, name: str) -> LedgerEntry | None:
    """Forget a node that never comes back; returns its last word, or None if there is no such node.

    Raises:
        Conflict: it has written meanwhile, so it is alive.
        EngineAway: the engine cannot do that now.
    """
    subject = f"libra.cluster.node.{name}"
    found = await engine.last(CLUSTER, subject)
    if found is None or not found.data:
        return None
    entry = msgspec.json.decode(found.data, type=LedgerEntry)
    if not entry.left:
        await asyncio.sleep(HEARING)
    try:
        # An empty message: the nodes that read the entries drop this one.
        await engine.write(subject, b"", expect=found.sequence)
    except Conflict:
        raise Conflict(f"{name} is running: it has just written its entry") from None
    return entry
