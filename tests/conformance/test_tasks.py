"""Tasks and timers of a process."""

import asyncio
import contextvars
import gc
from typing import Any

import pytest

from libra.otp import (
    TIMEOUT,
    From,
    NoReply,
    ProcessExited,
    Reply,
    Runtime,
    TaskDone,
    TaskFailed,
    Timeout,
)
from libra.otp.introspection import resume, suspend
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, boom, for_ever, pause, stubborn


async def result(value: Any) -> Any:
    return value


async def fail() -> None:
    raise OSError("no route")


async def test_the_outcome_of_a_task_comes_back_as_a_message(runtime: Runtime) -> None:
    actor = runtime.start(Actor)
    done = actor.start_task(result(42), tag="good")
    failed = actor.start_task(fail(), tag="bad")
    await settle()
    assert actor.seen[0] == TaskDone(done, "good", 42)
    assert isinstance(actor.seen[1], TaskFailed)
    assert (actor.seen[1].ref, actor.seen[1].tag) == (failed, "bad")
    assert str(actor.seen[1].error) == "no route"
    assert actor.alive


async def test_a_task_that_somebody_else_cancels_has_failed(runtime: Runtime) -> None:
    actor = runtime.start(Actor)

    async def cancels_itself() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await for_ever()

    actor.start_task(cancels_itself())
    await settle()
    assert isinstance(actor.seen[0].error, asyncio.CancelledError)


async def test_a_cancelled_task_is_never_heard_of_again(runtime: Runtime) -> None:
    actor = runtime.start(Actor)
    release = asyncio.Event()
    polite, rude = actor.start_task(for_ever()), actor.start_task(stubborn(release))
    await settle()
    for ref in (polite, rude):
        actor.cancel_task(ref)
    await settle()
    assert [polite.done, rude.done] == [True, False]
    release.set()
    await settle()
    assert [polite.done, rude.done] == [True, True]
    assert actor.seen == []


async def test_an_outcome_that_stands_in_the_mailbox_is_dropped_by_cancel_task(
    runtime: Runtime,
) -> None:
    actor = runtime.start(Actor)
    suspend(actor)
    ref = actor.start_task(result(42))
    kept = actor.start_task(result(43))
    await settle()
    actor.cancel_task(ref)
    resume(actor)
    await settle()
    assert actor.seen == [TaskDone(kept, None, 43)]


async def test_a_cancelled_task_that_goes_on_is_reported_while_its_process_lives(
    runtime: Runtime, clock: FakeClock
) -> None:
    actor = runtime.start(Actor)
    release = asyncio.Event()
    ref = actor.start_task(stubborn(release))
    await settle()
    actor.cancel_task(ref)
    await clock.advance(5)
    assert runtime.abandoned == {ref}
    release.set()
    await settle()
    assert not runtime.abandoned
    assert actor.seen == []


async def test_nobody_waits_for_a_task_that_was_abandoned(
    runtime: Runtime, clock: FakeClock
) -> None:
    actor = runtime.start(Actor)
    release = asyncio.Event()
    actor.cancel_task(actor.start_task(stubborn(release)))
    await settle()
    actor.cancel_task(actor.start_task(stubborn(release)))
    await clock.advance(5)
    await actor.stop()
    await runtime.drain()
    release.set()
    await settle()
    assert not runtime.abandoned


async def test_a_crash_cancels_all_tasks_and_timers(runtime: Runtime, clock: FakeClock) -> None:
    actor = runtime.start(Actor)
    refs = [actor.start_task(for_ever()) for _ in range(5_000)]
    for number in range(5_000):
        actor.send_after(60, number)
    await settle()
    actor.cast(boom)
    await settle()
    assert all(ref.done for ref in refs)
    assert clock.pending == 0


async def test_a_task_started_by_a_dead_process_never_runs(runtime: Runtime) -> None:
    actor = runtime.start(Actor)
    await actor.stop()
    with pytest.raises(ProcessExited):
        actor.start_task(boom_later())
    gc.collect()  # "never awaited" would be an error here


