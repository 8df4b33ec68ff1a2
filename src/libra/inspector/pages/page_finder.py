"""Reads pages and lists of pages from memory and the database, as if they were one.

Memory always comes first. The finder asks the database for pages that are not in memory, and for lists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from itertools import islice

import msgspec

from libra.errors import PageNotFound, PageUnknown
from libra.ids import first_id, is_page_id
from libra.inspector.context import Context
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.pages.pages import Pages
from libra.inspector.records.page_record import PageRecord
from libra.report import FINISHED, Summary, decode_summary
from libra.storage import PageQuery, Snapshot, Unavailable
from libra.storage.rows.entries import bare_host_of

#: Pages in memory to search for a text; memory has no index for that.
SEARCHED = 2_000

#: Bytes of resting reports to unpack in one go: that takes about a millisecond.
UNPACKED = 4_000_000


class PageFinder:
    """Finds pages in memory and in the database."""

    def __init__(self, context: Context, reader: DatabaseReader, pages: Pages) -> None:
        self._context = context
        self._reader = reader
        self._pages = pages

    def at_hand(self, page_id: str) -> tuple[int, bytes] | None:
        """The version and the JSON report of a finished page in memory; None for any other page.

        A finished report is in the record, so this asks no process.
        """
        record = self._context.records.pages.get(page_id)
        data = None if record is None else record.resting()
        return None if record is None or data is None else (record.shown_version, data)

    async def read(self, page_id: str, at_least: int = 0) -> tuple[int, bytes, bool]:
        """The version of a page, its report as JSON, and whether it is finished.

        Args:
            page_id: the page to read.
            at_least: a version that the caller has seen, perhaps at another node. The answer is not
                older than this, as far as possible.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: it is not in memory and the database cannot be asked.
            Behind: this version exists and cannot be read here now.
        """
        found = await self._read(page_id)
        if found[0] < at_least:
            await self._pages.catch_up(page_id, at_least)
            found = await self._read(page_id)
        return found

    async def _read(self, page_id: str) -> tuple[int, bytes, bool]:
        at_hand = self.at_hand(page_id)
        if at_hand is not None:
            return *at_hand, True
        answer = await self._pages.ask(page_id)
        if answer is not None:
            return answer
        with self._context.records.deletions.meanwhile() as deleted:
            row = await self._pages.find(page_id)
            answer = await self._pages.ask(page_id)
        if page_id in deleted:
            raise PageNotFound(page_id)
        if answer is not None:
            # The page has come back to memory; if it is unfinished, its version is above that of its
            # row.
            return answer
        return row.version, row.report, row.status in FINISHED

    async def picture(self, page_id: str, *, whole: bool) -> bytes:
        """The picture of a page: a thumbnail, or the whole picture.

        Raises:
            PageNotFound: there is no such page, or no picture of it.
            PageUnknown: it is not in memory and the database cannot be asked.
        """
        pictures = self._context.records.pictures
        waiting = None if pictures is None else pictures.waiting(page_id)
        if waiting is not None:
            return waiting.whole if whole else waiting.thumbnail
        if page_id in self._context.records.deletions.pages or not is_page_id(page_id):
            raise PageNotFound(page_id)
        try:
            found = await self._reader.picture(page_id, whole=whole)
        except Unavailable:
            raise PageUnknown(page_id) from None
        if found is None:
            raise PageNotFound(page_id)
        return found

    async def newest(
        self, query: PageQuery, *, since: datetime | None = None, until: datetime | None = None
    ) -> tuple[tuple[Summary, ...], str | None, bool]:
        """Pages, newest first; the cursor of the rest; and whether the answer is from memory alone.

        Args:
            query: the filter, the cursor and the limit.
            since: only pages that were submitted then or later.
            until: only pages that were submitted before.
        """
        url, status, limit = query.url, query.status, query.limit
        floor = None if since is None else first_id(since)
        after = query.after
        if until is not None:
            after = min(after or first_id(until), first_id(until))
        # One more than the limit shows whether there are further pages.
        query = msgspec.structs.replace(query, limit=limit + 1, after=after, since=floor)
        with self._context.records.deletions.meanwhile() as deleted:
            rows: list[Snapshot] = []
            partial = False
            try:
                if status is None or status in FINISHED:
                    rows = await self._reader.recent(query)
            except Unavailable:
                partial = True

            def wanted(record: PageRecord) -> bool:
                return url in (None, record.url) and status in (None, record.status)

            # Memory is read after the database. So a page that is stored and leaves memory meanwhile
            # is not missed, and for a page in both the newer state, from memory, counts.
            for row in rows:
                if row.status not in FINISHED and row.id not in deleted:
                    # A client may have seen a newer version than the row; in memory the page continues
                    # above that.
                    self._pages.take_up(row)
            if query.host is None and query.text is None:
                summaries = await self._latest(query, wanted)
            else:
                summaries = await self._search(query, wanted, every=partial)
        # Memory no longer has pages that were deleted meanwhile, and their rows are out of date.
        found = {row.id: row for row in rows if row.id not in deleted}
        newest = sorted(found.keys() | summaries.keys(), reverse=True)
        pages = tuple(
            summaries[page_id] if page_id in summaries else decode_summary(found[page_id].report)
            for page_id in newest[:limit]
        )
        more = pages[-1].id if len(newest) > limit else None
        return pages, more, partial

    async def _search(
        self, query: PageQuery, wanted: Callable[[PageRecord], bool], *, every: bool
    ) -> dict[str, Summary]:
        """The newest matching pages in memory, among the newest `SEARCHED` of them.

        The database has searched its own pages. So without ``every`` this looks only at pages whose
        newest version the database may lack. It has to unpack each of them.
        """
        found: dict[str, Summary] = {}
        unpacked = 0
        candidates = (
            record
            for record in self._context.records.pages.newest(query.after, query.since)
            if wanted(record) and (every or record.backup != "stored")
        )
        for number, record in enumerate(islice(candidates, SEARCHED), 1):
            summary, unpacked = record.summary(), unpacked + record.report_bytes
            if matches(summary, query.host, query.text):
                found[record.id] = summary
                if len(found) == query.limit:
                    break
            if number % 20 == 0 or unpacked > UNPACKED:
                unpacked = 0
                await asyncio.sleep(0)  # let other tasks run
        return found

    async def _latest(
        self, query: PageQuery, wanted: Callable[[PageRecord], bool]
    ) -> dict[str, Summary]:
        """The newest pages in memory, as they are now."""
        found: dict[str, Summary] = {}
        unpacked = 0
        for number, record in enumerate(
            self._context.records.pages.newest(query.after, query.since), 1
        ):
            if wanted(record):
                if record.finished:
                    found[record.id], unpacked = record.summary(), unpacked + record.report_bytes
                elif (answer := await self._pages.ask(record.id)) is not None:  # it is still there
                    found[record.id] = decode_summary(answer[1])
                if len(found) == query.limit:
                    break
            if number % 2_000 == 0 or unpacked > UNPACKED:
                unpacked = 0
                await asyncio.sleep(0)  # let other tasks run
        return found


def matches(page: Summary, host: str | None, text: str | None) -> bool:
    """Whether a page belongs to this host or one below it, and contains this text."""
    if host is not None:
        name = bare_host_of(page.final_url or page.url)
        if name != host and not name.endswith(f".{host}"):
            return False
    if text is None:
        return True
    wanted = text.casefold()
    return wanted in page.url.casefold() or wanted in (page.title or "").casefold()
