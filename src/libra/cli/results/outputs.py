"""Writes the result of `libra weigh` in the chosen format, and messages on standard error."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import IO, NamedTuple

import click
from rich.console import Console

from libra.budgets.lighthouse import unmatched
from libra.cli.results.pushing import Pushed, ResultRefused
from libra.cli.results.results import Results
from libra.cli.results.table import print_report, print_summary
from libra.formats import to_csv, to_har, to_json, to_junit, to_markdown
from libra.formats.annotations import to_annotations
from libra.formats.comparison import why_not_comparable
from libra.formats.sentences import outcome, remarks
from libra.wording import count, plain, sentence_list, size

LOG_WIDTH = 120
"""Columns where there is no terminal: a file, a pipe, the log of a CI server."""


def terminal(*, stderr: bool = False) -> Console:
    """A console on a standard stream: as wide as the terminal, plain where there is none."""
    stream = sys.stderr if stderr else sys.stdout
    return _console(stream, None if stream.isatty() else _log_width())


class Outputs(NamedTuple):
    """The outputs of a run.

    Attributes:
        form: the format.
        output: the file to write to; None is standard output.
        quiet: only the summary of a table.
        compare: the file with earlier reports, if there is one.
        summary: a file to append Markdown to.
        annotate: whether to write GitHub's workflow commands on standard error.
    """

    form: str
    output: Path | None = None
    quiet: bool = False
    compare: Path | None = None
    summary: Path | None = None
    annotate: bool = False


def give(results: Results, pushed: Pushed, outputs: Outputs) -> None:
    """Write all outputs of a run, and on standard error what they leave out.

    Args:
        results: of the run.
        pushed: the outcome of sending them to a server.
        outputs: the outputs.

    Raises:
        click.UsageError: a file cannot be written after all.
        Unwritable, click.exceptions.Exit: if standard output cannot be written (`libra.cli.streams`).
    """
    form, output, quiet = outputs.form, outputs.output, outputs.quiet
    _write(_render(results, form, output, quiet=quiet), output)
    if quiet or form != "table" or output is not None:
        _say(results, beside_summary=quiet and form == "table" and output is None)
    _say_doubts(results, outputs.compare)
    if outputs.summary is not None:
        _append_summary(results, outputs.summary)
    if outputs.annotate:
        notes = to_annotations(results.reports, results.checks, results.unjudged)
        click.echo(notes, err=True, nl=False)
    _say_unjudged(results, pushed, form, output)


def say_pushed(pushed: Pushed, server: str, base: str) -> None:
    """Report on standard error what the server did with the results.

    Raises:
        ResultRefused: the server accepts none.
    """
    if pushed.kept:
        click.echo(f"kept: {count(pushed.kept, 'result')} at {plain(server)}", err=True)
    for url in pushed.new:
        click.echo(
            f"nothing to compare with: {plain(url)}: {base} has no result of it yet", err=True
        )
    for url in pushed.deleted:
        click.echo(
            f"not kept: {plain(url)}: this result was deleted on the server; weigh the page again",
            err=True,
        )
    for url, reason in pushed.unfit:
        click.echo(f"not kept: {plain(url)}: {plain(reason)}", err=True)
    if pushed.refused is not None:
        raise ResultRefused(pushed.refused)


def _render(results: Results, form: str, output: Path | None, *, quiet: bool = False) -> str:
    """The result in one of the formats; a table has colours only on a terminal.

    Args:
        results: of the run.
        form: the format.
        output: the file to write to; None is standard output.
        quiet: only the summary of a table.
    """
    reports, checks = results.reports, results.checks
    match form:
        case "json":
            return to_json(reports)
        case "csv":
            return to_csv(reports)
        case "har":
            return to_har(reports)
        case "junit":
            return to_junit(
                reports,
                checks,
                allow_partial=results.allow_partial,
                unjudged=results.unjudged,
            )
        case "markdown":
            return to_markdown(reports, checks, results.comparisons, results.unjudged)
    to_terminal = (output is None or str(output) == "-") and sys.stdout.isatty()
    console = terminal() if to_terminal else _console(io.StringIO(), _log_width())
    with console.capture() as captured:
        _print_tables(console, results, quiet=quiet)
    text = captured.get()
    # Rich fills the cells of a table with spaces, which a file does not need.
    return text if to_terminal else "\n".join(map(str.rstrip, text.split("\n")))


def _write(text: str, output: Path | None) -> None:
    """Write to the file, or to standard output, as UTF-8.

    Raises:
        click.UsageError: the file cannot be written after all.
        Unwritable, click.exceptions.Exit: standard output cannot be written (`libra.cli.streams`).
    """
    if output is None or str(output) == "-":
        click.echo(text.encode(errors="replace"), nl=False)
        return
    try:
        output.write_bytes(text.encode(errors="replace"))
    except OSError as error:
        raise click.UsageError(f"{output} cannot be written: {error.strerror}") from None


def _append_summary(results: Results, path: Path) -> None:
    """Append Markdown to a file, as GitHub expects its step summaries.

    Raises:
        click.UsageError: the file cannot be written after all.
    """
    try:
        with path.open("a", encoding="utf-8", errors="replace") as stream:
            stream.write(
                to_markdown(results.reports, results.checks, results.comparisons, results.unjudged)
            )
    except OSError as error:
        raise click.UsageError(f"{path} cannot be written: {error.strerror}") from None


def _say(results: Results, *, beside_summary: bool = False) -> None:
    """Write a line on standard error for each page and each breach, unless a table shows them.

    With a summary, which has a row for each page, it writes only what is wrong.
    """
    for report in results.reports:
        problem = outcome(report)
        if problem:
            click.echo(f"not weighed: {plain(report.url)}: {problem}", err=True)
        else:
            weight = size(report.total.transfer_bytes)
            notes = "; ".join(remark.text for remark in remarks(report))
            if beside_summary and not notes:
                continue
            note = f" ({notes})" if notes else ""
            click.echo(f"{weight}: {plain(report.url)}{note}", err=True)
    for check in results.checks:
        if check.over:
            click.echo(f"over budget: {plain(check.page)}: {check.sentence()}", err=True)


def _say_doubts(results: Results, compare: Path | None) -> None:
    """Report on standard error which requested checks could not be made.

    Args:
        results: of the run.
        compare: the file with earlier reports, if there is one.
    """
    if compare is not None:
        _say_new(results, compare)
    _say_not_compared(results)
    _say_unproven(results)
    _say_unmatched(results)


def _say_unjudged(results: Results, pushed: Pushed, form: str, output: Path | None) -> None:
    """Report on standard error why not everything was judged, and what to do about it.

    Args:
        results: of the run.
        pushed: the outcome of sending them.
        form: the format in which they are written.
        output: the file that they are written to.
    """
    if results.unjudged is None:
        return
    accepted = "" if results.allow_partial else " (--allow-partial accepts that)"
    then = _later(pushed, form, output)
    click.echo(f"not judged: {results.unjudged}{accepted}.{then}", err=True)


def _say_new(results: Results, compare: Path) -> None:
    """Write a line for each page that is not in the earlier file."""
    known = {after.url for _, after in results.pairs}
    for report in results.reports:
        if report.url not in known and not outcome(report):
            click.echo(
                f"nothing to compare with: {plain(report.url)}: {compare} has no result of it",
                err=True,
            )


def _say_not_compared(results: Results) -> None:
    """Report pages that cannot be compared: the difference would not be one of the page."""
    for earlier, report in results.pairs:
        reason = why_not_comparable(earlier, report)
        if reason is not None and not outcome(report):
            click.echo(f"not compared: {plain(report.url)}: {reason}", err=True)


def _say_unproven(results: Results) -> None:
    """Write a line for each page whose budget holds only for the part that was weighed."""
    for report in results.reports:
        lacks = results.unproven(report)
        if lacks and not any(check.over for check in results.checks if check.page == report.url):
            click.echo(
                f"not whole: {plain(report.url)}: its budget holds, but only for the part that was "
                f"weighed: {lacks} (--allow-partial accepts that)",
                err=True,
            )


def _say_unmatched(results: Results) -> None:
    """Write a line for each rule that matches no file: the file may have another name now.

    One more line names the budgets whose path no page has.
    """
    if results.unused and any(report.status == "weighed" for report in results.reports):
        paths = sentence_list([plain(path) for path in results.unused])
        click.echo(f"matches nothing: the budget for {paths}: no page has such a path", err=True)
    for limit in unmatched(results.reports, results.checks):
        what = "request to that host" if limit.about == "host" else "file with that name"
        click.echo(f"matches nothing: {limit}: no page has a {what}", err=True)


def _later(pushed: Pushed, form: str, output: Path | None) -> str:
    """How to send results to the server later that it did not answer for, if there is a way."""
    if pushed.away is None:
        return ""
    if form == "json" and output is not None and str(output) != "-":
        return f" Once it is back, `libra push {output}` sends the missing results."
    return (
        " It will not get these results: `libra push` can send results later only from a file that"
        " --format json with --output FILE has written."
    )


def _print_tables(console: Console, results: Results, *, quiet: bool) -> None:
    if quiet:
        print_summary(console, results.reports, results.checks)
        return
    compared = {comparison.url: comparison for comparison in results.comparisons}
    for n, report in enumerate(results.reports):
        if n:
            console.rule(style="dim")
            console.print()
        own = [check for check in results.checks if check.page == report.url]
        print_report(console, report, own, compared.get(report.url))
        console.print()
    if len(results.reports) > 1:
        console.rule(style="dim")
        console.print()
        print_summary(console, results.reports, results.checks)


def _console(stream: IO[str], width: int | None) -> Console:
    # Markup, emoji codes and highlighting would act on foreign text, so they are off.
    return Console(
        file=stream,
        width=width,
        color_system=None if os.environ.get("NO_COLOR") else "auto",
        markup=False,
        emoji=False,
        highlight=False,
    )


def _log_width() -> int:
    columns = os.environ.get("COLUMNS", "")
    return max(40, int(columns)) if columns.isascii() and columns.isdigit() else LOG_WIDTH
