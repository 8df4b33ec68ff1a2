"""Reads that a fault slows down are found, and what the machine does to them is not put down to it."""

from __future__ import annotations

from collections.abc import Callable

from chaos.history import Call, History, Strain
from chaos.reads import Times, slower

SECONDS = 10


def times(
    read: Callable[[int], float],
    ping: Callable[[int], float] = lambda number: 0.001,
    lost: float = 0.0,
    active: float = 0.0,
) -> Times:
    """As of a hundred reads and pings a second.

    Args:
        read: how long each read takes.
        ping: how long each ping takes.
        lost: for which share of the time the machine is busy.
        active: for which share of the time Libra and its clients are.
    """
    history = History()
    for number in range(100 * SECONDS):
        at = number / 100
        history.add(Call("read", at, at + read(number), 200))
        history.add(Call("ping", at, at + ping(number), 200))
        history.add(Strain(at, at * lost, at * active, at * active))
    end = SECONDS + 10
    history.add(Strain(end, end * lost, end * active, end * active))
    found = Times()
    found.add(history, 0, SECONDS)
    return found


CALM = times(lambda number: 0.003)


def test_reads_that_all_take_longer_are_found() -> None:
    (p50, p99) = slower(CALM, times(lambda number: 0.303))
    assert "p50" in p50
    assert "from 3.0 to 303.0 ms" in p50
    assert "p99" in p99


def test_two_slow_reads_of_a_hundred_are_found_and_one_of_two_hundred_is_not() -> None:
    (p99,) = slower(CALM, times(lambda number: 0.003 if number % 50 else 0.1))
    assert "p99" in p99
    assert slower(CALM, times(lambda number: 0.003 if number % 200 else 0.1)) == []


def test_slow_reads_are_found_on_a_machine_that_is_busy_for_some_of_the_time() -> None:
    assert len(slower(times(lambda number: 0.005, lost=0.3), times(lambda _: 0.3, lost=0.4))) == 2


def test_reads_are_not_slow_for_what_the_kernel_says_that_they_were_held_up() -> None:
    assert slower(CALM, times(lambda number: 0.3, lost=1.0)) == []


def test_reads_are_not_slow_where_those_of_another_server_are_at_the_same_moment() -> None:
    def stall(number: int) -> float:
        return 0.5 if number % 100 < 50 else 0.001

    assert slower(CALM, times(lambda number: 0.4 if number % 100 < 50 else 0.003, stall)) == []
    # At another moment it is no excuse.
    late = times(lambda number: 0.3 if number % 100 < 5 else 0.003, lambda _: 0.001)
    assert len(slower(CALM, late)) == 1


def test_reads_may_be_slower_where_everything_is() -> None:
    assert slower(CALM, times(lambda number: 0.030, lambda _: 0.010)) == []


def test_reads_that_wait_for_somebody_else_are_found_on_a_busy_machine_too() -> None:
    calm = times(lambda number: 0.1, lost=1.0, active=0.7)
    assert slower(calm, times(lambda number: 0.2, lost=1.0, active=0.9)) == []
    (slept,) = slower(calm, times(lambda n: 0.5 if n % 3 == 0 else 0.1, lost=1.0, active=0.7))
    assert "rose from 30.0 to 150.0 ms" in slept


def test_reads_as_fast_as_before_are_not_slow() -> None:
    assert slower(CALM, times(lambda number: 0.0035)) == []
