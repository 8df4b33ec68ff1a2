"""Decides which order gets the next parser: a fast lane by turns, and a slow lane for long orders.

Every order is first tried in the fast lane, for a short time. An order that needs longer begins again in
the slow lane. One parser is always reserved for the fast lane, so that no page waits for another page's
long order. In the slow lane the page that has used least is next, and a page that is far ahead of it
pauses. So a page that needs a second gets it at once, even while heavy pages run. Waiting
counts as having used less, down to `YOUNG`, so every page gets its turn.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple, Protocol

AHEAD = 0.5
"""Seconds of processor time by which a running page may be ahead of a waiting one in the slow lane."""

YOUNG = 1.0
"""Seconds of processor time; pages that have used less than this come before all others."""

PASSED_OVER = 8
"""How often the next page in the fast lane may be passed over for one whose parser is idle."""

PAUSED = 1
"""The limit of paused orders, each of which keeps a parser; others that give way start again."""

_SOON = 0.05


class TurnTaker(Protocol):
    """The page for which a turn is taken."""

    @property
    def used(self) -> float:
        """Seconds of processor time that it has used."""

    @property
    def ready(self) -> bool:
        """Whether its last parser is free or gone: then it costs least."""


class Runs(Protocol):
    """The parser that carries out the order of a turn in the slow lane."""

    def pause(self) -> bool:
        """Suspend it. Returns False if that costs too much: then end it instead."""

    def resume(self) -> None:
        """Let it continue."""

    def kill(self) -> None:
        """Kill it."""


class Turn:
    """A place in a lane, from the time it is given until it is given back.

    Attributes:
        page: The page that has the place.
        slow: Whether it is in the slow lane.
        ended: Whether its parser was killed so that others get their turn.
    """

    __slots__ = ("_at", "_now", "_paused_at", "_rank", "_runs", "_spent", "ended", "page", "slow")

    def __init__(
        self, page: TurnTaker, now: Callable[[], float], *, slow: bool, waited: float = 0.0
    ) -> None:
        self.page = page
        self.slow = slow
        self.ended = False
        self._now = now
        self._runs: Runs | None = None
        self._spent = 0.0
        self._at: float | None = None
        self._rank = _aged(page.used, waited)
        self._paused_at: float | None = None

    def begin(self, runs: Runs) -> None:
        """Note the parser that carries out the order from now on."""
        self._runs, self._at = runs, self._now()

    @property
    def spent(self) -> float:
        """Seconds that the order has run, which is about its processor time."""
        return self._spent + (0.0 if self._at is None else self._now() - self._at)

    @property
    def rank(self) -> float:
        """The time that its page has used, less for waiting: the lowest is next."""
        if self._paused_at is not None:
            return _aged(self._rank, self._now() - self._paused_at)
        return self._rank + (0.0 if self._at is None else self._now() - self._at)

    @property
    def begun(self) -> bool:
        """Whether the order has begun and was not ended."""
        return self._runs is not None and not self.ended

    def pause(self) -> bool:
        """Pause the order, if possible."""
        if self._runs is None or not self._runs.pause():
            return False
        self._spent, self._rank = self.spent, self.rank
        self._at, self._paused_at = None, self._now()
        return True

    def resume(self) -> None:
        """Continue the order."""
        if self._runs is not None:
            self._rank = self.rank
            self._at, self._paused_at = self._now(), None
            self._runs.resume()

    def end(self) -> None:
        """End the order, which starts again later."""
        self.ended = True
        if self._runs is not None:
            self._runs.kill()


class Turns:
    """Gives out a limited number of places.

    Args:
        places: The limit of orders at the same time. Of two or more the slow lane gets all but one.
        now: A clock in seconds that never goes back.
    """

    def __init__(self, places: int, now: Callable[[], float] = time.monotonic) -> None:
        self._places = places
        self._slow_places = max(1, places - 1)
        self._now = now
        self._fast = 0
        self._slow: list[Turn] = []
        self._paused: list[Turn] = []
        self._waiting_fast = _PageQueue()
        self._waiting_slow: list[_Waiting] = []
        self._later: asyncio.TimerHandle | None = None

    async def take(self, page: TurnTaker, *, slow: bool) -> Turn:
        """Wait for a place in a lane; the caller must give it back."""
        waits = bool(self._waiting_slow or self._paused) if slow else bool(self._waiting_fast)
        if not waits and self._has_place(slow=slow):
            return self._given(page, slow=slow)
        place: asyncio.Future[Turn] = asyncio.get_running_loop().create_future()
        if slow:
            self._waiting_slow.append(_Waiting(page, place, self._now()))
        else:
            self._waiting_fast.add(page, place)
        self.look()
        try:
            return await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.give_back(place.result())  # the place came at the same moment
            raise

    def give_back(self, turn: Turn) -> None:
        """Take back the place of an order that is done or was given up."""
        if not turn.slow:
            self._fast -= 1
        elif turn in self._paused:
            # Its parser had answered already when it was paused, and other orders will need it.
            turn.resume()
            self._paused.remove(turn)
        else:
            self._slow.remove(turn)
        self.look()

    def look(self) -> None:
        """Decide which orders continue and which give way."""
        if self._later is not None:
            self._later.cancel()
            self._later = None
        # The slow lane first: its share is limited, and it would never get a place otherwise.
        while self._next_slow() or self._give_way():
            pass
        while self._has_place(slow=False) and (waiting := self._waiting_fast.next()) is not None:
            page, place = waiting
            place.set_result(self._given(page, slow=False))

    def _given(self, page: TurnTaker, *, slow: bool, waited: float = 0.0) -> Turn:
        turn = Turn(page, self._now, slow=slow, waited=waited)
        if slow:
            self._slow.append(turn)
        else:
            self._fast += 1
        return turn

    def _next_slow(self) -> bool:
        """Give the next place in the slow lane, if there is one, to the page that has used least."""
        self._waiting_slow = [one for one in self._waiting_slow if not one.place.done()]
        if not self._has_place(slow=True):
            return False
        turn = min(self._paused, key=lambda turn: turn.rank, default=None)
        waiting = min(self._waiting_slow, key=self._rank_of, default=None)
        if turn is not None and (waiting is None or turn.rank <= self._rank_of(waiting)):
            self._paused.remove(turn)
            self._slow.append(turn)
            turn.resume()
            return True
        if waiting is not None:
            self._waiting_slow.remove(waiting)
            waited = self._now() - waiting.since
            waiting.place.set_result(self._given(waiting.page, slow=True, waited=waited))
        return waiting is not None

    def _rank_of(self, waiting: _Waiting) -> float:
        return _aged(waiting.page.used, self._now() - waiting.since)

    def _give_way(self) -> bool:
        """Make room in the slow lane for a page that has used much less than those with a place."""
        if not self._slow or any(turn.ended for turn in self._slow):
            return False
        most = max(self._slow, key=lambda turn: turn.rank)
        others = [one for one in self._waiting_slow if one.page is not most.page]
        if not others:
            return False
        early = min(map(self._rank_of, others)) + AHEAD - most.rank
        if early > 0 or not most.begun:
            self._later = asyncio.get_running_loop().call_later(max(early, _SOON), self.look)
            return False
        room = len(self._paused) < PAUSED
        # The order that has run least loses least.
        if not room and min(turn.spent for turn in self._paused) < most.spent:
            loses = min(self._paused, key=lambda turn: turn.spent)
            self._paused.remove(loses)
            self._slow.append(loses)  # until its parser has ended
            loses.end()
            return False
        if room and most.pause():
            self._slow.remove(most)
            self._paused.append(most)
            return True
        most.end()
        return False

    def _has_place(self, *, slow: bool) -> bool:
        if self._fast + len(self._slow) >= self._places:
            return False
        if slow:
            return len(self._slow) < self._slow_places
        # With one place for both lanes, a fast order may take it. With more, one place is left for a
        # waiting slow order while none runs.
        starves = bool(self._waiting_slow) and not self._slow
        return self._places == 1 or not starves or self._fast < self._places - 1


class _Waiting(NamedTuple):
    """An order that waits for the slow lane, and since when."""

    page: TurnTaker
    place: asyncio.Future[Turn]
    since: float


def _aged(used: float, waited: float) -> float:
    return max(min(used, YOUNG), used - waited)


class _PageQueue:
    """Waiting orders by page: the page that has waited longest since its last turn is next.

    A page that is ready may be taken first, but only from the next few, and only a limited number of
    times.
    """

    __slots__ = ("_pages", "_passed_over")

    def __init__(self) -> None:
        self._pages: OrderedDict[TurnTaker, deque[asyncio.Future[Turn]]] = OrderedDict()
        self._passed_over = 0

    def __bool__(self) -> bool:
        return bool(self._pages)

    def add(self, page: TurnTaker, turn: asyncio.Future[Turn]) -> None:
        self._pages.setdefault(page, deque()).append(turn)

    def next(self) -> tuple[TurnTaker, asyncio.Future[Turn]] | None:
        while self._pages:
            page = self._choose()
            turns = self._pages.pop(page)
            found = None
            while turns and found is None:
                turn = turns.popleft()
                found = None if turn.done() else turn
            if turns:
                self._pages[page] = turns
            if found is not None:
                return page, found
        return None

    def _choose(self) -> TurnTaker:
        first = next(iter(self._pages))
        if self._passed_over < PASSED_OVER:
            few = islice(self._pages, PASSED_OVER)
            page = next((page for page in few if page.ready), first)
            self._passed_over = 0 if page is first else self._passed_over + 1
            return page
        self._passed_over = 0
        return first
