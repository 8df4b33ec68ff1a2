"""Stopping a process in such a way that nothing of it goes on for another moment."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path

from support.asking import PATIENCE, eventually_blocking

_STILL = {"T", "Z", "X"}  # stopped, or ended


def freeze(pid: int) -> None:
    """Send SIGSTOP, and return when no thread runs any more: on a busy machine that takes a while.

    Raises:
        ProcessLookupError: there is no such process.
    """
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")

    def is_still() -> bool:
        return not tasks.is_dir() or all(_state(task) in _STILL for task in tasks.iterdir())

    eventually_blocking(is_still, f"{pid} is stopped", within=PATIENCE)


def _state(task: Path) -> str:
    with suppress(OSError):
        # The name before it may have blanks and brackets in it.
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    return "X"
