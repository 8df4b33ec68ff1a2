"""`weigh_once` with a parser: weighs one page, whose content cannot block the program."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from libra.parsers.pool import Parsers, can_fork
from libra.parsers.reader import ParserReader
from libra.report import Report
from libra.urls import parse_url
from libra.weighing.options import Options
from libra.weighing.static import weigh_once as once
from libra.weighing.static.fetcher import Fetcher


async def weigh_once(
    url: str,
    options: Options | None = None,
    *,
    fetcher: Fetcher | None = None,
    on_change: Callable[[Report], None] | None = None,
    parsers: Parsers | None = None,
    in_process: bool = False,
) -> Report:
    """Weigh a page and return its report, finished or failed.

    A separate process reads its documents and stylesheets. Libra starts it during the DNS lookup and
    kills it if it takes too much memory or time.

    Args:
        url: Absolute, http or https.
        options: The options; the defaults are a desktop browser's.
        fetcher: To share connections among pages; without one, a fetcher that allows every
            address is opened and closed again.
        on_change: Called with the report so far whenever an asset has been weighed.
        parsers: To share the process among pages, which saves a third of a second for each.
        in_process: Whether to read in this program. That starts no process, and is for trusted pages
            only: any other page can block the whole event loop, deadlines included, and take all
            memory. Systems without fork, such as Windows, always read in this program.

    Raises:
        InvalidURL: The URL cannot be weighed.
        OSError: if the process cannot be started.
    """
    options = Options() if options is None else options
    url = parse_url(url)
    if in_process or not can_fork():
        return await once.weigh_once(url, options, fetcher=fetcher, on_change=on_change)
    async with AsyncExitStack() as stack:
        if parsers is None:
            parsers = Parsers(1)
            stack.push_async_callback(parsers.close)
            parsers.start()
        if fetcher is None:
            fetcher = await stack.enter_async_context(Fetcher())
        reader = ParserReader(parsers, fetcher.in_thread, options, fetcher.known)
        return await once.weigh_once(
            url, options, fetcher=fetcher, on_change=on_change, reader=reader
        )


def weigh_sync(url: str, options: Options | None = None) -> Report:
    """`weigh_once` for programs without an event loop: weigh a page and return its report.

    Args:
        url: Absolute, http or https.
        options: The options; the defaults are a desktop browser's.

    Raises:
        InvalidURL: The URL cannot be weighed.
        OSError: if the process cannot be started.
        RuntimeError: It was called inside an event loop, which it would block.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(weigh_once(url, options))
    raise RuntimeError("an event loop is running here: write `await weigh_once(url)` instead")
