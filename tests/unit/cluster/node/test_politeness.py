"""What nodes heed of what the others say of the servers that they fetch from."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.cluster.node.messages import Here
from libra.cluster.node.politeness import SharedPoliteness, number_of
from libra.weighing.static.fetcher import Fetcher
from support.loop_clock import stopped_clock

HERE = Here("insp-1", "a", "inspector", "1", 0, 8, browser=False, at=0.0)


def another(epoch: str, *origins: str, **left_alone: float) -> Here:
    return msgspec.structs.replace(
        HERE,
        node=f"insp-{epoch}",
        epoch=epoch,
        origins=tuple(map(number_of, origins)),
        left_alone=left_alone,
    )


@given(st.integers(0, 20))
def test_an_origin_is_asked_by_all_nodes_together_as_by_one(others: int) -> None:
    fetcher = Fetcher(per_host=6)
    shared = SharedPoliteness(fetcher, "a")
    nodes = [another(str(number), "http://busy") for number in range(others)]
    shared.heard(HERE, [HERE, *nodes])
    mine = fetcher.at_a_time("http://busy")
    assert mine == max(1, 6 // (others + 1))
    assert fetcher.at_a_time("http://quiet") == 6
    # Those that have gone, or have gone on elsewhere, leave their part to the rest.
    shared.heard(HERE, [HERE, *(another(one.epoch, "http://elsewhere") for one in nodes)])
    assert fetcher.at_a_time("http://busy") == 6


def test_servers_of_ones_own_are_not_shared_out() -> None:
    fetcher = Fetcher(per_host=6)
    for origin in (
        "http://127.0.0.1:8000",
        "http://[::1]:80",
        "https://10.1.2.3",
        "http://localhost",
    ):
        shared = SharedPoliteness(fetcher, "a")
        shared.heard(HERE, [HERE, another("b", origin, "https://93.184.216.34")])
        assert fetcher.at_a_time(origin) == 6
        assert fetcher.at_a_time("https://93.184.216.34") == 3


def test_the_pause_between_two_requests_is_longer_where_others_ask_too() -> None:
    fetcher = Fetcher(delay=2.0)
    shared = SharedPoliteness(fetcher, "a")
    shared.heard(HERE, [HERE, another("b", "http://busy"), another("c", "http://busy")])
    pauses = [
        fetcher.politeness.pause(origin, 0.0) for origin in ("http://busy", "http://quiet") * 2
    ]
    assert pauses == [0.0, 0.0, 6.0, 2.0]


async def test_who_asked_one_node_to_be_left_alone_is_left_alone_by_all() -> None:
    fetchers = [Fetcher(), Fetcher()]
    one, other = (
        SharedPoliteness(fetcher, name) for fetcher, name in zip(fetchers, "ab", strict=True)
    )
    with stopped_clock() as move:
        fetchers[0].politeness.leave_alone("http://tired", 60.0, asyncio.get_running_loop().time())
        said = one.left_alone()
        assert said == {"http://tired": 60.0}
        for _ in range(10):
            # As often as it is said, it is no longer than it was.
            other.heard(another("a", **said), [])
            one.heard(another("b", **other.left_alone()), [])
            move(1)
            said = one.left_alone()
        now = asyncio.get_running_loop().time()
        for fetcher in fetchers:
            assert fetcher.politeness.pause("http://tired", now) == pytest.approx(50.0)
