"""What has happened since the start, counted: for the metrics, the log and traces."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Sequence

from libra.weighing.report import Method, Report, Status

log = logging.getLogger("libra.pages")

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the buckets that requests are counted in, in seconds."""

PAGE_BOUNDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 60.0, 120.0)
"""The same for the weighing of a page."""


class Histogram:
    """How many observations there were up to each bound, and their sum."""

    __slots__ = ("bounds", "buckets", "sum")

    def __init__(self, bounds: Sequence[float] = BOUNDS) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Add an observation."""
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.sum += value


class Tally:
    """What became of pages in one Libra since its start.

    Attributes:
        submitted: pages that were accepted, by method.
        finished: pages that were weighed or have failed, by method and status.
        transfer_bytes: what was fetched for them, as it crossed the wire.
        durations: seconds that each took, from its turn to its result.
        deleted: pages that somebody deleted.
        on_finished: told of each report at its end. What it raises is the page's crash.
    """

    def __init__(self) -> None:
        self.submitted: Counter[Method] = Counter()
        self.finished: Counter[tuple[Method, Status]] = Counter()
        self.transfer_bytes = 0
        self.durations = Histogram(PAGE_BOUNDS)
        self.deleted = 0
        self.on_finished: list[Callable[[Report], None]] = []

    def submit(self, page_id: str, url: str, method: Method) -> None:
        """A page was accepted."""
        self.submitted[method] += 1
        log.info("page accepted", extra={"page_id": page_id, "url": url, "method": method})

    def begin(self, page_id: str) -> None:
        """It is its turn."""
        log.debug("page begun", extra={"page_id": page_id})

    def finish(self, report: Report) -> None:
        """A page was weighed, or has failed."""
        self.finished[report.method, report.status] += 1
        self.transfer_bytes += report.total.transfer_bytes
        self.durations.observe((report.duration_ms or 0) / 1000)
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
        self.deleted += 1
        log.info("page deleted", extra={"page_id": page_id})
