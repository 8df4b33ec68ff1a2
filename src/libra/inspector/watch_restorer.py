"""Restores all watches, in every restore mode, because nobody asks for a watch before it is due."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from libra.ids import first_id, new_id
from libra.inspector.context import Context
from libra.inspector.durability.mending import let_go
from libra.inspector.pace import SLICE, give_way
from libra.inspector.records.submission_keys import KEYS, note_all, oldest_known
from libra.inspector.records.watches.watch_record import restore_watch
from libra.inspector.watches.watcher import Watcher
from libra.report import Backup
from libra.storage import Store, Unavailable
from libra.storage.rows.entries import WatchRow
from libra.storage.rows.page_query import PageQuery

if TYPE_CHECKING:
    from libra.inspector.durability.durability import JournalThenDatabase

log = logging.getLogger("libra.restore")


class WatchRestorer:
    """Adds watches as they are found, and starts their processes.

    Args:
        context: the shared state.
        durability: knows whether a former life left a note of the database.
        store: the database.

    Attributes:
        unconfirmed: watches of the local copy that are not yet compared with the database.
    """

    def __init__(self, context: Context, durability: JournalThenDatabase, store: Store) -> None:
        self._context = context
        self._durability = durability
        self._store = store
        self.unconfirmed: set[str] = set()

    async def restore(self) -> bool:
        """Start every known watch; return False if those of the database are still to come."""
        context = self._context
        await context.availability.opened.wait()
        rows: list[WatchRow] | None = None
        # If another Libra writes to the database, that Libra runs the watches.
        if context.availability.outage is None and context.availability.standby is None:
            try:
                rows = await self._store.watches()
            except Unavailable as error:
                context.processes.database_writer.unavailable(error)
        for row in rows or ():
            self.recall(row, "stored")
        if rows is not None:
            await self._confirm({row.id for row in rows})
        await self._read_newest()
        for number, record in enumerate(context.records.watches, 1):
            known = (
                context.records.watches.get(record.id) is record
            )  # otherwise it was deleted meanwhile
            if known and context.processes.watchers.child(record.id) is None:
                context.processes.watchers.start_child(Watcher.child_spec(context, record))
            if number % SLICE == 0:
                await give_way()
        return rows is not None

    async def _confirm(self, there: set[str]) -> None:
        """Drop copied watches that another Libra deleted; without a note of the database, keep them."""
        for watch_id in self.unconfirmed - there - self._store.unreadable:
            record = self._context.records.watches.get(watch_id)
            if record is None or record.backup != "stored":
                continue
            if self._durability.knows_database:
                await let_go(self._context, record)
            else:
                record.backup = "memory"  # it has no process yet; once it has one, that saves it
        self.unconfirmed.clear()

    async def _read_newest(self) -> None:
        """Read the newest id of the database, in case the clock is wrong, and the recent keys."""
        context = self._context
        if context.availability.outage is None:
            try:
                for row in await self._store.recent(PageQuery(limit=1)):
                    new_id.known(row.id)
                since = first_id(oldest_known(context.services.now()))
                note_all(
                    context.records.pages.keys, await self._store.keys(since=since, limit=KEYS)
                )
                context.availability.keys_known.set()
            except Unavailable as error:
                context.processes.database_writer.unavailable(error)

    def recall(self, row: WatchRow, backup: Backup) -> None:
        """Add a watch, unless a state as new is already in memory."""
        context = self._context
        new_id.known(row.id)
        known = context.records.watches.get(row.id)
        if (
            row.id in context.records.deletions.watches
            or context.processes.watchers.child(row.id) is not None
        ):
            return
        if known is not None and known.version > row.version:
            return
        self.unconfirmed.discard(row.id)
        try:
            context.records.watches.add(restore_watch(row, backup))
        except msgspec.MsgspecError as error:
            log.error("watch %s is set aside, its stored state cannot be read: %s", row.id, error)
            return
        if known is not None and backup == "stored":
            context.processes.journal_writer.drop([(row.id, row.version)])
