"""What the form for a change of a watch has in it can be sent as it is, and means the same."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from libra.web.requests.watch_request import duration_in_full, size_in_full
from libra.wording import parse_duration, parse_size


@given(st.integers(1, 10**12))
@example(1_500_000)
@example(1_234_567)
def test_a_size_is_read_as_it_is_written(count: int) -> None:
    assert parse_size(size_in_full(count)) == count


@pytest.mark.parametrize(
    ("count", "text"),
    [(50_000, "50 kB"), (1_500_000, "1.5 MB"), (999, "999 B"), (1_234_567, "1234567 B")],
)
def test_a_size_is_written_as_people_do(count: int, text: str) -> None:
    assert size_in_full(count) == text


@given(st.integers(1, 10**6))
def test_a_duration_is_read_as_it_is_written(minutes: int) -> None:
    assert parse_duration(duration_in_full(minutes * 60)) == minutes * 60


@pytest.mark.parametrize(
    ("seconds", "text"), [(86_400, "24h"), (90 * 86_400, "90d"), (5400, "90m"), (45, "45s")]
)
def test_a_duration_is_written_as_people_do(seconds: int, text: str) -> None:
    assert duration_in_full(seconds) == text
