"""Checks once a second whether the program was stopped, and whether the wall clock was set.

Events that are due by the wall clock (the expiry of a page, the next weigh-in of a watch) have timers
that ignore it. When the clock was set, the timers are set again.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from libra.inspector.context import Context
from libra.inspector.pauses import INTERVAL, Pauses
from libra.otp import GenServer

#: The wall clock counts as set if it differs from the other clock by this many seconds.
CLOCK_SET: Final = 1.0

#: Pages to tell before yielding to the event loop.
SLICE: Final = 50


class PauseWatch(GenServer):
    """Checks the clocks once a second."""

    __slots__ = ("_ahead", "_context")

    def init(self, context: Context) -> None:
        """Start the checks, with the clock that the deadlines use."""
        self._context = context
        context.services.pauses = Pauses(monotonic=self.runtime.clock.time)
        self._ahead = self._wall_ahead()
        self._look()

    def handle_info(self, message: Any) -> None:
        """Check again."""
        if message == "look":
            self._look()

    def _look(self) -> None:
        self._context.services.pauses.look()
        ahead = self._wall_ahead()
        if abs(ahead - self._ahead) > CLOCK_SET:
            self._ahead = ahead
            self.start_task(self._tell_all())
        self.send_after(INTERVAL, "look")

    def _wall_ahead(self) -> float:
        return self._context.services.now().timestamp() - self.runtime.clock.time()

    async def _tell_all(self) -> None:
        for number, record in enumerate(self._context.records.everything(), 1):
            child = self._context.processes.inspectors.child(record.id)
            if child is None or not child.asleep:  # `Expiry` checks the clock for those
                self._context.processes.tell_clock_set(record.id)
            if number % SLICE == 0:
                await asyncio.sleep(0)
