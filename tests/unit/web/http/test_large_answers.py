"""What is made of large reports is made once, few at a time, and not for everybody who asks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from libra.web.http.large_answers import AT_A_TIME, WAITING, Making
from libra.web.http.problems import RequestRefused


class Work:
    """Things that are made when the test says so."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.go = asyncio.Event()
        self.begun = asyncio.Semaphore(0)

    def of(self, name: str) -> Callable[[], Awaitable[str]]:
        async def make() -> str:
            self.begun.release()
            await self.go.wait()
            self.made.append(name)
            return name

        return make


async def test_those_who_want_the_same_share_one_and_others_take_turns() -> None:
    making, work = Making(), Work()
    names = ["a", "b", "c", "a", "b", "c", "a"]
    waiters = [asyncio.create_task(making.share(name, work.of(name))) for name in names]
    for _ in range(AT_A_TIME):
        await work.begun.acquire()
    assert work.begun.locked()  # the third has not begun
    assert making.waiting == len(names)
    work.go.set()
    assert await asyncio.gather(*waiters) == names
    assert sorted(work.made) == ["a", "b", "c"]
    assert making.waiting == 0
    assert await making.share("a", work.of("a")) == "a"
    assert sorted(work.made) == ["a", "a", "b", "c"]  # nothing is kept


async def test_when_too_many_wait_the_next_is_told_to_come_again() -> None:
    making, work = Making(), Work()
    waiters = [
        asyncio.create_task(making.share(number % 7, work.of(str(number))))
        for number in range(WAITING)
    ]
    for _ in range(AT_A_TIME):
        await work.begun.acquire()
    with pytest.raises(RequestRefused) as refused:
        await making.share(0, work.of("0"))
    assert (refused.value.problem.status, refused.value.problem.retry_after) == (503, 5)
    work.go.set()
    await asyncio.gather(*waiters)


async def test_a_client_who_leaves_takes_nothing_from_the_others() -> None:
    making, work = Making(), Work()
    first, second = (asyncio.create_task(making.share("a", work.of("a"))) for _ in range(2))
    await work.begun.acquire()
    first.cancel()
    await asyncio.wait([first])
    work.go.set()
    assert await second == "a"


async def test_what_goes_wrong_is_told_to_all_who_wait_and_tried_again() -> None:
    making = Making()

    async def fail() -> str:
        raise ValueError("no")

    async def work() -> str:
        return "made"

    for _ in range(2):
        both = await asyncio.gather(
            *(making.share("a", fail) for _ in range(2)), return_exceptions=True
        )
        assert [type(error) for error in both] == [ValueError, ValueError]
    assert await making.share("a", work) == "made"
