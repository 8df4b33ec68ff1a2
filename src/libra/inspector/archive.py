"""What callers read from the database: pages that are not in memory, and lists.

A caller never waits for a database that is known to be down, and whoever finds out that it is tells
the backup, whose breaker then spares everybody else the trouble.
"""

from __future__ import annotations

import asyncio

from libra.inspector.context import Context
from libra.inspector.messages import Lost
from libra.storage import Snapshot, Store, Unavailable
from libra.weighing.report import Status

#: Seconds that a caller waits, right after the start, to learn whether there is a database and what
#: the journal has to add to it.
OPENING = 0.5


class Archive:
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
        if page_id in self._context.forgotten:
            return None
        if row is None and self._context.gap is not None:
            # It may be among what is being saved again, or be gone: nobody can tell yet.
            raise Unavailable("history", self._context.gap.reason)
        return row

    async def recent(
        self,
        *,
        limit: int,
        after: str | None = None,
        url: str | None = None,
        host: str | None = None,
        text: str | None = None,
        status: Status | None = None,
        since: str | None = None,
    ) -> list[Snapshot]:
        """Stored pages, newest first.

        Raises:
            Unavailable: at once while the database is known to be down, else within its deadline.
        """
        await self._require()
        try:
            rows = await self._store.recent(
                limit=limit,
                after=after,
                url=url,
                host=host,
                text=text,
                status=status,
                since=since,
            )
        except Unavailable as error:
            # A search may look at every page and so run out of time: that is no outage.
            if host is None and text is None and status is None:
                self._lost(error)
            raise
        return [row for row in rows if row.id not in self._context.forgotten]

    async def _require(self) -> None:
        context = self._context
        known = context.opened.is_set() and context.replayed.is_set()
        if not known and context.outage is None:
            # In the first moment of a program; afterwards the answer is always there at once. The
            # journal comes first: by it a row may be out of date, deleted, or not there yet.
            try:
                async with asyncio.timeout(OPENING):
                    await context.opened.wait()
                    await context.replayed.wait()
            except TimeoutError:
                raise Unavailable("timeout", "the database and the journal are opened") from None
        outage = context.outage
        if outage is not None:
            raise Unavailable("unreachable", outage.reason)

    def _lost(self, error: Unavailable) -> None:
        self._context.backup.cast(Lost(error))
