"""Whether the machine left Libra alone, without which a 99th percentile says nothing.

One pause of the scheduler of 100 ms, of which a busy machine makes many, decides over the 99th
percentile of the reads of some seconds. The kernel says for how much of the time somebody waited for
a processor (pressure stall information, ``/proc/pressure/cpu``); where it does not, the reads of a
server that has nothing to do with Libra are all there is to go by.
"""

from __future__ import annotations

import time
from pathlib import Path

BUSY = 0.10
"""The share of the time beyond which a machine is too busy for percentiles."""

_PRESSURE = Path("/proc/pressure/cpu")


class Pressure:
    """For how long somebody has waited for a processor since this was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._waited = seconds_waited()

    def seconds(self) -> float:
        """In seconds; 0 where the kernel does not tell."""
        return seconds_waited() - self._waited

    def share(self) -> float:
        """The share of the time, from 0 to 1."""
        return self.seconds() / max(time.monotonic() - self._began, 1e-3)


def seconds_waited() -> float:
    """For how long somebody has waited for a processor since the machine was started; 0 if unknown."""
    try:
        first = _PRESSURE.read_text().partition("\n")[0]
    except OSError:
        return 0.0
    return int(first.rpartition("total=")[2]) / 1e6
