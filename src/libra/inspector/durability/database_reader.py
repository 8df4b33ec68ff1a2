"""What callers read from the database: pages that are not in memory, and lists.

A caller never waits for a database that is known to be down, and whoever finds out that it is tells
the backup, whose breaker then spares everybody else the trouble.
"""

from __future__ import annotations

import asyncio
from datetime import datetime

from libra.inspector.context import Context
from libra.storage import PageQuery, Snapshot, Store, Trace, Unavailable
from libra.storage.rows.urls import UrlQuery, UrlRow

#: Seconds that a caller waits, right after the start, to learn whether there is a database and what
#: the journal has to add to it.
OPENING = 0.5


class DatabaseReader:
    """Reads of the database on behalf of callers."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store

    async def load(self, page_id: str) -> Snapshot | None:
        """A stored page, or None if there is none.

        Raises:
            Unavailable: at once while the database is known to be down, else within its deadline.
        """
        await self._require()
        try:
            row = await self._store.load(page_id)
        except Unavailable as error:
            self._lost(error)
            raise
        if page_id in self._context.records.deletions.pages:
            return None
        if row is None and self._context.availability.gap is not None:
            # It may be among what is being saved again, or be gone: nobody can tell yet.
            raise Unavailable("history", self._context.availability.gap.reason)
        return row

    async def trace(self, page_id: str) -> Trace | None:
        """What the database has of a page: a version, the mark of its deletion, or nothing.

        Raises:
            Unavailable: at once while the database is known to be down, else within its deadline.
        """
        await self._require()
        try:
            return await self._store.trace(page_id)
        except Unavailable as error:
            self._lost(error)
            raise

    async def recent(self, query: PageQuery) -> list[Snapshot]:
        """Stored pages, newest first.

        Raises:
            Unavailable: at once while the database is known to be down, else within its deadline.
        """
        await self._require()
        try:
            rows = await self._store.recent(query)
        except Unavailable as error:
            # A search may look at every page and so run out of time: that is no outage.
            if not query.searches:
                self._lost(error)
            raise
        return [row for row in rows if row.id not in self._context.records.deletions.pages]

    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> list[Snapshot]:
        """What was weighed of a URL, thinned; raises as `urls` does."""
        await self._require()
        try:
            rows = await self._store.timeline(url, since=since, until=until, spans=spans)
        except Unavailable as error:
            if error.fault != "timeout":
                self._lost(error)
            raise
        return [row for row in rows if row.id not in self._context.records.deletions.pages]

    async def urls(self, query: UrlQuery) -> list[UrlRow]:
        """One row for each URL.

        Raises:
            Unavailable: at once while the database is known to be down, else within its deadline.
        """
        await self._require()
        try:
            return await self._store.urls(query)
        except Unavailable as error:
            # It looks at every page and so may run out of time: that is no outage.
            if error.fault != "timeout":
                self._lost(error)
            raise

    async def picture(self, page_id: str, *, whole: bool) -> bytes | None:
        """The picture of a page, or None.

        Raises:
            Unavailable: at once while the database is known to be down, else within its deadline.
        """
        await self._require()
        try:
            return await self._store.picture(page_id, whole=whole)
        except Unavailable as error:
            self._lost(error)
            raise

    async def _require(self) -> None:
        context = self._context
        known = context.availability.opened.is_set() and context.availability.replayed.is_set()
        if not known and context.availability.outage is None:
            # In the first moment of a program; afterwards the answer is always there at once. The
            # journal comes first: by it a row may be out of date, deleted, or not there yet.
            try:
                async with asyncio.timeout(OPENING):
                    await context.availability.opened.wait()
                    await context.availability.replayed.wait()
            except TimeoutError:
                raise Unavailable("timeout", "the database and the journal are opened") from None
        outage = context.availability.outage
        if outage is not None:
            raise Unavailable("unreachable", outage.reason)

    def _lost(self, error: Unavailable) -> None:
        self._context.processes.database_writer.unavailable(error)
