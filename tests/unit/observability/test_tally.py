"""What is counted and told of pages."""

from __future__ import annotations

import logging

import pytest

from libra.observability.tally import Tally
from libra.report import Report, Total

REPORT = Report(
    "an-id", "https://example.com/", status="weighed", duration_ms=84, total=Total(2, 4376, 12496)
)


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
    labels = {"method": "static", "status": "weighed"}
    assert tally.registry.get_sample_value("libra_pages_finished_total", labels) == 1
    assert tally.registry.get_sample_value("libra_fetched_bytes_total") == 4376


def test_two_libras_in_one_program_count_apart() -> None:
    one, other = Tally(), Tally()
    one.delete("an-id")
    assert one.registry.get_sample_value("libra_pages_deleted_total") == 1
    assert other.registry.get_sample_value("libra_pages_deleted_total") == 0
