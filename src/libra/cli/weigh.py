"""`libra weigh`: measure pages once, here, without server or storage."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from libra.cli.choosing import default_method, why_no_browser
from libra.cli.inputs import (
    Route,
    pages_to_weigh,
    parse_page,
    read_budgets,
    read_reports,
    require_writable,
    route_to_the_web,
    weighing_options,
)
from libra.cli.measuring import NOT_IN_A_BROWSER, Plan, measure
from libra.cli.outputs import (
    Results,
    append_summary,
    render,
    say,
    say_not_compared,
    say_unproven,
    terminal,
    write,
)
from libra.cli.parameters import Duration, Growth, GrowthType, Header, Size, ViewportType
from libra.cli.progress import progress
from libra.formats import comparison
from libra.formats.budget import Check, at_most, check, growth
from libra.formats.verdict import outcome
from libra.weighing.choosing import Choice
from libra.weighing.options import USER_AGENT, Options, Viewport
from libra.weighing.report import Method, Report

if TYPE_CHECKING:
    from libra.cli.sitemap import Listed

FORMATS = ("table", "json", "csv", "har", "junit", "markdown")

PRESETS = {"mobile": Viewport(412, 823, 1.75), "desktop": Viewport()}
"""Lighthouse's devices: a Moto G Power, and a window on a desk."""

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
    "--max-growth",
    type=GrowthType(),
    envvar="LIBRA_MAX_GROWTH",
    help="How much more each page may transfer than in --compare, such as 5% or 20kB.",
)
@click.option(
    "--allow-partial",
    is_flag=True,
    envvar="LIBRA_ALLOW_PARTIAL",
    help="Let a budget hold for a page of which not everything could be weighed.",
)
@click.option(
    "--compare",
    type=_READABLE,
    envvar="LIBRA_COMPARE",
    help="An earlier --format json: show what has changed since.",
)
@click.option(
    "--quiet",
    is_flag=True,
    envvar="LIBRA_QUIET",
    help="Print no table of each page, only the summary of them all and what is wrong.",
)
@click.option(
    "--summary",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="LIBRA_SUMMARY",
    help="Append a summary in Markdown to this file, for instance $GITHUB_STEP_SUMMARY.",
)
@click.option(
    "--method",
    type=click.Choice(("auto", "static", "rendered")),
    default=default_method,
    envvar="LIBRA_METHOD",
    show_default="auto with libra-weigh[render], else static",
    help="Read HTML and CSS, run a browser, or run one for pages that scripts build.",
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
    default=Viewport(),
    envvar="LIBRA_VIEWPORT",
    show_default=True,
    help="The window that images and media queries are chosen for.",
)
@click.option(
    "--preset",
    type=click.Choice(tuple(PRESETS)),
    envvar="LIBRA_PRESET",
    help="The window of a usual device instead: mobile is 412x823@1.75, desktop 1350x940@1.",
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
    "--user-agent",
    default=USER_AGENT,
    envvar="LIBRA_USER_AGENT",
    help="What servers see; 'libra' is Libra's name and address without a browser's form.",
)
@click.option(
    "--ca",
    type=_READABLE,
    metavar="FILE",
    envvar="LIBRA_CA",
    help="Authorities, in PEM form, whose certificates are believed beside the system's.",
)
@click.option(
    "--insecure",
    is_flag=True,
    envvar="LIBRA_INSECURE",
    help="Believe every certificate: for a site of one's own that signed its own.",
)
@click.option(
    "--proxy",
    metavar="URL",
    envvar="LIBRA_PROXY",
    help="The proxy for all requests; HTTPS_PROXY, HTTP_PROXY and ALL_PROXY by default.",
)
@click.option(
    "--no-proxy",
    metavar="HOSTS",
    envvar="LIBRA_NO_PROXY",
    help="What is asked directly, with commas between, * for all; NO_PROXY by default.",
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
    max_growth: Growth | None,
    allow_partial: bool,
    compare: Path | None,
    quiet: bool,
    summary: Path | None,
    preset: str | None,
    method: Choice,
    browser: str | None,
    browser_memory: int,
    viewport: Viewport,
    headers: tuple[tuple[str, str], ...],
    user_agent: str,
    ca: Path | None,
    insecure: bool,
    proxy: str | None,
    no_proxy: str | None,
    timeout: float,
    changed_limits: tuple[str, ...],
    delay: float | None,
    concurrency: int,
) -> None:
    """Weigh pages and all that they pull in.

    URL is an address such as https://example.com, or - for a list on standard input.

    The exit code is 0 when all is well, 1 when a page is over its budget, 2 for wrong usage, 3 when a
    page could not be weighed, and 4 when a budget holds but only a part of its page was weighed. What
    could not be fetched is listed with the reason.
    """
    # Everything that can be wrong with the request is found before the first byte is fetched.
    if not (urls or lists or sitemap):
        raise click.UsageError("Say what to weigh, for instance: libra weigh https://example.com")
    pages = pages_to_weigh(urls, lists)
    if preset is not None:
        viewport = PRESETS[preset]
    first: Method = "rendered" if method == "rendered" else "static"
    options = weighing_options(first, viewport, headers, user_agent, timeout, changed_limits)
    route = route_to_the_web(ca, insecure=insecure, proxy=proxy, no_proxy=no_proxy)
    if method == "rendered":
        if route.tls is not None or proxy:
            raise click.UsageError(NOT_IN_A_BROWSER)
        _require_browser(browser)
    budgets = read_budgets(budget)
    limits = [] if max_weight is None else [at_most(max_weight)]
    before = read_reports(compare)
    if max_growth is not None and compare is None:
        raise click.UsageError("--max-growth needs --compare: an earlier result to grow from.")
    for file in (output, summary):
        require_writable(file)
    unread = False
    if sitemap is not None:
        listed = asyncio.run(_of_sitemap(parse_page(sitemap), options, limit, route))
        pages, unread = list(dict.fromkeys((*pages, *listed.pages))), not listed.whole

    plan = Plan(options, method, concurrency, delay or 0.0, browser, browser_memory, route)
    with progress(terminal(stderr=True), len(pages)) as watch:
        reports = asyncio.run(measure(pages, plan, watch))
    pairs = comparison.pairs_of(before, reports)
    alike = [pair for pair in pairs if comparison.comparable(*pair)]
    checks = [
        one for report in reports if not outcome(report) for one in check(report, budgets, limits)
    ]
    if max_growth is not None:
        checks += _grown(alike, max_growth)
    results = Results(
        tuple(reports),
        tuple(checks),
        tuple(comparison.compare(*pair) for pair in alike),
        allow_partial=allow_partial,
        unread=unread,
    )
    write(render(results, output_format, output, quiet=quiet), output)
    if quiet or output_format != "table" or output is not None:
        say(results)
    say_not_compared([pair for pair in pairs if not comparison.comparable(*pair)])
    say_unproven(results)
    if summary is not None:
        append_summary(results, summary)
    context.exit(results.exit_code)


def _grown(pairs: Sequence[tuple[Report, Report]], most: Growth) -> list[Check]:
    return [
        growth(before, after, most.allowed(before.total.transfer_bytes))
        for before, after in pairs
        if not outcome(after)
    ]


async def _of_sitemap(address: str, options: Options, limit: int, route: Route) -> Listed:
    from libra.cli.sitemap import pages_of_sitemap  # noqa: PLC0415 - slow, and seldom needed

    return await pages_of_sitemap(address, options, limit, route)


def _require_browser(browser: str | None) -> None:
    reason = why_no_browser(browser)
    if reason is not None:
        raise click.UsageError(reason)
