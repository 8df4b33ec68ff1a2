"""Limits concurrent name look-ups, in all and per site, and the time that they may wait.

The system's resolver blocks a thread until the name server has answered, and a name server may answer
slowly on purpose. So a page with a thousand names of such a site gets a few threads, and names of other
sites overtake it.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

AT_A_TIME = 16
OF_ONE_SITE = 4
"""Concurrent look-ups of one site."""

WAITING = 10_000
"""Look-ups that may wait: as many as a page has assets."""

SECONDS = 20.0
"""Seconds that a look-up may wait for its turn; its caller has given up by then."""


class LookUps:
    """Runs look-ups in threads, those of each site in turn.

    Args:
        at_a_time: The number of threads.
        of_one_site: The threads that one site may use.
    """

    def __init__(self, at_a_time: int = AT_A_TIME, of_one_site: int = OF_ONE_SITE) -> None:
        self._free = at_a_time
        self._of_one_site = of_one_site
        self._threads = ThreadPoolExecutor(at_a_time, thread_name_prefix="libra-dns")
        self._running: Counter[str] = Counter()
        # By site: the site that has waited longest since its last turn comes first.
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._count = 0

    async def run(self, site: str, look_up: Callable[[], T]) -> T:
        """Run a look-up for a site in its turn, and return its result.

        Raises:
            OSError: its turn did not come.
        """
        await self._turn(site)
        try:
            work = asyncio.get_running_loop().run_in_executor(self._threads, look_up)
        except BaseException:
            self._done(site)  # the threads have ended
            raise
        work.add_done_callback(lambda _: self._done(site))
        # A look-up cannot be ended: it occupies its thread until it is over, even if its caller has
        # gone.
        return await asyncio.shield(work)

    def close(self) -> None:
        """End the threads; a look-up that is still running ends on its own."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _turn(self, site: str) -> None:
        if not self._waiting.get(site) and self._has_place(site):
            self._take(site)
            return
        if self._count >= WAITING:
            raise socket.gaierror(
                socket.EAI_AGAIN, "too many host names are waiting to be looked up"
            )
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(site, deque()).append(turn)
        self._count += 1
        try:
            async with asyncio.timeout(SECONDS):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self._done(site)  # its turn came at the same moment
            if isinstance(error, TimeoutError):
                raise socket.gaierror(
                    socket.EAI_AGAIN, "look-ups of earlier host names take too long"
                ) from None
            raise
        finally:
            self._count -= 1

    def _has_place(self, site: str) -> bool:
        return self._free > 0 and self._running[site] < self._of_one_site

    def _take(self, site: str) -> None:
        self._free -= 1
        self._running[site] += 1

    def _done(self, site: str) -> None:
        self._free += 1
        self._running[site] -= 1
        if not self._running[site]:
            del self._running[site]
        for other in list(self._waiting):
            self._next(other)
            if not self._free:
                break

    def _next(self, site: str) -> None:
        turns = self._waiting[site]
        while turns and turns[0].done():
            turns.popleft()  # its caller has given up
        if turns and self._has_place(site):
            turns.popleft().set_result(None)
            self._take(site)
            self._waiting.move_to_end(site)
        if not turns:
            del self._waiting[site]
