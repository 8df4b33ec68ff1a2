"""How a process ends, and what is said about it."""

import asyncio
import itertools
import logging
from typing import Any

import pytest

from libra.otp import (
    KILLED,
    NOPROC,
    NORMAL,
    SHUTDOWN,
    CallTimeout,
    ChildSpec,
    Crashed,
    CrashReport,
    DynamicSupervisor,
    Exited,
    ExitReason,
    Failed,
    From,
    Ignore,
    Ignored,
    Normal,
    ProcessExited,
    Reply,
    Runtime,
    Shutdown,
    StartError,
    Stop,
)
from libra.otp._process import ending
from libra.otp.introspection import get_state, get_status, replace_state, resume, suspend
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, Slow, Trapper, boom, for_ever, stubborn, tell


@pytest.mark.parametrize("how", ["return", "raise", "bad return", "stop"])
async def test_terminate_runs_with_the_last_state_whenever_a_process_ends_itself(
    runtime: Runtime, how: str
) -> None:
    # 27
    actor = runtime.start(Actor)
    actor.send("last state")
    if how == "return":
        actor.cast(lambda _: Stop(Failed("x")))
    elif how == "raise":
        actor.cast(boom)
    elif how == "bad return":
        actor.cast(lambda _: 42)
    else:
        await actor.stop(Failed("x"))
    reason = await actor.wait_down()
    assert actor.ended == [reason]
    assert actor.seen == ["last state"]


async def test_terminate_runs_neither_on_a_kill_nor_when_init_has_failed(runtime: Runtime) -> None:
    # 28
    supervisor = runtime.start(DynamicSupervisor)
    ended: list[ExitReason] = []
    spec = ChildSpec(Trapper, (None, ended), id=1, shutdown="brutal_kill")
    child = supervisor.start_child(spec)
    assert child is not None
    await supervisor.terminate_child(1)
    assert child.exit_reason == KILLED
    with pytest.raises(StartError):
        runtime.start(Trapper, boom, ended)
    with pytest.raises(Ignored):
        runtime.start(Trapper, lambda _: Ignore(), ended)
    assert ended == []


@pytest.mark.parametrize(("kind", "expected"), [(Actor, []), (Trapper, [SHUTDOWN])])
async def test_a_parents_shutdown_reaches_terminate_only_if_exits_are_trapped(
    runtime: Runtime, kind: type[Actor], expected: list[ExitReason]
) -> None:
    # 29
    supervisor = runtime.start(DynamicSupervisor)
    child = supervisor.start_child(ChildSpec(kind, id=1))
    assert child is not None
    await supervisor.stop(SHUTDOWN)
    assert child.ended == expected
    assert child.exit_reason == SHUTDOWN


@pytest.mark.parametrize(("kind", "trapped"), [(Actor, False), (Trapper, True)])
async def test_the_death_of_a_linked_parent_reaches_terminate_only_if_exits_are_trapped(
    runtime: Runtime, kind: type[Actor], trapped: bool
) -> None:
    # 29
    parent = runtime.start(Actor)
    child = runtime.start(kind, link=parent)
    parent.cast(boom)
    reason = await child.wait_down()
    assert reason == parent.exit_reason
    assert child.ended == ([reason] if trapped else [])


async def test_the_exit_of_another_linked_process_is_a_message_if_exits_are_trapped(
    runtime: Runtime,
) -> None:
    # 29
    trapper, other = runtime.start(Trapper), runtime.start(Actor)
    trapper.link(other)
    other.cast(boom)
    await other.wait_down()
    await settle()
    assert trapper.seen == [Exited(other, other.exit_reason or NORMAL)]
    assert trapper.alive


async def test_a_normal_exit_does_not_take_linked_processes_along(runtime: Runtime) -> None:
    # 29
    one, other = runtime.start(Actor), runtime.start(Actor)
    one.link(other)
    await other.stop()
    assert one.alive


async def test_messages_before_the_exit_signal_are_handled_and_later_ones_are_not(
    runtime: Runtime,
) -> None:
    # 30
    supervisor = runtime.start(DynamicSupervisor)
    child = supervisor.start_child(ChildSpec(Trapper, id=1))
    assert child is not None
    # The signal goes out on the loop's next turn, and the messages are handled after that.
    stopping = asyncio.ensure_future(supervisor.terminate_child(1))
    child.send("before")
    child.send(lambda me: me.send("after"))
    await stopping
    assert child.seen == ["before"]
    assert child.ended == [SHUTDOWN]


