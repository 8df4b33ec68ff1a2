"""Those who read much take turns, and everybody else has a round between any two."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from libra.network.round_robin import RoundRobin


async def test_of_many_that_read_one_goes_on_in_each_round() -> None:
    turns = RoundRobin(asyncio.get_running_loop())
    taken: list[int] = []
    seen: list[int] = []

    async def read(name: int) -> None:
        for _ in range(3):
            await turns.take()
            taken.append(name)

    async def look_on() -> None:
        while len(taken) < 30:
            seen.append(len(taken))
            await asyncio.sleep(0)

    await asyncio.gather(look_on(), *(read(n) for n in range(10)))
    assert max(after - before for before, after in pairwise(seen)) <= 1
    assert taken[:10] == taken[10:20] == taken[20:] == list(range(10))


async def test_a_turn_of_one_who_gave_up_goes_to_the_next() -> None:
    turns = RoundRobin(asyncio.get_running_loop())
    first, second = (asyncio.ensure_future(turns.take()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert first.cancelled()
