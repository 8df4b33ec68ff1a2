"""Reports as Markdown (GitHub's flavour), for step summaries and comments on a change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from libra.budgets.lighthouse import Check
from libra.formats.comparison import Comparison
from libra.formats.sentences import (
    estimates,
    lacking,
    outcome,
    points,
    reason,
    remarks,
    suggestions,
    weighs,
    why_chosen,
)
from libra.report import Report
from libra.wording import count, plain, shorten, signed_size, size

HEAVIEST = 10
"""Most rows of a list: assets, changes, and assets that could not be weighed."""

LABELS = {
    "document": "Documents",
    "stylesheet": "Stylesheets",
    "script": "Scripts",
    "image": "Images",
    "font": "Fonts",
    "media": "Media",
    "other": "Other",
}

_REFERENCE = re.compile(r"@|#(?=\d)")
"""References to people, issues and changes."""

_SPECIAL = re.compile(r"([\\`*_\[\]~]|:(?=//)|(?<=www)\.)", re.IGNORECASE)
"""Characters that could become markup in the middle of a line, or that GitHub turns into links."""


def to_markdown(
    reports: Sequence[Report],
    checks: Sequence[Check] = (),
    comparisons: Sequence[Comparison] = (),
    unjudged: str | None = None,
) -> str:
    """A table of the pages, breached budgets, changes, and the parts of each page, folded.

    ``unjudged`` says why not everything could be judged, for example because a server is away: readers
    must not take the table for the whole result.

    Titles and addresses are foreign text: no markup, link, mention or image of theirs survives.
    """
    lines = ["## Page weight", ""]
    lines += _table(
        ("Page", "Transfer", "Requests", "Teledrin score", "Result"),
        "lrrrl",
        (_page_row(report, checks) for report in reports),
    )
    if unjudged is not None:
        lines += ["", f"⚠️ Not judged: {_escape(unjudged)}."]
    over = [check for check in checks if check.over]
    if over:
        lines += ["", "### Over budget", ""]
        lines += [f"- {_code(check.page)}: {check.sentence()}" for check in over]
    for comparison in comparisons:
        lines += ["", *_comparison(comparison)]
    for report in reports:
        lines += ["", *_details(report)]
    return "\n".join(lines) + "\n"


def _page_row(report: Report, checks: Sequence[Check]) -> tuple[str, ...]:
    own = [check for check in checks if check.page == report.url]
    problem, doubts = outcome(report), remarks(report)
    if problem:
        result = f"❌ could not be weighed: {_escape(problem)}"
    elif any(check.over for check in own):
        result = "❌ over budget"
        if doubts:
            result += f"; {_escape('; '.join(remark.text for remark in doubts))}"
    elif doubts:
        result = f"⚠️ {_escape('; '.join(remark.text for remark in doubts))}"
    else:
        result = "✅ within budget" if own else "✅ weighed"
    score = report.score
    verdict = f" {_escape(score.verdict)}" if score and score.verdict else ""
    return (
        _code(report.url, 80),
        size(report.total.transfer_bytes),
        f"{report.total.requests:,}",
        f"{points(score)}{verdict}" if score else "",
        result,
    )


def _comparison(comparison: Comparison) -> list[str]:
    lines = [f"### What changed on {_code(comparison.url)}", "", comparison.sentence()]
    rows = [
        (
            LABELS[kind],
            size(comparison.kinds_before[kind].transfer_bytes),
            size(comparison.kinds_after[kind].transfer_bytes),
            signed_size(delta.transfer_bytes),
            f"{delta.requests:+d}",
        )
        for kind, delta in comparison.by_kind.items()
        if delta
    ]
    if rows:
        lines += ["", *_table(("", "Before", "After", "Transfer", "Requests"), "lrrrr", rows)]
    changes = [
        (change.what, signed_size(change.transfer_bytes), _code(change.url, 100))
        for change in comparison.changes[:HEAVIEST]
    ]
    if changes:
        lines += ["", *_table(("", "Transfer", "Address"), "lrl", changes)]
    if len(comparison.changes) > HEAVIEST:
        lines += ["", f"and {count(len(comparison.changes) - HEAVIEST, 'smaller change')}"]
    return lines


def _details(report: Report) -> list[str]:
    lines = ["<details>", f"<summary>{_html(report.title or report.url)}</summary>", ""]
    problem = outcome(report)
    if problem:
        lines += [f"{_code(report.url)} could not be weighed: {_escape(problem)}"]
        return [*lines, "", "</details>"]
    lines += [f"{_code(report.final_url or report.url)}: {weighs(report)}", ""]
    if report.figures is not None:
        lines += [f"Estimates: {estimates(report.figures)}", ""]
    chosen = why_chosen(report)
    if chosen:
        lines += [_escape(chosen), ""]
    for remark in remarks(report):
        lines += [f"⚠️ {_escape(remark.text)}", ""]
    lines += _table(
        ("", "Requests", "Transfer", "Decoded"),
        "lrrr",
        (
            (LABELS[kind], f"{t.requests:,}", size(t.transfer_bytes), size(t.resource_bytes))
            for kind, t in report.by_kind.items()
            if t.requests
        ),
    )
    heaviest = sorted(report.assets, key=lambda asset: -asset.transfer_bytes)[:HEAVIEST]
    if heaviest:
        lines += ["", "Heaviest assets:", ""]
        lines += _table(
            ("Transfer", "Kind", "Address"),
            "rll",
            ((size(a.transfer_bytes), a.kind, _code(a.url, 100)) for a in heaviest),
        )
    found = suggestions(report)
    if found:
        lines += ["", "Suggestions:", ""]
        lines += _table(
            ("Saves", "What"),
            "rl",
            (("" if saves is None else size(saves), _escape(text)) for saves, text in found),
        )
    missing = lacking(report)
    if missing:
        lines += ["", "Not weighed, or only partly:", ""]
        lines += [f"- {_code(a.url, 100)}: {_escape(reason(a))}" for a in missing[:HEAVIEST]]
        if len(missing) > HEAVIEST:
            lines += [f"- and {len(missing) - HEAVIEST:,} more"]
    return [*lines, "", "</details>"]


def _table(head: Sequence[str], align: str, rows: Iterable[Sequence[str]]) -> list[str]:
    rules = {"l": ":---", "r": "---:"}
    return [
        f"| {' | '.join(cells)} |" for cells in (head, [rules[letter] for letter in align], *rows)
    ]


def _code(text: str, width: int = 200) -> str:
    """An address as code: nothing in it is markup. The fence is longer than its backticks."""
    shown = shorten(plain(text), width)
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", shown)), default=0))
    pad = " " if "`" in shown[:1] + shown[-1:] else ""
    # GitHub splits tables at bars before it recognises code.
    return f"{fence}{pad}{shown}{pad}{fence}".replace("|", "\\|")


def _escape(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _html(text))


def _html(text: str) -> str:
    shown = plain(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Without a character in between, GitHub would notify people named in a title, and add links.
    shown = _REFERENCE.sub("\\g<0>\N{WORD JOINER}", shown)
    return shown.replace("|", "&#124;")
