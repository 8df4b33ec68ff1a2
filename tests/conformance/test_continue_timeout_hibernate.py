"""What a callback may ask for when it returns."""

from typing import Any

import pytest

from libra.otp import (
    NORMAL,
    TIMEOUT,
    Continue,
    Failed,
    From,
    Hibernate,
    NoReply,
    Reply,
    Runtime,
    Stop,
    Timeout,
)
from libra.otp.introspection import get_state, get_status, resume, suspend
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, tell


@pytest.mark.parametrize("origin", ["init", "call", "noreply", "cast", "info", "continue"])
async def test_continue_runs_before_any_message_even_one_sent_before(
    runtime: Runtime, origin: str
) -> None:
    # 21
    def go_on(me: Actor, *_: Any) -> Any:
        me.send("message")
        then = Continue("continued")
        return {"call": Reply(then=then), "noreply": NoReply(then)}.get(origin, then)

    actor = runtime.start(Actor, go_on if origin == "init" else None)
    if origin == "call":
        await actor.call(go_on)
    elif origin == "noreply":
        actor.send_request(go_on)
    elif origin == "cast":
        actor.cast(go_on)
    elif origin == "info":
        actor.send(go_on)
    elif origin == "continue":
        actor.cast(lambda _: Continue(go_on))
    await settle()
    assert await actor.call("seen") == ["continued", "message"]


async def test_a_call_right_after_start_finds_the_continue_done(runtime: Runtime) -> None:
    # 21
    actor = runtime.start(Actor, lambda _: Continue("continued"))
    assert actor.seen == []
    assert await actor.call("seen") == ["continued"]


async def test_continues_chain_in_order(runtime: Runtime) -> None:
    # 22
    def count(number: int) -> Any:
        def step(me: Actor) -> Any:
            me.seen.append(number)
            me.send("message")
            return Continue(count(number + 1)) if number < 3 else None

        return step

    actor = runtime.start(Actor, lambda _: Continue(count(1)))
    await settle()
    assert await actor.call("seen") == [1, 2, 3, "message", "message", "message"]


async def test_continue_may_stop_the_server(runtime: Runtime) -> None:
    # 22
    actor = runtime.start(Actor, lambda _: Continue(lambda _: Stop(Failed("enough"))))
    assert await actor.wait_down() == Failed("enough")
    assert actor.ended == [Failed("enough")]


@pytest.mark.parametrize("origin", ["init", "call", "cast", "info"])
async def test_a_timeout_fires_when_no_message_comes_first(
    runtime: Runtime, clock: FakeClock, origin: str
) -> None:
    # 23
    then = Timeout(2)
    actor = runtime.start(Actor, (lambda _: then) if origin == "init" else None)
    if origin == "call":
        await actor.call(lambda *_: Reply(then=then))
    elif origin == "cast":
        actor.cast(lambda _: then)
    elif origin == "info":
        actor.send(lambda _: then)
    await clock.advance(1.9)
    assert actor.seen == []
    await clock.advance(0.1)
    assert actor.seen == [TIMEOUT]
    await clock.advance(10)
    assert actor.seen == [TIMEOUT]


@pytest.mark.parametrize("way", ["call", "cast", "send"])
async def test_any_message_cancels_a_timeout(runtime: Runtime, clock: FakeClock, way: str) -> None:
    # 23
    actor = runtime.start(Actor, lambda _: Timeout(2))
    await clock.advance(1)
    if way == "call":
        await actor.call("anything")
    else:
        getattr(actor, way)("anything")
    await clock.advance(10)
    assert TIMEOUT not in actor.seen


async def test_a_message_that_waits_beats_a_timeout_of_zero(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 24
    def both(me: Actor) -> Timeout:
        me.send("message")
        return Timeout(0)

    actor = runtime.start(Actor, both)
    await clock.advance(1)
    assert actor.seen == ["message"]


async def test_a_message_that_a_suspended_process_keeps_waiting_beats_a_timeout(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 24
    actor = runtime.start(Actor, lambda _: Timeout(1))
    suspend(actor)
    actor.send("message")
    await clock.advance(5)
    resume(actor)
    await settle()
    assert actor.seen == ["message"]


class Sleeper(Actor):
    """Counts how often it was compacted."""

    __slots__ = ("compacted",)

    def init(self, *args: Any, **kwargs: Any) -> Any:
        self.compacted = 0
        return super().init(*args)

    def compact(self) -> None:
        self.compacted += 1


async def test_hibernation_compacts_and_nobody_notices(runtime: Runtime) -> None:
    # 25
    sleeper = runtime.start(Sleeper, lambda _: Hibernate())
    assert sleeper.compacted == 1
    assert await sleeper.call(tell("awake")) == "awake"
    assert await sleeper.call(lambda *_: Reply("again", Hibernate())) == "again"
    sleeper.cast(lambda _: Hibernate())
    sleeper.send("wakes it")
    assert await sleeper.call("seen") == ["wakes it"]
    # With a message waiting there was no point in the last one.
    assert sleeper.compacted == 2


async def test_a_crash_while_compacting_is_a_crash(runtime: Runtime) -> None:
    # 25
    class Clumsy(Actor):
        __slots__ = ()

        def compact(self) -> None:
            raise MemoryError

    clumsy = runtime.start(Clumsy)
    clumsy.cast(lambda _: Hibernate())
    assert "MemoryError" in str(await clumsy.wait_down())


async def test_hibernate_after_counts_anew_from_every_message(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 26
    class Tired(Sleeper):
        __slots__ = ()
        hibernate_after = 10.0

    tired = runtime.start(Tired)
    for wake in (lambda: tired.cast(1), lambda: tired.send(2), lambda: tired.send_request("seen")):
        await clock.advance(9)
        wake()
        await clock.advance(0)
    await clock.advance(9)
    assert tired.compacted == 0
    await clock.advance(1)
    assert tired.compacted == 1
    await clock.advance(60)
    assert tired.compacted == 1
    tired.cast(3)
    await clock.advance(10)
    assert tired.compacted == 2


async def test_introspection_does_not_wake_a_sleeper(runtime: Runtime, clock: FakeClock) -> None:
    # 26
    class Tired(Sleeper):
        __slots__ = ()
        hibernate_after = 10.0

    tired = runtime.start(Tired)
    await clock.advance(9)
    assert get_state(tired)["compacted"] == 0
    assert get_status(tired).phase == "idle"
    await clock.advance(1)
    assert tired.compacted == 1


async def test_a_sleeper_leaves_no_timer_behind(runtime: Runtime, clock: FakeClock) -> None:
    # 26
    class Tired(Sleeper):
        __slots__ = ()
        hibernate_after = 10.0

    def waits(_: Actor, sender: From) -> NoReply:
        return NoReply(Timeout(5))

    tired = runtime.start(Tired)
    tired.send_request(waits)
    await settle()
    assert clock.pending == 1
    await tired.stop()
    assert clock.pending == 0
    assert tired.exit_reason == NORMAL
