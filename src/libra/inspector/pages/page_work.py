"""The state of one page while it is being weighed, for each of the two methods.

The page's process drives both: they start tasks in its name, and it hands them the outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import msgspec

from libra.inspector.context import Context
from libra.inspector.records.page_record import PageRecord
from libra.network.cookies import CookieJar
from libra.otp import GenServer, Runtime, TaskRef
from libra.report import Report
from libra.weighing.options import Options
from libra.weighing.orders.orders import Fetch, Order, Outcome, StyleFound, StyleJob
from libra.weighing.reading.reader import Reader
from libra.weighing.rendered import BrowserPool, weigh_rendered
from libra.weighing.rendered.picture import Picture
from libra.weighing.static.fetcher import Fetcher
from libra.weighing.static.origin_queues import OriginQueue, OriginQueues
from libra.weighing.static.weighing import Weighing

#: Seconds after the page's deadline in which unfinished fetches must hand in what has arrived.
SLACK = 0.5

#: A browser gets its page's deadline twice: a browser that crashes or hangs costs the page one retry.
RENDERED_LIVES = 2

#: Seconds to start a browser, for each of these tries, before its deadline begins.
STARTING = 30.0


class PageWork(Protocol):
    """A page that is being weighed."""

    started: float
    """The time of its beginning, by the runtime's clock."""
    seconds: float
    """The time limit of the weighing, in seconds."""

    def begin(self) -> None:
        """Start the first task."""

    def take(self, ref: TaskRef, outcome: object) -> bool:
        """Take the outcome of a task; return whether the page is finished."""

    def give_up(self) -> None:
        """End now with what has arrived."""

    @property
    def failed(self) -> str | None:
        """The reason why the page could not be weighed, or None."""

    @property
    def under_way(self) -> list[TaskRef]:
        """The tasks that have not ended."""

    def report(self, base: Report) -> Report:
        """Fill the present findings into the record's report."""


def work_for(page: GenServer, record: PageRecord, context: Context) -> PageWork:
    """The work of a page, by the method that its record names."""
    services, options = context.services, context.options_again(record)
    if record.method == "rendered":
        pictures = context.records.pictures
        on_picture = None if pictures is None else partial(pictures.keep, record.id)
        return RenderedWork(page, record.url, options, services.browsers, on_picture)
    reader = services.reader_for(options)
    return StaticWork(page, record.url, options, services.fetcher, reader)


class Arrived(msgspec.Struct, frozen=True):
    """To a page: the outcome of one fetch or style of this work."""

    work: PageWork
    outcome: Outcome | StyleFound


class MoreOrders(msgspec.Struct, frozen=True):
    """To a page: further orders of this work are due."""

    work: StaticWork


class StaticWork:
    """A page weighed by Libra's own fetcher, asset by asset."""

    __slots__ = (
        "_cookies",
        "_fetcher",
        "_goes_on",
        "_lanes",
        "_page",
        "_reader",
        "_tasks",
        "_until",
        "_weighing",
        "seconds",
        "started",
    )

    def __init__(
        self, page: GenServer, url: str, options: Options, fetcher: Fetcher, reader: Reader
    ) -> None:
        runtime: Runtime = page.runtime
        self._page = page
        self._fetcher = fetcher
        self._reader = reader
        self._weighing = Weighing(url, options)
        self._cookies = CookieJar()
        self._lanes = OriginQueues(fetcher.at_a_time)
        self._tasks: set[TaskRef] = set()
        self._goes_on = False
        self.started = runtime.clock.time()
        self.seconds = options.limits.page_seconds + SLACK
        self._until = runtime.loop.time() + options.limits.page_seconds

    def begin(self) -> None:
        """Fetch the document."""
        self._carry_out(self._weighing.begin())

    def arrived(self, outcome: Outcome | StyleFound) -> bool:
        """Enter an outcome and start the next fetches; return whether the page is done."""
        self._carry_out(self._weighing.record(outcome))
        if isinstance(outcome, Outcome):
            for lane in self._lanes.widen(outcome.fetch.url):
                self._tasks.add(self._page.start_task(self._walk(lane)))
        return self._weighing.done

    def go_on(self) -> bool:
        """Start the next fetches that follow from earlier outcomes; return whether the page is done."""
        self._goes_on = False
        self._carry_out(self._weighing.go_on())
        return self._weighing.done

    def take(self, ref: TaskRef, outcome: object) -> bool:
        """Drop a task that has ended; the outcomes of its fetches have arrived before."""
        self._tasks.discard(ref)
        return False

    def give_up(self) -> None:
        """Mark everything pending as failed."""
        self._weighing.give_up()

    @property
    def failed(self) -> str | None:
        """The reason why the document could not be weighed, or None."""
        return self._weighing.failed

    @property
    def under_way(self) -> list[TaskRef]:
        """The tasks that fetch, one for each lane, and those that work out a style."""
        return list(self._tasks)

    def report(self, base: Report) -> Report:
        """Return the present report."""
        report = self._weighing.report(base)
        if report.error is not None or self._page.runtime.loop.time() < self._until:
            return report
        limit = self._weighing.options.limits.page_seconds
        return msgspec.structs.replace(report, error=f"timeout: not done within {limit:g} s")

    def _carry_out(self, orders: Sequence[Order]) -> None:
        for lane in self._lanes.enter(order for order in orders if isinstance(order, Fetch)):
            self._tasks.add(self._page.start_task(self._walk(lane)))
        for order in orders:
            if isinstance(order, StyleJob):
                self._tasks.add(self._page.start_task(self._style(order)))
        if self._weighing.more and not self._goes_on:
            # In a turn of its own: a large document must not hold up other pages and requests.
            self._goes_on = True
            self._page.send(MoreOrders(self))

    async def _walk(self, lane: OriginQueue) -> None:
        page, fetcher, reader = self._page, self._fetcher, self._reader
        options, until = self._weighing.options, self._until
        while (fetch := lane.take()) is not None:
            outcome = await fetcher.fetch(
                fetch, options, until=until, reader=reader, cookies=self._cookies
            )
            page.send(Arrived(self, outcome))

    async def _style(self, order: StyleJob) -> None:
        work = self._weighing.job(order)
        if work is not None:
            self._page.send(Arrived(self, StyleFound(order, *await self._reader.style(work))))


