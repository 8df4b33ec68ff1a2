"""The static tree: order, strategies, budgets."""

import asyncio
from typing import Any

import pytest

from libra.otp import (
    SHUTDOWN,
    ChildSpec,
    Crashed,
    DynamicSupervisor,
    ExitReason,
    Failed,
    GenServer,
    Ignore,
    InvalidSpec,
    NotFound,
    Registry,
    Runtime,
    StartError,
    Stop,
    Supervisor,
)
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, Named, Slow, Trapper, boom, tell


class Noting(Trapper):
    """Notes its beginnings and ends in a list that all share."""

    __slots__ = ("diary", "name")

    def init(self, *args: Any, **kwargs: Any) -> Any:
        super().init()
        self.diary: list[str] = args[0]
        self.name: str = args[1]
        self.diary.append(f"+{self.name}")
        return args[2](self) if len(args) > 2 else None

    def terminate(self, reason: ExitReason) -> None:
        self.diary.append(f"-{self.name}")


def tree(
    runtime: Runtime, diary: list[str], strategy: str, names: str = "abc", **options: Any
) -> Supervisor:
    specs = [ChildSpec(Noting, (diary, name), id=name) for name in names]
    return runtime.start(Supervisor, specs, strategy=strategy, **options)


def processes(supervisor: Supervisor) -> list[GenServer | None]:
    return [child.process for child in supervisor.which_children()]


async def test_children_start_in_order_and_stop_in_reverse(runtime: Runtime) -> None:
    # 64
    diary: list[str] = []
    supervisor = tree(runtime, diary, "one_for_one")
    await supervisor.stop(SHUTDOWN)
    assert diary == ["+a", "+b", "+c", "-c", "-b", "-a"]


async def test_each_child_is_gone_before_the_one_before_it_is_stopped(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 64
    supervisor = runtime.start(Supervisor, [ChildSpec(Slow, (1.0,), id=n) for n in range(3)])
    a, b, c = processes(supervisor)
    end = asyncio.ensure_future(supervisor.stop(SHUTDOWN))
    for gone, going, left in ((0, c, b), (1, b, a)):
        await settle()
        assert going is not None
        assert left is not None
        assert not going.alive
        assert left.alive
        assert sum(p is not None and p.exit_reason is not None for p in (a, b, c)) == gone + 1
        await clock.advance(1)
    await clock.advance(1)
    await end


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ("one_for_one", ["-b", "+b"]),
        ("rest_for_one", ["-b", "-c", "+b", "+c"]),
        ("one_for_all", ["-b", "-c", "-a", "+a", "+b", "+c"]),
    ],
)
async def test_the_strategy_says_who_is_restarted_with_the_one_that_failed(
    runtime: Runtime, strategy: str, expected: list[str]
) -> None:
    # 64
    diary: list[str] = []
    supervisor = tree(runtime, diary, strategy)
    before = processes(supervisor)
    diary.clear()
    before[1].cast(boom)  # type: ignore[union-attr]  # it is alive
    await settle()
    assert diary == expected
    kept = [a is b for a, b in zip(before, processes(supervisor), strict=True)]
    assert kept == [f"+{name}" not in expected for name in "abc"]
    assert None not in processes(supervisor)


async def test_a_registry_that_restarts_takes_its_workers_along(runtime: Runtime) -> None:
    # 64
    class Workers(DynamicSupervisor):
        """Starts one worker that registers in the registry of this incarnation."""

        __slots__ = ()

        def init(self, *args: Any, **kwargs: Any) -> None:
            super().init()
            registry = args[0].child("registry").process
            self.start_child(ChildSpec(Named, (registry, "worker")))

    class Root(Supervisor):
        __slots__ = ()

        def init(self, *args: Any, **kwargs: Any) -> Any:
            specs = [
                ChildSpec(Registry, id="registry"),
                ChildSpec(Workers, (self,), id="workers"),
            ]
            return super().init(specs, strategy="rest_for_one")

    root = runtime.start(Root)
    old, workers = processes(root)
    assert isinstance(old, Registry)
    worker = old.whereis("worker")
    old.cast("a registry has no casts, so this crashes it")
    await settle()
    new, new_workers = processes(root)
    assert isinstance(new, Registry)
    assert new is not old
    assert new_workers is not workers
    assert worker is not None
    assert not worker.alive
    found = new.whereis("worker")
    assert found is not None
    assert found is not worker
    assert await found.call(tell("here")) == "here"


