"""A report as HTML for notebooks: no script, no picture, no request.

Titles and addresses are foreign text: all of it is escaped, and no address becomes a link.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from libra.wording import count, plain, shorten, size

if TYPE_CHECKING:
    from libra.report import Report

HEAVIEST = 10
"""How many assets are listed."""

_NOT_THE_PAGE = ("not-html", "login-page")
"""Findings that make the weight that of something else; `libra.formats.sentences` lies above this."""

_COLOURS = {
    "document": "#5b7fb4",
    "stylesheet": "#8a63b3",
    "script": "#c58a1b",
    "image": "#3f9a76",
    "font": "#b3546b",
    "media": "#3d8ea3",
    "other": "#84888c",
}
_CELL = "padding:2px 12px 2px 0;text-align:{};white-space:nowrap"


def to_html(report: Report) -> str:
    """The weight of a page: in all, by kind, and its heaviest assets."""
    title = f"<strong>{_text(report.title or report.url, 100)}</strong><br>"
    address = f"<code>{_text(report.final_url or report.url, 120)}</code>"
    if report.status != "weighed":
        state = report.error or f"the page is still {report.status}"
        return f"<div>{title}{address}<p>Not weighed: {_text(state, 500)}</p></div>"
    total = report.total
    weight = (
        f"<strong>{size(total.transfer_bytes)}</strong> in {count(total.requests, 'request')},"
        f" {size(total.resource_bytes)} decoded"
    )
    if report.score is not None:
        bound = "at most " if report.score.bound == "at_most" else ""
        verdict = f" {_text(report.score.verdict, 40)}" if report.score.verdict else ""
        weight += f"; Teledrin score {bound}{report.score.teledrin}.{verdict}"
    rest = f"{_doubts(report)}{_kinds(report)}{_heaviest(report)}"
    return f"<div>{title}{address}<p>{weight}</p>{rest}</div>"


def _doubts(report: Report) -> str:
    doubts = [] if report.complete else ["Partial: some of the page's requests were not weighed."]
    if report.coverage:
        doubts.append(f"{report.coverage[:1].upper()}{report.coverage[1:]}")
    doubts += [finding.message for finding in report.findings if finding.code in _NOT_THE_PAGE]
    return "".join(f"<p>⚠ {_text(doubt, 500)}</p>" for doubt in doubts)


def _kinds(report: Report) -> str:
    whole = report.total.transfer_bytes or 1
    rows = ""
    for kind, total in report.by_kind.items():
        if not total.requests:
            continue
        share = 100 * total.transfer_bytes / whole
        bar = (
            f'<span style="display:inline-block;height:.7em;width:{share * 1.5:.0f}px;'
            f'background:{_COLOURS.get(kind, "#84888c")}"></span> {share:.0f} %'
        )
        rows += _row(
            ("left", kind),
            ("right", f"{total.requests:,}"),
            ("right", size(total.transfer_bytes)),
            ("left", bar),
        )
    return f"<table>{rows}</table>"


def _heaviest(report: Report) -> str:
    heaviest = sorted(report.assets, key=lambda asset: -asset.transfer_bytes)[:HEAVIEST]
    rows = "".join(
        _row(
            ("right", size(asset.transfer_bytes)),
            ("left", asset.kind),
            ("left", f"<code>{_text(asset.url, 100)}</code>"),
        )
        for asset in heaviest
    )
    return f"<details><summary>Heaviest assets</summary><table>{rows}</table></details>"


def _row(*cells: tuple[str, str]) -> str:
    row = "".join(f'<td style="{_CELL.format(at)}">{cell}</td>' for at, cell in cells)
    return f"<tr>{row}</tr>"


def _text(text: str, width: int) -> str:
    return escape(shorten(plain(text), width))
