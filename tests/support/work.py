"""How work grows with its input: compared with itself, never with a clock on the wall.

Where the work is Python's own, count its calls: `calls` gives the same number on every machine.
Where it is done in C (regular expressions, parsers, slices), `assert_linear` compares what a processor
spends on an input with what it spends on one of eight times the size. Linear work takes eight times as
long, quadratic work sixty-four times; between them lies enough for any machine, however busy.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import cache
from types import FrameType

TIMES = 8
"""How much larger the large input is."""

_MOST = 3 * TIMES
"""How much more it may cost. Large inputs do not fit into a processor's caches and cost a bit more."""

_ROUNDS = 6
"""Tries before it counts: the least that each size has cost is compared."""

_FLOOR = 0.001
"""Seconds of a processor. What the small input costs below that is noise."""

Prepare = Callable[[int], Callable[[], object]]


def assert_linear(prepare: Prepare, size: int) -> None:
    """Work costs no more than in proportion to its input.

    Args:
        prepare: Makes an input of a size, and returns the work on it.
        size: The larger size, in whatever units.
    """
    growth = _Growth()
    for _ in range(_ROUNDS):
        growth.small(min(_cost(prepare(size // TIMES)) for _ in range(3)))
        growth.large(_cost(prepare(size)))
        if growth.is_linear:
            return
    raise AssertionError(growth)


async def assert_linear_async(spend: Callable[[int], Awaitable[float]], size: int) -> None:
    """As `assert_linear`, of work that awaits and measures itself, with `cost`."""
    growth = _Growth()
    for _ in range(_ROUNDS):
        growth.small(min([await spend(size // TIMES) for _ in range(3)]))
        growth.large(await spend(size))
        if growth.is_linear:
            return
    raise AssertionError(growth)


@contextmanager
def cost() -> Iterator[Callable[[], float]]:
    """What comes tells how many seconds of a processor this process has spent since.

    No garbage is looked for meanwhile, and what Libra has in caches is forgotten first: a second try
    would find it there.
    """
    for clear in _clearing(len(sys.modules)):
        clear()
    gc.disable()
    try:
        started = time.process_time()
        yield lambda: time.process_time() - started
    finally:
        gc.enable()


@cache
def _clearing(_modules: int) -> list[Callable[[], object]]:
    """What makes each cache of Libra forget. To look for them takes longer than many a measured work."""
    return [
        clear
        for name, module in list(sys.modules.items())
        if name.startswith("libra.")
        for value in list(vars(module).values())
        if callable(clear := getattr(value, "cache_clear", None))
    ]


def calls(work: Callable[[], object]) -> int:
    """How many functions are called by it, those written in C included."""
    with counted_calls() as count:
        work()
        return count()


@contextmanager
def counted_calls() -> Iterator[Callable[[], int]]:
    """What comes tells how many functions this thread has called since, those in C included."""
    count = 0

    def note(_: FrameType, event: str, __: object) -> None:
        nonlocal count
        if event in {"call", "c_call"}:
            count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield lambda: count
    finally:
        sys.setprofile(before)


def _cost(work: Callable[[], object]) -> float:
    with cost() as spent:
        work()
        return spent()


class _Growth:
    """The least that a small and a large input have cost so far."""

    def __init__(self) -> None:
        self._small = self._large = float("inf")

    def small(self, seconds: float) -> None:
        self._small = min(self._small, seconds)

    def large(self, seconds: float) -> None:
        self._large = min(self._large, seconds)

    @property
    def is_linear(self) -> bool:
        return self._large <= _MOST * max(self._small, _FLOOR)

    def __str__(self) -> str:
        return (
            f"{TIMES} times the input costs {self._large / self._small:.0f} times the work:"
            f" {self._large:.4f} s of a processor after {self._small:.4f} s"
        )
