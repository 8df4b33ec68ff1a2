"""The clock of the running loop: order, cancelling, and nothing left behind."""

import asyncio
from typing import Any

import pytest

from libra.otp import LoopClock
from libra.otp import clock as otp_clock
from support.actors import boom


def a_clock() -> LoopClock:
    return LoopClock(asyncio.get_running_loop())


async def test_timers_run_in_the_order_of_their_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, done, ran = a_clock(), asyncio.Event(), list[str]()
    begin = clock.time()
    with monkeypatch.context() as patch:
        # All count from the same moment, however long the machine is busy between two of them.
        patch.setattr(otp_clock, "perf_counter", lambda: begin)
        clock.call_later(0.003, done.set)
        clock.call_later(0.002, ran.append, "second")
        clock.call_later(0.001, ran.append, "first")
        clock.call_later(0.0021, ran.append, "third")
    await done.wait()
    assert ran == ["first", "second", "third"]
    assert clock.time() - begin >= 0.003
    assert clock.pending == 0


async def test_timers_due_at_the_same_time_run_first_come_first_served() -> None:
    clock, done, ran = a_clock(), asyncio.Event(), list[int]()
    for number in range(2_000):
        clock.call_later(0, ran.append, number)
    clock.call_later(0, done.set)
    await done.wait()
    assert ran == list(range(2_000))


async def test_a_cancelled_timer_never_runs_even_when_it_is_due() -> None:
    clock, done, ran = a_clock(), asyncio.Event(), list[str]()
    timers: list[Any] = []

    def cancel() -> None:
        timers[0].cancel()

    clock.call_later(0, cancel)
    timers.append(clock.call_later(0, ran.append, "never"))
    clock.call_later(0, done.set)
    await done.wait()
    timers[0].cancel()
    assert ran == []
    assert clock.pending == 0


async def test_what_a_timer_raises_does_not_keep_the_others_from_running() -> None:
    complaints: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))
    clock, done = a_clock(), asyncio.Event()
    clock.call_later(0, boom)
    clock.call_later(0, done.set)
    await done.wait()
    assert [str(complaint) for complaint in complaints] == ["boom"]


async def test_cancelled_timers_do_not_lie_about_until_they_are_due() -> None:
    clock = a_clock()
    kept = clock.call_later(60, boom)
    for _ in range(10_000):
        clock.call_later(3_600, boom).cancel()
    assert len(clock._heap) < 200
    assert clock.pending == 1
    kept.cancel()
    assert clock._heap == []
    assert clock._alarm is None


async def test_a_timer_may_set_the_next() -> None:
    clock, done, left = a_clock(), asyncio.Event(), [100]

    def step() -> None:
        left[0] -= 1
        clock.call_later(0, step if left[0] else done.set)

    step()
    await done.wait()
    assert clock.pending == 0