async def test_an_exception_in_terminate_becomes_the_reason_and_is_reported_with_the_state(
    runtime: Runtime, crashes: list[CrashReport]
) -> None:
    # 31
    class Clumsy(Actor):
        __slots__ = ()

        def terminate(self, reason: ExitReason) -> None:
            raise OSError("cannot close")

    clumsy = runtime.start(Clumsy)
    clumsy.send("the state")
    with pytest.raises(ProcessExited) as caught:
        await clumsy.stop()
    await settle()
    assert isinstance(caught.value.reason, Crashed)
    assert isinstance(caught.value.reason.exception, OSError)
    assert len(crashes) == 1
    assert crashes[0].callback == "terminate"
    assert "the state" in crashes[0].state


async def test_stop_returns_when_the_process_is_gone(runtime: Runtime) -> None:
    # 32
    actor = runtime.start(Actor)
    await actor.stop()
    assert not actor.alive
    assert actor.exit_reason == NORMAL
    with pytest.raises(ProcessExited) as caught:
        await actor.stop()
    assert caught.value.reason == NOPROC


async def test_stop_has_a_timeout(runtime: Runtime, clock: FakeClock) -> None:
    # 32
    slow = runtime.start(Slow, 3.0)
    stop = asyncio.ensure_future(slow.stop(timeout=2))
    await clock.advance(2)
    with pytest.raises(CallTimeout):
        await stop
    await clock.advance(1)
    assert slow.exit_reason == NORMAL


async def test_stop_fails_when_the_process_ends_for_another_reason(runtime: Runtime) -> None:
    # 32
    actor = runtime.start(Actor)
    actor.send(boom)
    with pytest.raises(ProcessExited) as caught:
        await actor.stop()
    assert caught.value.reason == actor.exit_reason
    assert isinstance(caught.value.reason, Crashed)


async def test_a_suspended_process_can_be_stopped(runtime: Runtime) -> None:
    # 32
    actor = runtime.start(Actor)
    suspend(actor)
    await actor.stop(SHUTDOWN)
    assert actor.ended == [SHUTDOWN]


async def test_the_dead_keep_no_mail(runtime: Runtime) -> None:
    actor = runtime.start(Actor)
    actor.cast(lambda _: Stop(NORMAL))
    actor.send("too late")
    await actor.wait_down()
    actor.send("much too late")
    assert get_status(actor).waiting == 0
    assert get_status(actor).phase == "dead"


async def test_linking_to_the_dead_is_as_if_it_died_now(runtime: Runtime) -> None:
    actor, dead = runtime.start(Actor), runtime.start(Actor)
    await dead.stop()
    actor.cast(lambda me: me.link(dead))
    assert await actor.wait_down() == NOPROC
    assert actor.ended == []


async def test_a_long_chain_of_links_falls_like_dominoes(runtime: Runtime) -> None:
    chain = [runtime.start(Actor) for _ in range(5_000)]
    for one, other in itertools.pairwise(chain):
        one.link(other)
    chain[0].cast(boom)
    assert await chain[-1].wait_down() == chain[0].exit_reason
    assert runtime.counts.alive == 0


@pytest.mark.parametrize("how", ["kill", "signal"])
async def test_an_exit_from_within_a_handler_takes_effect_after_it(
    runtime: Runtime, how: str
) -> None:
    def die(me: Actor, sender: From) -> Reply:
        if how == "kill":
            ending.kill(me)
        else:
            ending.signal(me, other, SHUTDOWN)
        assert me.alive
        me.send("not handled any more")
        return Reply("the handler ran to its end")

    actor, other = runtime.start(Actor), runtime.start(Actor)
    assert await actor.call(die) == "the handler ran to its end"
    assert await actor.wait_down() == (KILLED if how == "kill" else SHUTDOWN)
    assert actor.seen == actor.ended == []


@pytest.mark.parametrize("reason", [NORMAL, SHUTDOWN, Shutdown("planned")])
async def test_clean_exits_are_not_logged_as_errors(
    runtime: Runtime,
    crashes: list[CrashReport],
    caplog: pytest.LogCaptureFixture,
    reason: ExitReason,
) -> None:
    # 33
    actor = runtime.start(Actor)
    actor.cast(lambda _: Stop(reason))
    assert await actor.wait_down() == reason
    await settle()
    assert caplog.records == []
    assert crashes == []


