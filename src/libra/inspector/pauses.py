"""Measures how long the program did not run.

Deadlines use a clock that continues while a program is stopped (SIGSTOP, a frozen container), and
connections do not survive a machine that sleeps. A page must not fail because of that.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

#: Seconds between two checks.
INTERVAL: Final = 1.0

#: A check that is this late (seconds) shows a pause, if the program did not compute meanwhile.
LATE: Final = 0.5


def asleep() -> float:
    """Seconds that the machine has slept since it was started, where the system reports them."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.monotonic()


class Pauses:
    """Adds up the seconds that the program did not run.

    It needs regular checks: time between two checks counts as a pause if it exceeds the interval and the
    time that the program computed.

    Args:
        monotonic: a clock in seconds that continues while the program is stopped.
        computed: processor time of the program, in seconds.
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
        """Check the clocks; call this once in each `INTERVAL`."""
        self._total = self.seconds()
        self._seen = self._read()

    def seconds(self) -> float:
        """The sum of all pauses up to now."""
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
