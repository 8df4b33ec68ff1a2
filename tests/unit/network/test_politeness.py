"""Servers are asked no faster than is wished, and not at all while they ask to be left alone."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.network.politeness import MAX_RETRY_AFTER, Politeness, retry_after

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def test_without_a_delay_nobody_waits() -> None:
    polite = Politeness()
    assert polite.at_ease
    assert polite.pause("http://a", 5.0) == 0
    assert polite.at_ease


def test_requests_to_one_server_start_one_delay_apart() -> None:
    polite = Politeness(2.0)
    assert [polite.pause("http://a", 10.0) for _ in range(3)] == [0, 2, 4]
    assert polite.pause("http://b", 10.0) == 0
    assert polite.pause("http://a", 15.0) == 1
    assert polite.pause("http://a", 100.0) == 0


def test_a_server_that_asks_for_it_is_left_alone_and_then_forgotten() -> None:
    polite = Politeness()
    polite.leave_alone("http://a", 30, 100.0)
    polite.leave_alone("http://a", 10, 100.0)
    assert polite.pause("http://a", 110.0) == 20
    assert polite.pause("http://b", 110.0) == 0
    assert not polite.at_ease
    assert polite.pause("http://a", 130.0) == 0
    assert polite.at_ease


def test_servers_that_were_left_alone_do_not_pile_up() -> None:
    polite = Politeness()
    for n in range(30_000):
        polite.leave_alone(f"http://{n}", 1, n)
    assert len(polite._next) <= 10_001


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
        ("999999999", MAX_RETRY_AFTER),
        ("Fri, 31 Dec 9999 23:59:59 GMT", MAX_RETRY_AFTER),
        ("Mon, 01 Jan 99999999999 00:00:00 GMT", None),
        ("-5", None),
        ("soon", None),
        ("٣", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    header: str | None, seconds: float | None
) -> None:
    assert retry_after(503, header, NOW) == seconds
    assert retry_after(429, header, NOW) == seconds
    assert retry_after(200, header, NOW) is None


NUMBERS = st.integers(0, 10**25).map(str)
DATES = st.builds(
    "{}, {} {} {} {}:{}:{} {}{}".format,
    st.sampled_from(["Mon", "", "99"]),
    NUMBERS,
    st.sampled_from(["Jan", "Dec", "13", ""]),
    NUMBERS,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.sampled_from(["GMT", "+", "-", ""]),
    NUMBERS,
)


@given(st.text() | DATES)
def test_no_header_is_too_strange(header: str) -> None:
    seconds = retry_after(429, header, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER
