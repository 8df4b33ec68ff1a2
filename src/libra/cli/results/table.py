"""A report for people: sections, totals, score, budget and changes, on a terminal or in a log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from textwrap import wrap

from rich.console import Console
from rich.style import Style
from rich.table import Table
from rich.text import Text

from libra.budgets.lighthouse import Check
from libra.failures import is_one_of
from libra.formats.comparison import Comparison
from libra.formats.sentences import (
    beside_the_web,
    estimates,
    outcome,
    points,
    reason,
    remarks,
    suggestions,
    weighs,
    why_chosen,
)
from libra.report import Asset, Kind, Report, Total
from libra.urls import origin_of
from libra.wording import count, duration, plain, shorten, signed_size, size

SECTIONS: tuple[tuple[str, Kind], ...] = (
    ("Stylesheets", "stylesheet"),
    ("Scripts", "script"),
    ("Images", "image"),
    ("Fonts", "font"),
    ("Media", "media"),
    ("Other", "other"),
)

LONGEST = 100
"""Most similar rows: more would bury the rest. The other formats have all rows."""

STRANGERS = 20
"""Most third parties in the list."""

WIDE = 110
"""Columns of a terminal that has room for optional columns."""


def print_report(
    console: Console,
    report: Report,
    checks: Sequence[Check] = (),
    comparison: Comparison | None = None,
) -> None:
    """Print one page; the width of the console decides how much of each address is shown."""
    for line in _lines(report, checks, comparison, console.width):
        console.print(line, soft_wrap=True)


def print_summary(console: Console, reports: Sequence[Report], checks: Sequence[Check]) -> None:
    """Print a row for each of several pages."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in ("Transfer", "Requests", "Score"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("Result", no_wrap=True)
    table.add_column("Page", no_wrap=True)
    over = {check.page for check in checks if check.over}
    for report in reports:
        result = _result(report, report.url in over)
        table.add_row(
            size(report.total.transfer_bytes),
            f"{report.total.requests:,}",
            _score(report) if report.score and not outcome(report) else "-",
            result,
            _address(report.url, max(20, console.width - 48)),
        )
    console.print(table)


def _lines(
    report: Report, checks: Sequence[Check], comparison: Comparison | None, width: int
) -> Iterator[Text]:
    yield from _general(report, width)
    if report.status == "weighed":
        documents = [asset for asset in report.assets if asset.kind == "document"]
        if len(documents) > 1:  # frames, and redirects on the way to the page
            yield from _section("Documents", documents, report, "document", width)
        empty = False
        for title, kind in SECTIONS:
            assets = [asset for asset in report.assets if asset.kind == kind]
            if assets:
                yield from _section(title, assets, report, kind, width)
            else:
                if not empty:
                    yield Text()
                yield Text.assemble((title, "bold"), ("  none", "dim"))
            empty = not assets
        yield from _third_parties(report, width)
        yield from _total(report, width)
        yield from _suggestions(report, width)
        if checks:
            yield from _budget(checks)
        if comparison is not None:
            yield from _changes(comparison, width)


def _general(report: Report, width: int) -> Iterator[Text]:
    yield Text("General", "bold")
    yield _fact("Address", _address(report.url, width - 18))
    if report.final_url and report.final_url != report.url:
        yield _fact("Leads to", _address(report.final_url, width - 18))
    if report.title:
        title = plain(report.title).strip()
        yield _fact("Title", title if len(title) <= width - 18 else title[: width - 19] + "…")
    if report.status == "weighed":
        body = report.body
        yield _fact(
            "Document", f"{size(body.transfer_bytes)} ({size(body.resource_bytes)} decoded)"
        )
    took = f" in {duration(report.duration_ms)}" if report.duration_ms is not None else ""
    yield _fact("Weighed", f"{report.method}{took}")
    chosen = why_chosen(report)
    if chosen:
        yield from _wrapped("", chosen, width)
    problem = outcome(report)
    if problem:
        yield _fact("Problem", Text(problem, "bold red"))


def _section(
    title: str, assets: Sequence[Asset], report: Report, kind: Kind, width: int
) -> Iterator[Text]:
    total, own = report.by_kind[kind], origin_of(report.final_url or report.url)
    yield Text()
    requests = count(total.requests, "request")
    yield Text.assemble(
        (title, "bold"),
        f"  {requests}, {size(total.transfer_bytes)}",
        (_share(total, report), "dim"),
    )
    # The heaviest first, then the failures, by reason.
    ordered = sorted(assets, key=lambda a: (_reason(a), a.status != "fetched", -a.transfer_bytes))
    shown = 0
    for text, group in groupby(ordered, _reason):
        alike = list(group)
        for asset in alike[:LONGEST]:
            yield _row(asset, own, width)
        shown += len(alike[:LONGEST])
        if text:
            style = "yellow" if alike[0].status == "skipped" else "red"
            these = f"these {len(alike):,}: " if len(alike) > 1 else ""
            yield Text(" " * 22 + these + text[: max(20, 3 * width)], style)
    rest = len(assets) - shown
    if rest:
        yield Text(f"  and {count(rest, 'more request')}; --format csv has them all", "dim")


def _reason(asset: Asset) -> str:
    # A status of 404 is reason enough, and so is "lazy".
    told = asset.error is None or is_one_of(asset.error, ("http", "lazy"))
    return "" if told else reason(asset)


def _row(asset: Asset, own: str, width: int) -> Text:
    notes = _notes(asset, width)
    room = width - 22 - (len(notes) + 2 if notes else 0)
    weight = "-" if asset.status in {"skipped", "pending"} else size(asset.transfer_bytes)
    line = Text(f"  {weight:>9}  ")
    line.append_text(_status(asset))
    line.append(" " * (7 - len(line.plain[13:]) + 2))
    line.append_text(_address(asset.url, max(20, room), own))
    if notes:
        line.append(f"  {notes}", "dim")
    return line


def _notes(asset: Asset, width: int) -> str:
    notes = [name for name in ("lazy", "conditional") if getattr(asset, name)]
    if width >= WIDE:
        if asset.third_party:
            notes.append("third party")
        if asset.encoding:
            notes.append(plain(asset.encoding)[:12])
    return ", ".join(notes)


def _third_parties(report: Report, width: int) -> Iterator[Text]:
    """The hosts of third parties, the heaviest first."""
    strangers = [(host, total) for host, total in report.by_host.items() if total.third_party]
    if not strangers:
        return
    requests = count(sum(total.requests for _, total in strangers), "request")
    weight = sum(total.transfer_bytes for _, total in strangers)
    yield Text()
    yield Text.assemble(
        ("Third parties", "bold"),
        f"  {count(len(strangers), 'host')}, {requests}, {size(weight)}",
        (_share(Total(transfer_bytes=weight), report), "dim"),
    )
    ordered = sorted(strangers, key=lambda one: (-one[1].transfer_bytes, one[0]))
    for host, total in ordered[:STRANGERS]:
        requests = count(total.requests, "request")
        line = Text(f"  {size(total.transfer_bytes):>9}  {plain(host)[: max(20, width - 32)]}")
        line.append(f"  {requests}", "dim")
        yield line
    if len(ordered) > STRANGERS:
        yield Text(f"  and {count(len(ordered) - STRANGERS, 'more host')}", "dim")


def _share(part: Total, report: Report) -> str:
    whole = report.total.transfer_bytes
    return f", {100 * part.transfer_bytes / whole:.0f} %" if whole else ""


def _total(report: Report, width: int) -> Iterator[Text]:
    yield Text()
    yield Text("Total", "bold")
    yield _fact("Transfer", Text(weighs(report), "bold"))
    for number, remark in enumerate(remarks(report)):
        yield from _wrapped("" if number else "But", remark.text, width, "yellow")
    score = report.score
    if score is not None:
        text = Text.assemble((points(score), _score_style(score.teledrin)))
        if score.verdict:
            text.append(f"  {score.verdict}", _score_style(score.teledrin))
        else:
            text.append("  the page weighs more than Libra could see", "dim")
        yield _fact("Teledrin score", text)
        if beside := beside_the_web(score):
            yield _fact("", beside)
        # This is not the well-known score of the same name.
        audit = Text.assemble(str(score.lighthouse), ("  by Lighthouse", "dim"))
        yield _fact("Size audit", audit)
    if report.figures is not None:
        yield _fact("Estimates", Text(estimates(report.figures), "dim"))


