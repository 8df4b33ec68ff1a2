"""The common parts of supervisors: child specifications, child records, restart budgets."""

from __future__ import annotations

import asyncio
import builtins
import math
from collections import deque
from collections.abc import Hashable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import msgspec

from libra.otp._process import ending
from libra.otp._process.exits import KILLED, SHUTDOWN, ExitReason, InvalidSpec, Normal, is_clean
from libra.otp._process.genserver import GenServer, Grace
from libra.otp._process.states import DEAD
from libra.otp.clock import TimerHandle

if TYPE_CHECKING:
    from libra.otp._process.runtime import Runtime

__all__ = ["Child", "ChildCount", "ChildSpec", "Intensity", "Parent"]

P_co = TypeVar("P_co", bound=GenServer, covariant=True)

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_RESTARTS = frozenset(("permanent", "transient", "temporary"))
_TYPES = frozenset((None, "worker", "supervisor"))
_WORDS = frozenset(("brutal_kill", "infinity"))
_NUMBERS = (int, float)


class ChildSpec(msgspec.Struct, Generic[P_co], frozen=True):
    """How a supervisor starts, restarts and stops one child.

    Attributes:
        start: the class to run.
        args: for its `init`, after the supervisor's extra arguments.
        kwargs: for its `init`.
        id: the supervisor's name for the child. None: by its process only.
        restart: `permanent` restarts after every exit, `transient` after an unclean one,
            `temporary` never.
        shutdown: seconds between the polite signal and the kill, `brutal_kill` or `infinity`.
            None: the class's default, 5 seconds for a worker and `infinity` for a supervisor.
        type: `worker` or `supervisor`. None: by the class.

    Raises:
        InvalidSpec: one of these is invalid.
    """

    start: builtins.type[P_co]  # the field `type` hides the builtin
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = _NOTHING
    id: Hashable | None = None
    restart: Literal["permanent", "transient", "temporary"] = "permanent"
    shutdown: Grace | None = None
    type: Literal["worker", "supervisor"] | None = None

    def __post_init__(self) -> None:
        problem = self._problem()
        if problem is not None:
            raise InvalidSpec(problem)

    @property
    def grace(self) -> Grace:
        """The shutdown in effect: the spec's, or else the class's."""
        return self.start.shutdown if self.shutdown is None else self.shutdown

    @property
    def supervises(self) -> bool:
        """Whether the child counts as a supervisor."""
        return issubclass(self.start, Parent) if self.type is None else self.type == "supervisor"

    def _problem(self) -> str | None:
        start: Any = self.start
        if not (isinstance(start, type) and issubclass(start, GenServer)):
            return f"start must be a subclass of GenServer, not {start!r}"
        if type(self.args) is not tuple:
            return f"args must be a tuple, not {self.args!r}"
        if self.restart not in _RESTARTS:
            return f"restart must be permanent, transient or temporary, not {self.restart!r}"
        if self.shutdown is not None and not _is_grace(self.shutdown):
            return f"shutdown must be seconds, brutal_kill or infinity, not {self.shutdown!r}"
        if self.type not in _TYPES:
            return f"type must be worker or supervisor, not {self.type!r}"
        if self.id is not None and type(self.id).__hash__ is None:
            return f"id must be hashable, not {self.id!r}"
        return None


def _is_grace(value: Any) -> bool:
    if isinstance(value, str):
        return value in _WORDS
    number = isinstance(value, _NUMBERS) and not isinstance(value, bool)
    return number and 0 <= value < math.inf


class Intensity:
    """A restart budget: how many restarts may happen within a sliding window.

    As in OTP, the comparison is inclusive and at whole-second resolution: 3 restarts in 5
    seconds are within a budget of 3 in 5, the fourth is not.
    """

    __slots__ = ("_limit", "_times", "_window")

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._times: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._times)

    def add(self, now: float) -> bool:
        """Count a restart at `now` (seconds); returns whether the budget allows it."""
        second = math.floor(now)
        times = self._times
        times.append(second)
        while times[0] + self._window < second:
            times.popleft()
        return len(times) <= self._limit


