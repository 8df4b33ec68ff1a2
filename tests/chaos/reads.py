"""How fast reads are during a fault beside before, less what the machine held them up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from chaos.evidence import Machine
from chaos.history import History, percentile

RATIO = 1.2
"""How much slower reads may be than before the fault, at the median and the 99th percentile."""

FLOOR = 0.005
"""Seconds by which they may always be slower: a turn of the scheduler on a small, busy machine."""

SLEEP = 0.1
"""Seconds in which Libra and its clients may do nothing, more than before, in a quarter of the reads.

It waits for something else then, such as a database. That is told however busy the machine is.
"""


@dataclass(slots=True)
class Times:
    """Seconds that calls took, one for each.

    Attributes:
        reads: of Libra, as clients saw it.
        own: of these, what the machine cannot have added.
        slept: of these, that in which nobody did anything.
        pings: of a server that has nothing to do with Libra.
    """

    reads: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)
    slept: list[float] = field(default_factory=list)
    pings: list[float] = field(default_factory=list)

    def add(self, history: History, start: float, end: float) -> None:
        """Take the calls that began in an interval."""
        machine = Machine(history, start, end)
        for call in history.between(start, end, "read", "ping"):
            if call.kind == "ping":
                self.pings.append(call.seconds)
            else:
                self.reads.append(call.seconds)
                self.own.append(max(0.0, call.seconds - machine.held_up(call)))
                self.slept.append(machine.slept(call))


def slower(before: Times, during: Times, ratio: float = RATIO) -> list[str]:
    """Which percentiles rose by more than they may, in words."""
    found: list[str] = []
    for percent in (50, 99):
        was, now = _both(before.own, during.own, percent)
        pings = _both(before.pings, during.pings, percent)
        # A machine whose processors became slower slows down everybody and lets nobody wait.
        slowdown = max(1.0, pings[1] / pings[0]) if pings[0] else 1.0
        if now > max(was * ratio, was + FLOOR) * slowdown:
            seen = _both(before.reads, during.reads, percent)
            found.append(
                f"the p{percent} of reads rose from {_ms(seen)}, and from {_ms((was, now))} without"
                f" what the machine held them up; that of a server beside it from {_ms(pings)}"
            )
    slept = _both(before.slept, during.slept, 75)
    if slept[1] > slept[0] + SLEEP:
        found.append(f"what a quarter of the reads wait for others rose from {_ms(slept)}")
    return found


def _both(before: Sequence[float], during: Sequence[float], percent: float) -> tuple[float, float]:
    return percentile(before, percent), percentile(during, percent)


def _ms(times: tuple[float, float]) -> str:
    return " to ".join(f"{seconds * 1000:.1f}" for seconds in times) + " ms"