async def test_other_exits_are_logged_with_last_message_state_and_client(
    runtime: Runtime, crashes: list[CrashReport], caplog: pytest.LogCaptureFixture
) -> None:
    # 33
    actor = runtime.start(Actor)
    actor.send("the state")
    call = asyncio.ensure_future(actor.call(boom))
    call.set_name("the client")
    with pytest.raises(ProcessExited):
        await call
    failed = runtime.start(Actor)
    failed.cast(lambda _: Stop(Failed("gave up")))
    await failed.wait_down()
    await settle()
    report, other = crashes
    assert (report.pid, report.name, report.callback) == (actor.pid, "Actor", "handle_call")
    assert "function" in report.message
    assert "the state" in report.state
    assert report.client == "the client"
    assert "ValueError: boom" in report.traceback
    assert other.reason == Failed("gave up")
    assert [r.levelno for r in caplog.records] == [logging.ERROR] * 2
    assert caplog.records[0].name == "libra.otp"
    assert "client: the client" in caplog.text


async def test_a_report_never_shows_too_much_and_calls_nobodys_repr(
    runtime: Runtime, crashes: list[CrashReport]
) -> None:
    # 33
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError("do not ask")

    actor = runtime.start(Actor)
    actor.seen = [Rude(), "x" * 10_000_000, 10**100_000, *range(1_000_000)]
    actor.cast(boom)
    await actor.wait_down()
    await settle()
    assert len(str(crashes[0])) < 10_000
    assert "1000003 in all" in crashes[0].state


