"""`libra weigh`: measure pages once, here, without server or storage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from libra.cli.inputs import (
    pages_to_weigh,
    parse_page,
    read_budgets,
    read_reports,
    require_writable,
    weighing_options,
)
from libra.cli.outputs import Results, append_summary, render, say, terminal, write
from libra.cli.parameters import Duration, Header, Size, ViewportType
from libra.cli.progress import Watch, progress
from libra.formats.budget import Check, at_most, check
from libra.formats.comparison import compare_all
from libra.formats.verdict import outcome
from libra.weighing.options import USER_AGENT, Options, Viewport
from libra.weighing.report import Method, Report

if TYPE_CHECKING:
    from libra.weighing.rendered import BrowserPool

FORMATS = ("table", "json", "csv", "har", "junit", "markdown")

_READABLE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command(short_help="Weigh pages once and print what they are made of.")
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option(
    "--urls",
    "lists",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    multiple=True,
    envvar="LIBRA_URLS",
    help="A file with an address on each line; - is standard input.",
)
@click.option(
    "--sitemap",
    metavar="URL",
    envvar="LIBRA_SITEMAP",
    help="Weigh the pages that a sitemap lists.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    envvar="LIBRA_LIMIT",
    show_default=True,
    help="How many pages of a sitemap are weighed.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(FORMATS),
    default="table",
    envvar="LIBRA_FORMAT",
    show_default=True,
    help="How to print it; one page in json is an object, several are an array.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path, allow_dash=True),
    envvar="LIBRA_OUTPUT",
    help="Write to this file instead of standard output.",
)
@click.option(
    "--budget",
    type=_READABLE,
    envvar="LIBRA_BUDGET",
    help="A budget.json as Lighthouse has it: sizes in KiB, counts, paths.",
)
@click.option(
    "--max-weight",
    type=Size(),
    envvar="LIBRA_MAX_WEIGHT",
    help="The most that each page may transfer, such as 500kB or 1.5MB.",
)
@click.option(
    "--compare",
    type=_READABLE,
    envvar="LIBRA_COMPARE",
    help="An earlier --format json: show what has changed since.",
)
@click.option(
    "--summary",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="LIBRA_SUMMARY",
    help="Append a summary in Markdown to this file, for instance $GITHUB_STEP_SUMMARY.",
)
@click.option(
    "--method",
    type=click.Choice(("static", "rendered")),
    default="static",
    envvar="LIBRA_METHOD",
    show_default=True,
    help="Read HTML and CSS, or run a browser.",
)
@click.option(
    "--browser",
    envvar="LIBRA_BROWSER",
    metavar="PATH",
    help="The browser for --method rendered; Chromium or Chrome on PATH by default.",
)
@click.option(
    "--browser-memory",
    type=Size(),
    metavar="SIZE",
    default="1GB",
    envvar="LIBRA_BROWSER_MEMORY",
    show_default=True,
    help="What a browser may take with all its processes.",
)
@click.option(
    "--viewport",
    type=ViewportType(),
    metavar="WxH[@DPR]",
    default="1350x940@1",
    envvar="LIBRA_VIEWPORT",
    show_default=True,
    help="The window that images and media queries are chosen for.",
)
@click.option(
    "--header",
    "headers",
    type=Header(),
    multiple=True,
    envvar="LIBRA_HEADER",
    help="A request header for the page's own origin, as 'Name: value'; may be repeated.",
)
@click.option(
    "--user-agent", default=USER_AGENT, envvar="LIBRA_USER_AGENT", help="What servers see."
)
@click.option(
    "--timeout",
    type=Duration(),
    default="60s",
    envvar="LIBRA_TIMEOUT",
    show_default=True,
    help="When it passes, a page is weighed with what has arrived.",
)
@click.option(
    "--limits",
    "changed_limits",
    multiple=True,
    envvar="LIBRA_LIMITS",
    metavar="NAME=VALUE",
    help="What one page may cost, such as assets=500 or page-bytes=50MB; may be repeated.",
)
@click.option(
    "--delay",
    type=Duration(),
    envvar="LIBRA_DELAY",
    help="Pause between two requests to one origin; none by default.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=4,
    envvar="LIBRA_CONCURRENCY",
    show_default=True,
    help="How many pages are weighed at a time.",
)
@click.pass_context
def weigh(
    context: click.Context,
    *,
    urls: tuple[str, ...],
    lists: tuple[Path, ...],
    sitemap: str | None,
    limit: int,
    output_format: str,
    output: Path | None,
    budget: Path | None,
    max_weight: int | None,
    compare: Path | None,
    summary: Path | None,
    method: Method,
    browser: str | None,
    browser_memory: int,
    viewport: Viewport,
    headers: tuple[tuple[str, str], ...],
    user_agent: str,
    timeout: float,
    changed_limits: tuple[str, ...],
    delay: float | None,
    concurrency: int,
) -> None:
    """Weigh pages and all that they pull in.

    URL is an address such as https://example.com, or - for a list on standard input.

    The exit code is 0 when all is well, 1 when a page is over its budget, 2 for wrong usage and 3
    when a page could not be weighed. What could not be fetched is listed with the reason.
    """
    # Everything that can be wrong with the request is found before the first byte is fetched.
    if not (urls or lists or sitemap):
        raise click.UsageError("Say what to weigh, for instance: libra weigh https://example.com")
    pages = pages_to_weigh(urls, lists)
    options = weighing_options(method, viewport, headers, user_agent, timeout, changed_limits)
    browsers = None
    if method == "rendered":
        browsers = _browsers(browser, browser_memory, concurrency, delay or 0.0)
    budgets = read_budgets(budget)
    limits = [] if max_weight is None else [at_most(max_weight)]
    before = read_reports(compare)
    for file in (output, summary):
        require_writable(file)
    if sitemap is not None:
        listed = asyncio.run(_of_sitemap(parse_page(sitemap), options, limit))
        pages = list(dict.fromkeys((*pages, *listed)))

    with progress(terminal(stderr=True), len(pages)) as watch:
        if browsers is not None:
            work = _render_all(pages, options, concurrency, watch, browsers)
        else:
            work = _weigh_all(pages, options, concurrency, watch, delay or 0.0)
        reports = asyncio.run(work)
    checks: list[Check] = []
    for report in reports:
        if not outcome(report):
            checks += check(report, budgets, limits)
    results = Results(tuple(reports), tuple(checks), tuple(compare_all(before, reports)))
    write(render(results, output_format, output), output)
    if output_format != "table" or output is not None:
        say(results)
    if summary is not None:
        append_summary(results, summary)
    context.exit(results.exit_code)


async def _of_sitemap(address: str, options: Options, limit: int) -> list[str]:
    from libra.cli.sitemap import pages_of_sitemap  # noqa: PLC0415 - slow, and seldom needed

    return await pages_of_sitemap(address, options, limit)


async def _weigh_all(
    pages: Sequence[str],
    options: Options,
    concurrency: int,
    watch: Watch | None,
    delay: float,
) -> list[Report]:
    """The reports of the pages in their order; one fetcher, so that no host is asked too much."""
    from libra.parsers.once import weigh_once  # noqa: PLC0415 - slow, and --help needs none
    from libra.parsers.pool import Parsers, can_fork  # noqa: PLC0415 - as above
    from libra.weighing import Fetcher  # noqa: PLC0415 - as above

    # One page needs one parser; of many, one that takes long should not hold up the others.
    parsers = Parsers(1 if len(pages) == 1 else 2)
    try:
        if can_fork():
            parsers.start()  # it is ready when the first document is there
        async with Fetcher(delay=delay) as fetcher:
            return await _at_a_time(
                concurrency,
                pages,
                watch,
                lambda page: weigh_once(
                    page, options, fetcher=fetcher, on_change=watch, parsers=parsers
                ),
            )
    finally:
        await parsers.close()


async def _render_all(
    pages: Sequence[str],
    options: Options,
    concurrency: int,
    watch: Watch | None,
    browsers: BrowserPool,
) -> list[Report]:
    """The same in browsers, one for each page at a time."""
    from libra.weighing.rendered import weigh_rendered  # noqa: PLC0415 - as above

    async with browsers:
        return await _at_a_time(
            concurrency,
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


def _browsers(executable: str | None, memory: int, size: int, delay: float) -> BrowserPool:
    """Browsers, none of which has been started yet."""
    from libra.weighing.politeness import Politeness  # noqa: PLC0415 - as above
    from libra.weighing.rendered import BrowserPool, RenderUnavailable  # noqa: PLC0415 - seldom used

    browsers = BrowserPool(
        executable=executable, size=size, politeness=Politeness(delay), memory=memory
    )
    try:
        browsers.check()
    except RenderUnavailable as error:
        raise click.UsageError(str(error)) from None
    return browsers
