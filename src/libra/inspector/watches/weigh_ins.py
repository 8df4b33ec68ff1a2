"""The tasks of a watch: have its page weighed, wait for the result, deliver an alert."""

from __future__ import annotations

from libra.inspector.context import Context
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.pages.pages import Pages
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.restored_page import restore
from libra.inspector.records.watches.alerts import Alert
from libra.inspector.records.watches.watch_record import WatchState
from libra.inspector.watches import alert_delivery as alerts
from libra.report import Report
from libra.storage import Unavailable


class PageWeighIns:
    """Connects a watch with its page.

    Args:
        context: the shared state.
        reader: reads pages that are not in memory.
        pages: creates the pages.
    """

    def __init__(self, context: Context, reader: DatabaseReader, pages: Pages) -> None:
        self._context = context
        self._reader = reader
        self._pages = pages

    async def submit(self, page_id: str, state: WatchState) -> bool:
        """Have the page of a watch weighed under an id that the watch chose; False if impossible now.

        The watch has written the id down before. So after a crash it finds the page, or finds that
        there is none, and no page is weighed twice.
        """
        if self._context.records.pages.get(page_id) is not None:
            return True
        if not await self._pages.has_room():
            return False
        if self._context.records.pages.get(page_id) is None:
            self._pages.bring_up(
                PageRecord(
                    page_id,
                    state.url,
                    self._context.services.options_of(state),
                    self._context.services.now(),
                )
            )
        await self._context.processes.durability.kept(page_id)
        return True

    async def resume(self, page_id: str, state: WatchState) -> bool | None:
        """Like `submit`, for a page that a former life of the watch may have submitted.

        None if it is unknown whether the page exists, because only the database may have it.
        """
        context = self._context
        await context.availability.replayed.wait()
        await context.availability.recalled.wait()
        await context.availability.opened.wait()
        if (
            context.records.pages.get(page_id) is not None
            or page_id in context.records.deletions.pages
        ):
            return True
        deletions = context.records.deletions
        with deletions.meanwhile() as deleted:
            try:
                row = await self._reader.load(page_id)
            except Unavailable:
                return None
        if page_id in deleted or page_id in deletions.pages:
            return True
        if row is None:
            return await self.submit(page_id, state)
        if context.records.pages.get(page_id) is None and row.finished_at is None:
            self._pages.bring_up(restore(row, life=context.processes.durability.next_life(row)))
        return True

    async def outcome(self, page_id: str) -> Report | None:
        """The report of a page once it is finished; None if somebody deletes the page first.

        Raises:
            Unavailable: the page has left memory and the database cannot be asked.
        """
        context = self._context
        with context.records.followers.subscribe(page_id) as change:
            while (record := context.records.pages.get(page_id)) is not None:
                # A quarantined page has no report and never will, unless somebody retries it.
                if record.finished or record.error is not None:
                    return record.report()
                await change.wait()
                change.clear()
        row = await self._reader.load(page_id)
        if row is None or row.finished_at is None:
            return None
        return restore(row).report()

    async def deliver(self, state: WatchState, undelivered: Alert) -> str | None:
        """Try to deliver an alert; None if the receiver accepted it, otherwise the named error."""
        context = self._context
        if undelivered.to is not None:
            title, text = alerts.words_of(undelivered)
            return await context.processes.courier.deliver(undelivered.to, title, text)
        if state.webhook is None or state.secret is None:
            return "denied: the watch no longer has a webhook"
        return await alerts.deliver(
            context.services.fetcher,
            state.webhook,
            state.secret,
            undelivered,
            context.services.now(),
            state.webhook_headers,
        )
