"""Calls, casts and plain messages."""

import asyncio
from contextlib import closing
from typing import Any

import pytest

from libra.otp import (
    NOPROC,
    BadReturnValue,
    CallingSelf,
    CallTimeout,
    Continue,
    Crashed,
    CrashReport,
    Failed,
    From,
    GenServer,
    HandlerMissing,
    MailboxFull,
    NoReply,
    ProcessExited,
    Reply,
    Runtime,
    Stop,
)
from libra.otp._process.run_queue import SHARE, SLICE
from libra.otp.introspection import get_status, resume, suspend
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, boom, for_ever, tell
from support.work import cost


def later(me: Actor, sender: From) -> NoReply:
    """A call whose reply comes from somebody else."""
    me.seen.append(sender)
    return NoReply()


def queued(actor: Actor, request: Any, timeout: float = 5.0) -> "asyncio.Task[Any]":
    """A call from a task of its own."""
    return asyncio.ensure_future(actor.call(request, timeout))


async def test_a_call_returns_the_reply(runtime: Runtime) -> None:
    # 8
    actor = runtime.start(Actor)
    assert await actor.call(tell(42)) == 42
    assert await actor.call(tell(None)) is None


async def test_a_call_finds_what_was_cast_before_it_done(runtime: Runtime) -> None:
    # 8
    actor = runtime.start(Actor)
    for number in range(100):
        actor.cast(number)
    assert await actor.call("seen") == list(range(100))


async def test_a_reply_may_come_before_the_handler_returns(runtime: Runtime) -> None:
    # 8
    def early(me: Actor, sender: From) -> NoReply:
        me.reply(sender, "early")
        return NoReply()

    actor = runtime.start(Actor)
    assert await actor.call(early) == "early"


async def test_a_reply_may_come_later_from_a_handler_or_a_task(runtime: Runtime) -> None:
    # 8
    async def answer(me: Actor, sender: From) -> None:
        me.reply(sender, "from a task")

    def in_a_task(me: Actor, sender: From) -> NoReply:
        me.start_task(answer(me, sender))
        return NoReply()

    actor = runtime.start(Actor)
    assert await actor.call(in_a_task) == "from a task"

    actor = runtime.start(Actor)
    call = queued(actor, later)
    await settle()
    actor.cast(lambda me: me.reply(me.seen.pop(0), "from a handler"))
    assert await call == "from a handler"


async def test_a_second_reply_is_dropped(runtime: Runtime) -> None:
    # 8
    def twice(me: Actor, sender: From) -> Reply:
        me.reply(sender, 1)
        return Reply(2)

    assert await runtime.start(Actor).call(twice) == 1


