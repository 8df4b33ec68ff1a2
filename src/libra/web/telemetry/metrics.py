"""Prometheus metrics: what each Libra counts, and gauges read from `Health` at the scrape.

None of them is in the client library's global registry, because two Libras may run in one program.
`docs/reference/metrics.md` lists the metrics; a test compares both.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Metric,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from libra.observability.health import Health, NodeHealth
from libra.observability.tally import Tally

TEXT = CONTENT_TYPE_PLAIN_0_0_4
"""The media type of an exposition."""

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, in seconds, of the buckets for the duration of requests."""


class RequestCounts(Collector):
    """How many requests were answered, by route, method and status.

    They are plain numbers, and become metrics only at a scrape: the client library's own counters take
    four times as long, and every read is counted.

    Attributes:
        streams: how many event streams are open.
    """

    __slots__ = ("_counts", "_durations", "streams")

    def __init__(self) -> None:
        self.streams = 0
        self._counts: defaultdict[tuple[str, str, int], int] = defaultdict(int)
        self._durations: defaultdict[str, _Durations] = defaultdict(_Durations)

    def count(self, route: str, method: str, status: int, seconds: float = 0.0) -> None:
        """Add one answered request, and the time until its answer began.

        The fast path takes some 20 microseconds, which are counted as 0.
        """
        self._counts[route, method if method in METHODS else "other", status] += 1
        durations = self._durations[route]
        durations.buckets[bisect_left(BOUNDS, seconds)] += 1
        durations.sum += seconds

    def collect(self) -> Iterator[Metric]:
        """The metrics, for the client library."""
        counts = CounterMetricFamily(
            "libra_http_requests", "Requests answered.", labels=["route", "method", "status"]
        )
        for (route, method, status), count in sorted(self._counts.items()):
            counts.add_metric([route, method, str(status)], count)
        yield counts
        durations = HistogramMetricFamily(
            "libra_http_request_duration_seconds",
            "Time from a request to the start of the response.",
            labels=["route"],
        )
        bounds = [*map(floatToGoString, BOUNDS), "+Inf"]
        for route, found in sorted(self._durations.items()):
            up_to = zip(bounds, accumulate(found.buckets), strict=True)
            durations.add_metric([route], list(up_to), found.sum)
        yield durations
        yield _gauge("libra_http_event_streams", "Live event streams open now.", self.streams)


class _Durations:
    """How many requests fell into each bucket of `BOUNDS`, and how long all took together."""

    __slots__ = ("buckets", "sum")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BOUNDS) + 1)
        self.sum = 0.0


def exposition(
    health: Health,
    requests: RequestCounts,
    tally: Tally | None = None,
    *,
    connections: int = 0,
    weights: Iterable[tuple[str, str, int, bool]] = (),
) -> str:
    """All metrics as text. Names contain their unit; counters end in ``_total``.

    Args:
        health: the state of each part.
        requests: the counts of answered requests.
        tally: the counts of pages by outcome.
        connections: how many are open.
        weights: the id, the name and the transfer size of each watched page that was weighed.
    """
    everything = _Everything(health, requests, tally or Tally(), connections, weights)
    return generate_latest(everything).decode()


class _Everything(Collector):
    """The metrics of one Libra at one moment."""

    def __init__(
        self,
        health: Health,
        requests: RequestCounts,
        tally: Tally,
        connections: int,
        weights: Iterable[tuple[str, str, int, bool]],
    ) -> None:
        self._weights = weights
        self._health = health
        self._requests = requests
        self._tally = tally
        self._connections = connections

    def collect(self) -> Iterator[Metric]:
        yield from _of_health(self._health)
        yield from _of_nodes(self._health)
        yield from _of_watches(self._weights)
        yield from _of_processes(self._health)
        yield from _of_pages(self._tally)
        yield from self._requests.collect()
        yield _gauge("libra_http_connections", "Connections open now.", self._connections)
        yield from _PROGRAM.collect()


_PROGRAM = CollectorRegistry()
"""The client library's metrics of the program, which all Libras in it share."""
ProcessCollector(registry=_PROGRAM)
GCCollector(registry=_PROGRAM)


def _of_pages(tally: Tally) -> Iterator[Metric]:
    for metric in tally.registry.collect():
        # Without the start of each series: the text format can only give it as a separate gauge.
        metric.samples = [s for s in metric.samples if not s.name.endswith("_created")]
        yield metric


