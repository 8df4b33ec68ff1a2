"""How a process begins, and what is left when it does not."""

import gc
import weakref
from typing import Any

import pytest

from libra.otp import (
    NOPROC,
    NORMAL,
    AlreadyStarted,
    BadReturnValue,
    Crashed,
    CrashReport,
    Down,
    Failed,
    GenServer,
    Ignore,
    Ignored,
    ProcessExited,
    Registry,
    Runtime,
    StartError,
    Stop,
)
from libra.otp.introspection import resume, suspend
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, Named, Trapper, boom, tell


async def test_start_returns_once_init_has_returned(runtime: Runtime) -> None:
    # 1
    steps: list[str] = []
    actor = runtime.start(Actor, lambda _: steps.append("init"))
    steps.append("started")
    assert steps == ["init", "started"]
    assert actor.alive


async def test_a_linked_start_ties_two_fates_and_an_unlinked_one_does_not(runtime: Runtime) -> None:
    # 1
    parent = runtime.start(Actor)
    linked = runtime.start(Actor, link=parent)
    alone = runtime.start(Actor)
    with pytest.raises(ProcessExited):
        await parent.call(boom)
    await settle()
    assert not linked.alive
    assert alone.alive


async def test_a_crash_of_the_linked_one_takes_its_parent_along(runtime: Runtime) -> None:
    # 1
    parent = runtime.start(Actor)
    linked = runtime.start(Actor, link=parent)
    linked.cast(boom)
    await settle()
    assert parent.exit_reason == linked.exit_reason
    assert isinstance(parent.exit_reason, Crashed)


async def test_init_that_ignores_leaves_no_process_and_runs_no_terminate(
    runtime: Runtime, crashes: list[CrashReport]
) -> None:
    # 3
    actors: list[Actor] = []

    def start(me: Actor) -> Ignore:
        actors.append(me)
        return Ignore()

    with pytest.raises(Ignored):
        runtime.start(Actor, start)
    await settle()
    assert actors[0].exit_reason == NORMAL
    assert actors[0].ended == []
    assert crashes == []


@pytest.mark.parametrize("how", ["stop", "raise", "garbage"])
async def test_init_that_fails_is_an_error_of_start_only(runtime: Runtime, how: str) -> None:
    # 4
    actors: list[Actor] = []

    def start(me: Actor) -> Any:
        actors.append(me)
        if how == "raise":
            boom()
        return Stop(Failed("no disk")) if how == "stop" else 42

    parent = runtime.start(Trapper)
    with pytest.raises(StartError) as caught:
        runtime.start(Actor, start, link=parent)
    reason = caught.value.reason
    if how == "stop":
        assert reason == Failed("no disk")
    else:
        kind = ValueError if how == "raise" else BadReturnValue
        assert isinstance(reason, Crashed)
        assert isinstance(reason.exception, kind)
    assert actors[0].ended == []
    assert await parent.call("seen") == []


async def test_a_failed_start_takes_its_timers_and_tasks_with_it(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 4
    ended: list[str] = []

    async def work() -> None:
        ended.append("never")

    def start(me: Actor) -> Stop:
        me.send_after(1, "late")
        me.start_task(work())
        return Stop(NORMAL)

    with pytest.raises(StartError):
        runtime.start(Actor, start)
    await runtime.drain()
    assert ended == []
    assert clock.pending == 0


@pytest.mark.parametrize("answer", [Ignore(), Stop(NORMAL), Stop(Failed("x"))])
async def test_the_name_is_free_when_a_failed_start_returns(
    runtime: Runtime, registry: Registry, answer: Any
) -> None:
    # 5
    for _ in range(100):
        with pytest.raises((Ignored, StartError)):
            runtime.start(Named, registry, "name", lambda _: answer)
        assert registry.whereis("name") is None
        assert registry.count() == 0
    named = runtime.start(Named, registry, "name")
    assert registry.whereis("name") is named


async def test_a_second_start_under_a_taken_name_tells_the_first(
    runtime: Runtime, registry: Registry, crashes: list[CrashReport]
) -> None:
    # 6
    first = runtime.start(Named, registry, "name")
    with pytest.raises(AlreadyStarted) as caught:
        runtime.start(Named, registry, "name")
    assert caught.value.process is first
    assert registry.whereis("name") is first
    assert await first.call(tell("here")) == "here"
    await settle()
    assert crashes == []


async def test_no_down_is_missed_between_start_and_monitor(runtime: Runtime) -> None:
    # 7
    watcher = runtime.start(Actor)
    dying = runtime.start(Actor, lambda me: me.cast(boom))
    monitor = watcher.monitor(dying)
    await settle()
    assert [type(m) for m in watcher.seen] == [Down]
    assert watcher.seen[0].monitor is monitor
    assert watcher.seen[0].reason == dying.exit_reason


async def test_monitoring_the_dead_tells_at_once_and_exactly_once(runtime: Runtime) -> None:
    # 7
    watcher, dead = runtime.start(Actor), runtime.start(Actor)
    await dead.stop()
    monitor = watcher.monitor(dead)
    await settle()
    assert watcher.seen == [Down(monitor, dead, NOPROC)]


async def test_demonitor_drops_a_down_that_waits_in_the_mailbox(runtime: Runtime) -> None:
    # 7
    watcher, dying = runtime.start(Actor), runtime.start(Actor)
    monitor = watcher.monitor(dying)
    kept = watcher.monitor(dying)
    suspend(watcher)
    await dying.stop()
    watcher.demonitor(monitor)
    resume(watcher)
    await settle()
    assert watcher.seen == [Down(kept, dying, NORMAL)]


async def test_demonitor_leaves_nothing_with_the_watched(runtime: Runtime) -> None:
    # 7
    watcher, watched = runtime.start(Actor), runtime.start(Actor)
    for _ in range(100):
        watcher.demonitor(watcher.monitor(watched))
    assert not watched._watchers
    assert watcher._ties is None


async def test_a_process_leaves_no_garbage_behind(runtime: Runtime) -> None:
    actor = runtime.start(Actor)
    actor.send_after(60, "later")
    ghost = weakref.ref(actor)
    with pytest.raises(ProcessExited):
        await actor.call(boom)
    await settle()
    del actor
    gc.collect()
    assert ghost() is None


async def test_a_class_without_callbacks_is_a_process_too(runtime: Runtime) -> None:
    process = runtime.start(GenServer)
    await process.stop()
    assert process.exit_reason == NORMAL