async def test_a_timeout_is_the_callers_alone_and_its_late_reply_reaches_nobody(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 9
    actor = runtime.start(Actor)
    first = queued(actor, later, timeout=1)
    await clock.advance(1)
    with pytest.raises(CallTimeout):
        await first
    assert actor.alive
    second = queued(actor, later)
    await settle()
    old, new = actor.seen
    actor.reply(old, "late")
    await settle()
    assert not second.done()
    actor.reply(new, "for the second")
    assert await second == "for the second"


async def test_a_call_whose_caller_has_gone_is_never_executed(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 9
    actor = runtime.start(Actor)
    suspend(actor)
    cancelled, timed_out = queued(actor, tell(1)), queued(actor, tell(2), timeout=1)
    await settle()
    executed: list[str] = []

    def keep(*_: Any) -> Reply:
        executed.append("kept")
        return Reply()

    kept = queued(actor, keep)
    await clock.advance(1)
    cancelled.cancel()
    await settle()
    assert isinstance(timed_out.exception(), CallTimeout)
    resume(actor)
    await kept
    assert executed == ["kept"]


async def test_a_request_dropped_with_its_caller_runs_nothing(runtime: Runtime) -> None:
    # 9
    executed: list[str] = []
    actor = runtime.start(Actor)
    suspend(actor)
    call = queued(actor, lambda *_: executed.append("dead work"))
    await settle()
    call.cancel()
    await settle()
    resume(actor)
    await settle()
    assert executed == []


async def test_a_call_to_the_dead_fails_at_once(runtime: Runtime) -> None:
    # 10
    actor = runtime.start(Actor)
    await actor.stop()
    with pytest.raises(ProcessExited) as caught:
        await actor.call(tell(1), timeout=1e9)
    assert caught.value.reason == NOPROC


@pytest.mark.parametrize("busy", [False, True])
async def test_a_server_that_dies_tells_its_callers_why_at_once(
    runtime: Runtime, busy: bool
) -> None:
    # 11
    actor = runtime.start(Actor)
    if busy:
        suspend(actor)
    waiting = queued(actor, later)
    dying = queued(actor, boom)
    behind = queued(actor, tell("never"))
    await settle()
    resume(actor)
    for call in (waiting, dying, behind):
        with pytest.raises(ProcessExited) as caught:
            await call
        assert caught.value.reason in (actor.exit_reason, NOPROC)
    assert isinstance(actor.exit_reason, Crashed)


async def test_a_call_to_oneself_is_refused_instead_of_waiting_for_ever(runtime: Runtime) -> None:
    # 12
    def self_call(me: Actor, sender: From) -> Reply:
        with pytest.raises(CallingSelf):
            _ = me.call(tell(1))
        return Reply("still here")

    assert await runtime.start(Actor).call(self_call) == "still here"


async def test_stopping_oneself_from_a_handler_is_refused(runtime: Runtime) -> None:
    # 12
    def self_stop(me: Actor, sender: From) -> Reply:
        stop = me.stop()
        with pytest.raises(CallingSelf):
            stop.send(None)
        return Reply("still here")

    assert await runtime.start(Actor).call(self_stop) == "still here"


async def test_a_task_may_call_its_own_process(runtime: Runtime) -> None:
    # 12
    actor = runtime.start(Actor)

    async def ask() -> None:
        actor.send(await actor.call(tell("answered")))

    actor.cast(lambda me: me.start_task(ask(), tag="ask") and None)
    await settle()
    assert "answered" in actor.seen


@pytest.mark.parametrize("busy", [False, True])
async def test_a_bad_return_value_crashes_the_server_and_tells_the_caller(
    runtime: Runtime, busy: bool
) -> None:
    # 13
    actor = runtime.start(Actor)
    if busy:
        suspend(actor)
    call = queued(actor, lambda *_: 42)
    await settle()
    resume(actor)
    with pytest.raises(ProcessExited) as caught:
        await call
    assert caught.value.reason == actor.exit_reason
    assert isinstance(actor.exit_reason, Crashed)
    assert isinstance(actor.exit_reason.exception, BadReturnValue)
    assert str(actor.exit_reason.exception) == "handle_call returned 42"


@pytest.mark.parametrize("way", ["cast", "send"])
async def test_a_bad_return_value_of_other_handlers_crashes_too(runtime: Runtime, way: str) -> None:
    # 13
    actor = runtime.start(Actor)
    getattr(actor, way)(lambda _: "nonsense")
    reason = await actor.wait_down()
    assert isinstance(reason, Crashed)
    assert isinstance(reason.exception, BadReturnValue)


@pytest.mark.parametrize("busy", [False, True])
async def test_stop_with_a_reply_terminates_replies_and_exits(runtime: Runtime, busy: bool) -> None:
    # 14
    actor = runtime.start(Actor)
    if busy:
        suspend(actor)
    call = queued(actor, lambda *_: Stop(Failed("done for"), reply="goodbye"))
    await settle()
    resume(actor)
    assert await call == "goodbye"
    assert actor.ended == [Failed("done for")]
    assert actor.exit_reason == Failed("done for")


async def test_stop_without_a_reply_tells_the_caller_the_reason(runtime: Runtime) -> None:
    # 14
    actor = runtime.start(Actor)
    with pytest.raises(ProcessExited) as caught:
        await actor.call(lambda *_: Stop(Failed("done for")))
    assert caught.value.reason == Failed("done for")


async def test_a_request_can_be_sent_now_and_waited_for_again_and_again(
    runtime: Runtime, clock: FakeClock
) -> None:
    # 15
    actor = runtime.start(Actor)
    pending = actor.send_request(later)
    with pytest.raises(CallTimeout):
        await pending.wait(0)
    wait = asyncio.ensure_future(pending.wait(1))
    await clock.advance(1)
    with pytest.raises(CallTimeout):
        await wait
    actor.reply(actor.seen[0], "at last")
    assert pending.done
    assert await pending.wait(0) == "at last"
    assert await pending.wait() == "at last"


async def test_a_request_to_a_server_that_dies_is_an_error(runtime: Runtime) -> None:
    # 15
    actor = runtime.start(Actor)
    pending = actor.send_request(later)
    actor.cast(boom)
    with pytest.raises(ProcessExited) as caught:
        await pending.wait()
    assert caught.value.reason == actor.exit_reason
    with pytest.raises(ProcessExited) as caught:
        await actor.send_request(tell(1)).wait()
    assert caught.value.reason == NOPROC


async def test_a_request_that_nobody_wants_any_more_is_not_executed(runtime: Runtime) -> None:
    # 15
    actor = runtime.start(Actor)
    executed: list[str] = []
    actor.send_request(lambda *_: executed.append("dead work")).abandon()
    await settle()
    assert executed == []


async def test_a_full_mailbox_of_the_caller_does_not_slow_its_calls(runtime: Runtime) -> None:
    # 16
    class Caller(Actor):
        __slots__ = ()
        mailbox_limit = 1_000_000

    server, caller = runtime.start(Actor), runtime.start(Caller)
    suspend(caller)
    spent: list[float] = []

    async def calls() -> None:
        with cost() as seconds:
            for _ in range(200):
                await server.call("seen")
            spent.append(seconds())

    async def best_of(times: int) -> float:
        spent.clear()
        for _ in range(times):
            caller.start_task(calls())
            await settle()
        return min(spent)

    alone = await best_of(5)
    for number in range(200_000):
        caller.send(number)
    # To look through the mailbox would cost a hundred times as much.
    crowded = min([await best_of(5) for _ in range(3)])
    assert crowded < 10 * alone


async def test_a_cast_never_fails_whoever_it_is_for(runtime: Runtime) -> None:
    # 17
    actor = runtime.start(Actor)
    actor.cast("one")
    actor.send("two")
    await settle()
    assert actor.seen == ["one", "two"]
    await actor.stop()
    actor.cast("to the dead")
    actor.send("to the dead")
    await settle()
    assert actor.seen == ["one", "two"]


async def test_plain_messages_go_to_handle_info(runtime: Runtime) -> None:
    # 18
    class Info(Actor):
        __slots__ = ()

        def handle_info(self, message: Any) -> None:
            self.seen.append(("info", message))

        def handle_cast(self, message: Any) -> None:
            self.seen.append(("cast", message))

    actor = runtime.start(Info)
    actor.send(1)
    actor.cast(2)
    await settle()
    assert actor.seen == [("info", 1), ("cast", 2)]


class Bare(GenServer):
    """Has no handler at all."""

    __slots__ = ()


async def test_without_handle_info_a_message_is_logged_and_the_server_lives(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    # 18
    bare = runtime.start(Bare)
    bare.send("unexpected")
    await settle()
    assert bare.alive
    assert [r.getMessage() for r in caplog.records] == [
        f"<Bare #{bare.pid}> got an unexpected message: 'unexpected'"
    ]


async def test_a_call_or_cast_without_its_handler_crashes_the_server(runtime: Runtime) -> None:
    # 19
    called, told = runtime.start(Bare), runtime.start(Bare)
    with pytest.raises(ProcessExited) as caught:
        await called.call("what")
    told.cast("what")
    for reason in (caught.value.reason, await told.wait_down()):
        assert isinstance(reason, Crashed)
        assert isinstance(reason.exception, HandlerMissing)


async def test_a_continue_without_its_handler_crashes_the_server(runtime: Runtime) -> None:
    # 19
    class Hopeful(GenServer):
        __slots__ = ()

        def init(self) -> Continue:
            return Continue("what")

    reason = await runtime.start(Hopeful).wait_down()
    assert isinstance(reason, Crashed)
    assert isinstance(reason.exception, HandlerMissing)


@pytest.mark.parametrize("callback", ["handle_info", "handle_cast", "terminate"])
async def test_an_attribute_error_inside_a_handler_is_not_a_missing_handler(
    runtime: Runtime, callback: str, crashes: list[CrashReport]
) -> None:
    # 20
    def broken(self: Any, message: Any) -> Any:
        return self.handle_info_is_not_here

    kind = type("Broken", (Actor,), {"__slots__": (), callback: broken})
    process: Actor = runtime.start(kind)
    if callback == "handle_info":
        process.send("x")
    elif callback == "handle_cast":
        process.cast("x")
    else:
        process.cast(lambda _: Stop(Failed("x")))
    reason = await process.wait_down()
    await settle()
    assert isinstance(reason, Crashed)
    assert isinstance(reason.exception, AttributeError)
    assert "handle_info_is_not_here" in str(reason)
    assert [report.callback for report in crashes] == [callback]


# --- Beyond the list: bounded mailboxes, fairness, who may interrupt ---


async def test_a_full_mailbox_refuses_calls_and_drops_casts(
    runtime: Runtime, caplog: pytest.LogCaptureFixture
) -> None:
    class Small(Actor):
        __slots__ = ()
        mailbox_limit = 3

    small = runtime.start(Small)
    for number in range(5):
        small.cast(number)
    with pytest.raises(MailboxFull):
        await small.call("seen")
    with pytest.raises(MailboxFull):
        small.send_request("seen")
    assert runtime.counts.refused == 4
    await settle()
    assert await small.call("seen") == [0, 1, 2]
    assert "is full" in caplog.text


async def test_what_the_system_sends_finds_room_in_a_full_mailbox(
    runtime: Runtime, clock: FakeClock
) -> None:
    class Small(Actor):
        __slots__ = ()
        mailbox_limit = 1

    small, other = runtime.start(Small), runtime.start(Actor)
    small.send_after(1, "timer")
    monitor = small.monitor(other)
    suspend(small)
    small.cast("full")
    await other.stop()
    await clock.advance(1)
    assert get_status(small).waiting == 3
    resume(small)
    await settle()
    assert small.seen[0] == "full"
    assert small.seen[1].monitor is monitor
    assert small.seen[2] == "timer"


async def test_a_busy_process_lets_the_others_have_their_turn(runtime: Runtime) -> None:
    busy, other = runtime.start(Actor), runtime.start(Actor)
    order: list[str] = []
    for _ in range(1_000):
        busy.cast(lambda _: order.append("busy"))
    other.cast(lambda _: order.append("other"))
    await settle()
    assert order.count("busy") == 1_000
    assert order.index("other") < 100


async def test_processes_with_much_to_do_let_the_loop_look_after_others(
    runtime: Runtime, clock: FakeClock
) -> None:
    """As many handlers run in a turn of the loop as fit into a slice."""
    order: list[str] = []

    def work(_: Any) -> None:
        order.append("work")
        clock.block(0.4 * SLICE)

    for actor in [runtime.start(Actor) for _ in range(9)]:
        actor.cast(work)
    asyncio.get_running_loop().call_soon(order.append, "other")
    for _ in range(4):
        await asyncio.sleep(0)
        order.append("turn")
    await settle()
    assert order.count("work") == 9
    turns = "".join("w" if what == "work" else "." for what in order if what != "other").split(".")
    assert max(map(len, turns)) == 3
    assert order.index("other") <= 3


async def test_processes_get_their_share_beside_much_else(
    runtime: Runtime, clock: FakeClock
) -> None:
    """Where everything else takes long they run for longer, too."""
    order: list[str] = []

    def work(_: Any) -> None:
        order.append("work")
        clock.block(1.1 * SLICE)

    for actor in [runtime.start(Actor) for _ in range(9)]:
        actor.cast(work)
    clock.block(3 * SHARE * SLICE)  # by something else, before it is their turn
    await asyncio.sleep(0)
    assert len(order) == 3
    await settle()
    assert len(order) == 9


async def test_a_slice_ends_within_the_messages_of_one_process(
    runtime: Runtime, clock: FakeClock
) -> None:
    busy, other = runtime.start(Actor), runtime.start(Actor)
    order: list[str] = []

    def work(_: Any) -> None:
        order.append("busy")
        clock.block(SLICE)

    for _ in range(3):
        busy.cast(work)
    other.cast(lambda _: order.append("other"))
    await settle()
    assert order == ["busy", "other", "busy", "busy"]


def test_an_interrupt_in_one_handler_keeps_no_other_process_from_running() -> None:
    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    async def begin() -> None:
        runtime = Runtime(clock=FakeClock())
        actor, other = runtime.start(Actor), runtime.start(Actor)
        actor.cast(interrupted)
        other.cast("later")
        begun.extend((runtime, other))

    async def rest(runtime: Runtime, other: Actor) -> None:
        await settle()
        assert other.seen == ["later"]
        await runtime.shutdown()

    begun: list[Any] = []
    with closing(asyncio.new_event_loop()) as loop:
        with pytest.raises(KeyboardInterrupt):
            loop.run_until_complete(begin())
            loop.run_forever()
        loop.call_soon(loop.stop)
        loop.run_forever()  # asyncio may yet stop it for the sake of what was interrupted
        loop.run_until_complete(rest(*begun))


async def test_an_interrupt_passes_through_a_handler(runtime: Runtime) -> None:
    actor = runtime.start(Actor)

    def interrupted(*_: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await actor.call(interrupted)
    assert actor.alive
    assert await actor.call(tell("goes on")) == "goes on"
    assert runtime.current is None


async def test_reading_a_cancelled_future_in_a_handler_is_a_crash_like_any_other(
    runtime: Runtime,
) -> None:
    actor = runtime.start(Actor)
    task = asyncio.ensure_future(for_ever())
    task.cancel()
    await settle()
    with pytest.raises(ProcessExited) as caught:
        await actor.call(lambda *_: task.result())
    assert isinstance(caught.value.reason, Crashed)
    assert isinstance(caught.value.reason.exception, asyncio.CancelledError)
