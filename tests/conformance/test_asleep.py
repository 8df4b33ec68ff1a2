"""Children that are asleep: to everybody who looks they are there, and they run when they are asked for.

Not of OTP, where a process that hibernates is small enough.
"""

from typing import Any

import pytest

from libra.otp import (
    AlreadyStarted,
    ChildSpec,
    DynamicSupervisor,
    InvalidSpec,
    MaxChildren,
    NotFound,
    ProcessExited,
    Registry,
    Runtime,
)
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, Named, boom


class Board:
    """A supervisor of named actors, and the registry that finds them."""

    def __init__(self, runtime: Runtime, **options: Any) -> None:
        self.runtime = runtime
        self.supervisor = runtime.start(DynamicSupervisor, **options)
        self.registry = runtime.start(Registry, wake=self.supervisor.wake_child)

    def spec(self, key: str, *more: Any, **how: Any) -> ChildSpec[Named]:
        return ChildSpec(Named, (self.registry, key, *more), id=key, **how)


@pytest.fixture
def board(runtime: Runtime) -> Board:
    return Board(runtime, backoff=0.0)


async def test_whoever_is_asleep_is_a_child_that_counts_and_has_no_process(board: Board) -> None:
    before = board.runtime.counts.started
    child = board.supervisor.add_asleep(board.spec("a"))
    assert board.supervisor.child("a") is child
    assert board.supervisor.which_children() == [child]
    counts = board.supervisor.count_children()
    assert (counts.specs, counts.active, counts.workers) == (1, 1, 1)
    assert (child.state, child.asleep, child.restarts) == ("running", True, 0)
    assert board.runtime.counts.started == before


async def test_a_registry_finds_it_and_it_runs_from_then_on(board: Board) -> None:
    child = board.supervisor.add_asleep(board.spec("a"))
    found = board.registry.whereis("a")
    assert found is not None
    assert found is child.process
    assert not child.asleep
    assert await found.call("seen") == []
    assert board.registry.whereis("a") is found
    assert board.registry.whereis("b") is None


async def test_a_look_up_and_the_childs_record_wake_it_too(board: Board) -> None:
    for key in ("a", "b"):
        board.supervisor.add_asleep(board.spec(key))
    entry = board.registry.lookup("a")
    assert entry is not None
    assert entry.process is board.registry.whereis("a")
    child = board.supervisor.child("b")
    assert child is not None
    assert child.process is board.registry.whereis("b")
    assert board.supervisor.wake_child("b") is None  # it is awake


async def test_once_awake_it_is_restarted_like_any_other(board: Board) -> None:
    child = board.supervisor.add_asleep(board.spec("a", restart="transient"))
    first = board.registry.whereis("a")
    assert first is not None
    first.cast(boom)
    await settle()
    second = board.registry.whereis("a")
    assert second is not None
    assert second is not first
    assert (child.restarts, child.asleep) == (1, False)


async def test_a_start_that_fails_is_a_crash_with_a_budget(board: Board, clock: FakeClock) -> None:
    child = board.supervisor.add_asleep(board.spec("a", boom))
    assert board.registry.whereis("a") is None
    await settle()
    await clock.advance(10)
    assert child.state == "quarantined"
    assert child.restarts == 3
    assert board.supervisor.quarantined() == [child]


async def test_it_can_be_terminated_without_ever_having_run(board: Board) -> None:
    before = board.runtime.counts.started
    child = board.supervisor.add_asleep(board.spec("a"))
    await board.supervisor.terminate_child("a")
    assert board.supervisor.child("a") is None
    assert child.process is None
    assert board.registry.whereis("a") is None
    with pytest.raises(NotFound):
        await board.supervisor.terminate_child("a")
    assert board.runtime.counts.started == before


async def test_it_does_not_outlive_its_supervisor(board: Board) -> None:
    child = board.supervisor.add_asleep(board.spec("a"))
    await board.supervisor.stop()
    assert child.process is None
    assert board.registry.whereis("a") is None
    with pytest.raises(ProcessExited):
        board.supervisor.add_asleep(board.spec("b"))


async def test_it_is_entered_on_the_same_terms_as_it_would_be_started(runtime: Runtime) -> None:
    board = Board(runtime, max_children=1)
    with pytest.raises(InvalidSpec, match="needs an id"):
        board.supervisor.add_asleep(ChildSpec(Actor))
    board.supervisor.add_asleep(board.spec("a"))
    with pytest.raises(AlreadyStarted):
        board.supervisor.add_asleep(board.spec("a"))
    with pytest.raises(AlreadyStarted):
        board.supervisor.start_child(board.spec("a"))
    with pytest.raises(MaxChildren):
        board.supervisor.add_asleep(board.spec("b"))
    child = board.supervisor.child("a")
    assert child is not None
    assert child.asleep  # nobody has asked for it
