"""Weighing one page, once: the whole measurement without processes or storage."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from libra.weighing.fetch import Fetcher
from libra.weighing.options import Options
from libra.weighing.reference import Fetch, Outcome
from libra.weighing.report import Report, Status
from libra.weighing.urls import parse_url
from libra.weighing.weighing import Weighing

_PARALLEL = 64
"""Requests of one page under way at a time; the fetcher keeps to six per host."""

_GRACE = 0.25
"""Seconds after the page's deadline in which fetches hand in what they have."""


async def weigh_once(
    url: str,
    options: Options | None = None,
    *,
    fetcher: Fetcher | None = None,
    on_change: Callable[[Report], None] | None = None,
) -> Report:
    """Weigh a page and return its report, finished or failed.

    Args:
        url: Absolute, http or https.
        options: How; the defaults are a desktop browser's.
        fetcher: To share connections among pages; without one, a fetcher that allows every
            address is opened and closed again.
        on_change: Called with the report so far whenever an asset has been weighed.

    Raises:
        InvalidURL: if the URL cannot be weighed.
    """
    options = Options() if options is None else options
    url = parse_url(url)
    if fetcher is not None:
        return await _Run(url, options, fetcher, on_change).run()
    async with Fetcher() as own:
        return await _Run(url, options, own, on_change).run()


class _Run:
    """One page being weighed."""

    def __init__(
        self,
        url: str,
        options: Options,
        fetcher: Fetcher,
        on_change: Callable[[Report], None] | None,
    ) -> None:
        self._weighing = Weighing(url, options)
        self._options = options
        self._fetcher = fetcher
        self._on_change = on_change
        self._waiting: deque[Fetch] = deque()
        self._tasks: set[asyncio.Task[Outcome]] = set()
        self._finished: asyncio.Queue[asyncio.Task[Outcome]] = asyncio.Queue()
        self._started = time.perf_counter()
        self._base = Report(
            id="", url=url, status="fetching", method=options.method, submitted_at=datetime.now(UTC)
        )
        self._until = asyncio.get_running_loop().time() + options.limits.page_seconds

    async def run(self) -> Report:
        try:
            async with asyncio.timeout_at(self._until + _GRACE):
                self._start(self._weighing.begin())
                while not self._weighing.done:
                    await self._take_one()
        except TimeoutError:
            self._weighing.give_up()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._report(final=True)

    def _start(self, orders: list[Fetch]) -> None:
        self._waiting.extend(orders)
        while self._waiting and len(self._tasks) < _PARALLEL:
            fetch = self._waiting.popleft()
            task = asyncio.create_task(self._fetcher.fetch(fetch, self._options, until=self._until))
            self._tasks.add(task)
            task.add_done_callback(self._finished.put_nowait)

    async def _take_one(self) -> None:
        task = await self._finished.get()
        self._tasks.discard(task)
        self._start(self._weighing.record(task.result()))
        if self._on_change is not None:
            self._on_change(self._report(final=False))

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
