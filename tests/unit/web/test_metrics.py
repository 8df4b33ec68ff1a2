from __future__ import annotations

import re
from datetime import UTC, datetime

from libra.health import Health, LoopLag, Part
from libra.web.metrics import RequestCounts, exposition

NOW = datetime(2026, 1, 2, tzinfo=UTC)

SAMPLE = re.compile(r'([a-z_]+)(\{[a-z]+="(\\.|[^"\\\n])*"(,[a-z]+="(\\.|[^"\\\n])*")*\})? \S+')


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
    }
    return Health(**(values | changes))  # type: ignore[arg-type]  # a test's shorthand


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


def test_what_is_down_and_what_waits_can_be_alerted_on() -> None:
    text = exposition(health(), RequestCounts())
    assert 'libra_part_status{part="database"} 2\n' in text
    assert "libra_backup_waiting_pages 3\n" in text
    assert "libra_backup_oldest_waiting_seconds 1.5\n" in text
    assert 'libra_loop_lag_seconds{window="max"} 0.3\n' in text


def test_requests_are_counted_by_route_method_and_status() -> None:
    counts = RequestCounts()
    for _ in range(3):
        counts.count("/pages/{id}", "GET", 200)
    assert (
        'libra_http_requests_total{route="/pages/{id}",method="GET",status="200"} 3\n'
        in exposition(health(), counts)
    )
