"""GenServer: a process, and the callbacks that make it do something.

**The problem.** Ten thousand pieces of work run at once, each with its own state, and each may fail
independently. A coroutine for each keeps its state in local variables that no other code can read. It
also blocks on whatever it awaits: while it waits for a slow peer it cannot report its progress.

**The process.** A GenServer is an object with a mailbox. Its handlers are *plain functions*, run one at
a time to completion. So no code ever sees its state half changed, and it can always answer. Slow work
is started with `start_task`, and its outcome arrives as another message. An idle process has no task,
no future and no mailbox: it is one small object.

    class Counter(GenServer):
        __slots__ = ("n",)

        def init(self, n: int = 0) -> None:
            self.n = n

        def handle_call(self, request, sender):
            return Reply(self.n)

        def handle_cast(self, message):
            self.n += message

    runtime = Runtime()
    counter = runtime.start(Counter, 40)
    counter.cast(2)
    assert await counter.call("read") == 42
    await counter.stop()

**When not to use it.** For a computation without its own state, call a function. For one coroutine that
nobody talks to, use `start_task`. Do not use it to tidy code: a process is a unit of concurrency and of
failure, not of structure. Never do long work inside a handler: nothing can interrupt it, and everything
else waits (see `Watchdog`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from libra.otp._process import ending
from libra.otp._process.calls import CallFailure, From, Pending, task_name
from libra.otp._process.exits import (
    NOPROC,
    NORMAL,
    CallingSelf,
    ExitReason,
    HandlerMissing,
    ProcessExited,
)
from libra.otp._process.mailbox import (
    CALL,
    CAST,
    INFO,
    Mail,
    check_room,
    handle,
    post,
    post_bounded,
)
from libra.otp._process.messages import (
    UNSET,
    Continue,
    Hibernate,
    Ignore,
    NoReply,
    Reply,
    Stop,
    Timeout,
)
from libra.otp._process.reports import brief
from libra.otp._process.states import DEAD, EXITING, IDLE, RUNNING, TERMINATING
from libra.otp._process.tasks import Monitor, TaskRef, Timer
from libra.otp._process.ties import Tie, attach
from libra.otp.clock import TimerHandle

if TYPE_CHECKING:
    from libra.otp._process.children import Child
    from libra.otp._process.runtime import Runtime

__all__ = ["GenServer", "Grace"]

Grace = float | Literal["brutal_kill", "infinity"]


class GenServer:
    """A process: a state, a mailbox, and callbacks that run one at a time.

    Subclasses declare `__slots__`, set their attributes in `init` and override callbacks.
    Instances come only from `Runtime.start` or a supervisor.

    Attributes:
        runtime: the state that all processes of this tree share.
        pid: a number that is unique in the runtime.
        legacy: an immutable value that the next incarnation receives when its supervisor restarts this
            process, for any exit reason; None at the first start. (As an ETS table with an heir: data
            that must survive the crash of its owner.)
        exit_reason: None while it lives.
    """

    __slots__ = (
        "_child",
        "_idle",
        "_mailbox",
        "_parent",
        "_scheduled",
        "_state",
        "_ties",
        "_watchers",
        "exit_reason",
        "legacy",
        "pid",
        "runtime",
    )

    #: Waiting messages beyond which a call raises `MailboxFull` and a cast or send is dropped.
    mailbox_limit: ClassVar[int] = 10_000
    #: Whether exit signals become messages, and a shutdown by the parent runs `terminate`.
    trap_exit: ClassVar[bool] = False
    #: Seconds of idleness after which the process hibernates; None for never.
    hibernate_after: ClassVar[float | None] = None
    #: How long its exit may take when neither a ChildSpec nor a supervisor says otherwise.
    shutdown: ClassVar[Grace] = 5.0

    def __init__(self, runtime: Runtime, parent: GenServer | None, child: Child | None) -> None:
        self.runtime = runtime
        self.pid = runtime._next_pid()
        self.legacy: Any = None
        self.exit_reason: ExitReason | None = None
        self._state: int = RUNNING
        self._mailbox: deque[Mail] | None = None
        self._scheduled = False
        self._idle: TimerHandle | None = None
        self._ties: Tie | None = None
        self._watchers: dict[Any, None] | None = None
        self._parent = parent
        self._child = child

    def __repr__(self) -> str:
        return f"<{type(self).__name__} #{self.pid}>"

    # --- Callbacks ---

    def init(
        self, *args: Any, **kwargs: Any
    ) -> Continue | Timeout | Hibernate | Ignore | Stop | None:
        """Set up the state; the starter of the process waits for it, so be quick.

        Do here only what does not depend on anything remote; the rest belongs in a task or in
        `handle_continue`. `Ignore()` or `Stop(reason)` mean that there will be no process.
        """

    def handle_call(self, request: Any, sender: From) -> Reply | NoReply | Stop:
        """Answer `request`: at once with `Reply`, or later with `NoReply` and `reply`."""
        raise HandlerMissing(f"{type(self).__name__} has no handle_call for {brief(request)}")

    def handle_cast(self, message: Any) -> Continue | Timeout | Hibernate | Stop | None:
        """Act on a message without an answer."""
        raise HandlerMissing(f"{type(self).__name__} has no handle_cast for {brief(message)}")

    def handle_info(self, message: Any) -> Continue | Timeout | Hibernate | Stop | None:
        """Act on everything else: sends, timers, task outcomes, `Down`, `Exited`, `TIMEOUT`.

        Without a handler of its own, the process logs the message and continues.
        """
        self.runtime.log.warning("%r got an unexpected message: %s", self, brief(message))
        return None

    def handle_continue(self, token: Any) -> Continue | Timeout | Hibernate | Stop | None:
        """Continue the work that a callback began when it returned `Continue(token)`."""
        raise HandlerMissing(f"{type(self).__name__} has no handle_continue for {brief(token)}")

    def terminate(self, reason: ExitReason) -> None:
        """Clean up. Runs when the process stops itself, raises, or is stopped with `stop`.

        It runs at a supervisor's shutdown only if the process traps exits, and never on a kill.
        Tasks started here are the last: the exit is complete when they have ended, or at the
        shutdown deadline.
        """

    def compact(self) -> None:
        """Before hibernation: drop state that can be made again."""

    def format_status(self) -> Any:
        """The state to show to people: override it to redact."""
        return self._attributes()

    # --- For the outside ---

    @property
    def mailbox_size(self) -> int:
        """How many messages wait."""
        return len(self._mailbox) if self._mailbox else 0

    @property
    def alive(self) -> bool:
        """Whether it can still act; False once its exit begins to be announced."""
        return self._state < EXITING

    def call(self, request: Any, timeout: float | None = 5.0) -> Coroutine[Any, Any, Any]:
        """Send `request` and wait up to `timeout` seconds for the reply.

        The request is sent when the result is awaited. An idle process runs it in place, without
        a trip through the event loop. A request whose caller has gone before it is handled is
        dropped unexecuted.

        Raises:
            CallTimeout: no reply in time. The server continues; a late reply is dropped.
            ProcessExited: the server is dead (`NOPROC`) or ended without replying.
            MailboxFull: too many messages are waiting.
            CallingSelf: called from one of this process's own handlers.
        """
        if self.runtime.current is self:
            raise CallingSelf(f"{self!r} called itself and would wait for itself")
        return self._call(request, timeout)

    def cast(self, message: Any) -> None:
        """Send a message for `handle_cast`. Never fails: a dead process does not receive it."""
        post_bounded(self, CAST, message)

    def send(self, message: Any) -> None:
        """Send a plain message for `handle_info`. Never fails: a dead process does not receive it."""
        post_bounded(self, INFO, message)

    def send_request(self, request: Any) -> Pending:
        """Send `request` and wait for the reply later, or not at all.

        Raises:
            MailboxFull: too many messages are waiting.
        """
        sender = From(self)
        if self._state >= TERMINATING:
            sender.answer(CallFailure(NOPROC))
        else:
            check_room(self)
            attach(sender)
            post(self, CALL, request, sender)
        return Pending(sender)

    async def stop(self, reason: ExitReason = NORMAL, timeout: float | None = None) -> None:  # noqa: ASYNC109  (by the runtime's clock)
        """End the process politely, after the messages in its mailbox, and wait until it is gone.

        Raises:
            ProcessExited: it was dead already (`NOPROC`), or ended for another reason.
            CallTimeout: it is not gone after `timeout` seconds; the request to end remains.
            CallingSelf: a handler stops itself; let it return `Stop` instead.
        """
        if self.runtime.current is self:
            raise CallingSelf(f"{self!r} stopped itself; return Stop(reason) instead")
        if self._state == DEAD:
            raise ProcessExited(NOPROC)
        ending.ask(self, reason)
        actual = await ending.gone(self, timeout)
        if actual != reason:
            raise ProcessExited(actual)

    async def wait_down(self) -> ExitReason:
        """Wait until the process and its tasks are gone; returns why it ended."""
        return await ending.gone(self, None)

    # --- For the inside ---

    def reply(self, sender: From, value: Any) -> None:
        """Answer a call whose handler returned `NoReply`, from any handler or task, once."""
        sender.answer(value)

    def start_task(self, coro: Coroutine[Any, Any, Any], *, tag: Any = None) -> TaskRef:
        """Run `coro` beside this process, linked to it.

        Its outcome arrives in `handle_info` as `TaskDone(ref, tag, result)` or
        `TaskFailed(ref, tag, error)`. It is cancelled with the process.

        Raises:
            ProcessExited: the process has ended; `coro` is closed, never started.
        """
        if self._state >= EXITING:
            coro.close()
            raise ProcessExited(self.exit_reason or NOPROC)
        runtime = self.runtime
        # A context of its own: the handler may run in place, in the context of a caller.
        task = runtime.loop.create_task(coro, context=runtime._context.copy())
        return TaskRef(self, task, tag, last=self._state == TERMINATING)

    def cancel_task(self, ref: TaskRef) -> None:
        """Cancel a task. Its outcome never arrives, even if it ignores the cancellation."""
        ref.cancel(self._grace_seconds())

    def send_after(self, delay: float, message: Any) -> Timer:
        """Put `message` into `handle_info` in `delay` seconds, if the process is still alive."""
        return Timer(self, delay, message)

    def monitor(self, other: GenServer) -> Monitor:
        """Get one `Down(monitor, process, reason)` when `other` is gone, at once if it is."""
        monitor = Monitor(self, other)
        ending.watch(other, monitor)
        return monitor

    def demonitor(self, monitor: Monitor) -> None:
        """Stop watching. A `Down` that is already in the mailbox is dropped."""
        monitor.cancel()

    def link(self, other: GenServer) -> None:
        """Link two processes: when one ends uncleanly so does the other, unless it traps exits."""
        ending.watch(other, self)
        if other._state != DEAD:
            ending.watch(self, other)

    def unlink(self, other: GenServer) -> None:
        """Remove the link of two processes."""
        for one, two in ((self, other), (other, self)):
            if one._watchers is not None:
                one._watchers.pop(two, None)

    # --- Helpers: messages ---

    async def _call(self, request: Any, timeout: float | None) -> Any:  # noqa: ASYNC109  (by the runtime's clock)
        if self._state >= TERMINATING:
            raise ProcessExited(NOPROC)
        sender = From(self)
        if self._state == IDLE and not self._mailbox:
            handle(self, CALL, request, sender)
            outcome = sender.outcome
            if outcome is not UNSET and type(outcome) is not CallFailure:
                return outcome
            if outcome is UNSET:
                attach(sender)
        else:
            check_room(self)
            attach(sender)
            post(self, CALL, request, sender)
        sender.client = task_name()
        return await sender.wait(timeout)

    # --- Helpers: the end ---

    def _told(self, process: GenServer, reason: ExitReason) -> None:
        """A linked process has ended."""
        if self._watchers is not None:
            self._watchers.pop(process, None)
        # Later, not now: a long chain of links must not become a deep stack of calls.
        runtime = self.runtime
        runtime.loop.call_soon(ending.signal, self, process, reason, context=runtime._context)

    # --- Helpers: overridden by supervisors ---

    def _child_exited(self, child: Child, process: GenServer, reason: ExitReason) -> None:
        """A process that this one supervises is gone."""

    def _after_exit(self, reason: ExitReason) -> None:
        """This process is gone, for any reason: release everything that is not a tie."""

    def _offspring(self) -> list[GenServer]:
        """The living processes that this one supervises."""
        return []

    # --- Helpers: the rest ---

    def _grace_seconds(self) -> float | None:
        """The seconds that the exit of this process may take; None without a limit."""
        grace = self.shutdown if self._child is None else self._child.spec.grace
        if grace == "infinity":
            return None
        return 0.0 if grace == "brutal_kill" else grace

    def _attributes(self) -> dict[str, Any]:
        """The attributes of the subclass: its slots and, if it has one, its `__dict__`."""
        names = [
            name
            for cls in reversed(type(self).__mro__)
            if cls is not GenServer
            for name in _slots_of(cls)
        ]
        state = {name: getattr(self, name) for name in names if hasattr(self, name)}
        state.update(getattr(self, "__dict__", {}))
        return state


def _slots_of(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(n for n in names if not n.startswith("__"))