class Hostile(Exception):
    """Cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class HostileList(list[int]):
    """Cannot be walked."""

    def __iter__(self) -> Any:
        raise RuntimeError("no items")


async def test_what_cannot_be_shown_does_not_spoil_the_exit(
    runtime: Runtime, crashes: list[CrashReport]
) -> None:
    # 33
    def hostile(*_: Any) -> Any:
        raise Hostile

    actor, watcher = runtime.start(Actor), runtime.start(Actor)
    watcher.monitor(actor)
    actor.send(HostileList([1]))
    with pytest.raises(ProcessExited, match="Hostile"):
        await actor.call(hostile)
    await settle()
    assert len(watcher.seen) == 1
    assert "which raised RuntimeError" in crashes[0].state


async def test_the_exception_keeps_no_frames_and_so_not_the_dead_process(runtime: Runtime) -> None:
    # 33
    def deep(*_: Any) -> Any:
        try:
            boom()
        except ValueError as error:
            raise KeyError("deeper") from error

    actor = runtime.start(Actor)
    actor.cast(deep)
    reason = await actor.wait_down()
    assert isinstance(reason, Crashed)
    assert reason.exception.__traceback__ is None
    assert reason.exception.__cause__ is not None
    assert reason.exception.__cause__.__traceback__ is None


async def test_what_the_crash_hook_raises_disturbs_no_process(clock: FakeClock) -> None:
    # 33
    complaints: list[Any] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: complaints.append(context["exception"]))
    runtime = Runtime(clock=clock, on_crash=boom)
    actor = runtime.start(Actor)
    with pytest.raises(ProcessExited):
        await actor.call(boom)
    await settle()
    assert [str(c) for c in complaints] == ["boom"]
    assert runtime.counts.alive == 0


async def test_format_status_redacts_for_introspection_and_crash_reports(
    runtime: Runtime, crashes: list[CrashReport]
) -> None:
    # 34
    class Secretive(Actor):
        __slots__ = ("password",)

        def init(self) -> None:
            super().init()
            self.password = "hunter2"

        def format_status(self) -> Any:
            return {**super().format_status(), "password": "***"}

    process = runtime.start(Secretive)
    assert get_status(process).state["password"] == "***"
    process.cast(boom)
    await process.wait_down()
    await settle()
    assert "hunter2" not in str(crashes[0])
    assert "***" in crashes[0].state


async def test_a_broken_format_status_does_not_hide_the_crash(
    runtime: Runtime, crashes: list[CrashReport]
) -> None:
    # 34
    class Broken(Actor):
        __slots__ = ()
        format_status = boom

    process = runtime.start(Broken)
    process.cast(boom)
    await process.wait_down()
    await settle()
    assert "format_status raised ValueError" in crashes[0].state


@pytest.mark.parametrize("suspended", [False, True])
async def test_the_state_of_a_living_process_can_be_read_and_replaced(
    runtime: Runtime, suspended: bool
) -> None:
    # 35
    actor = runtime.start(Actor)
    if suspended:
        suspend(actor)
    assert get_state(actor) == {"ended": [], "seen": []}
    replace_state(actor, lambda state: {"seen": [*state["seen"], "planted"]})
    assert get_state(actor)["seen"] == ["planted"]
    resume(actor)
    assert await actor.call("seen") == ["planted"]


async def test_a_replacement_that_fails_leaves_the_process_as_it_was(runtime: Runtime) -> None:
    # 35
    actor = runtime.start(Actor)
    with pytest.raises(ValueError, match="boom"):
        replace_state(actor, boom)
    with pytest.raises(AttributeError, match="nowhere"):
        replace_state(actor, lambda _: {"seen": ["half"], "nowhere": 1})
    assert await actor.call("seen") == []


async def test_a_suspended_process_handles_nothing_until_resumed(runtime: Runtime) -> None:
    # 35
    actor = runtime.start(Actor)
    suspend(actor)
    actor.send("waits")
    call = asyncio.ensure_future(actor.call("seen"))
    await settle()
    assert not call.done()
    assert (get_status(actor).phase, get_status(actor).waiting) == ("suspended", 2)
    resume(actor)
    assert await call == ["waits"]


# --- Beyond the list: tasks and the end of their process ---


async def test_the_exit_waits_for_the_last_tasks_that_terminate_started(
    runtime: Runtime, clock: FakeClock
) -> None:
    watcher, slow = runtime.start(Actor), runtime.start(Slow, 2.0)
    watcher.monitor(slow)
    stop = asyncio.ensure_future(slow.stop())
    await clock.advance(1.9)
    assert not slow.alive
    assert not stop.done()
    assert watcher.seen == []
    with pytest.raises(ProcessExited):
        await slow.call("seen")
    await clock.advance(0.1)
    await stop
    assert watcher.seen[0].reason == NORMAL


async def test_last_tasks_that_take_too_long_are_cancelled_at_the_deadline(
    runtime: Runtime, clock: FakeClock
) -> None:
    slow = runtime.start(Slow, 60.0)
    stop = asyncio.ensure_future(slow.stop())
    await clock.advance(5)
    await stop
    await runtime.drain()
    assert not runtime.abandoned


async def test_a_task_that_ignores_its_cancellation_is_abandoned_at_the_deadline(
    runtime: Runtime, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    release = asyncio.Event()
    actor = runtime.start(Actor)
    ref = actor.start_task(stubborn(release), tag="stuck")
    await settle()
    stop = asyncio.ensure_future(actor.stop())
    await clock.advance(4.9)
    assert not stop.done()
    await clock.advance(0.1)
    await stop
    assert runtime.abandoned == {ref}
    assert runtime.counts.abandoned == 1
    assert "ignored its cancellation" in caplog.text
    await runtime.drain()  # does not wait for it
    release.set()
    await settle()
    assert not runtime.abandoned


async def test_a_killed_process_leaves_its_tasks_a_moment_before_they_count_as_abandoned(
    runtime: Runtime, clock: FakeClock
) -> None:
    release = asyncio.Event()
    supervisor = runtime.start(DynamicSupervisor)
    child = supervisor.start_child(ChildSpec(Actor, id=1, shutdown="brutal_kill"))
    assert child is not None
    child.start_task(for_ever())
    ref = child.start_task(stubborn(release))
    await settle()
    await supervisor.terminate_child(1)
    assert child.exit_reason == KILLED
    drained = asyncio.ensure_future(runtime.drain())
    await settle()
    assert not runtime.abandoned
    assert not drained.done()
    await clock.advance(5)
    await drained
    assert runtime.abandoned == {ref}
    release.set()
    await settle()


async def test_what_a_last_task_raises_is_logged(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail() -> None:
        raise OSError("disk full")

    class Careless(Actor):
        __slots__ = ()

        def terminate(self, reason: ExitReason) -> None:
            self.start_task(fail(), tag="flush")

    await runtime.start(Careless).stop()
    assert "OSError('disk full')" in caplog.text


async def test_a_crash_inside_another_processs_turn_is_its_own(runtime: Runtime) -> None:
    def start_a_broken_one(me: Actor, sender: From) -> Reply:
        with pytest.raises(StartError):
            me.runtime.start(Actor, boom)
        assert me.runtime.current is me
        return Reply("fine")

    actor = runtime.start(Actor)
    assert await actor.call(start_a_broken_one) == "fine"
    assert await actor.call(tell(1)) == 1


async def test_shutdown_ends_everything_in_reverse(runtime: Runtime) -> None:
    ended: list[ExitReason] = []
    order: list[int] = []

    class Noting(Actor):
        __slots__ = ()

        def terminate(self, reason: ExitReason) -> None:
            order.append(self.pid)

    pids = [runtime.start(Noting, None, ended).pid for _ in range(5)]
    await runtime.shutdown()
    assert order == pids[::-1]
    assert not isinstance(SHUTDOWN, Normal)
