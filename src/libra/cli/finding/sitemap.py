"""Lists the pages of a site from its sitemap."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import click
import msgspec

from libra.cli.finding.lost import lost_pages
from libra.cli.inputs import DIRECTLY, Route
from libra.formats.page_lists import PageListError
from libra.formats.sitemap import MAX_SITEMAP_BYTES, Sitemap, parse_sitemap
from libra.network.addresses.dialing import OPEN, Resolver
from libra.network.client import Answer, HTTPClient
from libra.network.failures import Failure
from libra.network.origin_slots import name_of_error
from libra.report import Report
from libra.urls import InvalidURL, join, origin_of, parse_url
from libra.weighing.options import PLAIN_USER_AGENT, USER_AGENT, Options
from libra.wording import plain

MAX_SITEMAPS = 100
"""Most sitemaps of an index that are read."""

MAX_REDIRECTS = 10


class Listed(msgspec.Struct, frozen=True):
    """The pages found, each once, and a failed report for each part of the list that is not read."""

    pages: list[str]
    lost: list[Report]


class SitemapError(Exception):
    """A sitemap cannot be fetched or read; the message names it and says why."""


async def pages_of_sitemap(
    url: str, options: Options, limit: int, route: Route = DIRECTLY
) -> Listed:
    """The first pages of a sitemap, up to a limit, through its index if it is one, each once.

    A fault in a part of it is reported on standard error and in the results, and the other parts are
    read. As for a page, the headers of the options are sent only to the origin of the sitemap.

    Raises:
        click.UsageError: it cannot be fetched or read itself, or lists no page.
    """
    found = _SitemapPages(limit, options)
    waiting, seen = deque([url]), {url}
    async with _client(route) as client:
        while waiting and len(found.pages) <= limit:
            address = waiting.popleft()
            try:
                base, listed = await _read(client, address, _Asking(origin_of(url), options))
            except SitemapError as error:
                if address == url:
                    raise click.UsageError(str(error)) from None
                found.lose(address, "unreadable", f"{error} Its pages are not weighed.")
                continue
            found.take(address, base, listed)
            for child in listed.sitemaps:
                further = join(base, child)
                if further is None:
                    found.lose(
                        address,
                        "bad-url",
                        f"{plain(address)} names a sitemap that cannot be read: {plain(child)}",
                    )
                    continue
                if further in seen:
                    continue
                if len(seen) >= MAX_SITEMAPS:
                    found.lose(
                        url,
                        "unreadable",
                        f"{plain(url)} leads to more than {MAX_SITEMAPS} sitemaps. "
                        "The pages of the rest are not weighed.",
                    )
                    break
                seen.add(further)
                waiting.append(further)
    if not found.pages:
        raise click.UsageError(f"{plain(url)} lists no pages.")
    if len(found.pages) > limit or waiting:
        _say(f"{plain(url)} lists more pages than --limit, {limit:,}: the rest are not weighed.")
    return Listed(list(found.pages)[:limit], list(found.lost.values()))


@dataclass(frozen=True)
class _Asking:
    """The options of requests for sitemaps, and the origin that may see the headers."""

    own: str
    options: Options

    def headers(self, address: str) -> str:
        """The headers to send to an address."""
        # Sitemaps are for robots, so Libra sends its plain name, as robots do.
        chosen = self.options.user_agent
        headers = {"User-Agent": PLAIN_USER_AGENT if chosen == USER_AGENT else chosen}
        headers |= dict(self.options.headers if origin_of(address) == self.own else ())
        return "".join(f"{name}: {value}\r\n" for name, value in headers.items())


class _SitemapPages:
    def __init__(self, limit: int, options: Options) -> None:
        self.pages: dict[str, None] = {}
        self.lost: dict[str, Report] = {}
        self._limit = limit
        self._options = options

    def take(self, address: str, base: str, listed: Sitemap) -> None:
        if listed.fault is not None:
            if listed.whole:
                _say(f"{plain(address)}: {plain(listed.fault)}.")
            else:
                fault = f"{plain(address)}: {plain(listed.fault)}."
                self.lose(address, "unreadable", f"{fault} Some of its pages are not weighed.")
        unfit: list[str] = []
        for page in listed.pages:
            if len(self.pages) > self._limit:
                break
            try:
                # Addresses must be absolute, but many scripts leave out the site.
                self.pages[parse_url((join(base, page) or page) if page[0] == "/" else page)] = None
            except InvalidURL as error:
                unfit.append(plain(str(error)))
        if unfit:
            first = f"{plain(address)}: skipped: {unfit[0]}"
            rest = f" The same is true of {len(unfit) - 1:,} more." if len(unfit) > 1 else ""
            self.lose(address, "bad-url", f"{first}{rest}")

    def lose(self, address: str, name: str, message: str) -> None:
        """Report a fault that costs pages; the results have the first one of each sitemap."""
        _say(message)
        self.lost.setdefault(address, lost_pages(address, f"{name}: {message}", self._options))


def _say(message: str) -> None:
    click.echo(message, err=True)


@asynccontextmanager
async def _client(route: Route) -> AsyncIterator[HTTPClient]:
    resolver = Resolver()
    client = HTTPClient(
        OPEN, resolver, connections=1, per_host=1, trust=route.trust, proxies=route.proxies
    )
    try:
        yield client
    finally:
        await client.close()
        await resolver.close()


async def _read(client: HTTPClient, url: str, asking: _Asking) -> tuple[str, Sitemap]:
    """Its address after redirects, and its contents."""
    try:
        async with asyncio.timeout(asking.options.limits.page_seconds):
            address, data = await _fetch(client, url, asking)
    except TimeoutError:
        raise SitemapError(f"{plain(url)} did not answer in time.") from None
    except (Failure, OSError, ValueError) as error:
        reason = plain(name_of_error(error))
        raise SitemapError(f"{plain(url)} cannot be fetched: {reason}.") from None
    try:
        # In a thread, because large lists take a while and others must make progress.
        return address, await asyncio.to_thread(parse_sitemap, data)
    except PageListError as error:
        raise SitemapError(f"{plain(url)}: {plain(str(error))}.") from None


async def _fetch(client: HTTPClient, url: str, asking: _Asking) -> tuple[str, bytes]:
    address = url
    for _ in range(MAX_REDIRECTS + 1):
        answer = await client.get(address, asking.headers(address))
        try:
            location = answer.headers.get("Location", "")
            further = join(address, location) if location else None
            if answer.status in {301, 302, 303, 307, 308} and further is not None:
                address = further
                continue
            if answer.status != 200:
                raise SitemapError(f"{plain(url)} answered {answer.status}.")
            # One byte more than allowed, to detect that it is too much.
            return address, await _at_most(answer, MAX_SITEMAP_BYTES + 1)
        finally:
            answer.close()
    raise SitemapError(f"{plain(url)} redirects more than {MAX_REDIRECTS} times.")


async def _at_most(answer: Answer, most: int) -> bytes:
    data = bytearray()
    while len(data) < most and (chunk := await answer.read()):
        data += chunk
    return bytes(data)
