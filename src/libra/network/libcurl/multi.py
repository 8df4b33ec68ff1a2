"""libcurl's transfers on an asyncio event loop.

libcurl says which sockets it waits for and when it must be woken; the loop does the waiting. This needs
no threads, and no transfer waits for another.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pycurl

from libra.network.libcurl.sockets import SocketsOn, sockets_on

_FILES = 8_192
_NEVER = float("inf")

Ended = Callable[[int, str], None]
"""Called at the end of a transfer with libcurl's code, 0 for success, and its message."""


class Multi:
    """Many concurrent transfers over shared connections; for one event loop.

    Args:
        connections: Connections in all.
        per_host: Connections to one host.
        sockets: Makes the object that waits for sockets.
    """

    __slots__ = (
        "_closed",
        "_ended",
        "_files",
        "_kicked",
        "_loop",
        "_multi",
        "_sockets",
        "_timer",
        "_wake_at",
        "cuts",
        "ends",
        "turned",
    )

    def __init__(
        self,
        connections: int,
        per_host: int,
        sockets: SocketsOn = sockets_on,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended: dict[pycurl.Curl, Ended] = {}
        self._files: dict[tuple[str, int], int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._wake_at = _NEVER
        self._kicked = self._closed = False
        self.turned: Callable[[], None] | None = None
        """Called after each turn in which sockets were served."""
        self.ends: Callable[[int], None] | None = None
        """Called with the file descriptor of a connection when a transfer on it has ended."""
        self.cuts: Callable[[int], None] | None = None
        """Called with the file descriptor of a connection before a running transfer is taken off it."""
        multi = self._multi = pycurl.CurlMulti()
        self._sockets = sockets(self._loop, multi.socket_action, self._served, self._name)
        multi.setopt(pycurl.M_SOCKETFUNCTION, self._sockets.watch)
        multi.setopt(pycurl.M_TIMERFUNCTION, self._wake_in)
        multi.setopt(pycurl.M_PIPELINING, pycurl.PIPE_MULTIPLEX)
        multi.setopt(pycurl.M_MAX_HOST_CONNECTIONS, per_host)
        multi.setopt(pycurl.M_MAX_TOTAL_CONNECTIONS, connections)
        multi.setopt(pycurl.M_MAXCONNECTS, connections)

    def start(self, easy: pycurl.Curl, ended: Ended) -> None:
        """Begin a transfer. ``ended`` is called in a later turn of the loop."""
        self._ended[easy] = ended
        self._multi.add_handle(easy)
        # Begin now, without waiting for libcurl's timer.
        self._kick()

    def stop(self, easy: pycurl.Curl) -> None:
        """End a transfer in any state. Never call this from a callback of libcurl."""
        if self._ended.pop(easy, None) is not None:
            self._remove(easy, self.cuts)

    def close(self) -> None:
        """End all transfers and connections."""
        for easy in list(self._ended):
            self.stop(easy)
        self._closed = True
        self._multi.close()
        self._sockets.close()
        if self._timer is not None:
            self._timer.cancel()

    def opened(self) -> None:
        """Note that libcurl opens a socket."""
        self._sockets.opened()

    def file_of(self, address: str, port: int) -> int | None:
        """The file descriptor of the connection with this local end, if it is known.

        libcurl does not tell it during its callbacks, when it is needed.
        """
        return self._files.get((address, port))

    def go_on(self, easy: pycurl.Curl) -> None:
        """Let a paused transfer continue."""
        if easy in self._ended:
            easy.pause(pycurl.PAUSE_CONT)
            self._kick()

    def _kick(self) -> None:
        if not self._kicked:
            self._kicked = True
            self._loop.call_soon(self._time_is_up)

    def _time_is_up(self) -> None:
        self._kicked = False
        if self._closed:
            return
        self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._settle()

    def _served(self) -> None:
        self._settle()
        if self.turned is not None:
            self.turned()

    def _settle(self) -> None:
        """Report the transfers that have ended."""
        left = 1
        while left:
            left, well, badly = self._multi.info_read()
            for easy in well:
                self._end(easy, 0, "")
            for easy, code, words in badly:
                self._end(easy, code, words)

    def _end(self, easy: pycurl.Curl, code: int, words: str) -> None:
        ended = self._ended.pop(easy, None)
        self._remove(easy, self.ends)
        if ended is not None:
            ended(code, words)

    def _remove(self, easy: pycurl.Curl, leaves: Callable[[int], None] | None) -> None:
        if leaves is not None:
            # libcurl does not tell it once the handle is removed.
            leaves(int(easy.getinfo(pycurl.ACTIVESOCKET)))
        self._multi.remove_handle(easy)

    def _name(self, fd: int) -> None:
        """Remember the local end of a connection."""
        if len(self._files) > _FILES:
            self._files.clear()
        try:
            same = socket.socket(fileno=fd)
        except OSError:
            return  # libcurl wakes itself by something other than a socket
        try:
            name = same.getsockname()
            self._files[name[0], name[1]] = fd
        finally:
            same.detach()

    def _wake_in(self, milliseconds: int) -> None:
        """Libcurl's timer function; libcurl calls it with another time for every request."""
        if milliseconds == 0:
            self._kick()
            return
        if milliseconds < 0:
            self._wake_at = _NEVER  # the timer then finds nothing to do
            return
        self._wake_at = self._loop.time() + milliseconds / 1000
        timer = self._timer
        # A timer that fires earlier is set again then.
        if timer is None or timer.when() > self._wake_at:
            if timer is not None:
                timer.cancel()
            self._timer = self._loop.call_at(self._wake_at, self._wake)

    def _wake(self) -> None:
        self._timer = None
        if self._wake_at > self._loop.time():
            if self._wake_at < _NEVER:
                self._timer = self._loop.call_at(self._wake_at, self._wake)
            return
        self._wake_at = _NEVER
        self._time_is_up()
