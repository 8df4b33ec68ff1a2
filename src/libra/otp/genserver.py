"""GenServer: a process, and the callbacks that make it do something.

**The problem.** Ten thousand things are under way at once, each with a state of its own, each
able to fail on its own. A coroutine per thing keeps its state in local variables that nobody
else can read, and blocks on whatever it awaits: while it waits for a slow peer it cannot answer
"how far are you?".

**The process.** A GenServer is an object with a mailbox. Its handlers are *plain functions*, run
one at a time to completion, so nothing ever sees its state half changed and it can always answer.
What takes time is started with `start_task` and its outcome comes back as one more message. An
idle process has no task, no future and no mailbox: it is one small object.

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

**When not to use it.** For a computation without a state of its own (call a function), for one
coroutine that nobody talks to (`start_task`), or to make code tidier: a process is a unit of
concurrency and of failure, not of structure. And never do long work inside a handler: nothing
can interrupt it, and everything else waits (see `Watchdog`).
"""

# ruff: noqa: SLF001  (a process, its ties and its runtime are one machine in several files)
from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from libra.otp.clock import TimerHandle
from libra.otp.exits import (
    KILLED,
    NOPROC,
    NORMAL,
    AlreadyRegistered,
    AlreadyStarted,
    BadReturnValue,
    CallingSelf,
    CallTimeout,
    Crashed,
    ExitReason,
    Failed,
    HandlerMissing,
    Ignored,
    MailboxFull,
    Normal,
    ProcessExited,
    StartError,
    is_clean,
)
from libra.otp.messages import (
    TIMEOUT,
    UNSET,
    Continue,
    Exited,
    Hibernate,
    Ignore,
    NoReply,
    Reply,
    Stop,
    Timeout,
)
from libra.otp.reports import brief
from libra.otp.ties import Failure, From, Monitor, Pending, TaskRef, Tie, Timer, attach, detach

if TYPE_CHECKING:
    from libra.otp.children import Child
    from libra.otp.runtime import Runtime

__all__ = ["GenServer", "Grace"]

Grace = float | Literal["brutal_kill", "infinity"]

# What stands in a mailbox: (kind, payload, guard). The guard is the caller, timer, task or
# monitor that the message comes from; when it has become void the message is dropped.
CALL: Final = 0
CAST: Final = 1
INFO: Final = 2
CONTINUE: Final = 3
EXIT: Final = 4  # end politely: terminate runs
DIE: Final = 5  # end at once: the signal came while a handler was running
CALLBACKS: Final = ("handle_call", "handle_cast", "handle_info", "handle_continue")

IDLE: Final = 0
RUNNING: Final = 1  # in a callback, init included
SUSPENDED: Final = 2
TERMINATING: Final = 3  # in terminate
EXITING: Final = 4  # dead to the world, waiting for its last tasks
DEAD: Final = 5

# How many messages one process handles before the loop, and so everybody else, gets a turn.
BATCH: Final = 64

# Seconds that a task may take to end once its process, which may not wait, is gone.
LINGER: Final = 5.0


