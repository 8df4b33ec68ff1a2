from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from libra.observability.health import Health, LoopLag, NodeHealth, Part
from libra.observability.tally import Tally
from libra.report import Report
from libra.web.telemetry.metrics import RequestCounts, exposition

NOW = datetime(2026, 1, 2, tzinfo=UTC)

SAMPLE = re.compile(
    r'([a-z_]+?)(?:_bucket|_sum|_count)?(\{[a-z]+="(\\.|[^"\\\n])*"(,[a-z]+="(\\.|[^"\\\n])*")*\})? \S+'
)


def health(**changes: object) -> Health:
    values: dict[str, object] = {
        "status": "degraded",
        "accepting": True,
        "version": "1.0",
        "started_at": NOW,
        "parts": {"database": Part("down", NOW, "refused")},
        "pages": {"weighed": 3},
        "waiting_to_be_stored": 3,
        "oldest_waiting_seconds": 1.5,
        "quarantined": 1,
        "loop_lag": LoopLag(1, 20, 300),
        "nodes": (NodeHealth("insp-1", "inspector", "1.0", 3, 8, 0.4, 0.01, 0, 70, 1),),
    }
    return Health(**(values | changes))  # type: ignore[arg-type]  # a test's shorthand


NAMES: dict[str, tuple[str, set[str]]] = {
    "libra_info": ("gauge", {"version"}),
    "libra_start_time_seconds": ("gauge", set()),
    "libra_accepting": ("gauge", set()),
    "libra_part_status": ("gauge", {"part"}),
    "libra_database_up": ("gauge", set()),
    "libra_journal_up": ("gauge", set()),
    "libra_pages": ("gauge", {"status"}),
    "libra_pages_quarantined": ("gauge", set()),
    "libra_watches": ("gauge", {"status"}),
    "libra_watch_transfer_bytes": ("gauge", {"watch", "name"}),
    "libra_watch_whole": ("gauge", {"watch", "name"}),
    "libra_backup_waiting_pages": ("gauge", set()),
    "libra_backup_oldest_waiting_seconds": ("gauge", set()),
    "libra_loop_lag_seconds": ("gauge", {"window"}),
    "libra_pages_submitted_total": ("counter", {"method"}),
    "libra_pages_finished_total": ("counter", {"method", "status"}),
    "libra_pages_deleted_total": ("counter", set()),
    "libra_fetched_bytes_total": ("counter", set()),
    "libra_processes": ("gauge", set()),
    "libra_process_starts_total": ("counter", set()),
    "libra_process_crashes_total": ("counter", set()),
    "libra_process_restarts_total": ("counter", set()),
    "libra_messages_refused_total": ("counter", set()),
    "libra_tasks_abandoned_total": ("counter", set()),
    "libra_http_requests_total": ("counter", {"method", "route", "status"}),
    "libra_http_event_streams": ("gauge", set()),
    "libra_http_connections": ("gauge", set()),
    "process_cpu_seconds_total": ("counter", set()),
    "process_resident_memory_bytes": ("gauge", set()),
    "process_open_fds": ("gauge", set()),
    "libra_node_silent_seconds": ("gauge", {"node", "role"}),
    "libra_node_pages": ("gauge", {"node", "role"}),
    "libra_node_places": ("gauge", {"node", "role"}),
    "libra_node_journaled_pages": ("gauge", {"node", "role"}),
    "libra_node_skew_seconds": ("gauge", {"node", "role"}),
    "libra_node_pages_weighed_total": ("counter", {"node", "role"}),
    "libra_node_second_lives_total": ("counter", {"node", "role"}),
    "libra_page_duration_seconds": ("histogram", {"le"}),
    "libra_http_request_duration_seconds": ("histogram", {"le", "route"}),
}
"""What dashboards and alerts rely on: each metric's type and labels, as they were from the first on."""


def test_names_types_and_labels_stay() -> None:
    counts = RequestCounts()
    counts.count("/pages", "GET", 200, 0.1)
    tally = Tally()
    tally.submit("x", "https://example.com/", "static")
    tally.finish(Report("x", "https://example.com/", status="weighed", duration_ms=300))
    text = exposition(health(watches={"ok": 2}), counts, tally, weights=[("1", "a", 2, True)])
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    labels: dict[str, set[str]] = {name: set() for name in kinds}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, inside = re.fullmatch(r"(\w+)(?:\{(.*)\})? \S+", line).groups()  # type: ignore[union-attr]
            family = name if name in kinds else re.sub(r"_(bucket|sum|count)$", "", name)
            labels[family] |= set(re.findall(r'(\w+)="', inside or ""))
    found = {name: (kind, labels[name]) for name, kind in kinds.items()}
    assert {name: found.get(name) for name in NAMES} == NAMES
    # What the client library tells of every program.
    others = {"process_max_fds", "process_start_time_seconds", "process_virtual_memory_bytes"}
    assert others <= found.keys() - NAMES.keys()
    assert all(name.startswith(("process_", "python_gc_")) for name in found.keys() - NAMES.keys())


