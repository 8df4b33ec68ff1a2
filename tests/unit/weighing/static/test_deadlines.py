"""Requests share one timer, and each still ends at its own deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from libra.weighing.static.deadline import Deadlines
from support.loop_clock import stopped_clock

FAR = 3_600.0


@pytest.fixture
async def deadlines() -> AsyncIterator[Deadlines]:
    made = Deadlines(asyncio.get_running_loop())
    yield made
    made.close()


async def wait(deadlines: Deadlines, seconds: float, rung: list[float]) -> bool:
    """Wait for ever; whether the deadline ended that."""
    deadline = deadlines.arm(asyncio.get_running_loop().time() + seconds)
    try:
        await asyncio.get_running_loop().create_future()
    except asyncio.CancelledError:
        rung.append(seconds)
        return deadline.is_cause()
    finally:
        deadline.cancel()
    raise AssertionError


async def test_each_deadline_ends_its_own_task_in_their_order(deadlines: Deadlines) -> None:
    rung: list[float] = []
    with stopped_clock() as move:
        last, now, far, next_, past = (
            asyncio.create_task(wait(deadlines, one, rung)) for one in (2.0, 0.0, FAR, 1.0, -1.0)
        )
        assert await now
        assert await past
        assert rung == [-1.0, 0.0]
        move(1)
        assert await next_
        assert rung == [-1.0, 0.0, 1.0]
        move(1)
        assert await last
        assert rung == [-1.0, 0.0, 1.0, 2.0]
        assert not far.done()
        far.cancel()
        assert await far is False


async def test_deadlines_that_are_noticed_late_end_their_tasks_in_their_order(
    deadlines: Deadlines,
) -> None:
    rung: list[float] = []
    with stopped_clock() as move:
        tasks = [asyncio.create_task(wait(deadlines, one, rung)) for one in (3.0, 1.0, 2.0)]
        await asyncio.sleep(0)
        move(FAR)
        assert await asyncio.gather(*tasks) == [True] * 3
    assert rung == [1.0, 2.0, 3.0]


async def test_a_disarmed_deadline_ends_nothing_and_hides_no_later_one(
    deadlines: Deadlines,
) -> None:
    now = asyncio.get_running_loop().time()
    deadlines.arm(now).cancel()
    rung: list[float] = []
    assert await wait(deadlines, 0.01, rung)
    deadlines.arm(now).cancel()
    assert await wait(deadlines, 0.0, rung)


async def test_a_task_that_is_cancelled_from_outside_was_not_ended_by_its_deadline(
    deadlines: Deadlines,
) -> None:
    rung: list[float] = []
    task = asyncio.create_task(wait(deadlines, FAR, rung))
    await asyncio.sleep(0)
    task.cancel()
    assert await task is False