class GenServer:
    """A process: a state, a mailbox, and callbacks that run one at a time.

    Subclasses declare `__slots__`, set their attributes in `init` and override callbacks.
    Instances come only from `Runtime.start` or a supervisor.

    Attributes:
        runtime: what all processes of this tree share.
        pid: a number that no other process of the runtime has or had.
        legacy: an immutable value that the next incarnation finds when its supervisor restarts
            this process, however it ended; None at the first start. (As an ETS table with an
            heir: what must survive the crash of the one who owns it.)
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
        self._state = RUNNING
        self._mailbox: deque[tuple[int, Any, Tie | None]] | None = None
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
        """Set up the state; whoever starts the process waits for it, so be quick.

        Do here only what does not depend on anything remote; the rest belongs in a task or in
        `handle_continue`. `Ignore()` or `Stop(reason)` mean that there will be no process.
        """

    def handle_call(self, request: Any, sender: From) -> Reply | NoReply | Stop:
        """Answer `request`: at once with `Reply`, or later with `NoReply` and `reply`."""
        raise HandlerMissing(f"{type(self).__name__} has no handle_call for {brief(request)}")

    def handle_cast(self, message: Any) -> Continue | Timeout | Hibernate | Stop | None:
        """Act on a message that wants no answer."""
        raise HandlerMissing(f"{type(self).__name__} has no handle_cast for {brief(message)}")

    def handle_info(self, message: Any) -> Continue | Timeout | Hibernate | Stop | None:
        """Act on everything else: sends, timers, task outcomes, `Down`, `Exited`, `TIMEOUT`.

        Without an own handler the message is logged and the process goes on.
        """
        self.runtime.log.warning("%r got an unexpected message: %s", self, brief(message))
        return None  # noqa: RET501  (the declared type has more than None)

    def handle_continue(self, token: Any) -> Continue | Timeout | Hibernate | Stop | None:
        """Go on with what a callback began when it returned `Continue(token)`."""
        raise HandlerMissing(f"{type(self).__name__} has no handle_continue for {brief(token)}")

    def terminate(self, reason: ExitReason) -> None:
        """Clean up. Runs when the process stops itself, raises, or is stopped with `stop`.

        It runs at a supervisor's shutdown only if the process traps exits, and never on a kill.
        Tasks started here are the last: the exit is complete when they have ended, or at the
        shutdown deadline.
        """

    def compact(self) -> None:
        """Before hibernation: let go of what can be made again."""

    def format_status(self) -> Any:
        """The state as it may be shown to people: override it to redact."""
        return self._attributes()

    # --- For the outside ---

    @property
    def alive(self) -> bool:
        """Whether it can still act; False from the moment its exit begins to be known."""
        return self._state < EXITING

    def call(self, request: Any, timeout: float | None = 5.0) -> Coroutine[Any, Any, Any]:
        """Send `request` and wait up to `timeout` seconds for the reply.

        The request is sent when the result is awaited. An idle process runs it in place, without
        a trip through the event loop. A request whose caller has gone before it is handled is
        dropped unexecuted.

        Raises:
            CallTimeout: no reply in time. The server goes on; a late reply is dropped.
            ProcessExited: the server is dead (`NOPROC`) or ended without replying.
            MailboxFull: too many messages are waiting.
            CallingSelf: called from one of this process's own handlers.
        """
        if self.runtime.current is self:
            raise CallingSelf(f"{self!r} called itself and would wait for itself")
        return self._call(request, timeout)

    def cast(self, message: Any) -> None:
        """Send a message for `handle_cast`. Never fails: a dead process is told nothing."""
        self._post_bounded(CAST, message)

    def send(self, message: Any) -> None:
        """Send a plain message for `handle_info`. Never fails: a dead process is told nothing."""
        self._post_bounded(INFO, message)

    def send_request(self, request: Any) -> Pending:
        """Send `request` and wait for the reply later, or not at all.

        Raises:
            MailboxFull: too many messages are waiting.
        """
        sender = From(self)
        if self._state >= TERMINATING:
            sender.answer(Failure(NOPROC))
        else:
            self._check_room()
            attach(sender)
            self._post(CALL, request, sender)
        return Pending(sender)

    async def stop(self, reason: ExitReason = NORMAL, timeout: float | None = None) -> None:  # noqa: ASYNC109  (by the runtime's clock)
        """End the process politely, after what is in its mailbox, and wait until it is gone.

        Raises:
            ProcessExited: it was dead already (`NOPROC`), or ended for another reason.
            CallTimeout: it is not gone after `timeout` seconds (it still is asked to go).
            CallingSelf: a handler stops itself; let it return `Stop` instead.
        """
        if self.runtime.current is self:
            raise CallingSelf(f"{self!r} stopped itself; return Stop(reason) instead")
        if self._state == DEAD:
            raise ProcessExited(NOPROC)
        self._ask_to_exit(reason)
        actual = await self._gone(timeout)
        if actual != reason:
            raise ProcessExited(actual)

    async def wait_down(self) -> ExitReason:
        """Wait until the process and its tasks are gone; why it ended."""
        return await self._gone(None)

    # --- For the inside ---

    def reply(self, sender: From, value: Any) -> None:
        """Answer a call that was met with `NoReply`, from any handler or task, once."""
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
        # A context of its own: the handler may be running in place, in some caller's.
        task = runtime.loop.create_task(coro, context=runtime._context.copy())
        return TaskRef(self, task, tag, last=self._state == TERMINATING)

    def cancel_task(self, ref: TaskRef) -> None:
        """Cancel a task. Its outcome will not arrive, even if it ignores the cancellation."""
        ref.cancel(self._grace_seconds())

    def send_after(self, delay: float, message: Any) -> Timer:
        """Put `message` into `handle_info` in `delay` seconds, if the process then lives."""
        return Timer(self, delay, message)

    def monitor(self, other: GenServer) -> Monitor:
        """Get one `Down(monitor, process, reason)` when `other` is gone, at once if it is."""
        monitor = Monitor(self, other)
        other._watch(monitor)
        return monitor

    def demonitor(self, monitor: Monitor) -> None:
        """Watch no longer. A `Down` that stands in the mailbox already is dropped."""
        monitor.cancel()

    def link(self, other: GenServer) -> None:
        """Tie two fates: when one ends uncleanly so does the other, unless it traps exits."""
        other._watch(self)
        if other._state != DEAD:
            self._watch(other)

    def unlink(self, other: GenServer) -> None:
        """Untie two fates."""
        for one, two in ((self, other), (other, self)):
            if one._watchers is not None:
                one._watchers.pop(two, None)

    # --- Helpers: messages ---

    async def _call(self, request: Any, timeout: float | None) -> Any:  # noqa: ASYNC109  (by the runtime's clock)
        if self._state >= TERMINATING:
            raise ProcessExited(NOPROC)
        sender = From(self)
        if self._state == IDLE and not self._mailbox:
            self._handle(CALL, request, sender)
            outcome = sender.outcome
            if outcome is not UNSET and type(outcome) is not Failure:
                return outcome
            if outcome is UNSET:
                attach(sender)
        else:
            self._check_room()
            attach(sender)
            self._post(CALL, request, sender)
        sender.client = _task_name()
        return await sender.wait(timeout)

    def _check_room(self) -> None:
        if self._mailbox is not None and len(self._mailbox) >= self.mailbox_limit:
            self.runtime._count_refused(self)
            raise MailboxFull(f"{self!r} has {len(self._mailbox)} messages waiting")

    def _post_bounded(self, kind: int, message: Any) -> None:
        mailbox = self._mailbox
        if mailbox is not None and len(mailbox) >= self.mailbox_limit:
            self.runtime._count_refused(self)
            return
        self._post(kind, message, None)

    def _post_info(self, message: Any, guard: Tie | None = None) -> None:
        self._post(INFO, message, guard)

    def _post(self, kind: int, payload: Any, guard: Tie | None, *, first: bool = False) -> None:
        if self._state >= EXITING:
            return
        mailbox = self._mailbox
        if mailbox is None:
            self._mailbox = mailbox = deque()
        if first:
            mailbox.appendleft((kind, payload, guard))
        else:
            mailbox.append((kind, payload, guard))
        if not self._scheduled:
            self._scheduled = True
            self.runtime._soon(self._drain)

    def _drain(self) -> None:
        """Handle what is waiting, a batch at most: others want the loop too."""
        self._scheduled = False
        mailbox = self._mailbox
        for _ in range(BATCH):
            if self._state != IDLE or not mailbox:
                break
            kind, payload, guard = mailbox.popleft()
            if guard is None or not guard.void:
                self._handle(kind, payload, guard)
        if not mailbox:
            # An empty deque keeps a block of memory; an idle process keeps none.
            if self._mailbox is mailbox:
                self._mailbox = None
        elif self._state == IDLE and not self._scheduled:
            self._scheduled = True
            self.runtime._soon(self._drain)

    def _handle(self, kind: int, payload: Any, guard: Tie | None) -> None:
        """Run one message through its callback; the boundary that a crash does not cross."""
        if kind >= EXIT:
            if kind == EXIT:
                self._terminate(payload)
            else:
                self._close(payload)
                if payload is KILLED:
                    self._finish()
            return
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        runtime = self.runtime
        previous = runtime.current
        runtime.current = self
        self._state = RUNNING
        result: Any
        try:
            if kind == CALL:
                result = self.handle_call(payload, guard)  # type: ignore[arg-type]  # a From
                if type(result) is Reply:
                    guard.answer(result.value)  # type: ignore[union-attr]
                    result = result.then
                elif type(result) is NoReply:
                    result = result.then
                elif type(result) is not Stop:
                    raise BadReturnValue("handle_call", brief(result))
            elif kind == INFO:
                result = self.handle_info(payload)
            elif kind == CAST:
                result = self.handle_cast(payload)
            else:
                result = self.handle_continue(payload)
        except (Exception, asyncio.CancelledError) as error:
            # A handler has no task of its own to cancel: a CancelledError here comes from
            # reading somebody's cancelled future, and is an error like any other.
            self._terminate(Crashed(error), CALLBACKS[kind], payload, guard)
            return
        except BaseException:
            self._state = IDLE
            raise
        finally:
            runtime.current = previous
        self._state = IDLE
        if result is not None:
            self._then(result, CALLBACKS[kind], payload, guard)
        if self.hibernate_after is not None:
            self._arm_hibernation()

    def _then(self, result: Any, callback: str, payload: Any, guard: Tie | None) -> None:
        """Do what a callback returned."""
        kind = type(result)
        if kind is Continue:
            self._post(CONTINUE, result.token, None, first=True)
        elif kind is Timeout:
            self._idle = self.runtime.clock.call_later(result.seconds, self._time_out)
        elif kind is Hibernate:
            self._hibernate()
        elif kind is Stop:
            self._terminate(result.reason, callback, payload, guard, result.reply)
        else:
            error = BadReturnValue(callback, brief(result))
            self._terminate(Crashed(error), callback, payload, guard)

    def _arm_hibernation(self) -> None:
        seconds = self.hibernate_after
        if seconds is not None and self._idle is None and self._state == IDLE:
            self._idle = self.runtime.clock.call_later(seconds, self._hibernate)

    def _time_out(self) -> None:
        self._idle = None
        # A message that is waiting already beats the timeout, even one of 0.
        if not self._mailbox:
            self._post_info(TIMEOUT)

    def _hibernate(self) -> None:
        self._idle = None
        if not self._mailbox:
            try:
                self.compact()
            except (Exception, asyncio.CancelledError) as error:
                self._terminate(Crashed(error), "compact")

    # --- Helpers: the beginning ---

    def _start(self, args: tuple[Any, ...], kwargs: dict[str, Any] | None) -> None:
        """Run `init`; when this returns the process is alive, else it is gone without a trace."""
        runtime = self.runtime
        previous = runtime.current
        runtime.current = self
        try:
            result = self.init(*args, **kwargs) if kwargs else self.init(*args)
            if result is not None and type(result) not in _INIT_RESULTS:
                raise BadReturnValue("init", brief(result))
        except AlreadyRegistered as error:
            self._abort(Failed(str(error)))
            raise AlreadyStarted(error.owner) from None
        except (Exception, asyncio.CancelledError) as error:
            reason = Crashed(error)
            runtime._report(self, reason, "init", UNSET, None)
            self._abort(reason)
            raise StartError(reason) from error
        except BaseException:
            self._abort(KILLED)
            raise
        finally:
            runtime.current = previous
        if type(result) is Stop:
            self._abort(result.reason)
            raise StartError(result.reason)
        if type(result) is Ignore:
            self._abort(NORMAL)
            raise Ignored(f"{type(self).__name__} has nothing to run")
        self._state = IDLE
        if result is not None:
            self._then(result, "init", UNSET, None)
        if self.hibernate_after is not None:
            self._arm_hibernation()

    def _abort(self, reason: ExitReason) -> None:
        """End before having begun: nobody but the starter is told."""
        self._parent = self._child = None
        self._close(reason)
        self._finish()

    # --- Helpers: the end ---

    def _terminate(
        self,
        reason: ExitReason,
        callback: str = "",
        message: Any = UNSET,
        guard: Tie | None = None,
        reply: Any = UNSET,
    ) -> None:
        """End politely: run `terminate`, report an unclean reason, reply, close."""
        if self._state >= TERMINATING:
            return
        runtime = self.runtime
        previous = runtime.current
        runtime.current = self
        self._state = TERMINATING
        try:
            self.terminate(reason)
        except (Exception, asyncio.CancelledError) as error:
            reason, callback, message = Crashed(error), "terminate", UNSET
        finally:
            runtime.current = previous
        if not is_clean(reason):
            client = guard.client or _task_name() if isinstance(guard, From) else None
            runtime._report(self, reason, callback, message, client)
        if isinstance(guard, From):
            guard.answer(Failure(reason) if reply is UNSET else reply)
        self._close(reason)

    def _close(self, reason: ExitReason) -> None:
        """Be dead to the world: names free, mail dropped, callers told, tasks cancelled."""
        self._state = EXITING
        self.exit_reason = reason
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        mailbox, self._mailbox = self._mailbox, None
        tie, self._ties = self._ties, None
        while tie is not None:
            following = tie.next
            tie.prev = tie.next = None
            tie.cut(reason)
            tie = following
        if mailbox:
            mailbox.clear()
        if self._ties is None:
            self._finish()
            return
        # Only running tasks are left. The exit is complete when they have ended.
        self.runtime._exiting.add(self)
        grace = self._grace_seconds()
        if grace is not None:
            self._idle = self.runtime.clock.call_later(grace, self._finish)

    def _task_gone(self) -> None:
        if self._state == EXITING and self._ties is None:
            self._finish()

    def _finish(self) -> None:
        """The exit is complete: tell everybody, once."""
        if self._state == DEAD:
            return
        self._state = DEAD
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None
        runtime = self.runtime
        while (tie := self._ties) is not None:
            detach(tie)
            if isinstance(tie, TaskRef):
                tie.let_go(self._grace_seconds() or LINGER)
        reason = self.exit_reason or NORMAL
        watchers, self._watchers = self._watchers, None
        if watchers is not None:
            for watcher in watchers:
                watcher._told(self, reason)
        self._after_exit(reason)
        runtime._ended(self)
        parent, child = self._parent, self._child
        if child is not None and parent is not None:
            parent._child_exited(child, self, reason)

    def _kill(self) -> None:
        """End at once, without being asked; a task that goes on is left behind and reported."""
        if self._state == RUNNING:
            self._post(DIE, KILLED, None, first=True)
            return
        if self._state < TERMINATING:
            self._close(KILLED)
        if self._state == EXITING:
            self._finish()

    def _ask_to_exit(self, reason: ExitReason) -> None:
        """End politely after what is in the mailbox, trapping exits or not."""
        if self._state == SUSPENDED:
            self._terminate(reason)
        else:
            self._post(EXIT, reason, None)

    def _signal(self, sender: GenServer, reason: ExitReason) -> None:
        """`sender`, a parent or a linked process, ends or wants this one to end."""
        if self._state >= EXITING:
            return
        if self.trap_exit:
            if sender is self._parent:
                self._ask_to_exit(reason)
            else:
                self._post_info(Exited(sender, reason))
        elif isinstance(reason, Normal) or self._state == TERMINATING:
            return
        elif self._state == RUNNING:
            self._post(DIE, reason, None, first=True)
        else:
            self._close(reason)

    def _watch(self, watcher: Any) -> None:
        if self._state == DEAD:
            watcher._told(self, NOPROC)
        else:
            if self._watchers is None:
                self._watchers = {}
            self._watchers[watcher] = None

    def _told(self, process: GenServer, reason: ExitReason) -> None:
        """A linked process has ended."""
        if self._watchers is not None:
            self._watchers.pop(process, None)
        self._signal(process, reason)

    async def _gone(self, timeout: float | None) -> ExitReason:  # noqa: ASYNC109  (by the runtime's clock)
        if self._state != DEAD:
            waiter = _Waiter(self.runtime.loop.create_future())
            self._watch(waiter)
            timer = None
            if timeout is not None:
                timer = self.runtime.clock.call_later(timeout, waiter._told, self, NOPROC)
            try:
                await waiter.future
            finally:
                if timer is not None:
                    timer.cancel()
                if self._watchers is not None:
                    self._watchers.pop(waiter, None)
            if self._state != DEAD:
                raise CallTimeout(f"{self!r} is not gone after {timeout} s")
        return self.exit_reason or NORMAL

    # --- Helpers: what supervisors override ---

    def _child_exited(self, child: Child, process: GenServer, reason: ExitReason) -> None:
        """A process that this one supervises is gone."""

    def _after_exit(self, reason: ExitReason) -> None:
        """This process is gone, however it ended: let go of what is not a tie."""

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
        """What the subclass keeps: its slots and, if it has one, its `__dict__`."""
        names = [
            name
            for cls in reversed(type(self).__mro__)
            if cls is not GenServer
            for name in _slots_of(cls)
        ]
        state = {name: getattr(self, name) for name in names if hasattr(self, name)}
        state.update(getattr(self, "__dict__", {}))
        return state


class _Waiter:
    """A coroutine that waits for a process to be gone."""

    __slots__ = ("future",)

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.future = future

    def _told(self, process: GenServer, reason: ExitReason) -> None:
        if not self.future.done():
            self.future.set_result(None)


_INIT_RESULTS = (Continue, Timeout, Hibernate, Ignore, Stop)


def _slots_of(cls: type) -> tuple[str, ...]:
    slots = cls.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(n for n in names if not n.startswith("__"))


def _task_name() -> str | None:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop is running: called from plain code
        return None
    return task.get_name() if task is not None else None
