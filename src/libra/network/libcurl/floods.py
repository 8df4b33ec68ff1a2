"""An eye on transfers of which much arrives that is neither head nor body.

libcurl shows bodies and headers, and not what holds them together. A server that sends chunk extensions,
empty frames or pings without end would go unnoticed until the asset's time is over.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Collection

from libra.network.libcurl.transfer import Transfer
from libra.network.tolerant_http import FRAMING_BYTES

if sys.platform == "linux":
    import fcntl
    import termios

_LOOK_SECONDS = 0.05
"""How often transfers are looked at: whether there is a head without a body."""

_FLOOD_LOOKS = 5
"""At every so manieth look, what has arrived is counted."""

_FLOOD_TURNS = 64
"""After so many turns with sockets, too: what floods has many, whatever the time."""

_BYTES_RECEIVED = 128
"""Where ``tcpi_bytes_received`` stands in Linux's ``struct tcp_info``, since Linux 4.1."""


class Floods:
    """Looks at transfers for as long as there are any.

    Args:
        loop: The one that is running.
        busy: Those that are under way.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, busy: Collection[Transfer]) -> None:
        self._loop = loop
        self._busy = busy
        self._timer: asyncio.TimerHandle | None = None
        self._looks = self._turns = 0

    def watch(self) -> None:
        """A transfer has begun."""
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)

    def turned(self) -> None:
        """Sockets were served in a turn of the loop."""
        self._turns += 1
        if self._turns >= _FLOOD_TURNS:
            self._turns = 0
            self._count()

    def close(self) -> None:
        """Look at nothing any more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        for transfer in self._busy:
            transfer.look()
        self._looks += 1
        if self._looks % _FLOOD_LOOKS == 0:
            self._count()
        self._timer = self._loop.call_later(_LOOK_SECONDS, self._look) if self._busy else None

    def count_again(self, transfer: Transfer) -> None:
        """Count what could not be counted while a transfer was paused, now that it goes on."""
        fd = transfer.socket
        if fd >= 0 and not transfer.done:
            _judge(fd, [one for one in self._busy if not one.done and one.socket == fd])

    def _count(self) -> None:
        sharing: dict[int, list[Transfer]] = {}
        for transfer in self._busy:
            if not transfer.done:
                sharing.setdefault(transfer.socket, []).append(transfer)
        for fd, transfers in sharing.items():
            if fd >= 0:
                _judge(fd, transfers)


def _judge(fd: int, transfers: list[Transfer]) -> None:
    """Give up the transfers of a connection if most of what arrives on it is neither head nor body."""
    if any(transfer.paused for transfer in transfers):
        # What they get lies about in libcurl until they go on.
        for transfer in transfers:
            transfer.uncounted = True
        return
    received = bytes_taken(fd)
    if received is None:
        return
    taken = sum(transfer.taken for transfer in transfers)
    for transfer in transfers:
        transfer.uncounted = False
    if any(transfer.framing is None for transfer in transfers):  # one is new on this connection
        for transfer in transfers:
            transfer.framing = (received, taken)
        return
    before, taken_before = transfers[0].framing or (0, 0)
    useful = taken - taken_before
    if received - before - useful > FRAMING_BYTES + useful:
        for transfer in transfers:
            transfer.give_up(transfer.flooded())
        hang_up(fd)  # or others would be sent over it


def bytes_taken(fd: int) -> int | None:
    """Bytes that the program has taken from a TCP connection so far; None where nobody knows."""
    if sys.platform != "linux":
        return None
    try:
        with socket.socket(fileno=os.dup(fd)) as same:
            info = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED + 8)
        waiting = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0]
    except OSError:
        return None  # it is closed, or no TCP
    if len(info) < _BYTES_RECEIVED + 8:
        return None
    received: int = struct.unpack_from("Q", info, _BYTES_RECEIVED)[0]
    return received - int(waiting)


def hang_up(fd: int) -> None:
    """End a connection for both sides; whoever owns it finds it ended."""
    try:
        with socket.socket(fileno=os.dup(fd)) as same:
            same.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it has ended already
