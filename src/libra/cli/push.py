"""`libra push`: sends results that `libra weigh --output` wrote while the server was away."""

from __future__ import annotations

import os
from pathlib import Path

import click
import msgspec

from libra.cli.inputs import read_reports, route_to_the_web
from libra.cli.parameters import AddressType, base_option
from libra.cli.results.outputs import say_pushed
from libra.cli.results.pushing import Pushed, ResultServer, push, require_branch, source_of
from libra.cli.results.results import NOT_TAKEN, NOT_WEIGHED, NOT_WHOLE, OVER_BUDGET
from libra.formats.sentences import outcome
from libra.wording import plain


@click.command("push", short_help="Send results to a server that keeps them.")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--server",
    type=AddressType(),
    required=True,
    envvar="LIBRA_SERVER",
    help="The server that keeps them; LIBRA_TOKEN has the secret of a token with the role push.",
)
@click.option(
    "--project", metavar="NAME", envvar="LIBRA_PROJECT", help="Replaces the project in FILE."
)
@click.option(
    "--branch", envvar="LIBRA_BRANCH", help="Replaces the branch in FILE, with --project."
)
@click.option(
    "--commit", envvar="LIBRA_COMMIT", help="Replaces the commit in FILE, with --project."
)
@base_option
@click.option(
    "--ca",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    envvar="LIBRA_CA",
    help="Trust these certificate authorities (PEM) besides the system's.",
)
@click.pass_context
def push_command(
    context: click.Context,
    *,
    file: Path,
    server: str,
    project: str | None,
    branch: str | None,
    commit: str | None,
    base: str,
    ca: Path | None,
) -> None:
    """Send the results in FILE, which `libra weigh --format json --output FILE` wrote.

    Sending a result again does no harm: the server keeps it once. The exit code is 0 when the server
    keeps all results and no page is over its budgets, 1 when a page is, 2 when the server refuses a
    result or has deleted it, 3 when FILE has a page that could not be weighed, and 4 when the server
    does not answer or cannot judge a page.
    """
    source = source_of(project, branch, commit)
    require_branch(base)
    reports = read_reports(file)
    if source is not None:
        reports = [msgspec.structs.replace(one, build=source.build_of(one)) for one in reports]
    failed = [(report.url, problem) for report in reports if (problem := outcome(report))]
    for url, problem in failed:
        click.echo(f"left out: {plain(url)}: {problem}", err=True)
    route = route_to_the_web(ca, insecure=False, proxy=None, no_proxy=None)
    pushed = push(reports, ResultServer(server, os.environ.get("LIBRA_TOKEN"), base, route))
    over = [check for check in pushed.checks if check.over]
    for check in over:
        click.echo(f"over budget: {plain(check.page)}: {check.sentence()}", err=True)
    if pushed.away is not None:
        click.echo(
            f"not all sent: the server is unavailable ({plain(pushed.away)}). Send {file} again once it"
            " is back; it keeps each result once.",
            err=True,
        )
    elif pushed.unjudged is not None:
        click.echo(f"not judged: {pushed.unjudged}.", err=True)
    for url, reason in pushed.ungrown:
        click.echo(f"not judged: the growth of {plain(url)}, because {reason}", err=True)
    if not reports:
        click.echo(f"{file} has no results to send.", err=True)
    say_pushed(pushed, server, base)
    context.exit(exit_code(pushed, failed=bool(failed)))


def exit_code(pushed: Pushed, *, failed: bool) -> int:
    """0, or the code of the worst result: refusals first, then pages that were not weighed.

    Args:
        pushed: the outcome of sending the results.
        failed: whether pages were left out, as they could not be weighed.
    """
    if pushed.deleted or pushed.unfit:
        return NOT_TAKEN
    if failed:
        return NOT_WEIGHED
    if any(check.over for check in pushed.checks):
        return OVER_BUDGET
    return NOT_WHOLE if pushed.unjudged is not None or pushed.ungrown else 0
