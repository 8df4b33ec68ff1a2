"""DynamicSupervisor as OTP has it: one shared restart budget, no back-off, no quarantine."""

import asyncio
import gc
import weakref
from typing import Any

import pytest

from libra.otp import (
    KILLED,
    NORMAL,
    SHUTDOWN,
    AlreadyStarted,
    Child,
    ChildCount,
    ChildSpec,
    Crashed,
    DynamicSupervisor,
    ExitReason,
    Failed,
    GenServer,
    Ignore,
    InvalidSpec,
    MaxChildren,
    NotFound,
    ProcessExited,
    Registry,
    Runtime,
    Shutdown,
    StartError,
    Stop,
    Supervisor,
)
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, Named, Slow, Trapper, boom, for_ever, pause, tell
from support.work import assert_linear_async, cost


def plain(runtime: Runtime, **options: Any) -> DynamicSupervisor:
    """A supervisor whose children have no budgets of their own."""
    return runtime.start(DynamicSupervisor, child_max_restarts=None, **options)


def started(supervisor: DynamicSupervisor, spec: ChildSpec[Any]) -> Actor:
    process = supervisor.start_child(spec)
    assert isinstance(process, Actor)
    return process


async def crash(process: GenServer | None) -> None:
    assert process is not None
    process.cast(boom)
    await settle()


class Moody(Actor):
    """Begins differently each time: does what the next function of a list says."""

    __slots__ = ()

    def init(self, *args: Any, **kwargs: Any) -> Any:
        super().init()
        moods: list[Any] = args[0]
        return moods.pop(0)(self) if moods else None


def fine(_: Any) -> None:
    """A mood to begin in."""


def test_the_defaults_are_otps() -> None:
    # 49
    spec = ChildSpec(Actor)
    assert (spec.restart, spec.grace, spec.supervises) == ("permanent", 5.0, False)
    assert (ChildSpec(Supervisor).grace, ChildSpec(Supervisor).supervises) == ("infinity", True)


async def test_it_starts_empty_and_is_a_normal_supervised_child(runtime: Runtime) -> None:
    # 36
    root = runtime.start(Supervisor, [ChildSpec(DynamicSupervisor, id="pages")])
    child = root.child("pages")
    assert child is not None
    pages = child.process
    assert isinstance(pages, DynamicSupervisor)
    assert pages.which_children() == []
    page = started(pages, ChildSpec(Actor))
    assert [(depth, p) for depth, p in runtime.processes()] == [(0, root), (1, pages), (2, page)]
    await crash(pages)
    assert not page.alive
    assert child.process is not pages
    assert isinstance(child.process, DynamicSupervisor)
    assert child.process.which_children() == []


@pytest.mark.parametrize("answer", ["garbage", "stop", "raise"])
async def test_a_start_that_fails_is_an_error_and_leaves_no_child(
    runtime: Runtime, answer: str
) -> None:
    # 37, 38
    supervisor = plain(runtime)
    moods: dict[str, Any] = {
        "garbage": lambda _: 42,
        "stop": lambda _: Stop(Failed("no")),
        "raise": boom,
    }
    spec = ChildSpec(Moody, ([moods[answer]],), id=1)
    with pytest.raises(StartError) as caught:
        supervisor.start_child(spec)
    if answer == "stop":
        assert caught.value.reason == Failed("no")
    else:
        assert isinstance(caught.value.reason, Crashed)
    assert supervisor.alive
    assert supervisor.child(1) is None
    assert supervisor.count_children().specs == 0


async def test_a_start_that_is_ignored_is_no_error_and_leaves_no_child(runtime: Runtime) -> None:
    # 37, 38
    supervisor = plain(runtime)
    assert supervisor.start_child(ChildSpec(Actor, (lambda _: Ignore(),), id=1)) is None
    assert supervisor.which_children() == []