class RestartHistory:
    """A supervisor's memory of a child that has exited at least once. Most never do."""

    __slots__ = ("budget", "legacy", "reason", "restarts", "since", "state", "stopping", "timer")

    def __init__(self) -> None:
        self.state: Literal["running", "restarting", "quarantined"] = "running"
        self.reason: ExitReason | None = None
        self.legacy: Any = None
        self.restarts = 0
        self.since: float | None = None
        self.budget: Intensity | None = None
        self.timer: TimerHandle | None = None
        self.stopping = False

    def stop_timer(self) -> None:
        """Cancel the pending restart, if there is one."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None


class Child:
    """A supervisor's record of one child. It stays the same object through restarts."""

    __slots__ = ("_process", "_sleeps_under", "_trouble", "spec")

    def __init__(self, spec: ChildSpec[Any]) -> None:
        self.spec = spec
        self._sleeps_under: Parent | None = None
        self._process: GenServer | None = None
        self._trouble: RestartHistory | None = None

    def __repr__(self) -> str:
        return f"<Child {self.id!r} {self.state} {self._process!r}>"

    @property
    def id(self) -> Hashable:
        """The spec's id; a child without one is its own id."""
        return self if self.spec.id is None else self.spec.id

    @property
    def process(self) -> GenServer | None:
        """The living process; None while the child is restarting or quarantined.

        Asking for it starts a child that is asleep.
        """
        if self._sleeps_under is not None:
            return self._sleeps_under._wake(self)
        process = self._process
        return process if process is not None and process.alive else None

    @property
    def asleep(self) -> bool:
        """Whether it has no process now, and starts as soon as its process is asked for."""
        return self._sleeps_under is not None

    @property
    def state(self) -> Literal["running", "restarting", "quarantined"]:
        """Its present state."""
        return "running" if self._trouble is None else self._trouble.state

    @property
    def reason(self) -> ExitReason | None:
        """Why the last incarnation ended; None if this is the first."""
        return None if self._trouble is None else self._trouble.reason

    @property
    def legacy(self) -> Any:
        """The value that the living or the last incarnation leaves to the next."""
        if self._process is not None:
            return self._process.legacy
        return None if self._trouble is None else self._trouble.legacy

    @property
    def restarts(self) -> int:
        """How many times it was restarted, including failed attempts."""
        return 0 if self._trouble is None else self._trouble.restarts

    @property
    def since(self) -> float | None:
        """When the present state began, in seconds of the runtime's clock; None if unknown."""
        return None if self._trouble is None else self._trouble.since

    def _troubled(self) -> RestartHistory:
        if self._trouble is None:
            self._trouble = RestartHistory()
        return self._trouble

    def _enter(
        self, state: Literal["running", "restarting", "quarantined"], runtime: Runtime
    ) -> RestartHistory:
        trouble = self._troubled()
        trouble.state = state
        trouble.since = runtime.clock.time()
        return trouble

    def _forget_arguments(self) -> None:
        """A temporary child is never restarted: do not keep its start arguments alive."""
        spec = self.spec
        if spec.restart == "temporary" and (spec.args or spec.kwargs):
            self.spec = msgspec.structs.replace(spec, args=(), kwargs=_NOTHING)

    def _wants_restart(self, reason: ExitReason) -> bool:
        restart = self.spec.restart
        return restart == "permanent" or (restart == "transient" and not is_clean(reason))


class ChildCount(msgspec.Struct, frozen=True):
    """How many children a supervisor has.

    Attributes:
        specs: all of them, in any state.
        active: those with a living process, or one that is asleep.
        workers: those that are workers, alive or not.
        supervisors: those that are supervisors, alive or not.
        restarting: those waiting for a restart.
        quarantined: those whose own restart budget is spent.
    """

    specs: int
    active: int
    workers: int
    supervisors: int
    restarting: int
    quarantined: int


