"""Bodies are no flood, in whatever order they come and go; framing beyond its bound is one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.network.libcurl import floods
from libra.network.libcurl.floods import IN_FLIGHT_BYTES, Floods
from libra.network.tolerant_http import FRAMING_BYTES

FD = 7
TURNS = 64
"""Turns with sockets after which the bytes are counted."""


class Body:
    """A transfer whose body arrives when the test says so."""

    def __init__(self) -> None:
        self.socket = FD
        self.taken = 0
        self.framing: tuple[int, int] | None = None
        self.paused = self.uncounted = self.done = False
        self.failure: object = None

    def flooded(self) -> str:
        return "flooded"

    def give_up(self, failure: object) -> None:
        self.failure, self.done = failure, True


class Connection:
    """A connection that bodies share."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.received = self.in_flight = 0
        self.bodies: list[Body] = []
        self.flooded = False
        self.floods = Floods(loop, cast("Any", self.bodies))

    def begin(self) -> Body:
        self.bodies.append(Body())
        return self.bodies[-1]

    def receive(self, body: Body, size: int) -> None:
        body.taken += size
        self.received += size + size // 100  # the heads of frames

    def end(self, body: Body) -> None:
        self.floods.ended(FD)
        self.bodies.remove(body)

    def cut(self, body: Body) -> None:
        self.floods.cut(FD)
        self.bodies.remove(body)
        self.in_flight = IN_FLIGHT_BYTES - 1

    def arrive(self, size: int) -> None:
        """Receive more of a body that was cut."""
        size = min(size, self.in_flight)
        self.in_flight -= size
        self.received += size

    def count(self) -> None:
        for _ in range(TURNS):
            self.floods.turned()
        self.flooded = self.flooded or any(body.failure for body in self.bodies)


@contextmanager
def connection() -> Iterator[Connection]:
    loop = asyncio.new_event_loop()
    shared = Connection(loop)
    with closing(loop), pytest.MonkeyPatch.context() as patch:
        patch.setattr(floods, "bytes_taken", lambda _: shared.received)
        yield shared


STEPS = ["begin", "begin", "receive", "receive", "end", "cut", "arrive", "count", "count"]
LIVES = st.lists(
    st.tuples(
        st.sampled_from(STEPS),
        st.integers(0, 3),
        st.sampled_from([100, 100_000, 3_000_000]),
    ),
    min_size=40,
    max_size=80,
)


def run(shared: Connection, steps: list[tuple[str, int, int]]) -> None:
    for step, which, size in steps:
        if step == "begin" or not shared.bodies:
            shared.begin()
            continue
        body = shared.bodies[which % len(shared.bodies)]
        match step:
            case "receive":
                shared.receive(body, size)
            case "end":
                shared.end(body)
            case "cut":
                shared.cut(body)
            case "arrive":
                shared.arrive(size)
            case _:
                shared.count()


@given(LIVES)
def test_bodies_are_no_flood_in_whatever_order_they_begin_progress_and_end(
    steps: list[tuple[str, int, int]],
) -> None:
    with connection() as shared:
        run(shared, steps)
        shared.count()
        assert not shared.flooded


@given(LIVES, st.integers(0, 1_000_000))
def test_framing_beyond_the_bound_is_a_flood_after_whatever_came_before(
    steps: list[tuple[str, int, int]], useful: int
) -> None:
    with connection() as shared:
        run(shared, steps)
        body = shared.begin()
        shared.received += IN_FLIGHT_BYTES  # what is still to come of bodies that were cut
        shared.count()
        shared.receive(body, useful)
        shared.received += FRAMING_BYTES + useful + 1
        shared.count()
        assert all(one.failure == "flooded" for one in shared.bodies)
