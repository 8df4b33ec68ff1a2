"""What a watch's tasks do: have its page weighed, wait for the outcome, deliver an alert."""

from __future__ import annotations

from libra.inspector import alert
from libra.inspector.alert import Alert
from libra.inspector.archive import Archive
from libra.inspector.context import Context
from libra.inspector.pages import Pages
from libra.inspector.record import PageRecord, restore
from libra.inspector.webhook import Headers
from libra.storage import Unavailable
from libra.weighing.options import Options
from libra.weighing.report import Method, Report


class WeighIns:
    """The way from a watch to a page.

    Args:
        context: the surroundings.
        archive: for pages that are not in memory.
        pages: where they are made.
    """

    def __init__(self, context: Context, archive: Archive, pages: Pages) -> None:
        self._context = context
        self._archive = archive
        self._pages = pages

    async def submit(self, page_id: str, url: str, method: Method | None = None) -> bool:
        """Have a page weighed under an id that the watch chose; False if that cannot be now.

        With no method it is weighed as pages are that choose none.

        The watch wrote the id down before. So after a crash it finds the page, or that there is none,
        and no page is weighed twice.
        """
        if self._context.records.get(page_id) is not None:
            return True
        if not await self._pages.has_room():
            return False
        if self._context.records.get(page_id) is None:
            self._pages.bring_up(
                PageRecord(page_id, url, self._options(method), self._context.now())
            )
        await self._context.durability.kept(page_id)
        return True

    async def resume(self, page_id: str, url: str, method: Method | None = None) -> bool | None:
        """As `submit`, for a page that a former life of the watch may have submitted.

        None if it cannot be told whether there is such a page, as only the database may know it.
        """
        context = self._context
        await context.replayed.wait()
        await context.recalled.wait()
        await context.opened.wait()
        if context.records.get(page_id) is not None or page_id in context.forgotten:
            return True
        try:
            row = await self._archive.load(page_id)
        except Unavailable:
            return None
        if row is None:
            return await self.submit(page_id, url, method)
        if context.records.get(page_id) is None and row.finished_at is None:
            self._pages.bring_up(restore(row, life=context.durability.next_life(row)))
        return True

    def _options(self, method: Method | None) -> Options | None:
        context = self._context
        if method is None:
            return context.options_of_its_own()
        return context.options_for(method, context.options.viewport)

    async def outcome(self, page_id: str) -> Report | None:
        """The report of a page once it is finished; None if somebody deletes the page before.

        Raises:
            Unavailable: it has left memory and the database cannot be asked.
        """
        context = self._context
        with context.followers.subscribe(page_id) as change:
            while (record := context.records.get(page_id)) is not None:
                # A quarantined page has no report and never will, unless somebody retries it.
                if record.finished or record.error is not None:
                    return record.report()
                await change.wait()
                change.clear()
        row = await self._archive.load(page_id)
        if row is None or row.finished_at is None:
            return None
        return restore(row).report()

    async def deliver(
        self, webhook: str, headers: Headers, secret: str, undelivered: Alert
    ) -> str | None:
        """Try to deliver an alert; None if the receiver took it, else the named error."""
        context = self._context
        return await alert.deliver(
            context.fetcher, webhook, secret, undelivered, context.now(), headers
        )
