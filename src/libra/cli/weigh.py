"""`libra weigh`: weighs pages once, on this machine, without server or storage."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import msgspec
from click.core import ParameterSource

from libra.budgets.budget import Limit
from libra.budgets.growth import Growth
from libra.budgets.lighthouse import at_most
from libra.cli.choosing import default_method, require_browser
from libra.cli.finding.pages import Sites, find_pages
from libra.cli.finding.reach import Reach
from libra.cli.inputs import (
    PRESETS,
    pages_to_weigh,
    read_budgets,
    read_reports,
    require_writable,
    route_to_the_web,
    weighing_options,
    window,
)
from libra.cli.measuring import Plan, measure
from libra.cli.parameters import (
    AddressType,
    DurationType,
    GrowthType,
    HeaderType,
    RuleType,
    SizeType,
    ViewportType,
    base_option,
)
from libra.cli.progress import progress
from libra.cli.results.growing import require_baseline
from libra.cli.results.outputs import Outputs, give, say_pushed, terminal
from libra.cli.results.pushing import Pushed, ResultServer, push, require_branch, source_of
from libra.cli.results.results import NOT_TAKEN, Demands, judge
from libra.network.libcurl.trust import SYSTEM
from libra.report import Method
from libra.weighing.method_choice import Choice
from libra.weighing.options import USER_AGENT, Viewport

_READABLE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


@click.command()
@click.argument("urls", nargs=-1, metavar="[URL]...")
@click.option(
    "--urls",
    "lists",
    type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path),
    multiple=True,
    envvar="LIBRA_URLS",
    help="A file with one address per line; - is standard input.",
)
@click.option(
    "--sitemap",
    metavar="URL",
    envvar="LIBRA_SITEMAP",
    help="Weigh the pages that a sitemap lists.",
)
@click.option(
    "--crawl",
    metavar="URL",
    envvar="LIBRA_CRAWL",
    help="Weigh a page and the pages of its host that its links lead to.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=100,
    envvar="LIBRA_LIMIT",
    show_default=True,
    help="Maximum number of pages from a sitemap or a crawl.",
)
@click.option(
    "--depth",
    type=click.IntRange(min=0),
    default=3,
    envvar="LIBRA_DEPTH",
    show_default=True,
    help="Maximum number of clicks from the first page of a crawl.",
)
@click.option(
    "--ignore-robots",
    is_flag=True,
    envvar="LIBRA_IGNORE_ROBOTS",
    help="Crawl what robots.txt forbids; only for your own site.",
)
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("table", "json", "csv", "har", "junit", "markdown")),
    default="table",
    envvar="LIBRA_FORMAT",
    show_default=True,
    help="Output format. In json, one page is an object and several are an array.",
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
    help="A Lighthouse budget.json: sizes in KiB, counts, paths.",
)
@click.option(
    "--max-weight",
    type=SizeType(),
    envvar="LIBRA_MAX_WEIGHT",
    help="Maximum transfer size of each page, such as 500kB or 1.5MB.",
)
@click.option(
    "--rule",
    "rules",
    type=RuleType(),
    multiple=True,
    envvar="LIBRA_RULE",
    metavar="'WHAT < AMOUNT'",
    help="A limit for a file, a kind or a third party, such as 'app.*.js < 50kB' or "
    "'third-party < 10 requests'; may be repeated.",
)
@click.option(
    "--max-growth",
    type=GrowthType(),
    envvar="LIBRA_MAX_GROWTH",
    help="Maximum growth of each page since --compare, such as 5% or 20kB.",
)
@click.option(
    "--allow-partial",
    is_flag=True,
    envvar="LIBRA_ALLOW_PARTIAL",
    help="Accept a budget that holds for a page that is not whole.",
)
@click.option(
    "--compare",
    type=_READABLE,
    envvar="LIBRA_COMPARE",
    help="Show what changed since this earlier output of --format json.",
)
@click.option(
    "--server",
    type=AddressType(),
    metavar="URL",
    envvar="LIBRA_SERVER",
    help="A server that keeps the results, compares them with those of --base and checks its own "
    "budgets; LIBRA_TOKEN has the secret of a token with the role push.",
)
@click.option(
    "--project",
    metavar="NAME",
    envvar="LIBRA_PROJECT",
    help="Name to keep the results under, with the path of each page.",
)
@click.option(
    "--branch",
    envvar="LIBRA_BRANCH",
    show_default="as GitHub or GitLab say",
    help="The branch that was built.",
)
@click.option(
    "--commit",
    envvar="LIBRA_COMMIT",
    show_default="as GitHub or GitLab say",
    help="The commit that was built.",
)
@base_option
@click.option(
    "--quiet",
    is_flag=True,
    envvar="LIBRA_QUIET",
    help="Print only the summary and problems, no table for each page.",
)
@click.option(
    "--summary",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="LIBRA_SUMMARY",
    help="Append a summary in Markdown to this file, for instance $GITHUB_STEP_SUMMARY.",
)
@click.option(
    "--annotate",
    is_flag=True,
    envvar="LIBRA_ANNOTATE",
    help="Print problems as GitHub workflow commands, too, so that they show up in the pull request.",
)
@click.option(
    "--method",
    type=click.Choice(("auto", "static", "rendered")),
    default=default_method,
    envvar="LIBRA_METHOD",
    show_default="auto with libra-weigh[render], else static",
    help="Without a browser, in a browser, or in a browser only if scripts build the page.",
)
@click.option(
    "--browser",
    envvar="LIBRA_BROWSER",
    metavar="PATH",
    help="The browser for --method rendered; Chromium or Chrome on PATH by default.",
)
@click.option(
    "--browser-memory",
    type=SizeType(),
    metavar="SIZE",
    default="1GB",
    envvar="LIBRA_BROWSER_MEMORY",
    show_default=True,
    help="Memory limit of a browser and its processes.",
)
@click.option(
    "--viewport",
    type=ViewportType(),
    metavar="WxH[@DPR]",
    default=Viewport(),
    envvar="LIBRA_VIEWPORT",
    show_default=True,
    help="Window size, for images and media queries.",
)
@click.option(
    "--preset",
    type=click.Choice(tuple(PRESETS)),
    envvar="LIBRA_PRESET",
    help="Window size of a device instead: mobile is 412x823@1.75, desktop 1350x940@1.",
)
@click.option(
    "--header",
    "headers",
    type=HeaderType(),
    multiple=True,
    envvar="LIBRA_HEADER",
    help="A request header for the page's own origin, as 'Name: value'; may be repeated.",
)
@click.option(
    "--user-agent",
    default=USER_AGENT,
    envvar="LIBRA_USER_AGENT",
    help="User-Agent header; 'libra' sends Libra's own name instead of a browser's.",
)
@click.option(
    "--ca",
    type=_READABLE,
    metavar="FILE",
    envvar="LIBRA_CA",
    help="Trust these certificate authorities (PEM) besides the system's.",
)
@click.option(
    "--insecure",
    is_flag=True,
    envvar="LIBRA_INSECURE",
    help="Trust every certificate, for a site of your own with a self-signed one.",
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
    help="Hosts to reach without the proxy, separated by commas, or *; NO_PROXY by default.",
)
@click.option(
    "--http3",
    is_flag=True,
    envvar="LIBRA_HTTP3",
    help="Try HTTP/3 as well, where a server speaks it.",
)
@click.option(
    "--timeout",
    type=DurationType(),
    default="60s",
    envvar="LIBRA_TIMEOUT",
    show_default=True,
    help="Time limit of a page; then Libra weighs what has arrived.",
)
@click.option(
    "--limits",
    "changed_limits",
    multiple=True,
    envvar="LIBRA_LIMITS",
    metavar="NAME=VALUE",
    help="Limit of a page, such as assets=500 or page-bytes=50MB; may be repeated.",
)
@click.option(
    "--delay",
    type=DurationType(),
    envvar="LIBRA_DELAY",
    help="Pause between two requests to one origin; 0 by default.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(min=1),
    default=4,
    envvar="LIBRA_CONCURRENCY",
    show_default=True,
    help="Pages to weigh at the same time.",
)
@click.pass_context
def weigh(
    context: click.Context,
    *,
    urls: tuple[str, ...],
    lists: tuple[Path, ...],
    sitemap: str | None,
    crawl: str | None,
    limit: int,
    depth: int,
    ignore_robots: bool,
    output_format: str,
    output: Path | None,
    budget: Path | None,
    max_weight: int | None,
    rules: tuple[Limit, ...],
    max_growth: Growth | None,
    allow_partial: bool,
    compare: Path | None,
    server: str | None,
    project: str | None,
    branch: str | None,
    commit: str | None,
    base: str,
    quiet: bool,
    summary: Path | None,
    annotate: bool,
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
    http3: bool,
    timeout: float,
    changed_limits: tuple[str, ...],
    delay: float | None,
    concurrency: int,
) -> None:
    """Weigh pages and all their assets.

    URL is an address such as https://example.com, or - for a list on standard input.

    The exit code is 0 when all is well, 1 when a page is over its budget, 2 for wrong usage, 3 when a
    page could not be weighed, and 4 when a budget holds but only a part of its page was weighed. Assets
    that could not be fetched are listed with the reason.
    """
    # Every error in the request is found before the first byte is fetched.
    if not (urls or lists or sitemap or crawl):
        raise click.UsageError("Say what to weigh, for instance: libra weigh https://example.com")
    pages = pages_to_weigh(urls, lists)
    if preset is not None:
        viewport = window(context, preset, viewport)
    first: Method = "rendered" if method == "rendered" else "static"
    options = weighing_options(first, viewport, headers, user_agent, timeout, changed_limits)
    route = route_to_the_web(ca, insecure=insecure, proxy=proxy, no_proxy=no_proxy, http3=http3)
    if method == "rendered":
        require_browser(browser, direct=route.trust == SYSTEM and not proxy)
    budgets = read_budgets(budget)
    limits = [*rules, *([] if max_weight is None else [at_most(max_weight)])]
    before = read_reports(compare)
    source = source_of(project, branch, commit)
    require_branch(base)
    if source is None and context.get_parameter_source("server") is ParameterSource.ENVIRONMENT:
        server = None  # the server is then for `libra watch`
    require_baseline(max_growth, budgets, compare, server, source)
    for file in (output, summary):
        require_writable(file)
    reach = Reach(limit, depth, concurrency, delay or 0.0, obey_robots=not ignore_robots)
    found = find_pages(pages, Sites(sitemap, crawl, reach), options, route)

    plan = Plan(options, method, concurrency, delay or 0.0, browser, browser_memory, route)
    with progress(terminal(stderr=True), len(found.pages)) as watch:
        reports = [*asyncio.run(measure(found.pages, plan, watch)), *found.lost]
    if source is not None:
        reports = [msgspec.structs.replace(one, build=source.build_of(one)) for one in reports]
    pushed = Pushed()
    if server is not None:
        pushed = push(reports, ResultServer(server, os.environ.get("LIBRA_TOKEN"), base, route))
    demands = Demands(budgets, limits, max_growth, allow_partial)
    results = judge(reports, demands, before, pushed)
    give(results, pushed, Outputs(output_format, output, quiet, compare, summary, annotate))
    if server is not None:
        say_pushed(pushed, server, base)
    context.exit(NOT_TAKEN if pushed.unfit else results.exit_code)
