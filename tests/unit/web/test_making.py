"""What is made of large reports is made once, few at a time, and not for everybody who asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from libra.web.making import AT_A_TIME, LARGE, WAITING, Making
from libra.web.problems import Refused


class Work:
    """Things that are made when the test says so."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.go = threading.Event()
        self.begun = asyncio.Semaphore(0)
        self._loop = asyncio.get_running_loop()

    def of(self, name: str) -> Callable[[], str]:
        def make() -> str:
            self._loop.call_soon_threadsafe(self.begun.release)
            self.go.wait()
            self.made.append(name)
            return name

        return make


async def test_a_small_one_is_made_at_once() -> None:
    making = Making()
    assert await making.make("a", LARGE, lambda: threading.current_thread().name) == "MainThread"
    assert (
        await making.make("a", LARGE + 1, lambda: threading.current_thread().name) != "MainThread"
    )


async def test_those_who_want_the_same_share_one_and_others_take_turns() -> None:
    making, work = Making(), Work()
    names = ["a", "b", "c", "a", "b", "c", "a"]
    waiters = [asyncio.create_task(making.make(name, LARGE + 1, work.of(name))) for name in names]
    for _ in range(AT_A_TIME):
        await work.begun.acquire()
    assert work.begun.locked()  # the third has not begun
    assert making.waiting == len(names)
    work.go.set()
    assert await asyncio.gather(*waiters) == names
    assert sorted(work.made) == ["a", "b", "c"]
    assert making.waiting == 0
    assert await making.make("a", LARGE + 1, work.of("a")) == "a"
    assert sorted(work.made) == ["a", "a", "b", "c"]  # nothing is kept


async def test_when_too_many_wait_the_next_is_told_to_come_again() -> None:
    making, work = Making(), Work()
    waiters = [
        asyncio.create_task(making.make(number % 7, LARGE + 1, work.of(str(number))))
        for number in range(WAITING)
    ]
    for _ in range(AT_A_TIME):
        await work.begun.acquire()
    with pytest.raises(Refused) as refused:
        await making.make(0, LARGE + 1, work.of("0"))
    assert (refused.value.problem.status, refused.value.problem.retry_after) == (503, 5)
    assert await making.make("small", 1, lambda: "made") == "made"
    work.go.set()
    await asyncio.gather(*waiters)


async def test_a_client_who_leaves_takes_nothing_from_the_others() -> None:
    making, work = Making(), Work()
    first, second = (
        asyncio.create_task(making.make("a", LARGE + 1, work.of("a"))) for _ in range(2)
    )
    await work.begun.acquire()
    first.cancel()
    await asyncio.wait([first])
    work.go.set()
    assert await second == "a"


async def test_what_goes_wrong_is_told_to_all_who_wait_and_tried_again() -> None:
    making = Making()

    def fail() -> str:
        raise ValueError("no")

    for _ in range(2):
        both = await asyncio.gather(
            *(making.make("a", LARGE + 1, fail) for _ in range(2)), return_exceptions=True
        )
        assert [type(error) for error in both] == [ValueError, ValueError]
    assert await making.make("a", LARGE + 1, lambda: "made") == "made"