def _suggestions(report: Report, width: int) -> Iterator[Text]:
    found = suggestions(report)
    if not found:
        return
    yield Text()
    yield Text.assemble(("Suggestions", "bold"), ("  and how much each saves", "dim"))
    for saves, text in found:
        first, *rest = wrap(text, max(20, width - 13)) or [""]
        yield Text(f"  {'-' if saves is None else size(saves):>9}  {first}")
        yield from (Text(f"{'':13}{line}") for line in rest)


def _budget(checks: Iterable[Check]) -> Iterator[Text]:
    yield Text()
    yield Text("Budget", "bold")
    for check in checks:
        word, style = ("over", "bold red") if check.over else ("ok", "green")
        yield Text.assemble("  ", (f"{word:<4}", style), f"  {check.sentence()}")


def _changes(comparison: Comparison, width: int) -> Iterator[Text]:
    yield Text()
    yield Text("Changes", "bold")
    yield Text(f"  {comparison.sentence()}")
    for kind, delta in comparison.by_kind.items():
        if delta:
            before, after = comparison.kinds_before[kind], comparison.kinds_after[kind]
            line = Text(
                f"  {_change_of(delta.transfer_bytes)}  ", _change_style(delta.transfer_bytes)
            )
            line.append(f"{kind:<10}  ", "default")
            line.append(
                f"{size(before.transfer_bytes):>9} to {size(after.transfer_bytes)}", "default"
            )
            line.append(f", {delta.requests:+d} requests" if delta.requests else "", "default")
            yield line
    if comparison.changes:
        yield Text()
    for change in comparison.changes[:LONGEST]:
        style = _change_style(change.transfer_bytes)
        line = Text(f"  {_change_of(change.transfer_bytes)}  ", style)
        line.append(f"{change.what:<7}  ", "default")
        line.append_text(_address(change.url, max(20, width - 22)))
        yield line
    rest = len(comparison.changes) - LONGEST
    if rest > 0:
        yield Text(f"  and {count(rest, 'smaller change')}", "dim")


def _change_of(transfer_bytes: int) -> str:
    return f"{signed_size(transfer_bytes):>9}"


def _change_style(transfer_bytes: int) -> str:
    return "red" if transfer_bytes > 0 else "green"


def _wrapped(name: str, text: str, width: int, style: str = "") -> Iterator[Text]:
    for number, line in enumerate(wrap(text, max(20, width - 18))):
        yield _fact("" if number else name, Text(line, style))


def _fact(name: str, value: str | Text) -> Text:
    line = Text.assemble("  ", (f"{name:<14}", "dim"), "  ")
    return line.append(value) if isinstance(value, str) else line.append_text(value)


def _status(asset: Asset) -> Text:
    if asset.lazy and asset.status == "skipped":
        return Text(asset.status, "dim")
    if asset.status in {"skipped", "pending"}:
        return Text(asset.status, "yellow")
    if asset.http_status is not None and (asset.status == "fetched" or asset.http_status >= 400):
        return Text(str(asset.http_status), "red" if asset.http_status >= 400 else "green")
    return Text(asset.status, "green" if asset.status == "fetched" else "red")


def _address(url: str, width: int, own: str = "") -> Text:
    """An address; the path alone for one of the page's own origin."""
    shown = plain(url)
    shown = shown.removeprefix(own) if own and shown.startswith(f"{own}/") else shown
    # Terminals that know links open the whole address at a click.
    style = Style(link=url) if url.isascii() and url == plain(url) else Style.null()
    return Text(shorten(shown, width), style)


def _result(report: Report, over: bool) -> Text:
    if outcome(report):
        return Text("failed", "red")
    if over:
        return Text("over budget", "red")
    doubts = remarks(report)
    return Text(doubts[0].short, "yellow") if doubts else Text("ok", "green")


def _score(report: Report) -> Text:
    if report.score is None:
        return Text("-")
    least = "≤ " if report.score.bound == "at_most" else ""
    return Text(f"{least}{report.score.teledrin}", _score_style(report.score.teledrin))


def _score_style(points: int) -> str:
    # Lighthouse's limits of green, orange and red.
    return "bold green" if points >= 90 else "bold yellow" if points >= 50 else "bold red"
