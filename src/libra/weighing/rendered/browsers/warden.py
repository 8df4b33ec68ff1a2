"""The memory of a browser with all its processes, and the end of one that takes too much.

A page can take gigabytes in seconds, and nothing in a browser forbids it. So Libra looks, the more often
the less is left, and kills the browser before the system would look for somebody to kill.

What counts is what each process has for itself (anonymous memory, swapped out or not) and half of what
it has of shared memory, since that is in two processes as a rule. The program's own code is not counted:
it is there once, however many browsers run.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection

MEMORY = 1_000_000_000
"""Bytes that a browser may take with its driver. An empty one takes 290 MB."""

_FASTEST = 1_000_000_000
"""Bytes in a second that a page is expected to take at most, until one has been seen to take more."""

_LONGEST = 0.25
_SHORTEST = 0.01
_PROC = "/proc"


def can_watch() -> bool:
    """Whether the system tells how much memory a process has."""
    return os.path.isdir(f"{_PROC}/self")  # noqa: PTH112 - asked often


class Tree:
    """The processes of some process groups, and what memory they have.

    Args:
        groups: Their leaders.
    """

    def __init__(self, groups: Collection[int]) -> None:
        self._groups = frozenset(groups)
        self._seen: set[str] = set()
        self._members: set[str] = set()

    def memory(self) -> int:
        """Bytes. Only processes that are new since the last time are asked where they belong."""
        names = {name for name in os.listdir(_PROC) if name[0] in "123456789"}  # noqa: PTH208 - paths cost
        self._members &= names
        self._members |= {name for name in names - self._seen if self._is_ours(name)}
        self._seen = names
        return sum(map(_memory, self._members))

    def _is_ours(self, name: str) -> bool:
        # The program's name comes in brackets and may hold anything; then state, parent, group.
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
    """What the system tells of a process; nothing if it has ended."""
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
    """How long not to look: half of the time in which what is left could be taken.

    Args:
        limit: Bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._fastest = float(_FASTEST)
        self._last: tuple[float, int] | None = None

    def pause(self, now: float, used: int) -> float:
        """Seconds until the next look."""
        if self._last is not None and now > self._last[0]:
            self._fastest = max(self._fastest, (used - self._last[1]) / (now - self._last[0]))
        self._last = now, used
        left = max(0, self._limit - used)
        return min(_LONGEST, max(_SHORTEST, left / self._fastest / 2))


async def watch(tree: Tree, limit: int, end: Callable[[int], None]) -> None:
    """Look until a tree has too much memory, or this is cancelled.

    Args:
        tree: What is watched.
        limit: Bytes.
        end: Called once, with what it had.
    """
    clock, pace = asyncio.get_running_loop().time, Pace(limit)
    while can_watch():
        used = tree.memory()
        if used > limit:
            end(used)
            return
        await asyncio.sleep(pace.pause(clock(), used))
