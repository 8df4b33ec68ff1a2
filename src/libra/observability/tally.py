"""Counts of events since the start, for the metrics, the log and traces."""

from __future__ import annotations

import logging
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Histogram

from libra.report import Method, Report

log = logging.getLogger("libra.pages")

PAGE_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0)
"""Upper bounds, in seconds, of the buckets for the time that the weighing of a page takes."""


class Tally:
    """Counts the outcomes of pages in one Libra since its start.

    Attributes:
        registry: its metrics; two Libras in one program count separately.
        on_finished: called with each report at its end. What it raises crashes the page.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.on_finished: list[Callable[[Report], None]] = []
        self._submitted = Counter(
            "libra_pages_submitted", "Pages accepted.", ["method"], registry=self.registry
        )
        self._finished = Counter(
            "libra_pages_finished",
            "Pages that finished, weighed or failed.",
            ["method", "status"],
            registry=self.registry,
        )
        self._deleted = Counter("libra_pages_deleted", "Pages deleted.", registry=self.registry)
        self._fetched = Counter(
            "libra_fetched_bytes",
            "Transfer size of the bodies of pages and assets.",
            registry=self.registry,
        )
        self._durations = Histogram(
            "libra_page_duration_seconds",
            "Time from the start of a weighing to its result.",
            buckets=PAGE_BOUNDS,
            registry=self.registry,
        )

    def submit(self, page_id: str, url: str, method: Method) -> None:
        """A page was accepted."""
        self._submitted.labels(method).inc()
        log.info("page accepted", extra={"page_id": page_id, "url": url, "method": method})

    def begin(self, page_id: str) -> None:
        """The page's turn has come."""
        log.debug("page begun", extra={"page_id": page_id})

    def finish(self, report: Report) -> None:
        """A page was weighed, or has failed."""
        self._finished.labels(report.method, report.status).inc()
        self._fetched.inc(report.total.transfer_bytes)
        self._durations.observe((report.duration_ms or 0) / 1000)
        if log.isEnabledFor(logging.INFO):
            log.info(
                "page %s",
                report.status,
                extra={
                    "page_id": report.id,
                    "url": report.url,
                    "method": report.method,
                    "complete": report.complete,
                    "duration_ms": report.duration_ms,
                    "requests": report.total.requests,
                    "transfer_bytes": report.total.transfer_bytes,
                    "error": report.error,
                },
            )
        for told in self.on_finished:
            told(report)

    def delete(self, page_id: str) -> None:
        """Somebody deleted a page."""
        self._deleted.inc()
        log.info("page deleted", extra={"page_id": page_id})
