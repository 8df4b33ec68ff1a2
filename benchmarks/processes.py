"""Starts, restarts and calls of processes per second, beside Elixir on one core each.

A start is a supervised, registered process on either side; a restart is from the crash to the next
incarnation's registration. Elixir walks through every restart of the last second at each restart,
so a storm is measured beside a wave: 1,000 of 50,000 crash at once, or all do.
"""

from __future__ import annotations

import asyncio
import json
import logging
import statistics
import time
from collections.abc import Iterable
from typing import ClassVar

from benchmarks import erlang, machine
from benchmarks.figures import Figure, Rounds, Sample, Skipped
from libra.otp import ChildSpec, DynamicSupervisor, From, GenServer, Registry, Reply, Runtime

WAVE = 1_000


def measure(rounds: Rounds) -> Iterable[Figure | Skipped]:
    """Starts, restarts in a wave and in a storm, and calls."""
    count = rounds.pick(50_000, 10_000)
    subject, _, _ = machine.cores()
    libra = list[dict[str, float]]()
    peer = list[dict[str, float]]()
    try:
        command = erlang.elixir("processes.exs", count)
    except machine.Lacking as lack:
        command = []
        rounds.skipped.append(Skipped("processes beside Elixir", str(lack)))
    for _ in range(rounds.count):
        libra.append(machine.child("processes:rates", core=subject, count=count))
        if command:
            said = machine.run(command, core=subject)
            peer.append(json.loads(said.splitlines()[-1]))

    def figure(
        what: str, name: str, bar: float | None = None, aim: float | None = None, note: str = ""
    ) -> Figure:
        mine = Sample(tuple(one[name] for one in libra), "/s")
        other = Sample(tuple(one[name] for one in peer), "/s") if peer else None
        return Figure(what, mine, other, "Elixir", bar, aim, note=note)

    yield figure(
        f"Start of a process (supervised, registered), {count:,} of them",
        "starts",
        0.5,
        1.5,
        note="One caller, one core; nothing else runs.",
    )
    yield figure(
        f"  restarts, {WAVE:,} crash at once",
        "wave",
        note="Logs are off on both sides. Libra still makes a crash report with its traceback.",
    )
    yield figure(
        f"  restarts, all {count:,} crash at once",
        "storm",
        note="Elixir's supervisor walks through all restarts of the last second at each restart.",
    )
    yield figure("  calls by name, one after the other", "calls")


class Page(GenServer):
    """Registers itself, counts its incarnation, answers, and crashes when told."""

    __slots__ = ()

    started: ClassVar[int] = 0
    all_started: ClassVar[asyncio.Event]
    target: ClassVar[int] = -1

    def init(self, registry: Registry, key: str) -> None:
        """Count, and say so when the awaited number is reached."""
        registry.register(key, self)
        Page.started += 1
        if Page.started == Page.target:
            Page.all_started.set()

    def handle_call(self, request: object, sender: From) -> Reply:
        """Answer nothing, as the peer does."""
        return Reply(None)

    def handle_cast(self, message: object) -> None:
        """Crash."""
        raise RuntimeError("boom")


async def rates(count: int) -> dict[str, float]:
    """Each rate per second."""
    logging.disable()  # as in the peer: what is measured is supervision, not a log
    runtime = Runtime(on_crash=lambda _report: None)
    registry = runtime.start(Registry)
    pages = runtime.start(
        DynamicSupervisor, max_restarts=10**9, max_seconds=1, child_max_restarts=None
    )

    def start(key: str) -> None:
        pages.start_child(ChildSpec(start=Page, args=(registry, key), id=key, restart="permanent"))

    for number in range(count // 10):
        start(f"warm-{number}")
    keys = [f"page-{number}" for number in range(count)]
    began = time.perf_counter()
    for key in keys:
        start(key)
    found = {"starts": count / (time.perf_counter() - began)}

    began = time.perf_counter()
    for key in keys:
        await _named(registry, key).call(None)
    found["calls"] = count / (time.perf_counter() - began)

    waves = [keys[first : first + WAVE] for first in range(0, 5 * WAVE, WAVE)]
    found["wave"] = statistics.median([await _restarts(registry, wave) for wave in waves])
    found["storm"] = await _restarts(registry, keys)
    assert registry.count() == count + count // 10
    await pages.stop()
    await registry.stop()
    return found


async def _restarts(registry: Registry, keys: list[str]) -> float:
    processes = [_named(registry, key) for key in keys]
    Page.all_started = asyncio.Event()
    Page.target = Page.started + len(keys)
    began = time.perf_counter()
    for process in processes:
        process.cast("crash")
    await Page.all_started.wait()
    return len(keys) / (time.perf_counter() - began)


def _named(registry: Registry, key: str) -> GenServer:
    process = registry.whereis(key)
    assert process is not None, key
    return process
