"""Who measures how late the loop is, and names who held it."""

import asyncio
import logging
import threading
from typing import Any

import pytest

from libra.otp import Runtime, Stall, StartError, Watchdog
from libra.otp.testing import FakeClock, settle
from support.actors import Actor
from support.asking import PATIENCE


def watched(runtime: Runtime, **options: Any) -> Watchdog:
    return runtime.start(Watchdog, observe=False, interval=1.0, window=150.0, **options)


async def test_an_idle_loop_has_no_lag(runtime: Runtime, clock: FakeClock) -> None:
    watchdog = watched(runtime)
    assert watchdog.lag().samples == 0
    await clock.advance(10)
    lag = watchdog.lag()
    assert (lag.samples, lag.last, lag.max, lag.p99) == (10, 0.0, 0.0, 0.0)


async def test_lag_is_how_late_the_loop_was(runtime: Runtime, clock: FakeClock) -> None:
    watchdog, actor = watched(runtime), runtime.start(Actor)
    actor.cast(lambda _: clock.block(3.5))
    await settle()
    assert watchdog.lag().last == 2.5
    await clock.advance(50)
    lag = watchdog.lag()
    assert (lag.last, lag.max, lag.p99) == (0.0, 2.5, 2.5)


async def test_what_was_before_the_window_is_forgotten(runtime: Runtime, clock: FakeClock) -> None:
    watchdog, actor = watched(runtime), runtime.start(Actor)
    actor.cast(lambda _: clock.block(3.5))
    await clock.advance(300)
    lag = watchdog.lag()
    assert lag.max == 0.0
    assert lag.samples <= 151


async def test_p99_ignores_one_sample_of_a_hundred(runtime: Runtime, clock: FakeClock) -> None:
    watchdog, actor = watched(runtime), runtime.start(Actor)
    await clock.advance(98)
    actor.cast(lambda _: clock.block(5))
    await settle()
    assert watchdog.lag().samples == 99
    assert (watchdog.lag().p99, watchdog.lag().max) == (4.0, 4.0)
    await clock.advance(1)
    assert watchdog.lag().samples == 100
    assert (watchdog.lag().p99, watchdog.lag().max) == (0.0, 4.0)


class Held:
    """Holds the loop until the watchdog's thread has noticed who does.

    On a busy machine it may notice others before, and rightly.
    """

    def __init__(self) -> None:
        self.noticed = threading.Event()
        self.stalls: list[Stall] = []

    def notice(self, stall: Stall) -> None:
        if "reedy" in stall.holder:
            self.stalls.append(stall)
            self.noticed.set()

    def hold(self) -> None:
        assert self.noticed.wait(PATIENCE)


@pytest.fixture
def held() -> Held:
    return Held()


def real(held: Held) -> tuple[Runtime, Watchdog]:
    runtime = Runtime()
    return runtime, runtime.start(Watchdog, interval=0.01, threshold=0.01, on_stall=held.notice)


async def test_the_handler_that_holds_the_loop_is_named_while_it_still_does(
    held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    class Greedy(Actor):
        __slots__ = ()

        def handle_cast(self, message: Any) -> None:
            held.hold()

    caplog.set_level(logging.DEBUG)
    runtime, watchdog = real(held)
    greedy = runtime.start(Greedy)
    greedy.cast("compute for ever")
    await greedy.call("seen")
    stall = held.stalls[0]
    assert stall.process == repr(greedy)
    assert stall.holder.endswith("Greedy.handle_cast")
    assert stall.seconds > 0
    assert any("hold" in frame for frame in stall.stack)
    assert watchdog.lag().stall is not None
    assert stall.by_machine or "Greedy.handle_cast" in caplog.text
    await runtime.shutdown()


async def test_a_task_that_holds_the_loop_is_named_too(held: Held) -> None:
    async def greedy_task() -> None:
        held.hold()

    runtime, _ = real(held)
    await asyncio.create_task(greedy_task())
    stall = held.stalls[0]
    assert stall.process is None
    assert stall.holder.endswith("greedy_task")
    await runtime.shutdown()


def stall(seconds: float, starved: float) -> Stall:
    return Stall(seconds, "<Page #7>", "Page.handle_info", ("page.py:7 handle_info",), starved)


def test_what_held_the_loop_is_the_machine_where_it_gave_no_time() -> None:
    assert stall(2.0, 1.5).by_machine
    assert "busy with other programs" in stall(2.0, 1.5).words
    assert not stall(2.0, 0.5).by_machine
    assert stall(2.0, 0.5).words == "<Page #7>, Page.handle_info"


async def test_its_thread_ends_with_it(held: Held) -> None:
    before = set(threading.enumerate())
    runtime, _ = real(held)
    (thread,) = set(threading.enumerate()) - before
    await runtime.shutdown()
    thread.join(PATIENCE)
    assert not thread.is_alive()


async def test_a_watchdog_with_wrong_options_does_not_start(runtime: Runtime) -> None:
    before = set(threading.enumerate())
    with pytest.raises(StartError):
        runtime.start(Watchdog, bogus=1)
    assert set(threading.enumerate()) <= before
