"""How much the machine itself held up what ran on it, so that this is not put down to Libra.

The kernel says for how much of the time somebody waited for a processor or for memory (pressure stall
information, ``/proc/pressure``) and for how long a host gave the processors of a virtual machine to
others (``/proc/stat``). Where it does not, the reads of a server that has nothing to do with Libra are
all there is to go by: `chaos.evidence.Machine` takes both.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

BUSY = 0.10
"""The share of the time beyond which a machine is too busy for what goes by Libra's own deadlines."""

_TICKS = 100  # a second, in /proc/stat
_PROCESSORS = os.cpu_count() or 1


class Pressure:
    """How much the machine has held up since this was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._lost = seconds_lost()

    def seconds(self) -> float:
        """In seconds, at most; 0 where the kernel does not tell."""
        return seconds_lost() - self._lost

    def share(self) -> float:
        """The share of the time, from 0 upwards."""
        return self.seconds() / max(time.monotonic() - self._began, 1e-3)


def seconds_lost() -> float:
    """For how long one program can have been held up since the machine was started, at most."""
    # The kernel gives the mean of all processors, of which one may have had all the waiting.
    waited = (_total("cpu") + _total("memory")) * _PROCESSORS
    return waited + _stolen()


def seconds_lost_with_disks() -> float:
    """The same, and for how long somebody waited for a disk: for what syncs before it answers."""
    return seconds_lost() + _total("io")


def seconds_active(process: int) -> float:
    """For how long the first thread of a process has run or waited for a processor; 0 if unknown.

    The rest of the time it slept, waiting for something else. Its event loop is in that thread.
    """
    with suppress(OSError, ValueError, IndexError):
        ran, waited, _ = Path(f"/proc/{process}/schedstat").read_text().split()
        return (int(ran) + int(waited)) / 1e9
    return 0.0


def _total(resource: str) -> float:
    with suppress(OSError, ValueError, IndexError):
        first = Path(f"/proc/pressure/{resource}").read_text().partition("\n")[0]
        return int(first.rpartition("total=")[2]) / 1e6
    return 0.0


def _stolen() -> float:
    with suppress(OSError, ValueError, IndexError):
        return int(Path("/proc/stat").read_text().split(maxsplit=10)[8]) / _TICKS
    return 0.0
