"""Pauses of the program are told from the time that it works or waits."""

from __future__ import annotations

from libra.inspector.pauses import Pauses, asleep


class World:
    """Its clocks, moved by hand."""

    def __init__(self) -> None:
        self.time = self.cpu = self.slept = 0.0
        self.pauses = Pauses(
            monotonic=lambda: self.time, computed=lambda: self.cpu, slept=lambda: self.slept
        )
        self.pauses.look()

    def pass_by(self, seconds: float, *, cpu: float = 0.0) -> None:
        self.time += seconds
        self.cpu += cpu


def test_time_that_passes_in_its_intervals_is_no_pause() -> None:
    world = World()
    for _ in range(100):
        world.pass_by(1.01, cpu=0.2)
        world.pauses.look()
    assert world.pauses.seconds() == 0


def test_a_program_that_was_stopped_knows_it_before_its_next_look_and_after() -> None:
    world = World()
    world.pass_by(31.0)
    assert world.pauses.seconds() == 30
    world.pauses.look()
    world.pass_by(1.0)
    assert world.pauses.seconds() == 30
    world.pauses.look()
    world.pass_by(11.0)
    assert world.pauses.seconds() == 40


def test_a_program_that_computed_all_the_time_was_not_stopped() -> None:
    world = World()
    world.pass_by(31.0, cpu=30.0)
    assert world.pauses.seconds() == 0


def test_the_sleep_of_the_machine_counts_though_the_clock_of_deadlines_stands_still_in_it() -> None:
    world = World()
    world.slept = 3600.0
    assert world.pauses.seconds() == 3600


def test_the_system_is_asked_how_long_it_slept() -> None:
    assert asleep() > -0.1
