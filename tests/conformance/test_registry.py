"""Unique names for living processes, and locks."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from libra.otp import (
    NOPROC,
    SHUTDOWN,
    AlreadyRegistered,
    ChildSpec,
    Down,
    DynamicSupervisor,
    Entry,
    ExitReason,
    NotFound,
    ProcessExited,
    Registered,
    Registry,
    Runtime,
    Stop,
    Unregistered,
)
from libra.otp._process.ties import Tie, attach
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, Named, Slow, boom, stubborn


async def test_a_key_has_one_owner_and_the_second_leaves_no_residue(
    runtime: Runtime, registry: Registry
) -> None:
    # 59
    first, second = runtime.start(Actor), runtime.start(Actor)
    registry.register("key", first, "value")
    for process in (first, second):
        with pytest.raises(AlreadyRegistered) as caught:
            registry.register("key", process, "other")
        assert caught.value.owner is first
    assert registry.keys(first) == ["key"]
    assert registry.keys(second) == []
    assert registry.lookup("key") == Entry("key", first, "value")
    await second.stop()
    assert registry.whereis("key") is first
    await first.stop()
    assert registry.count() == 0


@pytest.mark.parametrize("how", ["crash", "stop", "kill"])
async def test_a_dead_owners_key_can_be_taken_at_once(
    runtime: Runtime, registry: Registry, how: str
) -> None:
    # 60, 61
    supervisor = runtime.start(DynamicSupervisor)
    spec = ChildSpec(Named, (registry, "key"), id=1, restart="temporary", shutdown="brutal_kill")
    owner = supervisor.start_child(spec)
    assert owner is not None
    other = runtime.start(Actor)
    if how == "crash":
        with pytest.raises(ProcessExited):
            await owner.call(boom)
    elif how == "stop":
        with pytest.raises(ProcessExited):
            await owner.call(lambda *_: Stop(SHUTDOWN))
    else:
        await supervisor.terminate_child(1)
    # No turn of the loop has passed since it died.
    assert registry.whereis("key") is None
    registry.register("key", other)
    assert registry.whereis("key") is other
    await settle()
    assert registry.whereis("key") is other


async def test_a_dead_owners_key_can_be_taken_even_before_the_cleanup_has_come_to_it(
    runtime: Runtime, registry: Registry
) -> None:
    # 60
    class Heir(Tie):
        """Is cut before the registration of the same owner, which is older."""

        __slots__ = ()

        def cut(self, reason: ExitReason) -> None:
            assert registry.count() == 1
            assert registry.whereis("key") is None
            assert registry.lookup("key") is None
            registry.register("key", other)

    owner, other = runtime.start(Named, registry, "key"), runtime.start(Actor)
    heir = Heir()
    heir.owner, heir.next, heir.prev = owner, None, None
    attach(heir)
    owner.cast(boom)
    await settle()
    assert registry.whereis("key") is other
    assert registry.keys(other) == ["key"]


async def test_whoever_learns_of_a_death_finds_the_key_free(
    runtime: Runtime, registry: Registry
) -> None:
    # 60
    class Successor(Actor):
        __slots__ = ()

        def handle_info(self, message: Any) -> None:
            assert isinstance(message, Down)
            assert registry.whereis("key") is None
            registry.register("key", self)

    owner, successor = runtime.start(Named, registry, "key"), runtime.start(Successor)
    successor.monitor(owner)
    owner.cast(boom)
    await settle()
    assert registry.whereis("key") is successor


async def test_a_process_that_is_only_waiting_for_its_last_tasks_has_no_names_any_more(
    runtime: Runtime, registry: Registry, clock: FakeClock
) -> None:
    # 60
    slow = runtime.start(Slow, 2.0)
    registry.register("key", slow)
    end = asyncio.ensure_future(slow.stop())
    await settle()
    assert registry.whereis("key") is None
    with pytest.raises(ProcessExited):
        registry.register("other", slow)
    await clock.advance(2)
    await end


async def test_any_exit_removes_all_keys_of_the_process(
    runtime: Runtime, registry: Registry
) -> None:
    # 61
    owner, other = runtime.start(Actor), runtime.start(Actor)
    for number in range(100):
        registry.register(f"key {number}", owner)
    registry.register("another", other)
    owner.cast(boom)
    await settle()
    assert registry.count() == 1
    assert registry.keys(owner) == []
    assert registry.select() == [Entry("another", other, None)]


async def test_looking_things_up(runtime: Runtime, registry: Registry) -> None:
    # 62
    one, two = runtime.start(Actor), runtime.start(Actor)
    key = uuid4()
    registry.register("a", one, 1)
    registry.register("b", one, 2)
    registry.register(key, two, 3)
    assert registry.whereis("a") is one
    assert registry.whereis(UUID(str(key))) is two
    assert registry.whereis("unknown") is None
    assert registry.lookup("b") == Entry("b", one, 2)
    assert registry.lookup("unknown") is None
    assert registry.keys(one) == ["a", "b"]
    assert registry.keys(two) == [key]
    assert registry.values("a", one) == [1]
    assert registry.values("a", two) == []
    assert registry.count() == 3
    assert [entry.key for entry in registry.select(lambda entry: entry.value > 1)] == ["b", key]


async def test_unregister_is_idempotent_and_only_for_ones_own_key(
    runtime: Runtime, registry: Registry
) -> None:
    # 62
    one, two = runtime.start(Actor), runtime.start(Actor)
    registry.unregister("key", one)
    registry.register("key", one)
    registry.unregister("key", two)
    assert registry.whereis("key") is one
    registry.unregister("key", one)
    registry.unregister("key", one)
    assert registry.whereis("key") is None
    assert registry.keys(one) == []
    registry.register("key", two)
    await one.stop()
    assert registry.whereis("key") is two


async def test_a_value_is_updated_by_its_owner_only(runtime: Runtime, registry: Registry) -> None:
    # 62
    one, two = runtime.start(Actor), runtime.start(Actor)
    registry.register("key", one, 1)
    assert registry.update_value("key", one, lambda value: value + 1) == 2
    with pytest.raises(NotFound):
        registry.update_value("key", two, lambda value: value + 1)
    with pytest.raises(NotFound):
        registry.update_value("unknown", one, lambda value: value + 1)
    with pytest.raises(ValueError, match="boom"):
        registry.update_value("key", one, boom)
    assert registry.lookup("key") == Entry("key", one, 2)


@pytest.mark.parametrize("key", [1, 1.0, True, None, b"key", ("a",)])
async def test_keys_that_python_would_confuse_are_refused(
    runtime: Runtime, registry: Registry, key: Any
) -> None:
    # 62
    with pytest.raises(TypeError):
        registry.register(key, runtime.start(Actor))


async def test_a_registry_that_is_gone_raises_instead_of_finding_nothing(runtime: Runtime) -> None:
    # 62
    registry = runtime.start(Registry)
    owner = runtime.start(Named, registry, "key")
    await registry.stop()
    calls: list[Any] = [
        lambda: registry.whereis("key"),
        lambda: registry.lookup("key"),
        lambda: registry.register("new", owner),
        lambda: registry.unregister("key", owner),
        registry.count,
        registry.select,
        lambda: registry.values("key", owner),
        lambda: registry.update_value("key", owner, str),
        lambda: registry.dispatch("key", boom),
    ]
    for call in calls:
        with pytest.raises(ProcessExited) as caught:
            call()
        assert caught.value.reason == NOPROC
    await owner.stop()


async def test_dispatch_runs_in_the_caller_and_never_for_nobody(
    runtime: Runtime, registry: Registry
) -> None:
    # 63
    owner = runtime.start(Actor)
    registry.register("key", owner, "value")
    got: list[Any] = []
    registry.dispatch("key", got.extend)
    assert got == [Entry("key", owner, "value")]
    registry.dispatch("unknown", boom)
    with pytest.raises(ValueError, match="boom"):
        registry.dispatch("key", boom)


async def test_listeners_are_told_of_registrations_but_not_of_crashes(runtime: Runtime) -> None:
    # 63
    listener, owner = runtime.start(Actor), runtime.start(Actor)
    registry = runtime.start(Registry, listeners=(listener,))
    registry.register("a", owner, 1)
    registry.register("b", owner)
    registry.unregister("a", owner)
    registry.unregister("never", owner)
    owner.cast(boom)
    await settle()
    assert listener.seen == [
        Registered(registry, "a", owner, 1),
        Registered(registry, "b", owner, None),
        Unregistered(registry, "a", owner),
    ]


async def hold(registry: Registry, key: str, log: list[str], name: str, until: Any) -> None:
    async with registry.lock(key):
        log.append(name)
        await until


async def test_a_lock_is_held_by_one_at_a_time_in_order(
    runtime: Runtime, registry: Registry
) -> None:
    # 64
    log: list[str] = []
    gates = [runtime.loop.create_future() for _ in range(3)]
    tasks = [
        asyncio.ensure_future(hold(registry, "key", log, f"{n}", gate))
        for n, gate in enumerate(gates)
    ]
    other = asyncio.ensure_future(hold(registry, "other", log, "other", gates[0]))
    await settle()
    assert log == ["0", "other"]
    for gate in gates:
        gate.set_result(None)
        await settle()
    assert log == ["0", "other", "1", "2"]
    await asyncio.gather(*tasks, other)
    async with registry.lock("key"):
        pass


async def test_a_lock_is_freed_when_its_holder_raises(runtime: Runtime, registry: Registry) -> None:
    # 64
    with pytest.raises(ValueError, match="boom"):
        async with registry.lock("key"):
            boom()
    async with registry.lock("key"):
        pass


async def test_a_lock_is_freed_when_its_holder_is_killed_and_skips_dead_waiters(
    runtime: Runtime, registry: Registry
) -> None:
    # 64
    log: list[str] = []
    owner, waiter = runtime.start(Actor), runtime.start(Actor)
    never, gate = runtime.loop.create_future(), runtime.loop.create_future()
    owner.start_task(hold(registry, "key", log, "owner", never))
    await settle()
    waiter.start_task(hold(registry, "key", log, "dead waiter", never))
    await settle()
    last = asyncio.ensure_future(hold(registry, "key", log, "last", gate))
    await settle()
    waiter.cast(boom)
    await settle()
    owner.cast(boom)
    await settle()
    assert log == ["owner", "last"]
    gate.set_result(None)
    await last


async def test_a_waiter_that_dies_as_the_lock_is_handed_to_it_passes_it_on(
    runtime: Runtime, registry: Registry
) -> None:
    # 64
    log: list[str] = []
    gate = runtime.loop.create_future()
    gate.set_result(None)

    async def hand_over_and_cancel() -> None:
        async with registry.lock("key"):
            await settle()
        # The lock is the next one's now, but it has not woken up yet.
        tasks[0].cancel()

    first = asyncio.ensure_future(hand_over_and_cancel())
    await asyncio.sleep(0)
    tasks = [
        asyncio.ensure_future(hold(registry, "key", log, name, gate)) for name in ("dies", "lives")
    ]
    await asyncio.gather(first, tasks[1])
    assert log == ["lives"]
    assert tasks[0].cancelled()


async def test_a_lock_bound_to_a_process_is_freed_even_if_its_task_goes_on(
    runtime: Runtime, registry: Registry, clock: FakeClock
) -> None:
    # 64
    release = asyncio.Event()
    done = runtime.loop.create_future()
    done.set_result(None)
    owner = runtime.start(Actor)

    async def stuck() -> None:
        async with registry.lock("key", owner):
            await stubborn(release)

    owner.start_task(stuck())
    await settle()
    owner.cast(boom)
    await settle()
    async with registry.lock("key"):
        # Its late release must not free what is another's now.
        release.set()
        await settle()
        second = asyncio.ensure_future(hold(registry, "key", [], "second", done))
        await settle()
        assert not second.done()
    await second


async def test_those_who_wait_for_a_lock_learn_that_the_registry_is_gone(runtime: Runtime) -> None:
    # 64
    registry = runtime.start(Registry)
    gate = runtime.loop.create_future()
    tasks = [asyncio.ensure_future(hold(registry, "key", [], str(n), gate)) for n in range(2)]
    await settle()
    await registry.stop()
    gate.set_result(None)
    await tasks[0]
    with pytest.raises(ProcessExited):
        await tasks[1]
    with pytest.raises(ProcessExited):
        async with registry.lock("key"):
            pass
