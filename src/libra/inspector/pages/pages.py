"""The pages of one Libra, as callers use them: submit, ask, find, retry and remove."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from libra.errors import (
    CannotRender,
    Full,
    PageNotFound,
    PageUnknown,
    PageUnreadable,
    Restoring,
    Stopping,
)
from libra.ids import is_page_id
from libra.inspector.context import Context
from libra.inspector.durability.database_reader import OPENING, DatabaseReader
from libra.inspector.pace import SLICE
from libra.inspector.pages.page_inspector import leave, report_of
from libra.inspector.pages.starting import start
from libra.inspector.records.eviction_queue import Evictable
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.restored_page import restore
from libra.inspector.records.submission_keys import Used
from libra.otp import NotFound, ProcessException, ProcessExited, StartError
from libra.report import FINISHED
from libra.storage import Snapshot, Unavailable, UnreadableRow
from libra.weighing.options import Options
from libra.weighing.rendered import RenderUnavailable

log = logging.getLogger("libra")

#: Seconds that a submission with an idempotency key waits, at most, while the local disk is read.
RESTORING = 5.0


class Pages:
    """Creates pages and finds them, first in memory and then in the database.

    Args:
        context: the shared state.
        reader: reads the database.
        max_pages: the limit of pages in memory.
        recall: whether a page that is found in the database comes back to memory.

    Attributes:
        closing: whether the program is about to end, so that no page is accepted any more.
    """

    def __init__(
        self, context: Context, reader: DatabaseReader, *, max_pages: int, recall: bool
    ) -> None:
        self._context = context
        self._reader = reader
        self._max_pages = max_pages
        self._recall = recall
        self.closing = False

    async def submitted(self, name: str) -> Used | None:
        """The earlier submission with this idempotency key, if it is known.

        Right after a start, keys come back with the pages. This waits for keys that are on the way,
        but not while the database is down: a page that is weighed twice does no harm.

        Raises:
            Restoring: the keys are still on the way.
        """
        context, keys = self._context, self._context.records.pages.keys
        used = keys.find(name)
        if used is not None:
            return used
        try:
            async with asyncio.timeout(RESTORING):
                await context.availability.replayed.wait()
                await context.availability.recalled.wait()
        except TimeoutError:
            raise Restoring from None
        used = keys.find(name)
        if (
            used is not None
            or context.availability.outage is not None
            or context.availability.keys_known.is_set()
        ):
            return used
        with suppress(TimeoutError):
            async with asyncio.timeout(OPENING):
                await context.availability.opened.wait()
                if context.availability.outage is None:
                    await context.availability.keys_known.wait()
        return keys.find(name)

    async def submit(self, url: str, options: Options | None, key: str | None = None) -> str:
        """Accept a page and return its id; the page is weighed in the background.

        On return the submission and its idempotency key are as safe as its report says.

        Raises:
            CannotRender: the options ask for a browser and there is none.
            Stopping: the program is about to end.
            Full: the limit of pages in memory is reached and no page may leave yet.
        """
        context = self._context
        options = options or self._context.services.options_of_its_own()
        if options is not None and options.method == "rendered":
            self.require_browser()
        record = PageRecord.submitted(url, options, context.services.now(), key)
        await self.enter(record)
        return record.id

    def require_browser(self) -> None:
        """Check that a page can be rendered.

        Raises:
            CannotRender: there is no browser.
        """
        try:
            self._context.services.browsers.check()
        except RenderUnavailable as error:
            raise CannotRender(str(error)) from None

    async def enter(self, record: PageRecord) -> None:
        """Add a new page, a submission or a result; on return it is as safe as its report says.

        Raises:
            Stopping: the program is about to end.
            Full: the limit of pages in memory is reached and no page may leave yet.
        """
        if self.closing:
            raise Stopping
        if not await self._make_room():
            raise Full
        self.bring_up(record)
        if not record.finished:
            self._context.services.tally.submit(record.id, record.url, record.method)
        await self._context.processes.durability.kept(record.id)

    async def has_room(self) -> bool:
        """Whether another page fits into memory now, after evictions if need be."""
        return await self._make_room() and not self.closing

    def bring_up(self, record: PageRecord) -> None:
        """Add a page and start its process.

        Raises:
            StartError: the process could not start; then the page is not added.
        """
        # The record comes before the process, so that the page can be read even if the start fails.
        self._context.records.pages.add(record)
        try:
            start(self._context, record)
        except StartError:
            self._context.records.pages.discard(record.id)
            raise
        except ProcessExited as error:
            # The supervisor is being restarted. The restorer, which starts after it, finds the record.
            log.debug("page %s is started later: %s", record.id, error)

    async def ask(self, page_id: str) -> tuple[int, bytes, bool] | None:
        """The version of a page in memory, its JSON report, and whether it is finished; else None."""
        try:
            process = self._context.processes.registry.whereis(page_id)
            if process is not None:
                return await report_of(process)
        except ProcessException as error:
            # The process or the registry died during the request or just before; the record survives.
            log.debug("page %s did not answer: %s", page_id, error)
        record = self._context.records.pages.get(page_id)
        if record is None:
            return None
        # A quarantined page counts as failed and stays so until somebody retries it.
        return record.shown_version, record.encoded(), record.status in FINISHED

    async def find(self, page_id: str) -> Snapshot:
        """Find a page that is not in memory, and bring it back to memory if it should be there.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: the database cannot be asked.
            PageUnreadable: its row in the database is damaged.
        """
        if not is_page_id(page_id) or page_id in self._context.records.deletions.pages:
            raise PageNotFound(page_id)
        with self._context.records.deletions.meanwhile() as deleted:
            try:
                row = await self._reader.load(page_id)
            except UnreadableRow:
                raise PageUnreadable(page_id) from None
            except Unavailable:
                raise PageUnknown(page_id) from None
        if page_id in deleted or page_id in self._context.records.deletions.pages:
            raise PageNotFound(page_id)
        if row is None:
            raise PageNotFound(page_id, self._context.availability.may_be_lost(page_id))
        self.take_up(row)
        return row

    async def catch_up(self, page_id: str, version: int) -> None:
        """Bring a version of a page into memory that a client has seen.

        A single node is never behind: no other node has a newer version.

        Raises:
            Behind: this version exists and cannot be read now.
        """

    def take_up(self, row: Snapshot) -> None:
        """Bring a stored page back to memory if it should be there."""
        context, now = self._context, self._context.services.now()
        due = row.status not in FINISHED or (row.expires_at is not None and row.expires_at > now)
        if (
            due
            and self._recall
            and context.availability.standby
            is None  # otherwise another Libra weighs and deletes it
            and not self.closing
            and len(context.records.pages) < self._max_pages
            and context.records.pages.get(row.id) is None
            and row.id not in context.records.deletions.pages
        ):
            self.bring_up(restore(row, life=context.processes.durability.next_life(row)))

    async def remove(self, page_id: str) -> None:
        """Delete a page from memory and from all storage.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: it is not in memory and the database cannot be asked.
        """
        context = self._context
        if context.records.pages.get(page_id) is None:
            await self.find(page_id)
        # In this order: nobody finds the page any more, its process ends, the database writer learns
        # of it.
        context.records.forget(page_id)
        context.records.followers.changed(page_id)
        context.services.tally.delete(page_id)
        try:
            await context.processes.inspectors.terminate_child(page_id)
        except (NotFound, ProcessExited):
            log.debug("page %s had no process", page_id)
        await context.processes.durability.forget(page_id)

    def quarantined(self) -> dict[str, str]:
        """The quarantined pages, which stay so until somebody retries them, and the reasons."""
        children = self._context.processes.inspectors.quarantined()
        return {str(child.id): str(child.reason) for child in children}

    async def retry(self, page_id: str) -> bool:
        """Start a quarantined page again; False if no quarantined page has this id.

        Raises:
            EngineUnavailable: this cannot be found out now; only at a node of a cluster.
        """
        record = self._context.records.pages.get(page_id)
        child = self._context.processes.inspectors.child(page_id)
        if record is None or child is None or child.state != "quarantined":
            return False
        record.revive()
        self._context.processes.durability.end(
            page_id
        )  # its earlier crashes do not count: somebody wants it tried again
        self._context.processes.inspectors.retry_child(page_id)
        return True

    async def finish(self) -> None:
        """Wait until every page is finished that can finish."""
        while page_id := next(
            (r.id for r in self._context.records.pages.newest() if self._will_finish(r.id)), None
        ):
            with self._context.records.followers.subscribe(page_id) as change:
                if self._will_finish(page_id):
                    await change.wait()

    def unfinished(self) -> int:
        """How many pages are not finished, including quarantined ones."""
        return sum(not record.finished for record in self._context.records.pages)

    def _will_finish(self, page_id: str) -> bool:
        record = self._context.records.pages.get(page_id)
        return record is not None and not record.finished and record.error is None

    async def _make_room(self) -> bool:
        while len(self._context.records.pages) >= self._max_pages:
            if not await self._let_one_leave():
                return False
        return True

    async def _let_one_leave(self) -> bool:
        """Let the page with the earliest expiry leave memory; False if none may leave."""
        pages, evictions = self._context.records.pages, self._context.records.evictions
        stay: list[Evictable] = []
        looked = 0
        try:
            while (departure := evictions.next()) is not None:
                record = pages.get(departure.page_id)
                # If the database has lost a page, the page is noted again once it is stored again.
                if record is not None and record.may_leave:
                    if await self._ask_to_leave(departure.page_id):
                        return True
                    stay.append(departure)  # a client follows it
                looked += 1
                if looked % SLICE == 0:
                    await asyncio.sleep(0)
        finally:
            for departure in stay:
                evictions.note(departure.page_id, departure.expires_at)
        return False

    async def _ask_to_leave(self, page_id: str) -> bool:
        try:
            process = self._context.processes.registry.whereis(page_id)
            left = process is not None and await leave(process)
        except ProcessException:
            return False
        return left