class Progress(msgspec.Struct, frozen=True):
    """To a page: what its browser has loaded so far, for this work."""

    work: PageWork
    report: Report


class RenderedWork:
    """A page weighed by a browser, as one task that reports its progress."""

    __slots__ = (
        "_browsers",
        "_failed",
        "_latest",
        "_on_picture",
        "_options",
        "_page",
        "_task",
        "_url",
        "seconds",
        "started",
    )

    def __init__(
        self,
        page: GenServer,
        url: str,
        options: Options,
        browsers: BrowserPool,
        on_picture: Callable[[Picture], None] | None = None,
    ) -> None:
        self._on_picture = on_picture
        self._page = page
        self._url = url
        self._options = options
        self._browsers = browsers
        self._latest: Report | None = None
        self._failed: str | None = None
        self._task: TaskRef | None = None
        self.started = page.runtime.clock.time()
        life = STARTING + options.limits.page_seconds + SLACK
        self.seconds = RENDERED_LIVES * life + SLACK

    def begin(self) -> None:
        """Open the page in a browser."""
        page = self._page
        self._task = page.start_task(
            weigh_rendered(
                self._url,
                self._options,
                self._browsers,
                on_change=lambda report: page.send(Progress(self, report)),
                on_picture=self._on_picture,
            )
        )

    def take(self, ref: TaskRef, outcome: object) -> bool:
        """Take the report, which is the only outcome."""
        if not isinstance(outcome, Report):
            raise TypeError(f"not a report: {type(outcome).__name__}")
        self._task = None
        self._latest = outcome
        self._failed = outcome.error or "failed" if outcome.status == "failed" else None
        return True

    def progress(self, report: Report) -> None:
        """Take the progress of the browser."""
        self._latest = report

    def give_up(self) -> None:
        """Mark the page as failed: a browser that ends a page in time would have answered by now."""
        self._failed = f"timeout: the browser was not done within {self.seconds:g} s"

    @property
    def failed(self) -> str | None:
        """The reason why the page could not be weighed, or None."""
        return self._failed

    @property
    def under_way(self) -> list[TaskRef]:
        """The task, while it runs."""
        return [] if self._task is None else [self._task]

    def report(self, base: Report) -> Report:
        """Return the browser's last report, with the identity of this page."""
        if self._latest is None:
            return msgspec.structs.replace(base, error=self._failed)
        return msgspec.structs.replace(
            self._latest,
            id=base.id,
            url=base.url,
            status=base.status,
            version=base.version,
            backup=base.backup,
            submitted_at=base.submitted_at,
            finished_at=None,
            expires_at=None,
            error=self._failed or self._latest.error,
            complete=self._latest.complete and self._failed is None,
            chosen=base.chosen,
        )
