"""Weighs the pages of one run of `libra weigh`, so many at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import msgspec

from libra.cli.choosing import NOT_IN_A_BROWSER, choose, why_no_browser
from libra.cli.inputs import DIRECTLY, Route
from libra.cli.progress import Watch
from libra.network.libcurl.trust import SYSTEM
from libra.report import Report
from libra.weighing.method_choice import Choice, needs_browser
from libra.weighing.options import Options


class Plan(msgspec.Struct, frozen=True):
    """How the pages are weighed.

    Attributes:
        options: of each page; the method is that of `method`.
        method: the method, or ``auto``.
        concurrency: how many pages at a time.
        delay: seconds between two requests to one origin.
        browser: the program for rendered pages; None is the first that is found.
        browser_memory: bytes that each browser may take with all its processes.
        route: what is trusted and passed on the route to servers, by all but browsers.
    """

    options: Options
    method: Choice
    concurrency: int
    delay: float
    browser: str | None
    browser_memory: int = 1_000_000_000
    route: Route = DIRECTLY


async def measure(pages: Sequence[str], plan: Plan, watch: Watch | None) -> list[Report]:
    """The reports of the pages in their order.

    Args:
        pages: their addresses.
        plan: how.
        watch: is told of every change.
    """
    if plan.method == "rendered":
        return await _render_all(pages, plan, watch)
    reports = await _read_all(pages, plan, watch)
    if plan.method == "static":
        return reports
    built = [report.url for report in reports if needs_browser(report)]
    reason = why_no_browser(plan.browser) if built else None
    if built and plan.route.trust != SYSTEM:
        reason = NOT_IN_A_BROWSER
    rendered: dict[str, Report] = {}
    if built and reason is None:
        rendered = {report.url: report for report in await _render_all(built, plan, watch)}
    return [choose(report, rendered.get(report.url), reason) for report in reports]


async def _read_all(pages: Sequence[str], plan: Plan, watch: Watch | None) -> list[Report]:
    """The reports of the pages in their order; one fetcher, so that no host is asked too much."""
    from libra.parsers.once import weigh_once  # noqa: PLC0415 - slow, and --help needs none
    from libra.parsers.pool import Parsers, can_fork  # noqa: PLC0415 - as above
    from libra.weighing import Fetcher  # noqa: PLC0415 - as above

    options = msgspec.structs.replace(plan.options, method="static")
    # One page needs one parser; of many, one that takes long should not hold up the others.
    parsers = Parsers(1 if len(pages) == 1 else 2)
    try:
        if can_fork():
            parsers.start()  # it is ready when the first document is there
        async with Fetcher(
            delay=plan.delay,
            trust=plan.route.trust,
            proxies=plan.route.proxies,
            http3=plan.route.http3,
        ) as fetcher:
            return await _at_a_time(
                plan.concurrency,
                pages,
                watch,
                lambda page: weigh_once(
                    page, options, fetcher=fetcher, on_change=watch, parsers=parsers
                ),
            )
    finally:
        await parsers.close()


async def _render_all(pages: Sequence[str], plan: Plan, watch: Watch | None) -> list[Report]:
    """The same in browsers, one for each page at a time."""
    from libra.network.politeness import Politeness  # noqa: PLC0415 - as above
    from libra.weighing.rendered import BrowserPool, weigh_rendered  # noqa: PLC0415 - seldom used

    options = msgspec.structs.replace(plan.options, method="rendered")
    async with BrowserPool(
        executable=plan.browser,
        size=plan.concurrency,
        politeness=Politeness(plan.delay),
        memory=plan.browser_memory,
    ) as browsers:
        return await _at_a_time(
            plan.concurrency,
            pages,
            watch,
            lambda page: weigh_rendered(page, options, browsers, on_change=watch),
        )


async def _at_a_time(
    count: int,
    pages: Sequence[str],
    watch: Watch | None,
    weigh_one: Callable[[str], Awaitable[Report]],
) -> list[Report]:
    room = asyncio.Semaphore(count)

    async def one(page: str) -> Report:
        async with room:
            report = await weigh_one(page)
        if watch is not None:
            watch(report)
        return report

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(page)) for page in pages]
    return [task.result() for task in tasks]
