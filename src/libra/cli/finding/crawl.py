"""Follows the links of a site, the nearest pages first, and lists the pages to weigh.

The crawl reads each document once for its links, without its assets; then the command weighs the pages
like any others. It does not see links that only scripts make.
"""

from __future__ import annotations

import asyncio

import click
import msgspec

from libra.cli.finding.links import LinkReader
from libra.cli.finding.reach import Reach
from libra.cli.finding.robots import Robots, RobotsError, netloc_of, robots_of
from libra.cli.finding.sitemap import Listed
from libra.cli.inputs import DIRECTLY, Route
from libra.formats.sentences import outcome
from libra.report import Report
from libra.urls import origin_of
from libra.weighing import Fetcher
from libra.weighing.options import Options
from libra.weighing.static.weigh_once import weigh_once
from libra.wording import count, plain


class _CrawledDocument(msgspec.Struct, frozen=True):
    """The result of reading one document: its address and links, or why it is not a page.

    An address without an answer may be a page: then its failed report is here.
    """

    address: str
    links: tuple[str, ...] = ()
    fault: str | None = None
    is_page: bool = True
    report: Report | None = None


async def pages_of_crawl(
    start: str, options: Options, reach: Reach, route: Route = DIRECTLY
) -> Listed:
    """The pages that links on the same host lead to from one page, the nearest first.

    Documents that cannot be read are reported on standard error and in the results, and the rest is
    listed.

    Raises:
        click.UsageError: the first page cannot be read, or its site does not let robots read it.
    """
    options = msgspec.structs.replace(options, method="static")
    async with Fetcher(
        delay=reach.delay, trust=route.trust, proxies=route.proxies, http3=route.http3
    ) as fetcher:
        crawl = _Crawl(options, reach, route, fetcher)
        return await crawl.run(start)


class _Crawl:
    def __init__(self, options: Options, reach: Reach, route: Route, fetcher: Fetcher) -> None:
        self._options = options
        self._reach = reach
        self._route = route
        self._fetcher = fetcher
        self._robots = Robots()
        self._site = ""
        self._pages: dict[str, None] = {}
        self._known: set[str] = set()
        self._forbidden = 0
        self._lost: list[Report] = []

    async def run(self, start: str) -> Listed:
        first = await self._begin(start)
        self._known |= {start, first.address}
        self._pages[first.address] = None
        waiting, more = self._further(first), False
        for _ in range(self._reach.depth):
            level, waiting = waiting, []
            while level and len(self._pages) < self._reach.limit:
                # Only as many as there is room for: a document that turns out to be no page leaves room.
                room = self._reach.limit - len(self._pages)
                size = min(room, self._reach.at_a_time)
                some, level = level[:size], level[size:]
                for visit in await asyncio.gather(*map(self._visit, some)):
                    waiting += self._take(visit)
            more = more or bool(level)
            if not waiting or more:
                break
        if more:
            _say(
                f"{plain(start)} leads to more pages than --limit, {self._reach.limit:,}: "
                "the rest are not weighed."
            )
        if self._forbidden:
            _say(
                f"robots.txt of {self._site} forbids {count(self._forbidden, 'linked page')};"
                " use --ignore-robots if the site is your own."
            )
        return Listed(list(self._pages), self._lost)

    async def _begin(self, start: str) -> _CrawledDocument:
        """Read the first page; its redirects show which site it is."""
        await self._learn(start)
        first = await self._visit(start)
        if first.fault is not None:
            raise click.UsageError(f"{plain(start)} cannot be read: {first.fault}")
        if not first.is_page:
            raise click.UsageError(f"{plain(start)} is not an HTML page, so it has no links.")
        if netloc_of(first.address) != self._site:
            await self._learn(first.address)
        return first

    async def _learn(self, page: str) -> None:
        """Find out the site of a page, and what it lets robots read."""
        self._site = netloc_of(page)
        if not self._reach.obey_robots:
            return
        seconds = self._options.limits.asset_seconds
        try:
            self._robots = await asyncio.to_thread(
                robots_of, origin_of(page), self._route, seconds=seconds
            )
        except RobotsError as error:
            raise click.UsageError(
                f"{plain(str(error))}, so it is unknown which pages Libra may read. Try again "
                "later, or use --ignore-robots if the site is your own."
            ) from None
        if not self._robots.allow(page):
            raise click.UsageError(
                f"robots.txt of {self._site} does not let Libra read {plain(page)}; "
                "use --ignore-robots if the site is your own."
            )

    async def _visit(self, address: str) -> _CrawledDocument:
        reader = LinkReader()
        report = await weigh_once(address, self._options, fetcher=self._fetcher, reader=reader)
        fault = outcome(report)
        if fault is not None:
            status = report.assets[-1].http_status if report.assets else None
            gone = status is not None and 400 <= status < 500
            return _CrawledDocument(address, fault=fault, report=None if gone else report)
        where = report.final_url or address
        return _CrawledDocument(where, tuple(reader.links or ()), is_page=reader.links is not None)

    def _take(self, visit: _CrawledDocument) -> list[str]:
        """Note the result of a document, and return the addresses that it leads to."""
        if visit.fault is not None:
            # A broken link leads to no page; an address without an answer may be one.
            _say(f"skipped: {plain(visit.address)}: {visit.fault}")
            if visit.report is not None:
                self._lost.append(visit.report)
            return []
        if (
            not visit.is_page
            or visit.address in self._pages
            or netloc_of(visit.address) != self._site
        ):
            return []
        self._known.add(visit.address)
        self._pages[visit.address] = None
        return self._further(visit)

    def _further(self, visit: _CrawledDocument) -> list[str]:
        found: list[str] = []
        for link in visit.links:
            if link in self._known or netloc_of(link) != self._site:
                continue
            self._known.add(link)
            if self._robots.allow(link):
                found.append(link)
            else:
                self._forbidden += 1
        return found


def _say(message: str) -> None:
    click.echo(message, err=True)
