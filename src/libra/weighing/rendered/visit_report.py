"""Builds the report of a page in a browser, interim or final."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import msgspec

from libra.failures import is_one_of
from libra.report import Asset, Bytes, Report, Status
from libra.urls import host_of
from libra.weighing.findings.findings import FindingNotes
from libra.weighing.footprint import figures
from libra.weighing.rendered.requests.assets import assets_of, sums_of
from libra.weighing.rendered.requests.logged_request import LoggedRequest
from libra.weighing.rendered.requests.network_log import NetworkLog
from libra.weighing.score import score

_PAGES_OWN = ("http", "blocked", "cors", "aborted")
"""Failures that belong to the page: the browser did its work, and the page was measured."""


class VisitReport:
    """Makes the reports of one visit.

    Args:
        base: The report before anything is known.
        log: The requests of the page.
        failures: Why hosts could not be reached, from the proxy.
        dpr: Device pixels per CSS pixel.
        clock: Monotonic seconds.

    Attributes:
        notes: What the findings are made from.
    """

    def __init__(
        self,
        base: Report,
        log: NetworkLog,
        failures: Mapping[str, str],
        dpr: float,
        clock: Callable[[], float],
    ) -> None:
        self.notes = FindingNotes()
        self._base = base
        self._log = log
        self._failures = failures
        self._dpr = dpr
        self._clock = clock
        self._started = clock()

    def make(
        self,
        *,
        final: bool,
        error: str | None = None,
        title: str | None = None,
        download: bool = False,
        pictured: bool = False,
    ) -> Report:
        """The current report.

        Args:
            final: Whether the page is done.
            error: Why it is incomplete, if one reason applies to all of it.
            title: The title of the page.
            download: Whether its document became a download.
            pictured: Whether there is a picture of the page.
        """
        entries = self._log.entries
        document = self._log.document()
        final_url = document.url if document is not None and document.status else None
        host = host_of(final_url or self._base.url)
        assets = assets_of(entries, host, self._failures)
        total, kinds, hosts = sums_of(assets)
        failed = _why_failed(document, assets, entries, error, download=download) if final else None
        status: Status = "weighing" if not final else "weighed" if failed is None else "failed"
        weighed = status == "weighed"
        own = assets[entries.index(document)] if weighed and document else None
        if own is not None:
            self.notes.see_document(assets.index(own))
        cut_short = None if own is None or _is_measured(own) else own.error
        complete = weighed and error is None and all(map(_is_measured, assets))
        report = msgspec.structs.replace(
            self._base,
            status=status,
            final_url=final_url,
            title=title,
            complete=complete,
            body=Bytes(document.transfer_bytes, document.resource_bytes) if document else Bytes(),
            total=total,
            by_kind=kinds,
            by_host=hosts,
            score=score(total.transfer_bytes, whole=complete) if weighed else None,
            figures=(
                figures(total.transfer_bytes, total.requests, self.notes.elements)
                if weighed
                else None
            ),
            assets=assets,
            error=failed or cut_short or error,
            findings=(self.notes.findings(assets, self._dpr) if weighed else ()),
            screenshot=pictured and weighed,
        )
        if not final:
            return report
        return msgspec.structs.replace(
            report,
            finished_at=datetime.now(UTC),
            duration_ms=round((self._clock() - self._started) * 1000),
        )


def _why_failed(
    document: LoggedRequest | None,
    assets: tuple[Asset, ...],
    entries: list[LoggedRequest],
    error: str | None,
    *,
    download: bool,
) -> str | None:
    """The named error if the page's document did not arrive."""
    if document is None:
        return error or "browser: it did not request the page"
    if download and document.cancelled:
        return "download: a browser saves this file instead of showing it"
    asset = assets[entries.index(document)]
    if document.status is None:
        return asset.error or error
    nothing = document.status >= 300 or not document.transfer_bytes
    return asset.error if nothing else None


def _is_measured(asset: Asset) -> bool:
    return asset.error is None or is_one_of(asset.error, _PAGES_OWN)