async def test_a_child_that_does_not_start_undoes_those_before_it(runtime: Runtime) -> None:
    diary: list[str] = []
    specs = [ChildSpec(Noting, (diary, name), id=name) for name in "ab"]
    specs.append(ChildSpec(Noting, (diary, "c", boom), id="c"))
    with pytest.raises(StartError) as caught:
        runtime.start(Supervisor, specs)
    assert caught.value.reason == Failed("child 'c' did not start: ValueError: boom")
    await settle()
    assert diary == ["+a", "+b", "+c", "-b", "-a"]
    assert runtime.counts.alive == 0


@pytest.mark.parametrize(
    "specs",
    [
        [ChildSpec(Actor, id=1), ChildSpec(Actor, id=1)],
        [Actor],
    ],
)
async def test_a_tree_that_cannot_be_right_does_not_start(runtime: Runtime, specs: Any) -> None:
    with pytest.raises(StartError) as caught:
        runtime.start(Supervisor, specs)
    assert isinstance(caught.value.reason, Crashed)
    assert isinstance(caught.value.reason.exception, InvalidSpec)
    with pytest.raises(StartError):
        runtime.start(Supervisor, [], strategy="one_for_some")


async def test_an_ignored_child_keeps_its_place_without_a_process(runtime: Runtime) -> None:
    supervisor = runtime.start(
        Supervisor, [ChildSpec(Actor, (lambda _: Ignore(),), id=1), ChildSpec(Actor, id=2)]
    )
    assert [p is None for p in processes(supervisor)] == [True, False]
    assert supervisor.count_children().active == 1


async def test_beyond_its_budget_the_supervisor_stops_everything_and_its_parent_decides(
    runtime: Runtime,
) -> None:
    diary: list[str] = []
    specs = [ChildSpec(Noting, (diary, name), id=name) for name in "ab"]
    root = runtime.start(Supervisor, [ChildSpec(Supervisor, (specs,), id="inner")])
    inner = processes(root)[0]
    assert isinstance(inner, Supervisor)
    for _ in range(4):
        processes(inner)[1].cast(boom)  # type: ignore[union-attr]  # it is alive
        await settle()
    assert inner.exit_reason == SHUTDOWN
    again = processes(root)[0]
    assert isinstance(again, Supervisor)
    assert again is not inner
    assert None not in processes(again)
    assert diary[-3:] == ["-a", "+a", "+b"]


async def test_a_group_restart_that_fails_is_tried_again_until_the_budget_is_spent(
    runtime: Runtime,
) -> None:
    diary: list[str] = []
    moods: list[Any] = [lambda _: None, boom, boom, lambda _: None]

    def mood(me: Any) -> Any:
        return moods.pop(0)(me)

    specs = [
        ChildSpec(Noting, (diary, "a"), id="a"),
        ChildSpec(Noting, (diary, "b", mood), id="b"),
        ChildSpec(Noting, (diary, "c"), id="c"),
    ]
    supervisor = runtime.start(Supervisor, specs, strategy="one_for_all")
    diary.clear()
    processes(supervisor)[0].cast(boom)  # type: ignore[union-attr]  # it is alive
    await settle()
    assert moods == []
    assert supervisor.alive
    assert None not in processes(supervisor)
    assert diary[-3:] == ["+a", "+b", "+c"]
    # Every child that was started was also stopped, the last ones excepted.
    assert diary.count("+a") == diary.count("-a")
    assert {child.state for child in supervisor.which_children()} == {"running"}


