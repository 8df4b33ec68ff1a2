"""The pages of a site, from its sitemap."""

from __future__ import annotations

import asyncio
from collections import deque

import aiohttp
import click

from libra.cli.inputs import DIRECTLY, Route
from libra.formats.page_lists import (
    MAX_SITEMAP_BYTES,
    PageListError,
    Sitemap,
    parse_sitemap,
)
from libra.weighing.options import PLAIN_USER_AGENT, USER_AGENT, Options
from libra.weighing.urls import InvalidURL, join, parse_url
from libra.words import plain

MAX_SITEMAPS = 100
"""How many sitemaps of an index are read at most."""


async def pages_of_sitemap(
    url: str, options: Options, limit: int, route: Route = DIRECTLY
) -> list[str]:
    """The first so many pages of a sitemap, through its index if it is one, each once.

    Raises:
        click.UsageError: if it cannot be fetched or read, or lists no page.
    """
    pages: dict[str, None] = {}
    waiting, seen, omitted = deque([url]), {url}, False
    # A list of addresses is for robots, who say plainly who they are.
    own = options.user_agent != USER_AGENT
    headers = {"User-Agent": options.user_agent if own else PLAIN_USER_AGENT}
    timeout = aiohttp.ClientTimeout(total=options.limits.page_seconds)
    connector = aiohttp.TCPConnector(ssl=route.tls or True)
    async with aiohttp.ClientSession(
        headers=headers, timeout=timeout, trust_env=False, connector=connector
    ) as session:
        while waiting and len(pages) <= limit:
            listed = await _read(session, waiting.popleft(), route)
            for address in listed.pages:
                try:
                    pages[parse_url(address)] = None
                except InvalidURL as error:
                    click.echo(f"{plain(url)}: passed over: {error}", err=True)
            for address in listed.sitemaps:
                further = join(url, address)
                if further is None or further in seen:
                    continue
                omitted = omitted or len(seen) >= MAX_SITEMAPS
                if not omitted:
                    seen.add(further)
                    waiting.append(further)
    if not pages:
        raise click.UsageError(f"{plain(url)} lists no pages.")
    if len(pages) > limit or waiting or omitted:
        click.echo(
            f"{plain(url)} lists more than is weighed: "
            f"--limit says how many pages are, and it is {limit:,}.",
            err=True,
        )
    return list(pages)[:limit]


async def _read(session: aiohttp.ClientSession, url: str, route: Route) -> Sitemap:
    try:
        async with session.get(
            url, max_redirects=10, proxy=route.proxies.of(url) or None
        ) as response:
            if response.status != 200:
                raise click.UsageError(f"{plain(url)} answered {response.status}.")
            # One byte more than is allowed, so that what is too much is seen to be.
            data = await _at_most(response.content, MAX_SITEMAP_BYTES + 1)
    except TimeoutError:
        raise click.UsageError(f"{plain(url)} did not answer in time.") from None
    except (aiohttp.ClientError, ValueError) as error:
        raise click.UsageError(f"{plain(url)} cannot be fetched: {plain(str(error))}") from None
    try:
        # Large lists take a while; the progress of the others goes on.
        return await asyncio.to_thread(parse_sitemap, data)
    except PageListError as error:
        raise click.UsageError(f"{plain(url)}: {plain(str(error))}") from None


async def _at_most(stream: aiohttp.StreamReader, most: int) -> bytes:
    data = bytearray()
    async for chunk in stream.iter_any():
        data += chunk
        if len(data) >= most:
            break
    return bytes(data)
