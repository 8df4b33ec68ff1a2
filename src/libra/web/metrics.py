"""Prometheus metrics in the text exposition format 0.0.4, without a client library.

A library would bring a registry for the whole program, and two Libras may live in one. What is
needed is small: counters of requests, what `Tally` counted, and gauges read from `Health` at the
moment of the scrape. `docs/reference/metrics.md` lists them; a test compares.
"""

from __future__ import annotations

import os
import resource
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from libra.health import Health
from libra.tally import Histogram, Tally

TEXT = "text/plain; version=0.0.4; charset=utf-8"

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


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


class Metric(NamedTuple):
    """A metric: its name, its type, what it says, and its samples by their labels."""

    name: str
    kind: str
    text: str
    samples: Iterable[tuple[Mapping[str, str], float]]


def exposition(
    health: Health,
    requests: RequestCounts,
    tally: Tally | None = None,
    *,
    connections: int = 0,
) -> str:
    """All metrics as text. Names carry their unit; counters end in ``_total``.

    Args:
        health: the truth about each part.
        requests: the requests answered.
        tally: what became of pages.
        connections: how many are open.
    """
    lines: list[str] = []
    tally = tally or Tally()
    for source in (
        _of_health(health),
        _of_pages(tally),
        _of_processes(health),
        _of_requests(requests, connections),
        _of_program(),
    ):
        for metric in source:
            _add(lines, *metric)
    _add_histogram(
        lines,
        "libra_page_duration_seconds",
        "How long pages took, from their turn to their result.",
        [({}, tally.durations)],
    )
    _add_histogram(
        lines,
        "libra_http_request_duration_seconds",
        "How long it took until an answer began.",
        [({"route": route}, histogram) for route, histogram in requests.durations()],
    )
    return "\n".join(lines) + "\n"


def _of_health(health: Health) -> Iterator[Metric]:
    yield Metric("libra_info", "gauge", "The running version.", [({"version": health.version}, 1)])
    yield Metric(
        "libra_start_time_seconds",
        "gauge",
        "When this Libra started, as Unix time.",
        [({}, health.started_at.timestamp())],
    )
    yield Metric(
        "libra_accepting",
        "gauge",
        "1 while pages can be submitted and read.",
        [({}, int(health.accepting))],
    )
    yield Metric(
        "libra_part_status",
        "gauge",
        "0 ok, 1 degraded, 2 down.",
        [
            ({"part": name}, ("ok", "degraded", "down").index(part.status))
            for name, part in sorted(health.parts.items())
        ],
    )
    for name, text in (
        ("database", "1 while the database can be used."),
        ("journal", "1 while the journal can be written."),
    ):
        part = health.parts.get(name)
        up = part is None or part.status != "down"
        yield Metric(f"libra_{name}_up", "gauge", text, [({}, int(up))])
    yield Metric(
        "libra_pages",
        "gauge",
        "Pages in memory, by where they are in their life.",
        [({"status": status}, count) for status, count in sorted(health.pages.items())],
    )
    yield Metric(
        "libra_pages_quarantined",
        "gauge",
        "Pages and watches whose process has used up its restarts.",
        [({}, health.quarantined)],
    )
    yield Metric(
        "libra_watches",
        "gauge",
        "Watched URLs, by what is known of their page.",
        [({"status": status}, count) for status, count in sorted(health.watches.items())],
    )
    yield Metric(
        "libra_backup_waiting_pages",
        "gauge",
        "Pages whose newest version is not in the database yet.",
        [({}, health.waiting_to_be_stored)],
    )
    yield Metric(
        "libra_backup_oldest_waiting_seconds",
        "gauge",
        "How long the oldest of them has waited.",
        [({}, health.oldest_waiting_seconds or 0)],
    )
    lag = health.loop_lag
    yield Metric(
        "libra_loop_lag_seconds",
        "gauge",
        "How late the event loop ran its callbacks.",
        [
            ({"window": "last"}, lag.last_ms / 1000),
            ({"window": "p99"}, lag.p99_ms / 1000),
            ({"window": "max"}, lag.max_ms / 1000),
        ],
    )


