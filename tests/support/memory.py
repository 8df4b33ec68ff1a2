"""How much memory a program takes with all that it has started (Linux)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path


def tree_bytes(process: int) -> int:
    """Bytes of a process and its descendants, each page of memory counted once among them."""
    return sum(_bytes(one) for one in (process, *descendants(process)))


def descendants(process: int) -> list[int]:
    """The processes that it started, theirs, and so on; those that have ended meanwhile left out."""
    found: list[int] = []
    waiting = [process]
    while waiting:
        with suppress(OSError, ValueError):
            for task in Path(f"/proc/{waiting.pop()}/task").iterdir():
                children = [int(child) for child in (task / "children").read_text().split()]
                found += children
                waiting += children
    return found


def _bytes(process: int) -> int:
    """Its own memory, and its share of what it has together with others."""
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
