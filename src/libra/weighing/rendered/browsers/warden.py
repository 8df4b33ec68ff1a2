"""Watches the memory of a browser with all its processes, and kills one that uses too much.

A page can take gigabytes in seconds, and nothing in a browser prevents it. So Libra checks its memory,
more often as it nears the limit. Libra kills the browser before the system runs out of memory and
chooses a victim.

The measure is each process's private memory (anonymous, swapped out or not) plus half of its shared
memory, which is usually in two processes. The program's code does not count, since all browsers share
one copy.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection

MEMORY = 1_000_000_000
"""Memory limit in bytes of a browser with its driver. An empty one takes 290 MB."""

_FASTEST = 1_000_000_000
"""Assumed maximum growth in bytes per second, until a page grows faster."""

_LONGEST = 0.25
_SHORTEST = 0.01
_PROC = "/proc"


def can_watch() -> bool:
    """Whether the system reports the memory of processes."""
    return os.path.isdir(f"{_PROC}/self")  # noqa: PTH112 - asked often


class Tree:
    """The processes of some process groups, and their memory.

    Args:
        groups: The ids of the group leaders.
    """

    def __init__(self, groups: Collection[int]) -> None:
        self._groups = frozenset(groups)
        self._seen: set[str] = set()
        self._members: set[str] = set()

    def memory(self) -> int:
        """The total in bytes. Looks up the group only of processes that are new since the last call."""
        names = {name for name in os.listdir(_PROC) if name[0] in "123456789"}  # noqa: PTH208 - paths cost
        self._members &= names
        self._members |= {name for name in names - self._seen if self._is_ours(name)}
        self._seen = names
        return sum(map(_memory, self._members))

    def _is_ours(self, name: str) -> bool:
        # The program's name is in parentheses and may contain anything; then come state, parent and
        # group.
        fields = _read(name, "stat").rpartition(b")")[2].split()
        return len(fields) > 2 and int(fields[2]) in self._groups


def _memory(name: str) -> int:
    own = shared = 0
    for line in _read(name, "status").splitlines():
        if line.startswith((b"RssAnon:", b"VmSwap:")):
            own += int(line.split()[1]) * 1024
        elif line.startswith(b"RssShmem:"):
            shared = int(line.split()[1]) * 1024
    return own + shared // 2


def _read(name: str, what: str) -> bytes:
    """A file of a process in ``/proc``; empty if the process has ended."""
    try:
        descriptor = os.open(f"{_PROC}/{name}/{what}", os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.read(descriptor, 8_192)
    except OSError:
        return b""
    finally:
        os.close(descriptor)


class Pace:
    """When to check next: after half the time in which memory could reach the limit.

    Args:
        limit: Bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._fastest = float(_FASTEST)
        self._last: tuple[float, int] | None = None

    def pause(self, now: float, used: int) -> float:
        """Seconds until the next check."""
        if self._last is not None and now > self._last[0]:
            self._fastest = max(self._fastest, (used - self._last[1]) / (now - self._last[0]))
        self._last = now, used
        left = max(0, self._limit - used)
        return min(_LONGEST, max(_SHORTEST, left / self._fastest / 2))


async def watch(tree: Tree, limit: int, end: Callable[[int], None]) -> None:
    """Check until a tree uses too much memory, or until cancelled.

    Args:
        tree: The processes to watch.
        limit: Bytes.
        end: Called once, with the bytes in use.
    """
    clock, pace = asyncio.get_running_loop().time, Pace(limit)
    while can_watch():
        used = tree.memory()
        if used > limit:
            end(used)
            return
        await asyncio.sleep(pace.pause(clock(), used))