async def test_two_failures_at_once_are_handled_one_after_the_other(
    runtime: Runtime, clock: FakeClock
) -> None:
    specs = [ChildSpec(Slow, (1.0,), id=n) for n in range(3)]
    supervisor = runtime.start(Supervisor, specs, strategy="rest_for_one")
    before = processes(supervisor)
    for process in before[:2]:
        process.cast(boom)  # type: ignore[union-attr]  # it is alive
    await clock.advance(0)
    assert supervisor.count_children().specs == 3
    await clock.advance(10)
    after = processes(supervisor)
    assert [child.restarts for child in supervisor.which_children()] == [1, 1, 1]
    assert None not in after
    assert not set(before) & set(after)
    assert supervisor.alive


async def test_a_failure_during_a_group_restart_is_seen_to_afterwards(
    runtime: Runtime, clock: FakeClock
) -> None:
    specs = [ChildSpec(Slow, (1.0,), id=n) for n in range(3)]
    supervisor = runtime.start(Supervisor, specs, strategy="rest_for_one")
    before = processes(supervisor)
    before[1].cast(boom)  # type: ignore[union-attr]  # it is alive
    await clock.advance(0.5)
    # It needs a second to go: until the middle of the one in which the last is being stopped.
    before[0].cast(boom)  # type: ignore[union-attr]  # it is alive
    await clock.advance(10)
    assert [child.restarts for child in supervisor.which_children()] == [1, 2, 2]
    assert None not in processes(supervisor)


async def test_a_supervisor_that_is_regrouping_still_answers_and_can_be_stopped(
    runtime: Runtime, clock: FakeClock
) -> None:
    specs = [ChildSpec(Slow, (2.0,), id=n, restart="transient") for n in range(3)]
    supervisor = runtime.start(Supervisor, specs, strategy="one_for_all")
    processes(supervisor)[0].cast(boom)  # type: ignore[union-attr]  # it is alive
    await clock.advance(5)
    states = [child.state for child in supervisor.which_children()]
    assert states == ["restarting", "running", "restarting"]
    assert supervisor.count_children().active == 0
    end = asyncio.ensure_future(supervisor.stop(SHUTDOWN))
    await clock.advance(20)
    await end
    assert runtime.counts.alive == 0


async def test_restart_types_hold_in_a_static_tree_too(runtime: Runtime) -> None:
    specs = [ChildSpec(Actor, id=r, restart=r) for r in ("permanent", "transient", "temporary")]
    supervisor = runtime.start(Supervisor, specs)
    for process in processes(supervisor):
        process.cast(lambda _: Stop(SHUTDOWN))  # type: ignore[union-attr]  # it is alive
    await settle()
    shown = {child.id: child.process is not None for child in supervisor.which_children()}
    assert shown == {"permanent": True, "transient": False}
    assert supervisor.child("temporary") is None


async def test_legacy_survives_a_group_restart(runtime: Runtime) -> None:
    specs = [ChildSpec(Actor, id=n) for n in range(2)]
    supervisor = runtime.start(Supervisor, specs, strategy="one_for_all")
    for number, process in enumerate(processes(supervisor)):
        assert process is not None
        process.legacy = number
    processes(supervisor)[0].cast(boom)  # type: ignore[union-attr]  # it is alive
    await settle()
    assert [p.legacy for p in processes(supervisor) if p is not None] == [0, 1]


async def test_strangers_are_not_children(runtime: Runtime) -> None:
    stranger = runtime.start(Actor)
    supervisor = runtime.start(DynamicSupervisor)
    with pytest.raises(NotFound):
        await supervisor.terminate_child(stranger)
    supervisor.send("what is this?")
    await settle()
    assert supervisor.alive


async def test_a_child_that_has_ended_for_good_can_be_started_again(runtime: Runtime) -> None:
    supervisor = runtime.start(Supervisor, [ChildSpec(Actor, id="once", restart="transient")])
    (process,) = processes(supervisor)
    assert process is not None
    supervisor.restart_child("once")  # one that runs is left alone
    assert processes(supervisor) == [process]
    await process.stop(SHUTDOWN)
    assert processes(supervisor) == [None]
    supervisor.restart_child("once")
    (again,) = processes(supervisor)
    assert again is not None
    assert again is not process
    with pytest.raises(NotFound):
        supervisor.restart_child("unknown")
