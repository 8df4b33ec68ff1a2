"""Who gets the next parser: a fast lane and a slow one, in each of which pages take turns.

Every order is tried in the fast lane first, for a short time. What needs longer is begun again in the
slow lane. There is always a parser for the fast lane, so that no page waits for what another one
takes long for.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable


class Turns:
    """Gives out so many places.

    Args:
        places: Orders that are carried out at a time. Of two or more the slow lane gets all but one.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._slow_places = max(1, places - 1)
        self._running = {False: 0, True: 0}
        self._waiting = {False: _Lane(), True: _Lane()}

    async def take(self, page: Hashable, *, slow: bool) -> None:
        """Wait for a place in a lane; it is to be given back."""
        if not self._waiting[slow] and self._has_place(slow=slow):
            self._running[slow] += 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[slow].add(page, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_back(slow=slow)  # it came at the same moment
            raise

    def give_back(self, *, slow: bool) -> None:
        """A place is free."""
        self._running[slow] -= 1
        # The slow lane first: it has no more than its share, and would never get it otherwise.
        for lane in (True, False):
            while self._has_place(slow=lane) and (turn := self._waiting[lane].next()) is not None:
                self._running[lane] += 1
                turn.set_result(None)

    def _has_place(self, *, slow: bool) -> bool:
        if self._running[False] + self._running[True] >= self._places:
            return False
        if slow:
            return self._running[True] < self._slow_places
        # With one place for both, and none of the slow lane's running, the slow lane waits its turn.
        return self._places == 1 or not self._starves() or self._running[False] < self._places - 1

    def _starves(self) -> bool:
        return bool(self._waiting[True]) and not self._running[True]


class _Lane:
    """Those who wait, by page: the page that has waited longest since its last turn is next."""

    __slots__ = ("_pages",)

    def __init__(self) -> None:
        self._pages: OrderedDict[Hashable, deque[asyncio.Future[None]]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._pages)

    def add(self, page: Hashable, turn: asyncio.Future[None]) -> None:
        self._pages.setdefault(page, deque()).append(turn)

    def next(self) -> asyncio.Future[None] | None:
        while self._pages:
            page, turns = self._pages.popitem(last=False)
            found = None
            while turns and found is None:
                turn = turns.popleft()
                found = None if turn.done() else turn
            if turns:
                self._pages[page] = turns
            if found is not None:
                return found
        return None
