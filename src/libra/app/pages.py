"""Pages: submitting, reading, following and forgetting them, and keeping the results of CI jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import msgspec

from libra.app.parts import Parts
from libra.errors import NotConverted, PageNotFound, PageUnknown, PageUnreadable
from libra.formats.converting import convert
from libra.inspector.pages.builds import parse_build
from libra.inspector.records.submission_keys import SubmissionKey as IdempotencyKey
from libra.inspector.records.submission_keys import Used as KeyUse
from libra.parsers.converting import convert_in
from libra.parsers.pool import ParserRefused
from libra.report import Build, Report, decode
from libra.urls import parse_url
from libra.weighing.options import Options

#: Least seconds between two reports of a growing page to one follower.
FOLLOW_INTERVAL = 0.05

#: Bytes of reports per second to one follower. Each change of a large page is megabytes.
FOLLOW_RATE = 10_000_000

#: Seconds between two checks of a page that another Libra weighs.
LOOK = 1.0


class PageCalls(Parts):
    """The operations on pages."""

    async def submitted(self, name: str) -> KeyUse | None:
        """The outcome of the submission with the idempotency key of this name, if one is known.

        Raises:
            Restoring: this Libra has just started and cannot tell yet.
        """
        return await self._pages.submitted(name)

    async def weigh(
        self, url: str, options: Options | None = None, *, key: IdempotencyKey | None = None
    ) -> str:
        """Submit a page and return its id; the page is weighed in the background.

        Headers of the options are kept until the page is finished, so that Libra sends them also after
        a restart. Libra shows them to nobody.

        A key is kept with the page for a day. The caller must check first whether it is known already
        (`submitted`).

        When this returns, the submission is on the local disk, or its report says ``memory``: a disk
        that fails or hangs delays this by half a second at most.

        Raises:
            InvalidURL: saying what is wrong with the URL.
            Full: memory holds as many pages as it may, and none of them may leave yet.
            Stopping: the program is about to end.
            CannotRender: the options need a browser and there is none.
        """
        return await self._pages.submit(parse_url(url), options, None if key is None else str(key))

    @property
    def options(self) -> Options:
        """The options of a page whose submission chooses none; the limits are those of the settings."""
        return self._context.services.options

    async def report(self, page_id: str) -> Report:
        """All that is known of a page now.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: it is not in memory and the database does not answer.
        """
        return decode((await self.report_bytes(page_id))[1])

    async def report_bytes(self, page_id: str, *, at_least: int = 0) -> tuple[int, bytes]:
        """The version of a page and its report as stored JSON: the fastest way to serve it.

        Args:
            page_id: of the page.
            at_least: a version that the client has seen, perhaps at another node of a cluster.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: it is not in memory and the database does not answer.
            Behind: this node has an older version only, and cannot get a newer one.
        """
        version, data, _ = await self._reading.read(page_id, at_least)
        return version, data

    def report_at_hand(self, page_id: str) -> tuple[int, bytes] | None:
        """As `report_bytes`, without waiting, for a finished page in memory; None for any other.

        A server calls this thousands of times a second.
        """
        return self._reading.at_hand(page_id)

    async def convert(self, *reports: bytes, form: str) -> bytes:
        """Convert a report in a parser: a large one takes a second and 100 MB.

        Args:
            reports: the JSON of one report, or of two for a comparison.
            form: a form of `libra.formats.converting.convert`.

        Raises:
            NotConverted: it needs more than a parser may use, or its parsers died.
        """
        parsers = self._context.services.parsers
        if parsers is None:
            return await asyncio.to_thread(convert, reports, form)
        try:
            return await convert_in(parsers, reports, form)
        except ParserRefused as refused:
            raise NotConverted(str(refused)) from None

    async def picture(self, page_id: str, *, whole: bool = False) -> bytes:
        """The picture of a rendered page, as WebP: a thumbnail (12 kB at most), or the whole (60 kB).

        Raises:
            PageNotFound: there is no such page, or no picture of it.
            PageUnknown: only the database can have the picture, and it does not answer.
        """
        return await self._reading.picture(page_id, whole=whole)

    async def keep_result(self, report: Report, build: Build) -> tuple[str, bool]:
        """Keep a page that a CI job weighed elsewhere, and return its id and whether it is new.

        The same result sent again is the same page. When this returns, it is as safe as a submission.

        Raises:
            UnusableResult: it is no finished report, does not add up, or names no build.
            ResultDeleted: it was kept here before, and somebody deleted it.
            Full: memory holds as many pages as it may, and none of them may leave yet.
            Stopping: the program is about to end.
        """
        build = parse_build(build)
        url = parse_url(report.url)
        return await self._builds.keep(msgspec.structs.replace(report, url=url), build)

    async def baseline(self, page_id: str, base: str) -> tuple[Report | None, bool]:
        """The report to compare a CI job's result with: the newest of its page on a branch.

        Returns:
            That report or None, and whether the database answered: if not, there may be a newer one.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: it is not in memory and the database does not answer.
        """
        build = (await self.report(page_id)).build
        if build is None:
            return None, True
        found = await self._builds.newest(base, page_id=page_id, build=build)
        if found.page_id is None:
            return None, found.known
        try:
            return await self.report(found.page_id), found.known
        except (PageNotFound, PageUnknown, PageUnreadable):
            return None, False

    async def follow(self, page_id: str) -> AsyncIterator[Report]:
        """The report now and after every change, until the page is finished.

        A follower that reads slowly, or follows a page that changes fast, skips to the newest report.

        Raises:
            PageNotFound: there is no such page, or it was deleted meanwhile.
            PageUnknown: it is not in memory and the database does not answer.
        """
        async for _, data in self.follow_bytes(page_id):
            yield decode(data)

    async def follow_bytes(self, page_id: str) -> AsyncIterator[tuple[int, bytes]]:
        """As `follow`, but each report as its version and its JSON."""
        with self._context.records.followers.subscribe(page_id) as change:
            seen = 0
            while True:
                change.clear()
                version, data, finished = await self._reading.read(page_id)
                if version > seen:
                    seen = version
                    yield version, data
                if finished:
                    return
                with suppress(TimeoutError):
                    # No event announces the changes of a page that another Libra weighs.
                    async with asyncio.timeout(
                        None if self._context.availability.standby is None else LOOK
                    ):
                        await change.wait()
                if self._tree.closed:
                    return
                # A page of thousands of assets changes thousands of times in a second, and is large.
                await asyncio.sleep(max(FOLLOW_INTERVAL, len(data) / FOLLOW_RATE))

    async def forget(self, page_id: str) -> None:
        """Delete a page, from memory at once and from the database as soon as it can be.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: it is not in memory and the database does not answer.
        """
        await self._pages.remove(page_id)