def _of_health(health: Health) -> Iterator[Metric]:
    yield _gauges("libra_info", "The running version.", "version", {health.version: 1})
    yield _gauge(
        "libra_start_time_seconds",
        "When this Libra started, as Unix time.",
        health.started_at.timestamp(),
    )
    yield _gauge(
        "libra_accepting",
        "1 while Libra accepts submissions and serves pages.",
        int(health.accepting),
    )
    yield _gauges(
        "libra_part_status",
        "0 ok, 1 degraded, 2 down.",
        "part",
        {
            name: ("ok", "degraded", "down").index(part.status)
            for name, part in health.parts.items()
        },
    )
    for name, text in (
        ("database", "1 while Libra can use the database."),
        ("journal", "1 while Libra can write the journal."),
    ):
        part = health.parts.get(name)
        yield _gauge(f"libra_{name}_up", text, int(part is None or part.status != "down"))
    yield _gauges("libra_pages", "Pages in memory, by status.", "status", health.pages)
    yield _gauge(
        "libra_pages_quarantined",
        "Pages and watches whose process has used up its restarts.",
        health.quarantined,
    )
    yield _gauges("libra_watches", "Watches, by status.", "status", health.watches)
    yield _gauge(
        "libra_backup_waiting_pages",
        "Pages whose newest version is not in the database yet.",
        health.waiting_to_be_stored,
    )
    yield _gauge(
        "libra_backup_oldest_waiting_seconds",
        "How long the oldest of these pages has waited.",
        health.oldest_waiting_seconds or 0,
    )
    lag = health.loop_lag
    yield _gauges(
        "libra_loop_lag_seconds",
        "How late the event loop ran its callbacks.",
        "window",
        {"last": lag.last_ms / 1000, "p99": lag.p99_ms / 1000, "max": lag.max_ms / 1000},
    )


def _of_nodes(health: Health) -> Iterator[Metric]:
    """The metrics of the nodes of a cluster; none without a cluster."""
    if not health.nodes:
        return
    for name, text, value in _OF_A_NODE:
        kind = CounterMetricFamily if name in _COUNTED else GaugeMetricFamily
        family = kind(name, text, labels=["node", "role"])
        for node in health.nodes:
            family.add_metric([node.node, node.role], value(node))
        yield family


_OF_A_NODE: Sequence[tuple[str, str, Callable[[NodeHealth], float]]] = (
    (
        "libra_node_silent_seconds",
        "How long the node has sent no message.",
        lambda n: n.silent_seconds,
    ),
    ("libra_node_pages", "Pages that the node is weighing.", lambda n: n.pages),
    ("libra_node_places", "Pages that the node can weigh at the same time.", lambda n: n.places),
    (
        "libra_node_journaled_pages",
        "Pages that only the disk of the node has.",
        lambda n: n.journaled,
    ),
    (
        "libra_node_skew_seconds",
        "How far the clock of the node is behind.",
        lambda n: n.skew_seconds,
    ),
    (
        "libra_node_pages_weighed",
        "Pages that the node has finished since its start.",
        lambda n: n.weighed,
    ),
    (
        "libra_node_second_lives",
        "Pages of other nodes that the node has started again.",
        lambda n: n.second_lives,
    ),
)
_COUNTED = frozenset({"libra_node_pages_weighed", "libra_node_second_lives"})


def _of_watches(weights: Iterable[tuple[str, str, int, bool]]) -> Iterator[Metric]:
    labels = ["watch", "name"]
    sizes = GaugeMetricFamily(
        "libra_watch_transfer_bytes",
        "Transfer size of a watched page at its last successful weigh-in.",
        labels=labels,
    )
    # Not a label of the size: a series must not end when one part of a page cannot be fetched.
    wholes = GaugeMetricFamily(
        "libra_watch_whole",
        "1 if that is the size of the whole page; 0 if the page weighs at least that much.",
        labels=labels,
    )
    for watch_id, name, weight, whole in weights:
        sizes.add_metric([watch_id, name], weight)
        wholes.add_metric([watch_id, name], float(whole))
    yield sizes
    yield wholes


def _of_processes(health: Health) -> Iterator[Metric]:
    counts = health.processes
    yield _gauge("libra_processes", "Processes that are alive.", counts.running)
    for name, text, value in (
        ("libra_process_starts", "Processes started.", counts.started),
        ("libra_process_crashes", "Processes that ended uncleanly.", counts.crashed),
        ("libra_process_restarts", "Restarts by supervisors.", counts.restarted),
        ("libra_messages_refused", "Messages that a full mailbox refused.", counts.refused),
        ("libra_tasks_abandoned", "Tasks that ignored their cancellation.", counts.abandoned),
    ):
        yield CounterMetricFamily(name, text, value)


def _gauge(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, text, value)


def _gauges(name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, number in sorted(values.items()):
        family.add_metric([value], number)
    return family
