"""Each child's own restart budget: back-off, quarantine, and what is handed on."""

import asyncio
import itertools
from typing import Any

import pytest

from libra.otp import (
    SHUTDOWN,
    AlreadyStarted,
    Child,
    ChildSpec,
    Crashed,
    DynamicSupervisor,
    ExitReason,
    Failed,
    GenServer,
    InvalidSpec,
    MaxChildren,
    NotFound,
    Runtime,
    Stop,
)
from libra.otp._process.children import Intensity
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, Slow, Trapper, boom, tell


class Heir(Actor):
    """Counts its incarnations in its legacy; then does what it is told at each start."""

    __slots__ = ()

    def init(self, *args: Any, **kwargs: Any) -> Any:
        super().init()
        self.legacy = (self.legacy or 0) + 1
        for act in args:
            act(self)


def record(supervisor: DynamicSupervisor, key: Any) -> Child:
    child = supervisor.child(key)
    assert child is not None
    return child


async def crash(process: GenServer | None) -> None:
    assert process is not None
    process.cast(boom)
    await settle()


def crash_loop(me: Actor) -> None:
    """Crash soon after each start."""
    me.cast(boom)


async def test_a_crash_looping_child_is_quarantined_and_its_siblings_never_notice(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor)
    siblings = [supervisor.start_child(ChildSpec(Actor, id=n)) for n in range(1_000)]
    supervisor.start_child(ChildSpec(Heir, (crash_loop,), id="bad"))
    await clock.advance(60)
    bad = record(supervisor, "bad")
    assert bad.state == "quarantined"
    assert bad.process is None
    assert bad.restarts == 3
    assert bad.legacy == 4
    assert isinstance(bad.reason, Crashed)
    assert bad.since is not None
    assert clock.time() - 60 <= bad.since <= clock.time()
    assert supervisor.quarantined() == [bad]
    assert supervisor.count_children().quarantined == 1
    await clock.advance(3_600)
    assert bad.restarts == 3
    assert [child.process for child in supervisor.which_children()][:-1] == siblings


