"""Prometheus metrics in the text exposition format 0.0.4, without a client library.

A library would bring a registry for the whole program, and two Libras may live in one. What is
needed is small: counters of requests, and gauges read from `Health` at the moment of the scrape.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping

from libra.health import Health

TEXT = "text/plain; version=0.0.4; charset=utf-8"


METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds of the histograms' buckets, in seconds."""


class Histogram:
    """How many observations there were up to each bound, and their sum."""

    __slots__ = ("buckets", "sum")

    def __init__(self, bounds: int = len(BOUNDS)) -> None:
        self.buckets = [0] * (bounds + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        """Add an observation."""
        self.buckets[bisect_left(BOUNDS, value)] += 1
        self.sum += value


class RequestCounts:
    """How many requests were answered, by route, method and status class."""

    __slots__ = ("_counts", "_durations", "streams")

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self._durations: defaultdict[str, Histogram] = defaultdict(Histogram)
        self.streams = 0

    def count(self, route: str, method: str, status: int, seconds: float = 0.0) -> None:
        """Add one answered request, and how long it took until the answer began.

        What the short cut answers takes some 20 microseconds; it is counted as nothing.
        """
        self._counts[route, method if method in METHODS else "other", status] += 1
        self._durations[route].observe(seconds)

    def durations(self) -> Iterable[tuple[str, Histogram]]:
        """Each route with how long its answers took, in a stable order."""
        return sorted(self._durations.items())

    def items(self) -> Iterable[tuple[tuple[str, str, int], int]]:
        """Each (route, method, status) with its count, in a stable order."""
        return sorted(self._counts.items())


def exposition(health: Health, requests: RequestCounts) -> str:
    """All metrics as text. Names carry their unit; counters end in ``_total``."""
    lines: list[str] = []
    _add(lines, "libra_info", "gauge", "The running version.", [({"version": health.version}, 1)])
    _add(
        lines,
        "libra_start_time_seconds",
        "gauge",
        "When this Libra started, as Unix time.",
        [({}, health.started_at.timestamp())],
    )
    _add(
        lines,
        "libra_accepting",
        "gauge",
        "1 while pages can be submitted and read.",
        [({}, int(health.accepting))],
    )
    _add(
        lines,
        "libra_part_status",
        "gauge",
        "0 ok, 1 degraded, 2 down.",
        [
            ({"part": name}, ("ok", "degraded", "down").index(part.status))
            for name, part in sorted(health.parts.items())
        ],
    )
    _add(
        lines,
        "libra_pages",
        "gauge",
        "Pages in memory, by where they are in their life.",
        [({"status": status}, count) for status, count in sorted(health.pages.items())],
    )
    _add(
        lines,
        "libra_pages_quarantined",
        "gauge",
        "Pages whose process has used up its restarts.",
        [({}, health.quarantined)],
    )
    _add(
        lines,
        "libra_backup_waiting_pages",
        "gauge",
        "Pages whose newest version is not in the database yet.",
        [({}, health.waiting_to_be_stored)],
    )
    _add(
        lines,
        "libra_backup_oldest_waiting_seconds",
        "gauge",
        "How long the oldest of them has waited.",
        [({}, health.oldest_waiting_seconds or 0)],
    )
    lag = health.loop_lag
    _add(
        lines,
        "libra_loop_lag_seconds",
        "gauge",
        "How late the event loop ran its callbacks.",
        [
            ({"window": "last"}, lag.last_ms / 1000),
            ({"window": "p99"}, lag.p99_ms / 1000),
            ({"window": "max"}, lag.max_ms / 1000),
        ],
    )
    _add(
        lines,
        "libra_http_requests_total",
        "counter",
        "Requests answered.",
        [
            ({"route": route, "method": method, "status": str(status)}, count)
            for (route, method, status), count in requests.items()
        ],
    )
    _add(
        lines,
        "libra_http_event_streams",
        "gauge",
        "Live event streams open now.",
        [({}, requests.streams)],
    )
    return "\n".join(lines) + "\n"


def _add(
    lines: list[str],
    name: str,
    kind: str,
    text: str,
    samples: Iterable[tuple[Mapping[str, str], float]],
) -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))
