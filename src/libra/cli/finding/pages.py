"""Finds the pages of a run beyond the addresses that it is given: in a sitemap, and by a crawl."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from libra.cli.finding.reach import Reach
from libra.cli.inputs import Route, parse_page
from libra.weighing.options import Options

if TYPE_CHECKING:
    from libra.cli.finding.sitemap import Listed


class Sites(NamedTuple):
    """Where more pages are: a sitemap, and a page to crawl from, and how far that goes."""

    sitemap: str | None
    crawl: str | None
    reach: Reach


class FoundPages(NamedTuple):
    """The pages, each once, and whether a part of a list could not be read."""

    pages: list[str]
    unread: bool


def find_pages(pages: Sequence[str], sites: Sites, options: Options, route: Route) -> FoundPages:
    """All pages of a run in their order.

    Raises:
        click.UsageError: a sitemap, or the first page of a crawl, cannot be read.
    """
    found, whole = dict.fromkeys(pages), True
    if sites.sitemap is not None:
        address = parse_page(sites.sitemap)
        listed = asyncio.run(_of_sitemap(address, options, sites.reach.limit, route))
        found, whole = found | dict.fromkeys(listed.pages), listed.whole
    if sites.crawl is not None:
        listed = asyncio.run(_of_crawl(parse_page(sites.crawl), options, sites.reach, route))
        found, whole = found | dict.fromkeys(listed.pages), whole and listed.whole
    return FoundPages(list(found), not whole)


async def _of_sitemap(address: str, options: Options, limit: int, route: Route) -> Listed:
    from libra.cli.finding.sitemap import pages_of_sitemap  # noqa: PLC0415 - slow, and seldom needed

    return await pages_of_sitemap(address, options, limit, route)


async def _of_crawl(address: str, options: Options, reach: Reach, route: Route) -> Listed:
    from libra.cli.finding.crawl import pages_of_crawl  # noqa: PLC0415 - as above

    return await pages_of_crawl(address, options, reach, route)
