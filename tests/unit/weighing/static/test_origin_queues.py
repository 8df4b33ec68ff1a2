"""Whose turn it is to be fetched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libra.weighing.orders.orders import Fetch, Reference
from libra.weighing.static.origin_queues import PER_ORIGIN, OriginQueue, OriginQueues


def fetch(url: str) -> Fetch:
    return Fetch(0, Reference(url, "image"))


def test_an_origin_has_six_walkers_and_does_not_hold_up_another() -> None:
    lanes = OriginQueues()
    slow = lanes.enter(fetch(f"http://slow.test/{n}") for n in range(100))
    fast = lanes.enter([fetch("http://fast.test/1")])
    assert len(slow) == PER_ORIGIN
    assert len(set(slow)) == 1
    assert [taken.url for lane in fast if (taken := lane.take())] == ["http://fast.test/1"]


def test_a_lane_is_widened_when_its_origin_turns_out_to_take_more() -> None:
    width = {"https://a.test": PER_ORIGIN}
    lanes = OriginQueues(lambda origin: width[origin])
    (lane, *_) = lanes.enter(fetch(f"https://a.test/{n}") for n in range(20))
    assert lanes.widen("https://a.test/0") == []
    width["https://a.test"] = 64
    taken = lane.take()
    assert taken is not None
    # 19 wait, and 5 of the first six have taken nothing yet.
    assert lanes.widen(taken.url) == [lane] * 14
    assert lanes.widen(taken.url) == []


def test_what_lines_up_first_is_fetched_first() -> None:
    lanes = OriginQueues()
    urls = [f"http://a.test/{number}" for number in range(3)]
    lane, *_ = lanes.enter(map(fetch, urls))
    assert [taken.url for taken in iter(lane.take, None)] == urls


def test_a_lane_that_was_walked_to_its_end_is_walked_again_when_more_comes() -> None:
    lanes = OriginQueues()
    (lane,) = lanes.enter([fetch("http://a.test/1")])
    assert lane.take() is not None
    assert lane.take() is None
    assert lanes.enter([fetch("http://a.test/2")]) == [lane]
    assert lane.take() is not None


@given(st.lists(st.one_of(st.none(), st.integers(0, 2)), max_size=200))
def test_nothing_waits_without_a_walker_and_there_are_never_more_than_six(
    steps: list[int | None],
) -> None:
    lanes = OriginQueues()
    walkers: list[OriginQueue] = []
    entered = taken = 0
    for step in steps:
        if step is not None:
            entered += 1
            walkers += lanes.enter([fetch(f"http://{step}.test/{entered}")])
        elif walkers:
            lane = walkers.pop(0)
            if lane.take() is not None:
                taken += 1
                walkers.append(lane)
        assert all(walkers.count(lane) <= PER_ORIGIN for lane in walkers)
    while walkers:
        lane = walkers.pop()
        if lane.take() is not None:
            taken += 1
            walkers.append(lane)
    assert taken == entered
