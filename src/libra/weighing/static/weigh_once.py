"""Weighs one page, once: the whole measurement without processes or storage."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from libra.ids import new_id
from libra.network.cookies import CookieJar
from libra.report import Report, Status
from libra.urls import parse_url
from libra.weighing.options import Options
from libra.weighing.orders.orders import Fetch, Order, Outcome, StyleFound, StyleJob
from libra.weighing.reading.reader import InPlaceReader, Reader
from libra.weighing.static.fetcher import Fetcher
from libra.weighing.static.origin_queues import OriginQueue, OriginQueues
from libra.weighing.static.weighing import Weighing

_GRACE = 0.25
"""Seconds after the page's deadline in which fetches can still deliver their results."""


async def weigh_once(
    url: str,
    options: Options | None = None,
    *,
    fetcher: Fetcher | None = None,
    on_change: Callable[[Report], None] | None = None,
    reader: Reader | None = None,
) -> Report:
    """Weigh a page and return its report, finished or failed.

    Args:
        url: Absolute, http or https.
        options: The options; by default those of a desktop browser.
        fetcher: A fetcher to share connections among pages. Without it a new one that allows every
            address is opened and closed again.
        on_change: Called with the interim report whenever an asset has been weighed.
        reader: The reader of documents and stylesheets; without it this program reads them. Then a page
            can delay the program for ever and take all its memory. `libra.parsers` offers a reader that
            prevents both.

    Raises:
        InvalidURL: The URL cannot be weighed.
    """
    options = Options() if options is None else options
    url = parse_url(url)
    if fetcher is not None:
        return await _Run(url, options, fetcher, on_change, reader).run()
    async with Fetcher() as own:
        return await _Run(url, options, own, on_change, reader).run()


class _Run:
    """One page being weighed."""

    def __init__(
        self,
        url: str,
        options: Options,
        fetcher: Fetcher,
        on_change: Callable[[Report], None] | None,
        reader: Reader | None,
    ) -> None:
        self._weighing = Weighing(url, options)
        self._options = options
        self._fetcher = fetcher
        self._reader = reader or InPlaceReader(fetcher.in_thread, options, fetcher.known)
        self._on_change = on_change
        self._lanes = OriginQueues(fetcher.at_a_time)
        self._cookies = CookieJar()
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._started = time.perf_counter()
        self._base = Report(
            id=new_id(),
            url=url,
            status="fetching",
            method=options.method,
            viewport=str(options.viewport),
            submitted_at=datetime.now(UTC),
        )
        self._until = asyncio.get_running_loop().time() + options.limits.page_seconds

    async def run(self) -> Report:
        try:
            async with asyncio.timeout_at(self._until + _GRACE):
                self._start(self._weighing.begin())
                await self._ended
        except TimeoutError:
            self._weighing.give_up()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._report(final=True)

    def _start(self, orders: Sequence[Order]) -> None:
        """Put fetches into the queues of their origins, and start enough tasks to serve them."""
        for lane in self._lanes.enter(order for order in orders if isinstance(order, Fetch)):
            self._begin(self._walk(lane))
        for order in orders:
            if isinstance(order, StyleJob):
                self._begin(self._style(order))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._walked)

    async def _walk(self, lane: OriginQueue) -> None:
        """Fetch everything in a queue, one after the other, until it is empty."""
        while (fetch := lane.take()) is not None:
            outcome = await self._fetcher.fetch(
                fetch,
                self._options,
                until=self._until,
                reader=self._reader,
                cookies=self._cookies,
            )
            self._record(outcome)
            if self._weighing.more:
                await self._go_on()

    async def _style(self, order: StyleJob) -> None:
        work = self._weighing.job(order)
        if work is not None:
            self._record(StyleFound(order, *await self._reader.style(work)))
            await self._go_on()

    async def _go_on(self) -> None:
        """Start what else follows; other tasks of the program run in between."""
        while self._weighing.more:
            await asyncio.sleep(0)
            self._start(self._weighing.go_on())

    def _record(self, outcome: Outcome | StyleFound) -> None:
        self._start(self._weighing.record(outcome))
        if isinstance(outcome, Outcome):
            for lane in self._lanes.widen(outcome.fetch.url):
                self._begin(self._walk(lane))
        if self._on_change is not None and isinstance(outcome, Outcome):
            self._on_change(self._report(final=False))

    def _walked(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._ended.done() or task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._ended.set_exception(error)
        elif self._weighing.done:
            self._ended.set_result(None)

    def _report(self, *, final: bool) -> Report:
        status: Status = "weighing"
        if final:
            status = "weighed" if self._weighing.failed is None else "failed"
        report = self._weighing.report(msgspec.structs.replace(self._base, status=status))
        if not final:
            return report
        return msgspec.structs.replace(
            report,
            finished_at=datetime.now(UTC),
            duration_ms=round((time.perf_counter() - self._started) * 1000),
        )