def test_every_line_is_a_sample_or_says_what_the_next_ones_are() -> None:
    counts = RequestCounts()
    counts.count("/pages", "POST", 202)
    text = exposition(health(version='1"\\\n2'), counts)
    assert text.endswith("\n")
    described: set[str] = set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            described.add(line.split(" ")[2])
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert match[1] in described


def test_names_are_as_prometheus_wants_them() -> None:
    """What `promtool check metrics` looks at: units, suffixes, a word on each, nothing twice."""
    counts = RequestCounts()
    counts.count("/pages", "POST", 202)
    text = exposition(health(), counts)
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.MULTILINE))
    helped = re.findall(r"^# HELP (\S+) (.+)$", text, re.MULTILINE)
    assert [name for name, _ in helped] == list(kinds)
    assert all(words.endswith(".") for name, words in helped if name.startswith("libra_"))
    for name, kind in kinds.items():
        assert re.fullmatch(r"(libra|process|python)(_[a-z0-9]+)+", name)
        assert name.endswith("_total") == (kind == "counter"), name
        assert not name.endswith(("_count", "_sum", "_bucket")), name
        # Base units: seconds and bytes, and no part or multiple of them.
        assert not re.search(
            r"_(ms|us|ns|milli\w*|micro\w*|nano\w*|minutes|hours|[kmg]i?b)\b", name
        )
        assert kind != "histogram" or name.endswith(("_seconds", "_bytes"))
    samples = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert len(set(samples)) == len(samples)


def test_what_is_down_and_what_waits_can_be_alerted_on() -> None:
    text = exposition(health(), RequestCounts())
    assert 'libra_part_status{part="database"} 2.0\n' in text
    assert "libra_backup_waiting_pages 3.0\n" in text
    assert "libra_backup_oldest_waiting_seconds 1.5\n" in text
    assert 'libra_loop_lag_seconds{window="max"} 0.3\n' in text


def test_requests_are_counted_by_route_method_and_status() -> None:
    counts = RequestCounts()
    for _ in range(3):
        counts.count("/pages/{id}", "GET", 200)
    assert (
        'libra_http_requests_total{method="GET",route="/pages/{id}",status="200"} 3.0\n'
        in exposition(health(), counts)
    )


def test_watches_are_counted_by_what_is_known_of_their_page() -> None:
    text = exposition(health(watches={"ok": 2, "over-budget": 1}), RequestCounts())
    assert 'libra_watches{status="ok"} 2.0\n' in text
    assert 'libra_watches{status="over-budget"} 1.0\n' in text


def test_each_watched_page_has_its_weight() -> None:
    text = exposition(health(), RequestCounts(), weights=[("1", 'Shop "a"', 4376, False)])
    assert 'libra_watch_transfer_bytes{name="Shop \\"a\\"",watch="1"} 4376.0\n' in text
    assert 'libra_watch_whole{name="Shop \\"a\\"",watch="1"} 0.0\n' in text


def test_pages_are_counted_by_what_became_of_them() -> None:
    tally = Tally()
    tally.submit("x", "https://example.com/", "static")
    tally.finish(Report("x", "https://example.com/", status="failed", duration_ms=300))
    text = exposition(health(), RequestCounts(), tally)
    assert 'libra_pages_submitted_total{method="static"} 1.0\n' in text
    assert 'libra_pages_finished_total{method="static",status="failed"} 1.0\n' in text
    assert 'libra_page_duration_seconds_bucket{le="0.25"} 0.0\n' in text
    assert 'libra_page_duration_seconds_bucket{le="0.5"} 1.0\n' in text
    assert "libra_page_duration_seconds_sum 0.3\n" in text


def test_durations_of_requests_are_counted_up_to_each_bound() -> None:
    counts = RequestCounts()
    for seconds in (0.0, 0.001, 0.0011, 99.0):
        counts.count("/pages", "GET", 200, seconds)
    text = exposition(health(), counts)
    name = "libra_http_request_duration_seconds"
    assert f'{name}_bucket{{le="0.001",route="/pages"}} 2.0\n' in text
    assert f'{name}_bucket{{le="0.0025",route="/pages"}} 3.0\n' in text
    assert f'{name}_bucket{{le="10.0",route="/pages"}} 3.0\n' in text
    assert f'{name}_bucket{{le="+Inf",route="/pages"}} 4.0\n' in text
    assert f'{name}_count{{route="/pages"}} 4.0\n' in text


def test_methods_that_nobody_knows_share_a_label() -> None:
    counts = RequestCounts()
    for method in ("PURGE", "LINK"):
        counts.count("/pages", method, 405)
    text = exposition(health(), counts)
    assert '{method="other",route="/pages",status="405"} 2.0\n' in text


@pytest.mark.parametrize("part", ["database", "journal"])
def test_what_is_up_is_1_and_what_is_down_0(part: str) -> None:
    for status, value in (("ok", 1), ("degraded", 1), ("down", 0)):
        parts = {part: Part(status, NOW)}  # type: ignore[arg-type]  # each of them is one
        assert f"libra_{part}_up {value}.0\n" in exposition(health(parts=parts), RequestCounts())