async def test_a_taken_id_or_name_is_an_error_that_tells_who_has_it(
    runtime: Runtime, registry: Registry
) -> None:
    # 37
    supervisor = plain(runtime)
    first = started(supervisor, ChildSpec(Named, (registry, "name"), id=1))
    for spec in (ChildSpec(Actor, id=1), ChildSpec(Named, (registry, "name"), id=2)):
        with pytest.raises(AlreadyStarted) as caught:
            supervisor.start_child(spec)
        assert caught.value.process is first
    assert [child.process for child in supervisor.which_children()] == [first]


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": "Actor"},
        {"start": int},
        {"start": Actor, "args": ["not a tuple"]},
        {"start": Actor, "restart": "sometimes"},
        {"start": Actor, "shutdown": "soon"},
        {"start": Actor, "shutdown": -1},
        {"start": Actor, "shutdown": True},
        {"start": Actor, "shutdown": float("nan")},
        {"start": Actor, "type": "boss"},
        {"start": Actor, "id": ["not hashable"]},
    ],
)
async def test_a_bad_spec_is_refused_before_any_supervisor_sees_it(wrong: Any) -> None:
    # 39
    with pytest.raises(InvalidSpec):
        ChildSpec(**wrong)


async def test_what_is_no_spec_at_all_is_refused(runtime: Runtime) -> None:
    # 39
    supervisor = plain(runtime)
    no_spec: Any = Actor
    with pytest.raises(InvalidSpec):
        supervisor.start_child(no_spec)
    assert supervisor.alive


@pytest.mark.parametrize(
    "reason", [NORMAL, SHUTDOWN, Shutdown("x"), Failed("x"), Crashed(ValueError("x"))]
)
@pytest.mark.parametrize("restart", ["permanent", "transient", "temporary"])
async def test_who_is_restarted_depends_on_the_restart_type_and_the_reason(
    runtime: Runtime, restart: Any, reason: ExitReason
) -> None:
    # 40, 41, 42
    supervisor = plain(runtime)
    child = started(supervisor, ChildSpec(Actor, id=1, restart=restart))
    child.cast(lambda _: Stop(reason))
    await settle()
    assert child.exit_reason == reason
    clean = reason in (NORMAL, SHUTDOWN, Shutdown("x"))
    record = supervisor.child(1)
    if restart == "temporary" or (restart == "transient" and clean):
        assert record is None
        assert supervisor.count_children().specs == 0
    else:
        assert record is not None
        assert record.process is not None
        assert record.process is not child
        assert (record.reason, record.restarts) == (reason, 1)


async def test_a_restart_uses_the_same_spec_and_extra_arguments_for_a_new_identity(
    runtime: Runtime,
) -> None:
    # 43
    class Listed(Actor):
        __slots__ = ("given",)

        def init(self, *args: Any, **kwargs: Any) -> None:
            super().init()
            self.given = (args, kwargs)

    supervisor = plain(runtime, extra_arguments=("extra",))
    spec = ChildSpec(Listed, ("own",), {"word": 1}, id=1)
    first = supervisor.start_child(spec)
    await crash(first)
    second = supervisor.which_children()[0].process
    assert isinstance(first, Listed)
    assert isinstance(second, Listed)
    assert second is not first
    assert second.pid != first.pid
    assert second.given == first.given == (("extra", "own"), {"word": 1})


async def test_a_restart_that_is_ignored_removes_the_child(runtime: Runtime) -> None:
    # 44
    supervisor = plain(runtime)
    await crash(started(supervisor, ChildSpec(Moody, ([fine, lambda _: Ignore()],), id=1)))
    assert supervisor.child(1) is None
    assert supervisor.count_children().specs == 0


async def test_a_restart_that_fails_is_tried_again_by_a_message_so_the_supervisor_answers(
    runtime: Runtime,
) -> None:
    # 45, 53
    supervisor = plain(runtime, max_restarts=1_000)
    seen: list[tuple[str, ChildCount]] = []

    def fails(_: Any) -> Any:
        # Somebody else's turn comes between two tries.
        runtime.loop.call_soon(look)
        raise OSError("not yet")

    def look() -> None:
        seen.append((supervisor.which_children()[0].state, supervisor.count_children()))

    first = started(supervisor, ChildSpec(Moody, ([fine, fails, fails, fails, fine],), id=1))
    await crash(first)
    record = supervisor.child(1)
    assert record is not None
    assert isinstance(record.process, Moody)
    assert (record.state, record.restarts) == ("running", 4)
    restarting = ChildCount(
        specs=1, active=0, workers=1, supervisors=0, restarting=1, quarantined=0
    )
    assert ("restarting", restarting) in seen


