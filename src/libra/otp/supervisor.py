"""Supervisor: a fixed list of children, started in order and stopped in reverse.

**The problem.** The parts of a program depend on one another: a registry, the processes that register
in it, a server in front. They must start in that order and stop in reverse. If one fails, those that
relied on its state must be restarted with it.

    runtime.start(
        Supervisor,
        [ChildSpec(Registry, id="registry"), ChildSpec(DynamicSupervisor, id="pages")],
        strategy="rest_for_one",
    )

`one_for_one` restarts the child that failed; `rest_for_one` that child and those after it, which may
rely on it; `one_for_all` every child. After more than `max_restarts` in `max_seconds` the supervisor
stops all children and ends with `SHUTDOWN`: its own supervisor then decides.

**When not to use it.** For children that come and go, use `DynamicSupervisor`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import Any, Literal

from libra.otp._process.children import Child, ChildSpec, GroupStop, Intensity, Parent, TryRestart
from libra.otp._process.exits import (
    SHUTDOWN,
    ExitReason,
    Failed,
    Ignored,
    InvalidSpec,
    NotFound,
    StartError,
)
from libra.otp._process.genserver import GenServer
from libra.otp._process.mailbox import post_info
from libra.otp._process.messages import Stop, TaskDone, TaskFailed
from libra.otp._process.states import TERMINATING
from libra.otp._process.tasks import TaskRef

__all__ = ["Strategy", "Supervisor"]

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]


class Supervisor(Parent):
    """Runs a fixed list of children."""

    __slots__ = ("_deferred", "_intensity", "_regrouping", "_strategy")

    def init(
        self,
        children: Sequence[ChildSpec[Any]] = (),
        *,
        strategy: Strategy = "one_for_one",
        max_restarts: int = 3,
        max_seconds: float = 5.0,
    ) -> Stop | None:
        """Start the children in order; if one fails those before it are stopped again.

        Args:
            children: what to run; ids must differ.
            strategy: which children are restarted with a child that failed.
            max_restarts: how many restarts are allowed within `max_seconds`.
            max_seconds: the sliding window of the budget.
        """
        if strategy not in ("one_for_one", "one_for_all", "rest_for_one"):
            raise InvalidSpec(f"there is no strategy {strategy!r}")
        self._strategy = strategy
        self._intensity = Intensity(max_restarts, max_seconds)
        self._regrouping: TaskRef | None = None
        self._deferred: list[TryRestart] = []
        for spec in children:
            if not isinstance(spec, ChildSpec):
                raise InvalidSpec(f"a ChildSpec is needed, not {type(spec).__name__}")
            child = Child(spec)
            if child.id in self._children:
                raise InvalidSpec(f"two children have the id {child.id!r}")
            self._children[child.id] = child
        for child in self.which_children():
            try:
                self._begin(child)
            except StartError as error:
                return Stop(Failed(f"child {child.id!r} did not start: {error.reason}"))
        return None

    def restart_child(self, which: Hashable) -> None:
        """Start a child again that has ended and is not restarted automatically.

        As OTP's ``supervisor:restart_child/2``. A child that runs or is about to run is left alone.

        Raises:
            NotFound: there is no such child.
            StartError: it did not start.
        """
        child = self._children.get(which)
        if child is None:
            raise NotFound(f"there is no child {which!r}")
        if child._process is None and child.state == "running" and self._state < TERMINATING:
            self._begin(child)

    # --- Callbacks ---

    def handle_info(self, message: Any) -> Stop | None:
        """Restart children; anything else is logged."""
        if isinstance(message, TryRestart):
            if self._regrouping is not None:
                # One restart at a time, as in a supervisor that blocks.
                self._deferred.append(message)
                return None
            return self._restart(message)
        if isinstance(message, TaskDone) and message.ref is self._regrouping:
            self._regrouping = None
            self._begin_all(message.tag)
            deferred, self._deferred = self._deferred, []
            for each in deferred:
                post_info(self, each)
            return None
        if isinstance(message, TaskFailed):
            raise message.error
        super().handle_info(message)
        return None

    def terminate(self, reason: ExitReason) -> None:
        """Stop the children in reverse order, each once the one after it is gone."""
        if self._offspring():
            self.start_task(self._stop_in_reverse(self.which_children()))

    # --- Helpers ---

    def _child_exited(self, child: Child, process: GenServer, reason: ExitReason) -> None:
        child._process = None
        trouble = child._troubled()
        trouble.reason = reason
        trouble.legacy = process.legacy
        if self._state >= TERMINATING:
            return
        if child.spec.restart == "temporary":
            self._children.pop(child.id, None)
        elif trouble.stopping:
            child._enter("restarting", self.runtime)
        elif child._wants_restart(reason):
            child._enter("restarting", self.runtime)
            post_info(self, TryRestart(child, trouble.restarts))

    def _restart(self, message: TryRestart) -> Stop | None:
        child, runtime = message.child, self.runtime
        trouble = child._troubled()
        if trouble.state != "restarting" or trouble.restarts != message.restarts:
            return None  # restarted since, together with another
        if not self._intensity.add(runtime.clock.time()):
            runtime.log.error("%r has reached its restart limit and shuts down", self)
            return Stop(SHUTDOWN)
        group = self._group(child)
        if any(other._process is not None for other in group):
            self._regrouping = self.start_task(self._stop_in_reverse(group), tag=child)
        else:
            self._begin_all(child)
        return None

    def _group(self, child: Child) -> list[Child]:
        """The children that are restarted together with `child`, in the order of start."""
        if self._strategy == "one_for_one":
            return [child]
        children = self.which_children()
        return children if self._strategy == "one_for_all" else children[children.index(child) :]

    def _begin_all(self, failed: Child) -> None:
        """Start the group of `failed`; if one fails, try again by a message to ourselves."""
        for child in self._group(failed):
            child._troubled().restarts += 1
            try:
                self._begin(child)
            except StartError as error:
                trouble = child._enter("restarting", self.runtime)
                trouble.reason = error.reason
                post_info(self, TryRestart(child, trouble.restarts))
                return
            self.runtime.counts.restarted += 1

    def _begin(self, child: Child) -> None:
        try:
            self._launch(child)
            child._forget_arguments()
        except Ignored:
            if child.spec.restart == "temporary":
                self._children.pop(child.id, None)
        if child._trouble is not None:
            child._trouble.stopping = False
            child._enter("running", self.runtime)

    async def _stop_in_reverse(self, children: Iterable[Child]) -> None:
        for child in reversed(list(children)):
            process = child._process
            if process is not None:
                child._troubled().stopping = True
                await GroupStop(self, [process]).wait()
