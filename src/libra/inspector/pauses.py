"""How long the program did not run, and whether the wall clock was set.

Deadlines go by a clock that goes on while a program is stopped (SIGSTOP, a frozen container), and what
is connected does not survive a machine that sleeps. A page must not pay for that. What is due by the
wall clock (a page expires, a watch is due) has timers that know nothing of it: they are set anew.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from libra.inspector.messages import ClockSet
from libra.otp import GenServer

if TYPE_CHECKING:
    from libra.inspector.context import Context

#: Seconds between two looks.
INTERVAL: Final = 1.0

#: A look that is this late (seconds) tells of a pause, if the program did not compute meanwhile.
LATE: Final = 0.5


#: Seconds by which the wall clock has to go off the other one to count as set.
CLOCK_SET: Final = 1.0

#: Pages that are told between two looks at the event loop.
SLICE: Final = 50


def asleep() -> float:
    """Seconds that the machine has slept since it was started, where the system tells."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.monotonic()


class Pauses:
    """Adds up the seconds that the program did not run.

    It has to be looked at in short intervals: what passes between two looks beyond the interval, and
    beyond what the program computed meanwhile, is a pause.

    Args:
        monotonic: seconds that go on while the program is stopped.
        computed: seconds of processor time of the program.
        slept: seconds that the machine has slept.
    """

    def __init__(
        self,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        computed: Callable[[], float] = time.process_time,
        slept: Callable[[], float] = asleep,
    ) -> None:
        self._clocks = monotonic, computed, slept
        self._seen: tuple[float, float, float] | None = None
        self._total = 0.0

    def look(self) -> None:
        """To be called once in each `INTERVAL`."""
        self._total = self.seconds()
        self._seen = self._read()

    def seconds(self) -> float:
        """How long all pauses were together up to now."""
        if self._seen is None:
            return self._total
        passed, computed, slept = (
            now - then for now, then in zip(self._read(), self._seen, strict=True)
        )
        pause = passed - INTERVAL - computed
        return self._total + max(slept, 0.0) + (pause if pause > LATE else 0.0)

    def _read(self) -> tuple[float, float, float]:
        monotonic, computed, slept = self._clocks
        return monotonic(), computed(), slept()


class PauseWatch(GenServer):
    """Looks once a second, at the wall clock too."""

    __slots__ = ("_ahead", "_context")

    def init(self, context: Context) -> None:
        """Begin to look, by the clock that the deadlines go by."""
        self._context = context
        context.pauses = Pauses(monotonic=self.runtime.clock.time)
        self._ahead = self._wall_ahead()
        self._look()

    def handle_info(self, message: Any) -> None:
        """Look again."""
        if message == "look":
            self._look()

    def _look(self) -> None:
        self._context.pauses.look()
        ahead = self._wall_ahead()
        if abs(ahead - self._ahead) > CLOCK_SET:
            self._ahead = ahead
            self.start_task(self._tell_all())
        self.send_after(INTERVAL, "look")

    def _wall_ahead(self) -> float:
        return self._context.now().timestamp() - self.runtime.clock.time()

    async def _tell_all(self) -> None:
        for number, record in enumerate(self._context.everything(), 1):
            child = self._context.inspectors.child(record.id)
            if child is None or not child.asleep:  # `Expiry` looks at the wall clock for those
                self._context.tell(record.id, ClockSet())
            if number % SLICE == 0:
                await asyncio.sleep(0)