def _of_pages(tally: Tally) -> Iterator[Metric]:
    yield Metric(
        "libra_pages_submitted_total",
        "counter",
        "Pages accepted.",
        [({"method": method}, count) for method, count in sorted(tally.submitted.items())],
    )
    yield Metric(
        "libra_pages_finished_total",
        "counter",
        "Pages weighed, or failed.",
        [
            ({"method": method, "status": status}, count)
            for (method, status), count in sorted(tally.finished.items())
        ],
    )
    yield Metric("libra_pages_deleted_total", "counter", "Pages deleted.", [({}, tally.deleted)])
    yield Metric(
        "libra_fetched_bytes_total",
        "counter",
        "Bodies of pages and assets as they crossed the wire.",
        [({}, tally.transfer_bytes)],
    )


def _of_processes(health: Health) -> Iterator[Metric]:
    counts = health.processes
    yield Metric("libra_processes", "gauge", "Processes that are alive.", [({}, counts.running)])
    for name, text, count in (
        ("libra_process_starts", "Processes started.", counts.started),
        ("libra_process_crashes", "Processes that ended uncleanly.", counts.crashed),
        ("libra_process_restarts", "Restarts by supervisors.", counts.restarted),
        ("libra_messages_refused", "Messages that a full mailbox did not take.", counts.refused),
        ("libra_tasks_abandoned", "Tasks that ignored their cancellation.", counts.abandoned),
    ):
        yield Metric(f"{name}_total", "counter", text, [({}, count)])


def _of_requests(requests: RequestCounts, connections: int) -> Iterator[Metric]:
    yield Metric(
        "libra_http_requests_total",
        "counter",
        "Requests answered.",
        [
            ({"route": route, "method": method, "status": str(status)}, count)
            for (route, method, status), count in requests.items()
        ],
    )
    yield Metric(
        "libra_http_event_streams",
        "gauge",
        "Live event streams open now.",
        [({}, requests.streams)],
    )
    yield Metric("libra_http_connections", "gauge", "Connections open now.", [({}, connections)])


def _of_program() -> Iterator[Metric]:
    """What every Prometheus client tells of its program, under the names that they all use."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    yield Metric(
        "process_cpu_seconds_total",
        "counter",
        "Time that the program has computed.",
        [({}, usage.ru_utime + usage.ru_stime)],
    )
    with suppress(OSError):  # only Linux has these
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
        yield Metric(
            "process_resident_memory_bytes",
            "gauge",
            "Memory of the program.",
            [({}, pages * os.sysconf("SC_PAGE_SIZE"))],
        )
        files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as many paths would be made
        yield Metric("process_open_fds", "gauge", "Open files and sockets.", [({}, files)])


def _add(
    lines: list[str],
    name: str,
    kind: str,
    text: str,
    samples: Iterable[tuple[Mapping[str, str], float]],
) -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
    lines += [f"{name}{_labels(labels)} {_number(value)}" for labels, value in samples]


def _add_histogram(
    lines: list[str],
    name: str,
    text: str,
    series: Iterable[tuple[Mapping[str, str], Histogram]],
) -> None:
    lines += [f"# HELP {name} {text}", f"# TYPE {name} histogram"]
    for labels, histogram in series:
        total = 0
        for bound, count in zip((*histogram.bounds, "+Inf"), histogram.buckets, strict=True):
            total += count
            lines.append(f"{name}_bucket{_labels({**labels, 'le': str(bound)})} {total}")
        lines.append(f"{name}_sum{_labels(labels)} {_number(histogram.sum)}")
        lines.append(f"{name}_count{_labels(labels)} {total}")


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items()) + "}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))