class TryRestart(msgspec.Struct, frozen=True):
    """A supervisor's message to itself; stale once the child has changed in any way.

    Attributes:
        child: the child to restart.
        restarts: its number of restarts when this was sent.
        due: whether the back-off, if there is one, is over.
    """

    child: Child
    restarts: int
    due: bool = False


class Parent(GenServer):
    """The base of all supervisors: a process that traps exits and outlives its children."""

    __slots__ = ("_children",)

    trap_exit = True
    shutdown = "infinity"

    def __init__(self, runtime: Runtime, parent: GenServer | None, child: Child | None) -> None:
        super().__init__(runtime, parent, child)
        self._children: dict[Hashable, Child] = {}

    def child(self, key: Hashable) -> Child | None:
        """The record of the child with this id."""
        return self._children.get(key)

    def which_children(self) -> list[Child]:
        """The records of all children, in the order in which they were started."""
        return list(self._children.values())

    def count_children(self) -> ChildCount:
        """How many children there are, by state and type."""
        children = self.which_children()
        states = [child.state for child in children]
        supervisors = sum(child.spec.supervises for child in children)
        return ChildCount(
            specs=len(children),
            active=sum(child.asleep or child.process is not None for child in children),
            workers=len(children) - supervisors,
            supervisors=supervisors,
            restarting=states.count("restarting"),
            quarantined=states.count("quarantined"),
        )

    def _wake(self, child: Child) -> GenServer | None:
        """Start a child that is asleep; only a supervisor with such children can."""
        raise NotImplementedError

    def _offspring(self) -> list[GenServer]:
        return [c._process for c in self.which_children() if c._process is not None]

    def _after_exit(self, reason: ExitReason) -> None:
        """Normally no child is left; after a kill the children learn that their supervisor is gone."""
        told = SHUTDOWN if isinstance(reason, Normal) else reason
        for child in reversed(self.which_children()):
            if child._trouble is not None:
                child._trouble.stop_timer()
            if child._process is not None:
                ending.signal(child._process, self, told)

    def _launch(self, child: Child, extra: tuple[Any, ...] = ()) -> GenServer:
        """Start the next incarnation of `child`; raises the errors of a start."""
        spec = child.spec
        args = extra + spec.args if extra else spec.args
        kwargs = dict(spec.kwargs) if spec.kwargs else None
        process: GenServer = self.runtime._spawn(
            spec.start, args, kwargs, self, child, child.legacy
        )
        child._process = process
        return process


class GroupStop:
    """Stops several processes at once, each with its own deadline."""

    __slots__ = ("_future", "_left", "_timers")

    def __init__(self, supervisor: Parent, processes: Iterable[GenServer]) -> None:
        """Signal all of them; those that need no time are gone on return."""
        runtime = supervisor.runtime
        self._future: asyncio.Future[None] = runtime.loop.create_future()
        self._timers: list[TimerHandle] = []
        self._left = 1  # one for ourselves, until all have been told
        # One timer per deadline, not per child: ten thousand children share theirs.
        waiting: dict[float, list[GenServer]] = {}
        for process in processes:
            self._left += 1
            ending.watch(process, self)
            child = process._child
            grace = process.shutdown if child is None else child.spec.grace
            if grace == "brutal_kill":
                ending.kill(process)
                continue
            ending.signal(process, supervisor, SHUTDOWN)
            if process._state != DEAD and not isinstance(grace, str):
                waiting.setdefault(grace, []).append(process)
        for grace, late in waiting.items():
            self._timers.append(runtime.clock.call_later(grace, _kill_all, late))
        self._told(supervisor, KILLED)

    @property
    def done(self) -> bool:
        """Whether all are gone."""
        return self._left == 0

    async def wait(self) -> None:
        """Wait until all are gone. The deadlines hold even if nobody waits."""
        await self._future

    def _told(self, process: GenServer, reason: ExitReason) -> None:
        self._left -= 1
        if self._left == 0:
            for timer in self._timers:
                timer.cancel()
            if not self._future.done():
                self._future.set_result(None)


def _kill_all(processes: list[GenServer]) -> None:
    for process in processes:
        ending.kill(process)
