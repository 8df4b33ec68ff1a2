"""Reads from the database for callers: pages that are not in memory, and lists.

A caller never waits for a database that is known to be down. A caller that finds it down tells the
database writer, whose breaker then spares all other callers the wait.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from libra.inspector.context import Context
from libra.report import decode_summary
from libra.storage import PageQuery, Snapshot, Store, Trace, Unavailable, UnreadableRow
from libra.storage.rows.readable import noted
from libra.storage.rows.urls import UrlQuery, UrlRow

#: Seconds that a caller waits right after the start, to learn whether there is a database and which
#: entries the journal adds to it.
OPENING = 0.5


class DatabaseReader:
    """Reads the database for callers."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store

    async def load(self, page_id: str) -> Snapshot | None:
        """Return a stored page, or None if there is none.

        Raises:
            UnreadableRow: there is one and it cannot be read.
            Unavailable: at once while the database is known to be down, otherwise within its deadline.
        """
        await self._require()
        try:
            row = await self._store.load(page_id)
        except UnreadableRow:
            raise
        except Unavailable as error:
            self._lost(error)
            raise
        if page_id in self._context.records.deletions.pages:
            return None
        if row is not None:
            self._require_report(row)
        gap = self._context.availability.gap
        if row is None and gap is not None and self._context.availability.owed:
            # The page may be among those that are being saved again, or may be lost: nobody knows yet.
            raise Unavailable("history", gap.reason)
        return row

    async def trace(self, page_id: str) -> Trace | None:
        """Return what the database has of a page: a version, the mark of its deletion, or nothing.

        Raises:
            Unavailable: at once while the database is known to be down, otherwise within its deadline.
        """
        await self._require()
        try:
            return await self._store.trace(page_id)
        except Unavailable as error:
            self._lost(error)
            raise

    async def recent(self, query: PageQuery) -> list[Snapshot]:
        """Return stored pages, newest first.

        Raises:
            Unavailable: at once while the database is known to be down, otherwise within its deadline.
        """
        await self._require()
        try:
            rows = await self._store.recent(query)
        except Unavailable as error:
            # A search may look at every page and run out of time: that is not an outage.
            if not query.searches:
                self._lost(error)
            raise
        return [row for row in rows if row.id not in self._context.records.deletions.pages]

    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> list[Snapshot]:
        """Return the thinned history of a URL; raises as `urls` does."""
        await self._require()
        try:
            rows = await self._store.timeline(url, since=since, until=until, spans=spans)
        except Unavailable as error:
            if error.fault != "timeout":
                self._lost(error)
            raise
        return [row for row in rows if row.id not in self._context.records.deletions.pages]

    async def urls(self, query: UrlQuery) -> list[UrlRow]:
        """Return one row for each URL.

        Raises:
            Unavailable: at once while the database is known to be down, otherwise within its deadline.
        """
        await self._require()
        try:
            return await self._store.urls(query)
        except Unavailable as error:
            # The query looks at every page and may run out of time: that is not an outage.
            if error.fault != "timeout":
                self._lost(error)
            raise

    async def picture(self, page_id: str, *, whole: bool) -> bytes | None:
        """Return the picture of a page, or None.

        Raises:
            Unavailable: at once while the database is known to be down, otherwise within its deadline.
        """
        await self._require()
        try:
            return await self._store.picture(page_id, whole=whole)
        except Unavailable as error:
            self._lost(error)
            raise

    def _require_report(self, row: Snapshot) -> None:
        # Only in lists does a store look into reports.
        try:
            decode_summary(row.report)
        except msgspec.MsgspecError as error:
            raise noted(row.id, error, self._store.unreadable) from error

    async def _require(self) -> None:
        context = self._context
        known = context.availability.opened.is_set() and context.availability.replayed.is_set()
        if not known and context.availability.outage is None:
            # This waits only in the first moments of the program. The journal comes first, because a row
            # may be out of date, deleted or missing by what the journal says.
            try:
                async with asyncio.timeout(OPENING):
                    await context.availability.opened.wait()
                    await context.availability.replayed.wait()
            except TimeoutError:
                raise Unavailable(
                    "timeout", "the database and the journal are still being opened"
                ) from None
        outage = context.availability.outage
        if outage is not None:
            raise Unavailable("unreachable", outage.reason)

    def _lost(self, error: Unavailable) -> None:
        self._context.processes.database_writer.unavailable(error)