async def boom_later() -> None:
    boom()


async def test_a_task_cancelled_before_its_first_step_leaves_no_complaint(
    runtime: Runtime,
) -> None:
    actor = runtime.start(Actor)
    actor.cancel_task(actor.start_task(boom_later()))
    await settle()
    gc.collect()
    assert actor.seen == []


async def test_tasks_do_not_see_the_context_of_whoever_called_in_place(runtime: Runtime) -> None:
    variable = contextvars.ContextVar("variable", default="nothing")

    async def look() -> str:
        return variable.get()

    def start(me: Actor, sender: From) -> Reply:
        me.start_task(look())
        return Reply()

    actor = runtime.start(Actor)
    variable.set("the caller's")
    await actor.call(start)
    await settle()
    assert actor.seen[0].result == "nothing"


async def test_a_task_may_wait_for_its_process_and_the_process_for_its_task(
    runtime: Runtime,
) -> None:
    actor = runtime.start(Actor)

    async def fetch_and_reply(sender: From) -> None:
        actor.reply(sender, await result("fetched"))

    def fetch(me: Actor, sender: From) -> NoReply:
        me.start_task(fetch_and_reply(sender))
        return NoReply()

    assert await actor.call(fetch) == "fetched"


async def test_timers_fire_in_order_and_can_be_cancelled(
    runtime: Runtime, clock: FakeClock
) -> None:
    actor = runtime.start(Actor)
    actor.send_after(3, "third")
    actor.send_after(1, "first")
    never = actor.send_after(2, "never")
    actor.send_after(2, "second")
    never.cancel()
    await clock.advance(1)
    assert actor.seen == ["first"]
    await clock.advance(2)
    assert actor.seen == ["first", "second", "third"]
    never.cancel()


async def test_a_timer_cancelled_with_its_message_in_the_mailbox_does_not_arrive(
    runtime: Runtime, clock: FakeClock
) -> None:
    actor = runtime.start(Actor)
    timer = actor.send_after(1, "late")
    suspend(actor)
    await clock.advance(1)
    timer.cancel()
    resume(actor)
    await settle()
    assert actor.seen == []


async def test_time_that_passes_in_a_handler_makes_timers_late_not_lost(
    runtime: Runtime, clock: FakeClock
) -> None:
    actor = runtime.start(Actor)
    actor.send_after(1, "due")
    actor.cast(lambda _: clock.block(5))
    actor.cast(lambda _: Timeout(1))
    await settle()
    assert actor.seen == ["due"]
    assert TIMEOUT not in actor.seen


async def test_two_runtimes_share_nothing(runtime: Runtime, clock: FakeClock) -> None:
    other = Runtime(clock=clock)
    one, two = runtime.start(Actor), other.start(Actor)
    await other.shutdown()
    assert one.alive
    assert not two.alive
    assert runtime.counts.alive == 1


async def test_the_real_clock_works_as_the_fake_one() -> None:
    runtime = Runtime()
    actor = runtime.start(Actor)
    actor.send_after(0, "soon")
    call = asyncio.ensure_future(actor.call(lambda *_: NoReply(), timeout=0))
    with pytest.raises(TimeoutError):
        await call
    await actor.call("a turn of the loop")
    assert actor.seen == ["soon"]
    await runtime.shutdown()


async def test_a_last_task_may_talk_to_its_supervised_siblings(
    runtime: Runtime, clock: FakeClock
) -> None:
    sibling = runtime.start(Actor)

    class Saver(Actor):
        __slots__ = ()

        def terminate(self, reason: Any) -> None:
            self.start_task(self.save())

        async def save(self) -> None:
            await pause(self.runtime, 1)
            await sibling.call(lambda me, _: me.seen.append("saved") or Reply())

    saver = runtime.start(Saver)
    stop = asyncio.ensure_future(saver.stop())
    await clock.advance(1)
    await stop
    assert sibling.seen == ["saved"]
