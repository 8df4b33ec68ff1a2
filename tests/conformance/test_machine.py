"""Supervisor and registry under any order of events, against a model.

Whatever happens in whatever order: no zombie, no stale name, no lost child, and siblings keep
their identities.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any, Literal

import pytest
import uvloop
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from libra.otp import (
    NORMAL,
    SHUTDOWN,
    AlreadyRegistered,
    AlreadyStarted,
    ChildSpec,
    DynamicSupervisor,
    GenServer,
    NotFound,
    ProcessExited,
    Registry,
    Runtime,
    Stop,
    Supervisor,
)
from libra.otp.testing import FakeClock, settle
from support.actors import Actor, Named, Slow, boom, for_ever

Restart = Literal["permanent", "transient", "temporary"]

EVERYBODY = "abcde"
KEYS = st.sampled_from(EVERYBODY)
RESTARTS: st.SearchStrategy[Restart] = st.sampled_from(["permanent", "transient", "temporary"])


class SlowNamed(Slow):
    """Registers itself, and takes a second to go."""

    __slots__ = ()

    def init(self, *args: Any, **kwargs: Any) -> None:
        registry, key = args
        super().init(1.0)
        registry.register(key, self)


class Tree(RuleBasedStateMachine):
    """The machine; `model` maps the ids of the children that there must be to restart types."""

    loop_factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=type(self).loop_factory)
        self.tasks: list[asyncio.Task[None]] = []
        self.model: dict[str, Restart] = {}
        self.going: set[str] = set()  # asked to go, and taking their time
        self.squatters: dict[str, GenServer] = {}
        self.running: dict[str, GenServer] = {}  # as of the last check
        self.touched: set[str] = set()  # whom the last rule may have replaced

    @initialize()
    def plant(self) -> None:
        async def plant() -> None:
            self.clock = FakeClock()
            self.runtime = Runtime(clock=self.clock)
            self.root = self.runtime.start(
                Supervisor,
                [ChildSpec(Registry, id="registry"), ChildSpec(DynamicSupervisor, id="pages")],
                max_restarts=1_000_000,
            )

        self.run(plant())

    # --- What may happen ---

    @rule(key=KEYS, restart=RESTARTS, slow=st.booleans(), busy=st.booleans())
    def start(self, key: str, restart: Restart, slow: bool, busy: bool) -> None:
        async def start() -> None:
            kind = SlowNamed if slow else Named
            spec = ChildSpec(kind, (self.registry, key), id=key, restart=restart)
            if key in self.model:
                with pytest.raises(AlreadyStarted):
                    self.pages.start_child(spec)
            elif key in self.squatters:
                with pytest.raises(AlreadyStarted) as caught:
                    self.pages.start_child(spec)
                assert caught.value.process is self.squatters[key]
            else:
                process = self.pages.start_child(spec)
                assert process is not None
                self.model[key] = restart
                if busy:
                    process.start_task(for_ever())

        self.run(start(), key)

    @rule(key=KEYS, at_once=st.booleans())
    def crash(self, key: str, at_once: bool) -> None:
        self.end(key, boom, clean=False, at_once=at_once)

    @rule(key=KEYS, at_once=st.booleans())
    def exit_normally(self, key: str, at_once: bool) -> None:
        self.end(key, lambda *_: Stop(NORMAL), clean=True, at_once=at_once)

    def end(self, key: str, how: Any, *, clean: bool, at_once: bool) -> None:
        async def end() -> None:
            process = self.process(key)
            if process is None or key in self.going:
                return
            if at_once:
                with contextlib.suppress(ProcessExited):
                    await process.call(how)
            else:
                process.cast(lambda me: how(me, None))
                await settle()
            assert not process.alive
            restart = self.model[key]
            if restart == "temporary" or (restart == "transient" and clean):
                self.leaves(key, process)

        self.run(end(), key)

    @rule(key=KEYS)
    def terminate(self, key: str) -> None:
        async def terminate() -> None:
            if key not in self.model:
                with pytest.raises(NotFound):
                    await self.pages.terminate_child(key)
                return
            process = self.process(key)
            task = asyncio.ensure_future(self.pages.terminate_child(key))
            await settle()
            self.leaves(key, process)
            if not task.done():
                self.tasks.append(task)

        self.run(terminate(), key)

    @rule(key=KEYS)
    def take_the_name(self, key: str) -> None:
        async def take() -> None:
            stranger = self.runtime.start(Actor)
            try:
                self.registry.register(key, stranger)
            except AlreadyRegistered:
                await stranger.stop()
            else:
                self.squatters[key] = stranger

        self.run(take())

    @rule(key=KEYS)
    def give_the_name_back(self, key: str) -> None:
        if key in self.squatters:
            self.run(self.squatters.pop(key).stop())

    @rule(key=KEYS)
    def register_again(self, key: str) -> None:
        async def again() -> None:
            process = self.process(key)
            if process is not None:
                with pytest.raises(AlreadyRegistered):
                    self.registry.register(key, process)
                self.registry.unregister(key, process)
                assert self.registry.whereis(key) is None
                self.registry.register(key, process)

        self.run(again())

    @rule(key=KEYS)
    def retry(self, key: str) -> None:
        async def retry() -> None:
            if key in self.model:
                self.pages.retry_child(key)
                await settle()
            else:
                with pytest.raises(NotFound):
                    self.pages.retry_child(key)

        self.run(retry(), key)

    @rule()
    def let_it_settle(self) -> None:
        self.run(settle(), *self.model)

    @rule(seconds=st.sampled_from([0.3, 1.0, 5.0, 100.0]))
    def advance(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds), *self.waiting())

    @rule()
    def crash_the_supervisor(self) -> None:
        async def crash() -> None:
            self.pages.cast("it has no casts, so this crashes it")
            await self.clock.advance(2)
            self.model.clear()
            self.going.clear()

        self.run(crash(), *EVERYBODY)

    @precondition(lambda self: len(self.model) > 2)
    @rule()
    def shut_down(self) -> None:
        async def shut_down() -> None:
            stop = asyncio.ensure_future(self.pages.stop(SHUTDOWN))
            await self.clock.advance(2)
            await stop
            self.model.clear()
            self.going.clear()

        self.run(shut_down(), *EVERYBODY)

    # --- What must hold after each of them ---

    @invariant()
    def names_lead_to_the_living_only(self) -> None:
        for entry in self.registry.select():
            assert entry.process.alive
            assert self.registry.whereis(str(entry.key)) is entry.process
        for key, process in self.squatters.items():
            assert self.registry.whereis(key) is process

    @invariant()
    def no_child_is_lost_and_none_is_left_over(self) -> None:
        self.forget_those_who_are_gone()
        assert {child.id for child in self.pages.which_children()} == set(self.model)
        for child in self.pages.which_children():
            if child.state == "running" and child.id not in self.going:
                process = child.process
                if process is None:
                    # A crash whose tasks have not ended yet: it is about to be restarted.
                    assert child in [c for c in self.pages.which_children() if c._process]
                else:
                    assert self.registry.whereis(str(child.id)) is process
            elif child.state != "running":
                assert child.process is None
                assert child.reason is not None

    @invariant()
    def no_zombies(self) -> None:
        everybody = [process for _, process in self.runtime.processes()]
        assert len(everybody) == len(set(everybody)) == self.runtime.counts.alive
        assert all(process.exit_reason is None or process._ties for process in everybody)

    @invariant()
    def siblings_keep_their_identities(self) -> None:
        now = {str(c.id): c.process for c in self.pages.which_children() if c.process}
        for key, process in self.running.items():
            if key not in self.touched and key in self.model and key not in self.going:
                assert now.get(key) is process
        self.running = now
        self.touched = set()

    def teardown(self) -> None:
        async def end() -> None:
            stop = asyncio.ensure_future(self.runtime.shutdown())
            await self.clock.advance(100)
            assert stop.done()
            await asyncio.gather(stop, *self.tasks)
            assert self.runtime.counts.alive == 0
            assert list(self.runtime.processes()) == []
            assert self.clock.pending == 0
            assert not self.runtime.abandoned
            assert asyncio.all_tasks() == {asyncio.current_task()}

        with self.runner:
            self.runner.run(end())

    # --- Helpers ---

    def run(self, coro: Coroutine[Any, Any, Any], *touched: str) -> None:
        """Let something happen; only `touched` may be other processes afterwards."""
        self.touched.update(touched)

        async def step() -> None:
            # The loop stood still since the last step; who was on the way out may be gone now.
            if hasattr(self, "root"):
                self.forget_those_who_are_gone()
            await coro

        self.runner.run(step())

    @property
    def registry(self) -> Registry:
        child = self.root.child("registry")
        assert child is not None
        assert isinstance(child.process, Registry)
        return child.process

    @property
    def pages(self) -> DynamicSupervisor:
        child = self.root.child("pages")
        assert child is not None
        assert isinstance(child.process, DynamicSupervisor)
        return child.process

    def process(self, key: str) -> GenServer | None:
        child = self.pages.child(key)
        return None if child is None else child.process

    def waiting(self) -> list[str]:
        """Those that time may bring back."""
        return [str(c.id) for c in self.pages.which_children() if c.state == "restarting"]

    def leaves(self, key: str, process: GenServer | None) -> None:
        """`key` is on its way out; it may take its time."""
        if self.pages.child(key) is None:
            del self.model[key]
            self.going.discard(key)
        else:
            assert process is None or not process.alive
            self.going.add(key)

    def forget_those_who_are_gone(self) -> None:
        for key in list(self.going):
            if self.pages.child(key) is None:
                self.going.discard(key)
                del self.model[key]


class TreeOnUvloop(Tree):
    loop_factory = uvloop.new_event_loop


@pytest.mark.parametrize(("machine", "examples"), [(Tree, 120), (TreeOnUvloop, 40)])
def test_no_order_of_events_makes_a_zombie_a_stale_name_or_a_lost_child(
    machine: type[Tree], examples: int
) -> None:
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