async def test_the_first_restart_is_at_once_and_the_next_back_off_ever_longer(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(
        DynamicSupervisor, child_max_restarts=5, backoff=1.0, backoff_cap=4.0
    )
    starts: list[float] = []
    spec = ChildSpec(Heir, (lambda _: starts.append(clock.time()), crash_loop), id=1)
    supervisor.start_child(spec)
    await clock.advance(60)
    waits = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert waits[0] == 0
    for wait, full in zip(waits[1:], (1, 2, 4, 4), strict=True):
        assert full / 2 <= wait <= full
    assert record(supervisor, 1).state == "quarantined"


async def test_spaced_out_crashes_never_lead_to_quarantine(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor)
    supervisor.start_child(ChildSpec(Heir, id=1))
    for _ in range(20):
        await crash(record(supervisor, 1).process)
        await clock.advance(21)
    assert record(supervisor, 1).state == "running"
    assert record(supervisor, 1).restarts == 20


async def test_a_restart_whose_init_fails_is_charged_to_the_child(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor)

    def only_once(me: Heir) -> None:
        if me.legacy > 1:
            raise OSError("port taken")

    supervisor.start_child(ChildSpec(Heir, (only_once,), id=1))
    await crash(record(supervisor, 1).process)
    await clock.advance(60)
    child = record(supervisor, 1)
    assert child.state == "quarantined"
    assert str(child.reason) == "OSError: port taken"
    # What the incarnations that never began left behind does not count.
    assert child.legacy == 1


async def test_legacy_goes_from_one_incarnation_to_the_next_however_it_ended(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor)
    first = supervisor.start_child(ChildSpec(Actor, id=1))
    assert first is not None
    assert first.legacy is None
    first.legacy = ("partial", "result")
    assert record(supervisor, 1).legacy == ("partial", "result")
    await crash(first)
    second = record(supervisor, 1).process
    assert second is not None
    assert second.legacy == ("partial", "result")
    second.legacy = "newer"
    second.cast(lambda _: Stop(SHUTDOWN))
    await clock.advance(1)
    third = record(supervisor, 1).process
    assert third is not None
    assert third.legacy == "newer"


async def test_a_quarantined_child_can_be_retried_with_a_fresh_budget(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor)
    broken = [True]
    spec = ChildSpec(Heir, (lambda me: me.cast(boom) if broken else None,), id=1)
    supervisor.start_child(spec)
    await clock.advance(60)
    supervisor.retry_child(1)
    await clock.advance(60)
    child = record(supervisor, 1)
    assert (child.state, child.restarts) == ("quarantined", 6)
    broken.clear()
    supervisor.retry_child(1)
    await settle()
    assert child.state == "running"
    assert child.process is not None
    assert child.process.legacy == 8
    assert await child.process.call(tell("well again")) == "well again"
    supervisor.retry_child(1)  # harmless on one that runs
    with pytest.raises(NotFound):
        supervisor.retry_child("unknown")


async def test_asking_twice_to_retry_is_as_good_as_once(runtime: Runtime, clock: FakeClock) -> None:
    supervisor = runtime.start(DynamicSupervisor)

    def only_once(me: Heir) -> None:
        if me.legacy > 1:
            raise OSError("port taken")

    supervisor.start_child(ChildSpec(Heir, (only_once,), id=1))
    await crash(record(supervisor, 1).process)
    await clock.advance(60)
    for _ in range(3):
        supervisor.retry_child(1)
    await clock.advance(0)
    assert record(supervisor, 1).restarts == 4
    assert clock.pending == 1
    supervisor.retry_child(1)
    assert clock.pending == 0
    await clock.advance(60)
    assert (record(supervisor, 1).state, record(supervisor, 1).restarts) == ("quarantined", 7)


async def test_a_child_that_backs_off_can_be_retried_now_and_starts_only_once(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor)
    supervisor.start_child(ChildSpec(Heir, id=1))
    await crash(record(supervisor, 1).process)
    await crash(record(supervisor, 1).process)
    assert record(supervisor, 1).state == "restarting"
    supervisor.retry_child(1)
    await settle()
    assert record(supervisor, 1).state == "running"
    await clock.advance(60)
    assert record(supervisor, 1).restarts == 2


@pytest.mark.parametrize("state", ["restarting", "quarantined"])
async def test_a_child_without_a_process_can_be_terminated(
    runtime: Runtime, clock: FakeClock, state: str
) -> None:
    supervisor = runtime.start(DynamicSupervisor)
    supervisor.start_child(ChildSpec(Heir, (crash_loop,), id=1))
    await clock.advance(60 if state == "quarantined" else 0)
    assert record(supervisor, 1).state == state
    await supervisor.terminate_child(1)
    assert supervisor.child(1) is None
    assert clock.pending == 0
    await clock.advance(60)
    assert supervisor.count_children().specs == 0
    assert supervisor.start_child(ChildSpec(Actor, id=1)) is not None


async def test_a_child_can_be_entered_as_quarantined_and_starts_when_it_is_retried(
    runtime: Runtime,
) -> None:
    told: list[Child] = []
    supervisor = runtime.start(DynamicSupervisor, on_quarantine=told.append)
    supervisor.quarantine_child(ChildSpec(Heir, id=1), Failed("known from before"))
    await settle()
    child = record(supervisor, 1)
    assert told == supervisor.quarantined() == [child]
    assert (child.state, child.process, str(child.reason)) == (
        "quarantined",
        None,
        str(Failed("known from before")),
    )
    with pytest.raises(AlreadyStarted):
        supervisor.quarantine_child(ChildSpec(Heir, id=1), SHUTDOWN)
    with pytest.raises(InvalidSpec):
        supervisor.quarantine_child(ChildSpec(Heir), SHUTDOWN)
    supervisor.retry_child(1)
    await settle()
    assert child.state == "running"
    assert supervisor.quarantined() == []


async def test_a_child_that_is_retried_at_once_is_not_told_of_as_quarantined(
    runtime: Runtime,
) -> None:
    """The hook runs a moment later, when somebody may have taken it up again."""
    told: list[Child] = []
    supervisor = runtime.start(DynamicSupervisor, on_quarantine=told.append)
    supervisor.quarantine_child(ChildSpec(Heir, id=1), Failed("known from before"))
    supervisor.retry_child(1)
    supervisor.quarantine_child(ChildSpec(Heir, id=2), Failed("known from before"))
    await supervisor.terminate_child(2)
    await settle()
    assert told == []
    assert record(supervisor, 1).state == "running"


async def test_a_quarantined_child_keeps_its_id_and_its_place(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor, max_children=1)
    supervisor.start_child(ChildSpec(Heir, (crash_loop,), id=1))
    await clock.advance(60)
    with pytest.raises(AlreadyStarted) as caught:
        supervisor.start_child(ChildSpec(Actor, id=1))
    assert caught.value.process is None
    with pytest.raises(MaxChildren):
        supervisor.start_child(ChildSpec(Actor, id=2))


async def test_the_quarantine_hook_is_told_and_cannot_take_the_supervisor_down(
    runtime: Runtime, clock: FakeClock
) -> None:
    told: list[Any] = []
    complaints: list[Any] = []
    runtime.loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))

    def hook(child: Child) -> None:
        told.append(child)
        boom()

    supervisor = runtime.start(DynamicSupervisor, on_quarantine=hook)
    supervisor.start_child(ChildSpec(Heir, (crash_loop,), id=1))
    await clock.advance(60)
    assert told == supervisor.quarantined()
    assert len(complaints) == 1
    assert supervisor.alive


