"""What is counted and told of pages."""

from __future__ import annotations

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.tally import BOUNDS, Histogram, Tally
from libra.weighing.report import Report, Total

REPORT = Report(
    "an-id", "https://example.com/", status="weighed", duration_ms=84, total=Total(2, 4376, 12496)
)


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_each_observation_once(values: list[float]) -> None:
    histogram = Histogram()
    for value in values:
        histogram.observe(value)
    assert sum(histogram.buckets) == len(values)
    for number, bound in enumerate(BOUNDS):
        assert sum(histogram.buckets[: number + 1]) == sum(value <= bound for value in values)


def test_the_life_of_a_page_is_a_line_for_each_change(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "libra.pages")
    tally = Tally()
    tally.submit("an-id", "https://example.com/", "static")
    tally.begin("an-id")
    tally.finish(REPORT)
    tally.delete("an-id")
    assert [record.getMessage() for record in caplog.records] == [
        "page accepted", "page begun", "page weighed", "page deleted",
    ]  # fmt: skip
    assert {vars(record)["page_id"] for record in caplog.records} == {"an-id"}
    assert vars(caplog.records[2])["transfer_bytes"] == 4376


def test_who_wants_to_know_is_told_of_each_result() -> None:
    tally = Tally()
    told: list[Report] = []
    tally.on_finished.append(told.append)
    tally.finish(REPORT)
    assert told == [REPORT]
    assert tally.finished == {("static", "weighed"): 1}
    assert tally.transfer_bytes == 4376
