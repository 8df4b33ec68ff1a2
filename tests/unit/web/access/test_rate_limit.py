"""Token buckets."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.settings import Settings, SettingsError
from libra.web.access.rate_limit import Buckets, Rate


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_rate_is_read_as_it_is_written() -> None:
    assert Rate.parse("100/s") == Rate(100, 1)
    assert Rate.parse(" 60 / m ") == Rate(60, 60)
    assert Rate.parse("007/H") == Rate(7, 3600)
    assert Rate.parse("off") is Rate.parse(" OFF ") is None
    assert str(Rate(5, 3600)) == "5/h"


@pytest.mark.parametrize("text", ["", "5", "0/s", "-1/s", "1/d", "1.5/s", "x/s", "9999999999/s"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a rate"):
        Rate.parse(text)


@given(st.text() | st.from_regex(r"\s?(off|OFF|[0-9٣]{1,12} ?/ ?[smhSMHd])\s?", fullmatch=True))
def test_settings_take_a_rate_exactly_if_it_is_one(text: str) -> None:
    try:
        Rate.parse(text)
    except ValueError:
        with pytest.raises(SettingsError, match="read_limit takes"):
            Settings.load({"read_limit": text}, environ={})
    else:
        assert Settings.load({"read_limit": text}, environ={}).read_limit == text


def test_a_client_may_spend_what_the_bucket_holds_and_then_as_it_fills() -> None:
    clock = Clock()
    buckets = Buckets(clock=clock)
    rate = Rate(2, 10)
    assert [buckets.take("a", rate) for _ in range(3)] == [0, 0, 5]
    clock.now += 5
    assert buckets.take("a", rate) == 0
    assert buckets.take("a", rate) == 5


def test_clients_do_not_spend_from_one_another() -> None:
    buckets = Buckets(clock=Clock())
    assert buckets.take("a", Rate(1, 1)) == 0
    assert buckets.take("b", Rate(1, 1)) == 0
    assert buckets.take("a", Rate(1, 1)) > 0


def test_what_can_never_be_afforded_is_infinitely_far_away() -> None:
    assert math.isinf(Buckets().take("a", Rate(5, 1), 6))


def test_as_many_clients_as_there_is_room_for_are_remembered() -> None:
    buckets = Buckets(size=10, clock=Clock())
    for number in range(1000):
        buckets.take(str(number), Rate(1, 1))
        assert len(buckets) <= 10
    assert buckets.take("999", Rate(1, 1)) > 0
    assert buckets.take("0", Rate(1, 1)) == 0  # forgotten long ago


@given(
    amount=st.integers(1, 50),
    seconds=st.sampled_from([1.0, 60.0]),
    steps=st.lists(st.tuples(st.floats(0, 30), st.integers(1, 60)), max_size=60),
)
def test_nobody_ever_gets_more_than_the_rate_allows(
    amount: int, seconds: float, steps: list[tuple[float, int]]
) -> None:
    clock = Clock()
    buckets = Buckets(clock=clock)
    rate = Rate(amount, seconds)
    spent = 0
    for pause, cost in steps:
        clock.now += pause
        wait = buckets.take("a", rate, cost)
        if wait == 0:
            spent += cost
        assert spent <= amount + clock.now * amount / seconds + 1e-6
        if 0 < wait < math.inf:
            # What was promised holds, if nobody spends meanwhile.
            clock.now += wait + 1e-6
            assert buckets.take("a", rate, cost) == 0
            spent += cost


@given(st.integers(1, 60), st.integers(1, 7), st.integers(0, 200))
def test_programs_that_share_a_rate_let_no_more_through_than_one_alone_would(
    amount: int, share: int, seconds: int
) -> None:
    clock = Clock()
    rate = Rate(amount, 60)
    programs = [Buckets(clock=clock) for _ in range(share)]
    spent = 0
    for second in range(seconds + 1):
        clock.now = float(second)
        for buckets in programs:
            while not buckets.take("a", rate, share=share):
                spent += 1
    # What each may lend from its full bucket once, so that a page is not too dear for every one of them.
    assert spent <= amount + amount * seconds / 60 + share
    assert spent >= math.floor(amount * seconds / 60)


def test_what_costs_more_than_one_programs_part_is_lent_and_paid_back() -> None:
    clock = Clock()
    buckets = Buckets(clock=clock)
    rate = Rate(10, 10)
    assert buckets.take("a", rate, 8, share=2) == 0
    # Five there were, three are owed; what costs one needs four, at half a page a second.
    assert buckets.take("a", rate, 1, share=2) == 8
    assert buckets.take("b", rate, 11, share=2) == math.inf
    clock.now += 8
    assert buckets.take("a", rate, 1, share=2) == 0
