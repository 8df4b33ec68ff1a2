"""Reads pages that are not in memory: from the engine's leader, then from the database.

While the leader is away, the reader takes another server's copy together with the database. If neither
is sure, it raises `Unavailable`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from libra.cluster.engine.errors import EngineAway, UnknownFormat
from libra.cluster.records.page_records import (
    of_record,
    of_submission,
    read_submission,
    row_of,
    shown,
)
from libra.cluster.replica.replica import AGE
from libra.inspector.context import Context
from libra.inspector.durability.database_reader import DatabaseReader
from libra.report import FINISHED
from libra.storage import PageQuery, Snapshot, Store, Unavailable
from libra.storage.rows.urls import UrlQuery, UrlRow
from libra.storage.store import Trace

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode
    from libra.cluster.records.known import Known

#: Seconds that a reader waits for the engine's leader, and for any other server with a copy. Together
#: with the deadline of the database this is less than 1.
READING: Final = 0.3
COPY: Final = 0.15


class ClusterReader(DatabaseReader):
    """Reads pages of a cluster for a node, whether they are in memory or not.

    Args:
        node: returns this node.
        context: the state that the processes of this node share.
        store: the database.
    """

    def __init__(self, node: Callable[[], ClusterNode], context: Context, store: Store) -> None:
        super().__init__(context, store)
        self._node = node

    async def load(self, page_id: str) -> Snapshot | None:
        """A page as the engine has it, else as the database has it; None if neither has it.

        Raises:
            Unavailable: a server or node that may know the page cannot be asked.
        """
        away: EngineAway | None = None
        row: Snapshot | None = None
        known: Known | None
        try:
            known = await self._node().read(page_id, READING)
        except EngineAway as error:
            away, known = error, await self._node().read_copy(page_id, COPY)
        if known is not None:
            replica = self._node().replica
            if away is None and replica is not None:
                replica.take(page_id, known)
            if known.kind == "del":
                return None
            row = self._row(known)
            if row is not None and away is None:
                return row
        try:
            stored = await super().load(page_id)
        except Unavailable:
            if row is None:
                raise
            return row
        if away is None:
            if stored is None and (who := self._node().ledger.may_have(page_id)) is not None:
                raise Unavailable("unreachable", f"{who} may have it on its disk")
            return stored
        # A copy may be behind the database, too: no client may see less than a moment ago. A page that
        # was stored and is no longer in the database was deleted.
        found = (
            row if stored is None or (row is not None and row.version > stored.version) else stored
        )
        was_stored = (
            known is not None and known.record is not None and known.record.backup == "stored"
        )
        if stored is None and was_stored:
            found = None
        if found is None or (found is stored and found.status not in FINISHED):
            # It may be in the engine, newer than in the database, or deleted.
            raise Unavailable("unreachable", f"the engine cannot be asked: {away}")
        return found

    async def trace(self, page_id: str) -> Trace | None:
        """Return what the engine has of a page, else what the database has.

        A page that another node has just taken in is in the engine before this node hears of it.

        Raises:
            Unavailable: the database cannot be asked.
        """
        try:
            known = await self._node().read(page_id, READING)
        except EngineAway:
            return await super().trace(page_id)
        replica = self._node().replica
        if replica is not None:
            replica.take(page_id, known)
        if known.kind is None:
            return await super().trace(page_id)
        return "deleted" if known.kind == "del" else "stored"

    async def recent(self, query: PageQuery) -> list[Snapshot]:
        """Read stored pages, newest first.

        Raises:
            Unavailable: the database cannot be asked, or not all records of the engine are in memory.
        """
        self._require_records()
        return await super().recent(query)

    async def urls(self, query: UrlQuery) -> list[UrlRow]:
        """Read one row for each URL; raises the errors of `recent`."""
        self._require_records()
        return await super().urls(query)

    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> list[Snapshot]:
        """Read the pages of a URL; raises the errors of `recent`."""
        self._require_records()
        return await super().timeline(url, since=since, until=until, spans=spans)

    def _require_records(self) -> None:
        replica = self._node().replica
        if replica is not None and (not replica.complete or replica.age() >= AGE):
            raise Unavailable("unreachable", "not all records of the engine are in memory")

    def _row(self, known: Known) -> Snapshot | None:
        try:
            if known.message is None:
                return None
            if known.kind == "sub":
                sub = read_submission(known.message.data)
                return shown(of_submission(sub))
            record = known.record
            if record is None:
                raise Unavailable("unreachable", "a newer Libra wrote its record")
            if not record.finished:
                return shown(of_record(record))
            row = row_of(record)
            if record.backup != "stored":
                # The row is the page as it will be once stored; this shows it as it is now.
                return shown(of_record(record))
        except (UnknownFormat, ValueError) as error:
            raise Unavailable("unreachable", f"its record cannot be read: {error}") from None
        return row
