"""How far the database has come, as this node knows it and as the engine notes it.

A node knows the counters of all nodes: from its own looks at the database, and from the notes of the
others. So it notices what a node has lost that does not look itself, since it is cut off or has ended.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Final

from libra.cluster.durability.saving_again import SavingAgain
from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.records.known_database import UNSURE, KnownDatabase, note
from libra.storage import Store, Unavailable
from libra.storage.history import History, HistoryLost, Writer

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

#: Seconds between two notes of how far the database has come.
REMEMBER: Final = 1.0


class Progress:
    """Compares what this node and the engine know of the database, and notes what is new.

    Args:
        node: this node.
        store: the database.
        again: saves everything again after a loss.
    """

    def __init__(self, node: ClusterNode, store: Store, again: SavingAgain) -> None:
        self._node = node
        self._store = store
        self._again = again
        # The last loss that was noted before the store found what it knows.
        self._noticed: datetime | None = UNSURE
        self._accepted = 0  # losses
        # What the engine had when it was last asked. Each look at the database makes a new `History`, so
        # it is asked again after each: it may have lost its record, or an older Libra has cut it short.
        self._noted: History | None = None

    def begin(self, cluster: str, noted: KnownDatabase) -> None:
        """Write to the database from now on; it must not lack what the engine has noted."""
        self._store.write_as(writer_of(cluster, self._node.name), noted.known)
        self._noticed = noted.noticed

    async def serve(self) -> None:
        """Note how far the database has come, for the other nodes and for those that start later."""
        try:
            while True:
                self._hear()
                await self._note()
                await asyncio.sleep(REMEMBER)
        finally:
            await self._note()

    def lost(self, error: HistoryLost) -> None:
        """Accept the database that was found, and have everything saved again."""
        if error.known is not self._store.known:
            # The call began before this node accepted a loss or heard of a batch. What it found may be
            # older than what was found since: the next call tells whether anything is lost.
            return
        self._accepted += 1
        self._store.known = error.found
        self._again.lost(error, self._noticed)
        self._noticed = UNSURE  # until the loss is noted: the notes heard so far are of before it

    def _hear(self) -> None:
        """Require of the database what other nodes have noted, too."""
        heard, known = self._node.database, self._store.known
        if heard.known is None or known is None or heard.noticed != self._noticed:
            return
        if heard.known.database == known.database and known.lacks(heard.known):
            self._store.known = heard.known.joined(known)

    async def _note(self) -> None:
        heard, known = self._node.database, self._store.known
        if known is None or self._again.unnoted:
            return
        if known is self._noted and heard.noticed == self._noticed:
            return
        noticed, accepted = self._noticed, self._accepted
        with suppress(EngineAway, Misconfigured, Conflict):
            noted = await note(self._node.engine, known, noticed)
            self._noted = known if noted.noticed == noticed else None
            # If this node has accepted a loss meanwhile, what was noted before does not tell of that.
            if noted.noticed != noticed and await self._looked() and self._accepted == accepted:
                self._noticed = noted.noticed

    async def _looked(self) -> bool:
        """Look at the database after a loss was noted: what this node knows may be from before it."""
        try:
            await self._store.ping()
        except HistoryLost as error:
            self.lost(error)
        except Unavailable as error:
            log.debug("whether this node knows of the last loss is found out later: %s", error)
        else:
            return True
        return False


def writer_of(cluster: str, node: str) -> Writer:
    """The writer for the database: the lease is the cluster's, the counter is the node's."""
    return Writer(cluster, cluster, f"the cluster {cluster}", node)
