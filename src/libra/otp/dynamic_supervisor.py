"""DynamicSupervisor: any number of children, started and stopped at any time.

**The problem.** Thousands of processes come and go, and some of them crash. A supervisor must restart
them, must know when to stop trying, and must stop them all in an orderly way at the end. In OTP all
children of a dynamic supervisor share *one* restart budget. A single child that crashes in a loop
spends it, and the supervisor then ends together with every healthy sibling. It is the best-known way
in which supervision itself causes an outage.

**Here every child has its own budget**: 3 restarts in 60 seconds by default, the first at once, the
next after a back-off that doubles. A child that exceeds it is *quarantined*: it is not running, but
the supervisor still knows it, why it failed and its legacy (`Child.reason`, `Child.legacy`). It can be
retried or terminated. Its siblings are not affected. The supervisor-wide budget remains as the last
resort against a fault that hits every child.

    supervisor = runtime.start(DynamicSupervisor, max_children=10_000)
    page = supervisor.start_child(ChildSpec(PageInspector, (url,), id=page_id, restart="transient"))
    ...
    supervisor.child(page_id).state        # "running", "restarting" or "quarantined"
    await supervisor.terminate_child(page_id)

**When not to use it.** For a fixed set of children, or when their order matters, use `Supervisor`. For
work that nobody needs to talk to, use a task (`start_task`).

With `child_max_restarts=None` it behaves as OTP's does: one shared budget of 3 in 5 seconds, no
back-off, no quarantine.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable
from typing import Any, TypeVar, cast

from libra.otp._process.children import Child, ChildSpec, GroupStop, Intensity, Parent, TryRestart
from libra.otp._process.exits import (
    NOPROC,
    SHUTDOWN,
    AlreadyStarted,
    ExitReason,
    Ignored,
    InvalidSpec,
    MaxChildren,
    NotFound,
    ProcessExited,
    StartError,
)
from libra.otp._process.genserver import GenServer
from libra.otp._process.mailbox import post_info
from libra.otp._process.messages import Stop
from libra.otp._process.states import TERMINATING

__all__ = ["DynamicSupervisor"]

P = TypeVar("P", bound=GenServer)

#: Supervisor-wide restarts in `max_seconds`, with and without budgets per child.
LAST_RESORT = 1_000
OTP_DEFAULT = 3


class DynamicSupervisor(Parent):
    """Starts, restarts and stops children of any kind, each on its own."""

    __slots__ = (
        "_backoff",
        "_backoff_cap",
        "_child_max_restarts",
        "_child_max_seconds",
        "_extra",
        "_given_up",
        "_intensity",
        "_max_children",
        "_on_quarantine",
    )

    def init(
        self,
        *,
        max_children: int | None = None,
        max_restarts: int | None = None,
        max_seconds: float = 5.0,
        child_max_restarts: int | None = 3,
        child_max_seconds: float = 60.0,
        backoff: float = 0.5,
        backoff_cap: float = 30.0,
        extra_arguments: tuple[Any, ...] = (),
        on_quarantine: Callable[[Child], None] | None = None,
    ) -> None:
        """Start without children.

        Args:
            max_children: how many there may be, those restarting or quarantined included.
            max_restarts: restarts of all children together within `max_seconds`, beyond which
                all are stopped and the supervisor ends with `SHUTDOWN`. None: 1,000, or OTP's 3
                if children have no budgets of their own.
            max_seconds: the window of `max_restarts`.
            child_max_restarts: restarts of one child within `child_max_seconds`, beyond which
                it is quarantined. None: children have no budgets of their own.
            child_max_seconds: the window of `child_max_restarts`.
            backoff: seconds before the second restart within the window; doubles with each.
            backoff_cap: seconds that the back-off does not exceed.
            extra_arguments: given to the `init` of every child before the spec's own.
            on_quarantine: called shortly afterwards with the child that was quarantined.
        """
        if max_restarts is None:
            max_restarts = OTP_DEFAULT if child_max_restarts is None else LAST_RESORT
        # Kept apart, since this list is often asked for, and there may be a hundred thousand children.
        self._given_up: dict[Hashable, Child] = {}
        self._max_children = max_children
        self._intensity = Intensity(max_restarts, max_seconds)
        self._child_max_restarts = child_max_restarts
        self._child_max_seconds = child_max_seconds
        self._backoff = backoff
        self._backoff_cap = backoff_cap
        self._extra = extra_arguments
        self._on_quarantine = on_quarantine

    def start_child(self, spec: ChildSpec[P]) -> P | None:
        """Start a child and return it once its `init` has; None if it returned `Ignore`.

        Raises:
            StartError: `init` raised or returned `Stop`; there is no such child.
            AlreadyStarted: there is a child with this id, in any state.
            MaxChildren: there are `max_children` already.
            InvalidSpec: `spec` is not a ChildSpec.
            ProcessExited: the supervisor has ended, or is about to.
        """
        child = self._admit(spec)
        children, key = self._children, child.id
        try:
            process = self._launch(child, self._extra)
        except Ignored:
            del children[key]
            return None
        except BaseException:
            del children[key]
            raise
        child._forget_arguments()
        return cast("P", process)

    def add_asleep(self, spec: ChildSpec[Any]) -> Child:
        """Add a child whose process starts when it is first needed (`Child.process`).

        For many children that have nothing to do until they receive a message. To others such a child
        looks like a hibernated process: it is a child, it counts, and a caller that finds it can call
        it. Let a `Registry` find it with ``wake=supervisor.wake_child``. If its start fails then, that
        is a crash.

        Args:
            spec: as for `start_child`; it needs an id.

        Raises:
            AlreadyStarted: there is a child with this id, in any state.
            MaxChildren: there are `max_children` already.
            InvalidSpec: `spec` is not a ChildSpec, or has no id.
            ProcessExited: the supervisor has ended, or is about to.
        """
        if spec.id is None:
            raise InvalidSpec("a sleeping child needs an id")
        child = self._admit(spec)
        child._sleeps_under = self
        return child

    def wake_child(self, key: Hashable) -> GenServer | None:
        """Start and return the process of a child that is asleep; None if no such child is."""
        child = self._children.get(key)
        return None if child is None or not child.asleep else child.process

    def quarantine_child(self, spec: ChildSpec[Any], reason: ExitReason) -> None:
        """Add a child that is not started until it is retried.

        Args:
            spec: as for `start_child`; it needs an id.
            reason: the reason to show, as if its last incarnation had ended with it.

        Raises:
            AlreadyStarted: there is a child with this id, in any state.
            InvalidSpec: the spec has no id.
            ProcessExited: the supervisor has ended, or is about to.
        """
        if spec.id is None:
            raise InvalidSpec("a quarantined child needs an id")
        if self._state >= TERMINATING:
            raise ProcessExited(NOPROC)
        if spec.id in self._children:
            raise AlreadyStarted(self._children[spec.id].process)
        child = self._children[spec.id] = Child(spec)
        child._troubled().reason = reason
        self._quarantine(child)

    async def terminate_child(self, which: Hashable) -> None:
        """Stop a child for good, in any state, and wait until it is gone.

        Args:
            which: its id, its process or its `Child`.

        Raises:
            NotFound: there is no such child (any more).
        """
        child = self._find(which)
        child._sleeps_under = None
        process = child._process
        if process is None:
            self._forget(child)
            return
        child._troubled().stopping = True
        await GroupStop(self, [process]).wait()

    def quarantined(self) -> list[Child]:
        """The children whose own restart budget is spent."""
        return list(self._given_up.values())

    def retry_child(self, key: Hashable) -> None:
        """Start a quarantined (or waiting) child again soon, with a fresh budget.

        Raises:
            NotFound: there is no such child.
        """
        child = self._find(key)
        if child.state != "running":
            trouble = child._enter("restarting", self.runtime)
            self._given_up.pop(child.id, None)
            trouble.stop_timer()
            trouble.budget = None
            post_info(self, TryRestart(child, trouble.restarts))

    # --- Callbacks ---

    def handle_info(self, message: Any) -> Stop | None:
        """Restart a child; anything else is logged."""
        if not isinstance(message, TryRestart):
            super().handle_info(message)
            return None
        child = message.child
        trouble = child._trouble
        if (
            trouble is None
            or trouble.restarts != message.restarts
            or self._children.get(child.id) is not child
        ):
            return None  # terminated, or already restarted, since
        if not message.due and self._must_wait(child):
            return None
        return self._restart(child)

    def terminate(self, reason: ExitReason) -> None:
        """Stop all children at once; the exit is complete when the slowest is gone."""
        for child in self._children.values():
            if child._trouble is not None:
                child._trouble.stop_timer()
        stopping = GroupStop(self, self._offspring())
        if not stopping.done:
            self.start_task(stopping.wait())

    # --- Helpers ---

    def _admit(self, spec: ChildSpec[Any]) -> Child:
        """A new child, known before it runs: its init may start siblings."""
        if not isinstance(spec, ChildSpec):
            raise InvalidSpec(f"a ChildSpec is needed, not {type(spec).__name__}")
        if self._state >= TERMINATING:
            raise ProcessExited(NOPROC)
        children = self._children
        child = Child(spec)
        key: Hashable = child if spec.id is None else spec.id
        if key in children:
            raise AlreadyStarted(None if children[key].asleep else children[key].process)
        if self._max_children is not None and len(children) >= self._max_children:
            raise MaxChildren(self._max_children)
        children[key] = child
        return child

    def _wake(self, child: Child) -> GenServer | None:
        child._sleeps_under = None
        if self._state >= TERMINATING or self._children.get(child.id) is not child:
            return None
        try:
            return self._launch(child, self._extra)
        except Ignored:
            self._forget(child)
        except StartError as error:
            trouble = child._enter("restarting", self.runtime)
            trouble.reason = error.reason
            post_info(self, TryRestart(child, trouble.restarts))
        return None

    def _find(self, which: Hashable) -> Child:
        if isinstance(which, GenServer):
            child = which._child if which._parent is self else None
        else:
            child = self._children.get(which)
        if child is None or self._children.get(child.id) is not child:
            raise NotFound(f"{self!r} has no child {which!r}")
        return child

    def _forget(self, child: Child) -> None:
        if child._trouble is not None:
            child._trouble.stop_timer()
        self._children.pop(child.id, None)
        self._given_up.pop(child.id, None)

    def _child_exited(self, child: Child, process: GenServer, reason: ExitReason) -> None:
        child._process = None
        stopping = child._trouble is not None and child._trouble.stopping
        if self._state >= TERMINATING or stopping or not child._wants_restart(reason):
            self._forget(child)
            return
        trouble = child._enter("restarting", self.runtime)
        trouble.reason = reason
        trouble.legacy = process.legacy
        # By message, not here: this may run deep inside the handler that crashed.
        post_info(self, TryRestart(child, trouble.restarts))

    def _must_wait(self, child: Child) -> bool:
        """Charge the child's own budget; whether it is quarantined, or must back off first."""
        limit = self._child_max_restarts
        if limit is None:
            return False
        trouble = child._troubled()
        if trouble.budget is None:
            trouble.budget = Intensity(limit, self._child_max_seconds)
        clock = self.runtime.clock
        if not trouble.budget.add(clock.time()):
            self._quarantine(child)
            return True
        tries = len(trouble.budget)
        if tries == 1:
            return False
        delay = min(self._backoff_cap, self._backoff * 2.0 ** (tries - 2))
        # Up to half of it at random: children that failed together should not return together.
        delay *= 1 - random.random() / 2
        due = TryRestart(child, trouble.restarts, due=True)
        trouble.timer = clock.call_later(delay, post_info, self, due)
        return True

    def _quarantine(self, child: Child) -> None:
        runtime = self.runtime
        trouble = child._enter("quarantined", runtime)
        self._given_up[child.id] = child
        trouble.budget = None
        runtime.log.error("%r gives up on child %s: %s", self, child.id, trouble.reason)
        if self._on_quarantine is not None:
            # Later, not now: an exception of the hook must not end the supervisor.
            runtime.loop.call_soon(self._tell, child, context=runtime._context)

    def _tell(self, child: Child) -> None:
        # Somebody may have retried or deleted it in the meantime.
        if self._on_quarantine is not None and self._given_up.get(child.id) is child:
            self._on_quarantine(child)

    def _restart(self, child: Child) -> Stop | None:
        runtime = self.runtime
        if not self._intensity.add(runtime.clock.time()):
            runtime.log.error("%r has reached its restart limit and shuts down", self)
            return Stop(SHUTDOWN)
        trouble = child._troubled()
        trouble.restarts += 1
        try:
            self._launch(child, self._extra)
        except Ignored:
            self._forget(child)
        except StartError as error:
            trouble.reason = error.reason
            post_info(self, TryRestart(child, trouble.restarts))
        else:
            child._enter("running", runtime)
            runtime.counts.restarted += 1
        return None
