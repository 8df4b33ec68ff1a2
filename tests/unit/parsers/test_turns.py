"""Pages take turns in two lanes, and there is always a place in the fast one."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.otp.testing import settle
from libra.parsers.turns import Turns


async def waiting(turns: Turns, page: str, *, slow: bool, order: list[str]) -> None:
    await turns.take(page, slow=slow)
    order.append(page)


async def test_the_slow_lane_never_gets_the_last_place() -> None:
    turns = Turns(2)
    await turns.take("a", slow=True)
    second = asyncio.ensure_future(turns.take("b", slow=True))
    await settle()
    assert not second.done()
    await turns.take("c", slow=False)
    turns.give_back(slow=False)
    await settle()
    assert not second.done()
    turns.give_back(slow=True)
    await second


async def test_a_full_fast_lane_leaves_a_place_to_the_slow_one() -> None:
    turns = Turns(2)
    await turns.take("a", slow=False)
    await turns.take("b", slow=False)
    slow = asyncio.ensure_future(turns.take("c", slow=True))
    fast = asyncio.ensure_future(turns.take("d", slow=False))
    await settle()
    turns.give_back(slow=False)
    await slow
    assert not fast.done()
    turns.give_back(slow=False)
    await fast


async def test_pages_take_turns_however_much_each_of_them_wants() -> None:
    turns, order = Turns(1), list[str]()
    await turns.take("a", slow=False)
    tasks = [
        asyncio.ensure_future(waiting(turns, page, slow=False, order=order)) for page in "aaabbc"
    ]
    await settle()
    for _ in tasks:
        turns.give_back(slow=False)
        await settle()
    assert "".join(order) == "abcaba"


async def test_who_gives_up_waiting_loses_nobody_a_place() -> None:
    turns = Turns(1)
    await turns.take("a", slow=False)
    first = asyncio.ensure_future(turns.take("b", slow=False))
    second = asyncio.ensure_future(turns.take("c", slow=False))
    await settle()
    turns.give_back(slow=False)
    first.cancel()  # its turn has come, and it does not know yet
    with pytest.raises(asyncio.CancelledError):
        await first
    await second


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans()), max_size=30),
)
def test_no_more_than_the_places_are_given_and_all_are_in_the_end(
    places: int, steps: list[tuple[str, bool, bool]]
) -> None:
    async def run() -> None:
        turns, running = Turns(places), list[bool]()
        tasks: list[asyncio.Task[None]] = []

        async def take(page: str, *, slow: bool) -> None:
            await turns.take(page, slow=slow)
            running.append(slow)

        for page, slow, ends in steps:
            tasks.append(asyncio.ensure_future(take(page, slow=slow)))
            await settle()
            assert len(running) <= places
            assert places == 1 or running.count(True) < places
            if ends and running:
                turns.give_back(slow=running.pop(0))
                await settle()
        while running:
            turns.give_back(slow=running.pop(0))
            await settle()
        assert all(task.done() for task in tasks)

    asyncio.run(run())
