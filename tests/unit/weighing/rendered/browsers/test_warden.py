"""A browser that grows is looked at the more often the less is left, and an idle one seldom."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.rendered.browsers.warden import Pace

LIMIT = 1_000_000_000


def overshoot(rate: float, start: int = 150_000_000) -> float:
    """Bytes beyond the limit when that is noticed, of a browser that grows by so many in a second."""
    pace, now = Pace(LIMIT), 0.0
    while (used := start + rate * now) <= LIMIT:
        now += pace.pause(now, int(used))
    return used - LIMIT


@given(st.floats(1e6, 1e9))
def test_what_grows_as_fast_as_expected_is_noticed_a_hundredth_of_a_second_late(
    rate: float,
) -> None:
    assert overshoot(rate) <= rate * 0.011


@given(st.floats(1e9, 1e10))
def test_what_grows_faster_is_noticed_a_quarter_of_a_second_late_at_most(rate: float) -> None:
    assert overshoot(rate) <= rate * 0.25


def test_growth_that_was_seen_once_is_expected_from_then_on() -> None:
    calm, wild = Pace(LIMIT), Pace(LIMIT)
    for pace, used in ((calm, 100_000_000), (wild, 800_000_000)):
        pace.pause(0.0, 0)
        pace.pause(0.1, used)
    assert wild.pause(0.2, 500_000_000) < calm.pause(0.2, 500_000_000)


@given(st.integers(0, LIMIT // 2))
def test_a_browser_far_from_the_limit_is_looked_at_four_times_a_second(used: int) -> None:
    assert Pace(LIMIT).pause(0.0, used) == 0.25
