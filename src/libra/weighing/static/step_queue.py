"""Orders that follow from an outcome, some of them at a time.

A document may name ten thousand assets. Entering them all takes a fifth of a second, in which the
program would do nothing else. So a weighing enters some, and the rest when its driver comes for more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from libra.weighing.orders.orders import Fetch, Order

AT_ONCE = 32
"""References that are entered at once."""

Steps = Iterable[Fetch | None]
"""For each reference its order, or None if there is none. It is entered when it is asked for."""


class StepQueue:
    """What is still to be entered, first come, first served."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        self._waiting: deque[Iterator[Fetch | None]] = deque()

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def enter(self, steps: Steps) -> list[Order]:
        """Add steps; returns the next orders, which may be of steps that came before."""
        self._waiting.append(iter(steps))
        return self.go_on()

    def go_on(self) -> list[Order]:
        """The next orders; there may be none although more follow."""
        orders: list[Order] = []
        left = AT_ONCE
        while self._waiting and left:
            taken = list(islice(self._waiting[0], left))
            if len(taken) < left:
                self._waiting.popleft()
            left -= len(taken)
            orders += orders_in(taken)
        return orders

    def finish(self) -> None:
        """Enter everything, for the sake of the report alone."""
        deque(chain(*self._waiting), maxlen=0)
        self._waiting.clear()


def orders_in(steps: Steps) -> list[Fetch]:
    """Enter all of these at once; returns their orders."""
    return [order for order in steps if order is not None]
