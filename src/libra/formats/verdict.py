"""What a report comes to, in sentences: the same words on the terminal and in every format."""

from __future__ import annotations

from collections.abc import Sequence

from libra.weighing.report import Asset, Report
from libra.words import count, plain, sentence_list, size

_NOTHING_LACKS = ("http:", "lazy:")
"""Codes of errors that take nothing away from the total."""


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
    """What the total lacks, in one line; None if it is complete or there is no total."""
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
    """A line for each asset that the total lacks in whole or in part: its address and why."""
    return [f"{plain(asset.url)}: {reason(asset)}" for asset in lacking(report)]


def reason(asset: Asset) -> str:
    """Why an asset was not weighed, as its error says."""
    return plain(asset.error) if asset.error else asset.status


def lacking(report: Report) -> Sequence[Asset]:
    """The assets that the total lacks, in whole or in part.

    Not those that answered with an error, whose bytes are counted, nor those that a browser would
    not load without scrolling.
    """
    return [
        asset
        for asset in report.assets
        if (asset.status != "fetched" or asset.error is not None)
        and not (asset.error or "").startswith(_NOTHING_LACKS)
    ]
