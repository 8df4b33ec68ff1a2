"""The breaker, told the time by hand."""

from hypothesis import given
from hypothesis import strategies as st

from libra.storage import Breaker


def longest(_low: float, high: float) -> float:
    return high


def test_a_closed_breaker_lets_everything_through() -> None:
    breaker = Breaker()
    assert breaker.allow(0)
    assert breaker.allow(0)
    assert breaker.succeeded(1) is False


def test_the_first_failure_opens_it_and_says_that_an_outage_began() -> None:
    breaker = Breaker(base=1, cap=10, uniform=longest)
    assert breaker.failed(5) is True
    assert (breaker.state, breaker.since, breaker.retry_at) == ("open", 5, 6)
    assert not breaker.allow(5.9)


def test_one_attempt_at_a_time_finds_out() -> None:
    breaker = Breaker(base=1, cap=10, uniform=longest)
    breaker.failed(0)
    assert breaker.allow(1)
    assert breaker.state == "half-open"
    assert not breaker.allow(1)


def test_a_success_ends_the_outage_and_the_next_one_begins_with_short_pauses_again() -> None:
    breaker = Breaker(base=1, cap=10, uniform=longest)
    for now in (0, 10, 20):
        breaker.failed(now)
    breaker.allow(100)
    assert breaker.succeeded(101) is True
    assert (breaker.state, breaker.since, breaker.failures) == ("closed", 101, 0)
    breaker.failed(200)
    assert breaker.retry_at == 201


def test_failures_during_an_outage_neither_begin_another_nor_change_its_age() -> None:
    breaker = Breaker()
    breaker.failed(3)
    assert breaker.failed(4) is False
    assert breaker.since == 3


def test_pauses_double_up_to_the_cap() -> None:
    breaker = Breaker(base=1, cap=5, uniform=longest)
    pauses = []
    for _ in range(5):
        breaker.failed(0)
        pauses.append(breaker.retry_at)
    assert pauses == [1, 2, 4, 5, 5]


def test_the_jitter_is_full() -> None:
    asked: list[tuple[float, float]] = []

    def shortest(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    breaker = Breaker(base=1, cap=5, uniform=shortest)
    for _ in range(4):
        breaker.failed(7)
    assert asked == [(0, 1), (0, 2), (0, 4), (0, 5)]
    assert breaker.allow(7)


@given(failures=st.integers(1, 3000), now=st.floats(0, 1e9))
def test_however_long_the_outage_the_next_attempt_is_never_further_than_the_cap(
    failures: int, now: float
) -> None:
    breaker = Breaker(cap=0.9)
    for _ in range(failures):
        breaker.failed(now)
    assert now <= breaker.retry_at <= now + 0.9
    assert breaker.allow(now + 0.9)
