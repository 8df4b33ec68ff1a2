"""Removes pages from memory that were pruned from the database.

`libra db prune`, another Libra or the retention of this one prunes pages, and each pruning leaves
marks in the database. A page with such a mark is not stored any more and must not be stored again. So
it leaves memory and the journal as a deleted page does, and is never offered again.
"""

from __future__ import annotations

import logging

from libra.inspector.context import Context
from libra.inspector.durability.writer_port import WriterPort
from libra.otp import NotFound, ProcessException
from libra.storage.rows.entries import DELETED_VERSION
from libra.wording import count

log = logging.getLogger("libra.backup")

#: Marks to read at a time.
AT_ONCE = 2_000


class PrunedPages:
    """Reads the marks of prunings and acts on them.

    Args:
        context: the shared state.
        durability: has the database, and lets the journal drop the pruned pages.
    """

    def __init__(self, context: Context, durability: WriterPort) -> None:
        self._context = context
        self._durability = durability
        self._seen = 0
        self._whole = (
            False  # whether all marks were read since the last page came back from the database
        )
        self._looking = False

    def due(self) -> bool:
        """Whether the database is known to have marks that were not read yet."""
        known = self._durability.store.known
        if known is None or self._looking or not known.prunings:
            return False
        # Rows that are being brought back were read earlier: so look once more at the end of that.
        again = not self._whole and not self._context.availability.restoring
        return again or known.prunings != self._seen

    async def follow(self) -> None:
        """Remove every page that has a mark.

        Raises:
            Unavailable: the database cannot be asked; try again later.
        """
        context, store = self._context, self._durability.store
        self._looking = True
        try:
            known, restoring = store.known, context.availability.restoring
            # A database that has gone back in time counts on from its older number.
            last = 0 if known is None else known.prunings
            since = self._seen if self._whole and self._seen <= last else 0
            place, gone = (since + 1, ""), 0
            while marks := await store.pruned(after=place, limit=AT_ONCE):
                place = marks[-1]
                for _, page_id in marks:
                    gone += await self._let_go(page_id)
            self._seen, self._whole = last, not restoring
            if gone:
                log.info("removed %s from memory: pruned from the database", count(gone, "page"))
        finally:
            self._looking = False

    async def _let_go(self, page_id: str) -> bool:
        context = self._context
        there = context.records.pages.get(page_id) is not None
        if not there and context.availability.restoring:
            return False
        # In this order, as for a deletion: first nobody finds the page any more, then its process ends.
        context.records.forget(page_id)
        context.records.deletions.stored.add(page_id)
        if not context.availability.restoring:
            context.records.deletions.forget_stored()
        if there:
            context.records.followers.changed(page_id)
            try:
                await context.processes.inspectors.terminate_child(page_id)
            except (NotFound, ProcessException):
                log.debug("page %s had no process", page_id)
            self._durability.over([(page_id, DELETED_VERSION)], ())
        return there
