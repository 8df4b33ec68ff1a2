"""What is known of a page beside its assets, and the report that both make."""

from __future__ import annotations

import msgspec

from libra.report import Bytes, Report, Total
from libra.weighing.findings.findings import FindingNotes
from libra.weighing.footprint import figures
from libra.weighing.options import Limits, Options
from libra.weighing.score import score
from libra.weighing.static.ledger import AssetLedger


class PageFacts:
    """What is known of one page beside its assets.

    Attributes:
        title: of the document.
        final_url: where the document was, after all redirects; None until it has come.
        body: the bytes of the document itself.
        failed: why the page could not be weighed, as a named error.
        error: what the page lacks, as the first named error that says so.
        whole: whether all bytes have come of every answer.
        omitted: how many assets a limit left out.
    """

    __slots__ = ("body", "error", "failed", "final_url", "omitted", "title", "whole")

    def __init__(self) -> None:
        self.title: str | None = None
        self.final_url: str | None = None
        self.body = Bytes()
        self.failed: str | None = None
        self.error: str | None = None
        self.whole = True
        self.omitted = 0

    def note(self, error: str | None) -> None:
        """The page lacks something; the first reason stays."""
        self.error = self.error or error

    def give_up(self, error: str) -> None:
        """No more of the page will come."""
        self.whole = False
        if self.final_url is None and self.failed is None:
            self.failed = error
        self.note(error)

    def report(
        self,
        base: Report,
        options: Options,
        ledger: AssetLedger,
        notes: FindingNotes,
        *,
        done: bool,
    ) -> Report:
        """What is known now, filled into a report that holds the rest (id, status, times, version)."""
        weighed = done and self.failed is None
        complete = weighed and self.whole and not self.omitted and self.error is None
        requests, weight, _ = ledger.total
        return msgspec.structs.replace(
            base,
            final_url=self.final_url,
            title=self.title,
            method=options.method,
            viewport=str(options.viewport),
            complete=complete,
            body=self.body,
            total=Total(*ledger.total),
            by_kind=ledger.by_kind(),
            by_host=ledger.by_host(),
            score=score(weight, whole=complete and notes.coverage is None) if weighed else None,
            figures=figures(weight, requests, notes.elements) if weighed else None,
            assets=tuple(ledger.assets),
            error=self.failed or self.error or self._limit_reached(weight, options.limits),
            findings=notes.findings(ledger.assets, options.viewport.dpr) if weighed else (),
            coverage=notes.coverage,
            with_headers=bool(options.headers),
        )

    def _limit_reached(self, weight: int, limits: Limits) -> str | None:
        if not self.omitted:
            return None
        if weight > limits.page_bytes:
            limit = f"page-too-large: more than {limits.page_bytes:,} bytes"
        else:
            limit = f"too-many-assets: more than {limits.assets:,}"
        return f"{limit}; {self.omitted:,} were left out"
