"""Finds further pages of a run beside its given addresses: in a sitemap, and by a crawl."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from libra.cli.finding.reach import Reach
from libra.cli.inputs import Route, parse_page
from libra.report import Report
from libra.weighing.options import Options

if TYPE_CHECKING:
    from libra.cli.finding.sitemap import Listed


class Sites(NamedTuple):
    """Sources of more pages: a sitemap, a page to crawl from, and how far the crawl goes."""

    sitemap: str | None
    crawl: str | None
    reach: Reach


class FoundPages(NamedTuple):
    """The pages, each once, and the failed reports of what could not be read to find more."""

    pages: list[str]
    lost: list[Report]


def find_pages(pages: Sequence[str], sites: Sites, options: Options, route: Route) -> FoundPages:
    """All pages of a run, in order.

    Raises:
        click.UsageError: a sitemap, or the first page of a crawl, cannot be read.
    """
    found, lost = dict.fromkeys(pages), list[Report]()
    if sites.sitemap is not None:
        address = parse_page(sites.sitemap)
        listed = asyncio.run(_of_sitemap(address, options, sites.reach.limit, route))
        found, lost = found | dict.fromkeys(listed.pages), listed.lost
    if sites.crawl is not None:
        listed = asyncio.run(_of_crawl(parse_page(sites.crawl), options, sites.reach, route))
        found |= dict.fromkeys(listed.pages)
        # What is weighed anyway has a result of its own.
        lost = [*lost, *(report for report in listed.lost if report.url not in found)]
    return FoundPages(list(found), lost)


async def _of_sitemap(address: str, options: Options, limit: int, route: Route) -> Listed:
    from libra.cli.finding.sitemap import pages_of_sitemap  # noqa: PLC0415 - slow, and seldom needed

    return await pages_of_sitemap(address, options, limit, route)


async def _of_crawl(address: str, options: Options, reach: Reach, route: Route) -> Listed:
    from libra.cli.finding.crawl import pages_of_crawl  # noqa: PLC0415 - as above

    return await pages_of_crawl(address, options, reach, route)
