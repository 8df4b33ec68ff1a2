"""What Libra does when the database is not as this Libra left it.

If it is another database, or has gone back in time, everything in memory that it may lack is offered
again, and deletions are repeated. If another Libra now writes to it, the stored entries belong to
that Libra and leave memory here.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import Executor
from datetime import datetime

from libra.inspector.context import Context
from libra.inspector.durability.writer_port import WriterPort
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.watches.watch_record import WatchRecord
from libra.otp import NotFound, ProcessException
from libra.storage import Deleted
from libra.storage.history import HistoryLost
from libra.storage.recollection import Loss

log = logging.getLogger("libra.backup")

#: Seconds to wait for the journal, so that entries offered again survive a crash.
JOURNAL_PATIENCE = 10.0

#: Pages to tell before yielding to the event loop.
SLICE = 20


class Mending:
    """Offers a database again the entries that it has lost.

    Args:
        context: the shared state.
        durability: tells pages and watches that they are not stored.
        thread: may wait for the disk.
    """

    def __init__(self, context: Context, durability: WriterPort, thread: Executor) -> None:
        self._context = context
        self._durability = durability
        self._thread = thread

    async def begin(self, error: HistoryLost) -> list[str]:
        """Prepare for the database that was found; return the ids to offer to it.

        Until this has ended, Libra reads nothing from that database. Until all of it is saved, no
        caller is told that a page does not exist.
        """
        context, store = self._context, self._durability.store
        now = context.services.now()
        loss = Loss(now, error.found.at, error.known.at, error.reason)
        log.error(
            "%s. Libra saves again what it still has; anything else that was stored %s is lost",
            loss.reason,
            loss.span,
        )
        context.availability.gap, context.availability.owed = loss, True
        deleted = await self._remember(loss)
        for one in deleted:
            (
                context.records.deletions.watches
                if one.of == "watch"
                else context.records.deletions.pages
            ).add(one.id)
        context.availability.losses = self._durability.recollection.losses
        await context.availability.replayed.wait()  # the journal's entries must be offered too
        await context.availability.recalled.wait()
        pruned = error.known.pruned_before
        lacking = [one.id for one in deleted]
        for number, record in enumerate(context.records.everything(), 1):
            if not _was_pruned(record, pruned):
                self._durability.lost(record.id, "stored")
                lacking.append(record.id)
            if number % SLICE == 0:
                await asyncio.sleep(0)
        try:
            await context.processes.journal_writer.settle(seconds=JOURNAL_PATIENCE)
        except ProcessException as trouble:
            log.debug("the journal does not have all of these entries yet: %s", trouble)
        store.known = error.found
        return lacking

    async def _remember(self, loss: Loss) -> list[Deleted]:
        recollection, loop = self._durability.recollection, asyncio.get_running_loop()

        told: list[Deleted] = []

        def work() -> None:
            try:
                told.extend(recollection.deletions(loss.noticed_at))
                recollection.lose(loss)
            except OSError as error:
                log.error("recent deletions cannot be read: %s", error)

        done = loop.run_in_executor(self._thread, work)
        await asyncio.wait({done}, timeout=JOURNAL_PATIENCE)
        if not done.done():
            log.error("recent deletions cannot be read: the disk hangs")
        return list(told)


async def yield_to_another(context: Context) -> None:
    """Remove all stored entries from memory: another Libra writes them now and may change them.

    Entries that are not stored stay, because they are only here.
    """
    context.availability.watches_known.clear()
    for record in context.records.everything():
        if record.backup != "stored":
            continue
        await let_go(context, record)


async def let_go(context: Context, record: PageRecord | WatchRecord) -> None:
    """Remove a page or a watch from memory whose stored state another Libra owns by now."""
    page = isinstance(record, PageRecord)
    supervisor = context.processes.inspectors if page else context.processes.watchers
    (context.records.pages if page else context.records.watches).discard(record.id)
    try:
        await supervisor.terminate_child(record.id)
    except (NotFound, ProcessException):
        log.debug("%s had no process", record.id)
    context.processes.durability.release(record.id, max(record.version, record.row_version))
    context.records.followers.changed(record.id)


async def erase(context: Context, page_id: str) -> None:
    """Delete a page here that arrived during an outage of a database that has it as deleted.

    For example a CI result that is sent again: it has the id of the deleted one.
    """
    log.warning("page %s is deleted: the database has it as deleted", page_id)
    context.records.forget(page_id)
    context.services.tally.delete(page_id)
    try:
        await context.processes.inspectors.terminate_child(page_id)
    except (NotFound, ProcessException):
        log.debug("page %s had no process", page_id)
    await context.processes.durability.forget(page_id)
    context.records.followers.changed(page_id)


def _was_pruned(record: PageRecord | WatchRecord, before: datetime | None) -> bool:
    """Whether it was removed on purpose, so that it must not come back. Watches are never pruned."""
    return before is not None and isinstance(record, PageRecord) and record.submitted_at < before