async def test_beyond_the_shared_budget_all_children_stop_and_the_supervisor_shuts_down(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    # 46, 49
    supervisor = plain(runtime)
    sibling = started(supervisor, ChildSpec(Trapper, id="sibling"))
    started(supervisor, ChildSpec(Actor, id=1))
    record = supervisor.child(1)
    assert record is not None
    for _ in range(3):
        await crash(record.process)
        assert supervisor.alive
    await crash(record.process)
    assert supervisor.exit_reason == SHUTDOWN
    assert sibling.exit_reason == SHUTDOWN
    assert sibling.ended == [SHUTDOWN]
    assert "restart limit" in caplog.text


async def test_failed_tries_count_against_the_shared_budget(runtime: Runtime) -> None:
    # 46
    supervisor = plain(runtime)
    moods = [fine, boom, boom, boom, fine]
    await crash(started(supervisor, ChildSpec(Moody, (moods,), id=1)))
    assert supervisor.exit_reason == SHUTDOWN
    assert len(moods) == 1


async def test_the_window_slides_so_crashes_that_are_spaced_out_never_trip(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 47
    supervisor = plain(runtime)
    started(supervisor, ChildSpec(Actor, id=1))
    for _ in range(30):
        record = supervisor.child(1)
        assert record is not None
        await crash(record.process)
        await clock.advance(2)
    assert supervisor.alive


async def test_below_the_limit_siblings_keep_their_identities(runtime: Runtime) -> None:
    # 48
    supervisor = plain(runtime)
    siblings = [started(supervisor, ChildSpec(Actor, id=n)) for n in range(1_000)]
    await crash(siblings[500])
    now = [child.process for child in supervisor.which_children()]
    assert len(now) == 1_000
    assert sum(a is b for a, b in zip(siblings, now, strict=True)) == 999


async def test_the_limit_is_inclusive_and_counts_whole_seconds(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 49
    for last, survives in ((5.9, False), (6.0, True)):
        supervisor = plain(runtime)
        started(supervisor, ChildSpec(Actor, id=1))
        await clock.advance(1 - clock.time() % 1)
        begin = clock.time()
        for moment in (0.5, 0.6, 0.7, last):
            await clock.advance(begin + moment - clock.time())
            record = supervisor.child(1)
            assert record is not None
            await crash(record.process)
        assert supervisor.alive is survives


async def test_max_children_counts_the_living_and_the_restarting(runtime: Runtime) -> None:
    # 50
    supervisor = plain(runtime, max_children=2, max_restarts=1_000_000)
    started(supervisor, ChildSpec(Actor, id="living"))
    tries: list[Any] = []

    def fails(me: Any) -> Any:
        # While this one is restarting there is no room for another.
        with pytest.raises(MaxChildren):
            supervisor.start_child(ChildSpec(Actor))
        tries.append(me)
        if len(tries) < 3:
            raise OSError

    await crash(started(supervisor, ChildSpec(Moody, ([fine, fails, fails, fails],), id=1)))
    assert len(tries) == 3
    await supervisor.terminate_child("living")
    assert supervisor.start_child(ChildSpec(Actor)) is not None


async def test_a_terminated_child_is_not_found_and_not_restarted(runtime: Runtime) -> None:
    # 51
    supervisor = plain(runtime)
    child = started(supervisor, ChildSpec(Actor, id=1))
    await supervisor.terminate_child(1)
    assert child.exit_reason == SHUTDOWN
    for which in (1, child, "never was"):
        with pytest.raises(NotFound):
            await supervisor.terminate_child(which)
    await settle()
    assert supervisor.which_children() == []
    assert runtime.counts.restarted == 0


async def test_a_child_can_be_named_by_its_process_or_its_record(runtime: Runtime) -> None:
    # 51
    supervisor, other = plain(runtime), plain(runtime)
    one, two = (started(supervisor, ChildSpec(Actor)) for _ in range(2))
    with pytest.raises(NotFound):
        await other.terminate_child(one)
    await supervisor.terminate_child(one)
    record = supervisor.which_children()[0]
    assert isinstance(record, Child)
    assert record.process is two
    await supervisor.terminate_child(record)
    assert supervisor.which_children() == []


async def test_a_restarting_child_can_be_terminated_and_the_stale_restart_is_ignored(
    runtime: Runtime,
) -> None:
    # 52
    supervisor = plain(runtime)
    child = started(supervisor, ChildSpec(Actor, id=1))
    with pytest.raises(ProcessExited):
        await child.call(boom)
    record = supervisor.child(1)
    assert record is not None
    assert record.state == "restarting"
    await supervisor.terminate_child(1)
    # The same id again, before the old restart message has arrived.
    again = started(supervisor, ChildSpec(Actor, id=1))
    await settle()
    assert [c.process for c in supervisor.which_children()] == [again]
    assert runtime.counts.restarted == 0


async def test_children_are_counted_by_state_and_type(runtime: Runtime) -> None:
    # 53
    supervisor = plain(runtime)
    worker = started(supervisor, ChildSpec(Actor, id=1))
    supervisor.start_child(ChildSpec(DynamicSupervisor, id=2))
    supervisor.start_child(ChildSpec(Actor, id=3, type="supervisor"))
    with pytest.raises(ProcessExited):
        await worker.call(boom)
    assert [c.state for c in supervisor.which_children()] == ["restarting", "running", "running"]
    assert supervisor.count_children() == ChildCount(
        specs=3, active=2, workers=1, supervisors=2, restarting=1, quarantined=0
    )
    await settle()
    assert supervisor.count_children().active == 3


@pytest.mark.parametrize("all_at_once", [False, True])
async def test_a_child_that_takes_longer_than_its_shutdown_is_killed(
    runtime: Runtime, clock: FakeClock, all_at_once: bool
) -> None:
    # 54
    supervisor = plain(runtime)
    quick = started(supervisor, ChildSpec(Slow, (1.9,), id="quick", shutdown=2))
    slow = started(supervisor, ChildSpec(Slow, (60.0,), id="slow", shutdown=2))
    if all_at_once:
        ends = [asyncio.ensure_future(supervisor.stop(SHUTDOWN))]
    else:
        ends = [asyncio.ensure_future(supervisor.terminate_child(n)) for n in ("quick", "slow")]
    await clock.advance(1.9)
    assert runtime.counts.alive == 2
    assert not slow.alive
    await clock.advance(0.1)
    for end in ends:
        await end
    assert quick.ended == slow.ended == [SHUTDOWN]
    await runtime.drain()


async def test_a_child_that_does_not_get_to_its_signal_is_killed(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 54
    supervisor = plain(runtime)
    busy = started(supervisor, ChildSpec(Trapper, id=1, shutdown=2))
    end = asyncio.ensure_future(supervisor.terminate_child(1))
    for number in range(100):
        busy.send(number)
    busy.send(lambda _: clock.block(2))
    for number in range(1_000):
        busy.send(number)
    await end
    assert busy.exit_reason == KILLED
    assert busy.ended == []
    assert 100 <= len(busy.seen) < 1_100


async def test_brutal_kill_does_not_ask(runtime: Runtime) -> None:
    # 54
    supervisor = plain(runtime)
    child = started(supervisor, ChildSpec(Slow, (9.0,), id=1, shutdown="brutal_kill"))
    child.start_task(for_ever())
    await supervisor.terminate_child(1)
    assert child.exit_reason == KILLED
    assert child.ended == []


async def test_infinity_waits(runtime: Runtime, clock: FakeClock) -> None:
    # 54
    supervisor = plain(runtime)
    child = started(supervisor, ChildSpec(Slow, (86_400.0,), id=1, shutdown="infinity"))
    end = asyncio.ensure_future(supervisor.stop(SHUTDOWN))
    await clock.advance(86_399)
    assert not end.done()
    await clock.advance(1)
    await end
    assert child.exit_reason == SHUTDOWN


async def test_many_children_stop_at_the_same_time(runtime: Runtime, clock: FakeClock) -> None:
    # 55
    supervisor = plain(runtime)
    for number in range(2_000):
        started(supervisor, ChildSpec(Slow, (1.0 + number % 3,), shutdown=10))
    end = asyncio.ensure_future(supervisor.stop(SHUTDOWN))
    await clock.advance(2.9)
    assert not end.done()
    await clock.advance(0.1)
    await end
    assert runtime.counts.alive == 0
    assert supervisor.which_children() == []


async def test_a_child_that_unlinked_itself_cannot_hang_the_supervisor(runtime: Runtime) -> None:
    # 56
    supervisor = plain(runtime)
    one, two = (started(supervisor, ChildSpec(Actor, id=n)) for n in (1, 2))
    one.unlink(supervisor)
    two.unlink(supervisor)
    await supervisor.terminate_child(1)
    assert one.exit_reason == SHUTDOWN
    await supervisor.stop(SHUTDOWN)
    assert two.exit_reason == SHUTDOWN


async def test_start_arguments_of_temporary_children_are_not_kept(runtime: Runtime) -> None:
    # 57
    class Big:
        pass

    class Taker(Actor):
        __slots__ = ()

        def init(self, *args: Any, **kwargs: Any) -> Any:
            super().init()

    supervisor = plain(runtime)
    ghosts = []
    for restart in ("temporary", "permanent"):
        big = Big()
        ghosts.append(weakref.ref(big))
        spec: ChildSpec[Taker] = ChildSpec(Taker, (big,), {"more": big}, restart=restart)
        started(supervisor, spec)
        del spec, big
    gc.collect()
    assert [ghost() is None for ghost in ghosts] == [True, False]


async def test_the_cost_of_children_grows_with_their_number_and_no_faster(runtime: Runtime) -> None:
    # 58
    async def spend(number: int) -> float:
        supervisor = plain(runtime)
        with cost() as spent:
            for key in range(number):
                supervisor.start_child(ChildSpec(Actor, id=key, restart="temporary"))
            for key in range(number):
                await supervisor.terminate_child(key)
            return spent()

    await assert_linear_async(spend, 8_000)


# --- Beyond the list ---


async def test_a_supervisor_that_is_killed_leaves_no_orphans(
    runtime: Runtime, clock: FakeClock
) -> None:
    root = plain(runtime)
    middle = root.start_child(ChildSpec(DynamicSupervisor, id=1, shutdown="brutal_kill"))
    assert middle is not None
    leaves = [started(middle, ChildSpec(kind)) for kind in (Actor, Trapper)]
    await root.terminate_child(1)
    await settle()
    assert [leaf.exit_reason for leaf in leaves] == [KILLED, KILLED]
    assert runtime.counts.alive == 1


async def test_nested_supervisors_stop_from_the_leaves_up(
    runtime: Runtime, clock: FakeClock
) -> None:
    top = plain(runtime)
    middle = top.start_child(ChildSpec(DynamicSupervisor, id="middle"))
    assert middle is not None
    leaf = started(middle, ChildSpec(Slow, (2.0,), id="leaf"))
    end = asyncio.ensure_future(top.stop(SHUTDOWN))
    await clock.advance(1)
    assert runtime.counts.alive == 3
    await clock.advance(1)
    await end
    assert leaf.exit_reason == SHUTDOWN
    assert runtime.counts.alive == 0


async def test_no_child_starts_under_a_supervisor_that_is_stopping(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = plain(runtime)
    started(supervisor, ChildSpec(Slow, (2.0,)))
    end = asyncio.ensure_future(supervisor.stop(SHUTDOWN))
    await settle()
    with pytest.raises(ProcessExited):
        supervisor.start_child(ChildSpec(Actor))
    await clock.advance(2)
    await end


async def test_a_caller_of_terminate_child_that_gives_up_does_not_lift_the_deadline(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = plain(runtime)
    child = started(supervisor, ChildSpec(Slow, (60.0,), id=1, shutdown=2))
    end = asyncio.ensure_future(supervisor.terminate_child(1))
    await settle()
    end.cancel()
    await clock.advance(2)
    assert supervisor.child(1) is None
    assert not child.alive
    await runtime.drain()


async def test_a_child_may_start_siblings_in_its_init(runtime: Runtime) -> None:
    supervisor = plain(runtime)

    def with_sibling(_: Any) -> None:
        with pytest.raises(AlreadyStarted):
            supervisor.start_child(ChildSpec(Actor, id="elder"))
        supervisor.start_child(ChildSpec(Actor, id="younger"))

    started(supervisor, ChildSpec(Actor, (with_sibling,), id="elder"))
    assert [child.id for child in supervisor.which_children()] == ["elder", "younger"]


async def test_a_childs_work_ends_with_its_supervisor(runtime: Runtime, clock: FakeClock) -> None:
    supervisor = plain(runtime)
    child = started(supervisor, ChildSpec(Actor))
    done: list[str] = []

    async def work() -> None:
        await pause(runtime, 1)
        done.append("never")

    child.start_task(work())
    child.send_after(1, "never")
    await settle()
    await supervisor.stop(SHUTDOWN)
    await clock.advance(5)
    assert done == []
    assert child.seen == []
    with pytest.raises(ProcessExited):
        await child.call(tell(1))
