"""Code that runs alone: whatever it does, it reaches nobody outside its process and starts no other."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

FORBIDDEN = frozenset({
    "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile", "os.system",
    "pty.spawn", "socket.bind", "socket.connect", "socket.getaddrinfo", "socket.gethostbyaddr",
    "socket.gethostbyname", "socket.getnameinfo", "socket.sendmsg", "socket.sendto",
    "subprocess.Popen",
})  # fmt: skip
"""Events of Python's audit. An event loop's own pair of sockets causes none of them."""


class NotAlone(BaseException):
    """Something reached out. No `except Exception` of the code under test hides it."""


_watched: list[list[str]] = []
"""What was tried, in each `alone` that has begun and not ended."""


@contextmanager
def alone() -> Iterator[None]:
    """What reaches out meanwhile is stopped, and the end raises `NotAlone` even if nobody noticed."""
    _install()
    tried: list[str] = []
    _watched.append(tried)
    try:
        yield
    finally:
        _watched.pop()
    if tried:
        raise NotAlone(f"tests/unit opens no socket and starts no process: {', '.join(tried)}")


def forgive() -> list[str]:
    """What was tried so far in the innermost `alone`, which forgets it."""
    tried = _watched[-1][:]
    _watched[-1].clear()
    return tried


@cache
def _install() -> None:
    """Once: Python has no way to take a hook back."""
    sys.addaudithook(_judge)


def _judge(event: str, _: tuple[object, ...]) -> None:
    if event in FORBIDDEN and _watched:
        _watched[-1].append(event)
        raise NotAlone(event)
