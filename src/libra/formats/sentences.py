"""The result of a report in sentences: the same words on the terminal and in every format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from libra.failures import is_one_of
from libra.report import Asset, Figures, Report, Score
from libra.weighing.findings.not_the_page import LOGIN_PAGE, NOT_HTML
from libra.wording import count, plain, sentence_list, size

_NOTHING_LACKS = ("http", "lazy")
"""Codes of errors that do not reduce the total."""

NOT_WHOLE = frozenset({"partial", "built-by-scripts"})
"""Remarks that make the weight a lower bound: the page weighs at least as much."""

_SHORT = {
    "partial": "partial",
    "built-by-scripts": "built by scripts",
    NOT_HTML: "not HTML",
    LOGIN_PAGE: "login page",
}


class Remark(NamedTuple):
    """Why a weight is not that of the whole page, or not of the page that was meant."""

    code: str
    text: str

    @property
    def short(self) -> str:
        """The remark in a word or two."""
        return _SHORT[self.code]


def remarks(report: Report) -> list[Remark]:
    """All reasons why the weight is not what it seems; the same in every output."""
    found: list[Remark] = []
    partial = why_partial(report)
    if partial is not None:
        found.append(Remark("partial", f"partial: {partial}"))
    if report.status == "weighed" and report.coverage:
        found.append(Remark("built-by-scripts", plain(report.coverage)))
    found += [
        Remark(finding.code, plain(finding.message))
        for finding in report.findings
        if finding.code in (NOT_HTML, LOGIN_PAGE)
    ]
    return found


def why_not_whole(report: Report) -> str | None:
    """Why the page weighs more than the report says, or may; None if the weight is the page's."""
    return "; ".join(r.text for r in remarks(report) if r.code in NOT_WHOLE) or None


def why_chosen(report: Report) -> str | None:
    """Why Libra chose this method, where that is worth mentioning: the page was not ordinary."""
    return plain(report.chosen) if report.chosen and _is_news(report) else None


def beside_the_web(score: Score) -> str | None:
    """``Lighter than 92 % of the web.``; None for a page of which only a part was weighed.

    The share is rounded, but never so that a page is lighter, or heavier, than all.
    """
    if score.bound == "at_most":
        return None
    if score.teledrin == 0:
        return "Heavier than 99 % of the web."
    return f"Lighter than {min(score.teledrin, 99)} % of the web."


def _is_news(report: Report) -> bool:
    return report.method == "rendered" or bool(report.coverage)


def suggestions(report: Report) -> list[tuple[int | None, str]]:
    """Suggestions to make the page lighter or better, each with the bytes that it saves, if known."""
    return [
        (finding.saves_bytes, plain(finding.message))
        for finding in report.findings
        if finding.code not in (NOT_HTML, LOGIN_PAGE)
    ]


def points(score: Score) -> str:
    """``93``, or ``at most 93``."""
    return f"at most {score.teledrin}" if score.bound == "at_most" else str(score.teledrin)


def estimates(figures: Figures) -> str:
    """``0.08 g CO2e a visit, EcoIndex 72.4``: other measures of the same weight."""
    grams = figures.co2_grams
    text = f"{grams:.2f} g CO2e a visit" if grams >= 0.01 else "less than 0.01 g CO2e a visit"
    return text if figures.ecoindex is None else f"{text}, EcoIndex {figures.ecoindex:g}"


def outcome(report: Report) -> str | None:
    """Why the page could not be weighed, in one line; None if it was."""
    if report.status == "weighed":
        return None
    return plain(report.error) if report.error else f"the page is still {report.status}"


def weighs(report: Report) -> str:
    """``511.5 kB in 41 requests (902.1 kB decoded)``."""
    total = report.total
    return (
        f"{size(total.transfer_bytes)} in {count(total.requests, 'request')} "
        f"({size(total.resource_bytes)} decoded)"
    )


def why_partial(report: Report) -> str | None:
    """What is missing from the total, in one line; None if it is complete or there is no total."""
    if report.complete or report.status != "weighed":
        return None
    without = lacking(report)
    parts = [
        count(number, f"{status} request")
        for status in ("failed", "skipped", "pending")
        if (number := sum(asset.status == status for asset in without))
    ]
    cut = sum(asset.status == "fetched" for asset in without)
    if cut:
        parts.append(f"{count(cut, 'body', 'bodies')} cut short")
    reasons = [sentence_list(parts)] if parts else []
    if report.error:
        reasons.append(plain(report.error))
    return "; ".join(reasons) or "a limit was reached"


def missing(report: Report) -> list[str]:
    """A line for each asset that is missing from the total in whole or in part: its address and why."""
    return [f"{plain(asset.url)}: {reason(asset)}" for asset in lacking(report)]


def reason(asset: Asset) -> str:
    """Why an asset was not weighed, from its error."""
    return plain(asset.error) if asset.error else asset.status


def lacking(report: Report) -> Sequence[Asset]:
    """The assets that are missing from the total, in whole or in part.

    Assets that were answered with an error are not among them, because their bytes are counted. Neither
    are assets that a browser would not load without scrolling.
    """
    return [
        asset
        for asset in report.assets
        if (asset.status != "fetched" or asset.error is not None)
        and not is_one_of(asset.error, _NOTHING_LACKS)
    ]
