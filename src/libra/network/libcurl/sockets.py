"""Waits for libcurl's sockets on an asyncio event loop.

libcurl names the sockets that it waits for, again for every request. On Linux they are in their own
`epoll`, which the event loop watches as one file. So a request over a kept connection costs no system
call there, and one turn of the loop serves all ready sockets. Elsewhere a selector does the same. If the
loop watches no files (Windows), a timer polls the selector.
"""

from __future__ import annotations

import asyncio
import contextlib
import select
import selectors
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any, Protocol

import pycurl

Act = Callable[[int, int], object]
"""Called with a socket and what it is ready for (``CSELECT_*``)."""

AT_A_TIME = 16
"""Sockets that are served in one turn of the loop at most, so that other tasks run, too."""

SLICE = 0.001
"""Seconds after which no more are served in this turn: one may have 256 kB to take and decrypt."""

_AT_ONCE = 4
"""Sockets that the epoll names at once. It begins with those that it has not named for longest."""

_LOOK_SECONDS = 0.01
_READ = (pycurl.POLL_IN, pycurl.POLL_INOUT)
_WRITE = (pycurl.POLL_OUT, pycurl.POLL_INOUT)


class Sockets(Protocol):
    """The sockets that libcurl waits for."""

    def watch(self, what: int, fd: int, multi: Any = None, data: Any = None) -> None:
        """Wait for these events of a socket from now on (``POLL_*``): libcurl's socket function."""

    def opened(self) -> None:
        """Note that a socket is being opened, which may reuse the number of a closed one."""

    def close(self) -> None:
        """Stop waiting."""


SocketsOn = Callable[
    [asyncio.AbstractEventLoop, Act, Callable[[], None], Callable[[int], None]], Sockets
]


class EpollSockets:
    """The sockets in an epoll.

    A kept connection stays in it, as the next request is likely to use it. A closed socket leaves it
    automatically.

    Args:
        loop: The running loop.
        act: Called with each ready socket.
        settle: Called after all ready sockets.
        meet: Called with each new socket.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        act: Act,
        settle: Callable[[], None],
        meet: Callable[[int], None],
    ) -> None:
        self._loop = loop
        self._act = act
        self._settle = settle
        self._meet = meet
        self._known: dict[int, tuple[int, int]] = {}
        self._kept: set[int] = set()
        self._opened = 0
        self._open()

    def _open(self) -> None:
        self._epoll = select.epoll()
        self._loop.add_reader(self._epoll.fileno(), self._ready)

    def opened(self) -> None:
        """Note that a socket is being opened."""
        self._opened += 1

    def watch(self, what: int, fd: int, multi: Any = None, data: Any = None) -> None:
        """Wait for these events of a socket from now on."""
        if what == pycurl.POLL_REMOVE:
            self._kept.add(fd)
            return
        self._kept.discard(fd)
        mask = (
            select.EPOLLIN
            if what == pycurl.POLL_IN
            else select.EPOLLOUT
            if what == pycurl.POLL_OUT
            else select.EPOLLIN | select.EPOLLOUT
        )
        known = (mask, self._opened)
        if self._known.get(fd) == known:
            return  # unchanged, and no socket was opened since that could have its number
        self._known[fd] = known
        try:
            self._epoll.modify(fd, mask)
        except FileNotFoundError:
            self._epoll.register(fd, mask)
            self._meet(fd)

    def close(self) -> None:
        """Stop waiting."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()

    def _ready(self) -> None:
        act, kept = self._act, self._kept
        until = perf_counter() + SLICE
        for _ in range(AT_A_TIME // _AT_ONCE):
            ready = self._epoll.poll(0, _AT_ONCE)
            for fd, events in ready:
                if fd in kept:
                    self._leave(fd)
                elif events == select.EPOLLIN:
                    act(fd, pycurl.CSELECT_IN)
                else:
                    reads = events & ~select.EPOLLOUT  # includes its end and its errors
                    writes = events & select.EPOLLOUT
                    act(fd, bool(reads) * pycurl.CSELECT_IN | bool(writes) * pycurl.CSELECT_OUT)
            if len(ready) < _AT_ONCE or perf_counter() >= until:
                break
        self._settle()

    def _leave(self, fd: int) -> None:
        """Stop watching a kept connection that became ready: libcurl finds out when it uses it."""
        self._kept.discard(fd)
        self._known.pop(fd, None)
        try:
            self._epoll.unregister(fd)
        except OSError:
            # It is closed here, but not for the kernel, as another process also has it.
            self.close()
            self._open()
            for other in self._kept:
                self._known.pop(other, None)
            self._kept.clear()
            for other, (mask, _) in self._known.items():
                with contextlib.suppress(OSError):
                    self._epoll.register(other, mask)


class SelectorSockets:
    """The sockets in the system's selector; the arguments are those of `EpollSockets`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        act: Act,
        settle: Callable[[], None],
        meet: Callable[[int], None],
    ) -> None:
        self._loop = loop
        self._act = act
        self._settle = settle
        self._meet = meet
        self._selector = selectors.DefaultSelector()
        self._timer: asyncio.TimerHandle | None = None
        self._fd = -1
        fileno = getattr(self._selector, "fileno", None)
        if fileno is not None:
            with contextlib.suppress(NotImplementedError):
                loop.add_reader(fileno(), self._ready)
                self._fd = fileno()

    def opened(self) -> None:
        """Do nothing: a closed socket is not in the selector."""

    def watch(self, what: int, fd: int, multi: Any = None, data: Any = None) -> None:
        """Wait for these events of a socket from now on."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)
        if what == pycurl.POLL_REMOVE:
            return
        events = (selectors.EVENT_READ if what in _READ else 0) | (
            selectors.EVENT_WRITE if what in _WRITE else 0
        )
        self._selector.register(fd, events)
        self._meet(fd)
        if self._fd < 0 and self._timer is None:
            self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)

    def close(self) -> None:
        """Stop waiting."""
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
        if self._timer is not None:
            self._timer.cancel()
        self._selector.close()

    def _look(self) -> None:
        self._timer = None
        if self._selector.get_map():
            self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)
            self._ready()

    def _ready(self) -> None:
        for key, events in self._selector.select(0)[:AT_A_TIME]:
            reads, writes = events & selectors.EVENT_READ, events & selectors.EVENT_WRITE
            self._act(key.fd, bool(reads) * pycurl.CSELECT_IN | bool(writes) * pycurl.CSELECT_OUT)
        self._settle()


sockets_on: SocketsOn = EpollSockets if sys.platform == "linux" else SelectorSockets
"""The best way to wait for sockets on this system."""