async def test_many_crash_looping_children_do_not_reach_the_last_resort(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor)
    for number in range(200):
        supervisor.start_child(ChildSpec(Heir, (crash_loop,), id=number))
    await clock.advance(60)
    assert supervisor.alive
    assert len(supervisor.quarantined()) == 200


async def test_the_last_resort_still_ends_a_supervisor_whose_children_all_crash(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor, max_restarts=10)
    sibling = supervisor.start_child(ChildSpec(Trapper, id="sibling"))
    for number in range(11):
        supervisor.start_child(ChildSpec(Heir, (crash_loop,), id=number))
    await clock.advance(60)
    assert supervisor.exit_reason == SHUTDOWN
    assert sibling is not None
    assert sibling.exit_reason == SHUTDOWN


async def test_a_child_that_crashes_while_it_is_terminated_is_not_restarted(
    runtime: Runtime, clock: FakeClock
) -> None:
    class Clumsy(Trapper):
        __slots__ = ()

        def terminate(self, reason: ExitReason) -> None:
            boom()

    supervisor = runtime.start(DynamicSupervisor)
    supervisor.start_child(ChildSpec(Clumsy, id=1))
    await supervisor.terminate_child(1)
    await clock.advance(60)
    assert supervisor.child(1) is None
    assert runtime.counts.restarted == 0


async def test_an_id_is_taken_until_the_old_process_is_really_gone(
    runtime: Runtime, clock: FakeClock
) -> None:
    supervisor = runtime.start(DynamicSupervisor)
    supervisor.start_child(ChildSpec(Slow, (2.0,), id=1))
    end = asyncio.ensure_future(supervisor.terminate_child(1))
    await settle()
    with pytest.raises(AlreadyStarted):
        supervisor.start_child(ChildSpec(Actor, id=1))
    await clock.advance(2)
    await end
    assert supervisor.start_child(ChildSpec(Actor, id=1)) is not None


@pytest.mark.parametrize(
    ("times", "allowed"),
    [
        ([0, 0, 0], True),
        ([0, 0, 0, 0], False),
        ([0, 0, 0, 5], False),
        ([0, 0, 0, 6], True),
        ([0.0, 1.0, 2.0, 5.9, 6.9, 7.9], False),
        ([0.0, 2.0, 4.0, 6.0, 8.0, 10.0], True),
    ],
)
def test_a_budget_counts_what_is_inside_its_window(times: list[float], allowed: bool) -> None:
    budget = Intensity(3, 5)
    assert all(budget.add(time) for time in times) is allowed
