"""Watches for transfers whose incoming bytes are mostly neither head nor body.

libcurl shows bodies and headers, but not the framing around them. Without this, a server could send
chunk extensions, empty frames or pings unnoticed until the asset's time is over.
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
"""Seconds between two looks at all transfers, for a head without a body."""

_FLOOD_LOOKS = 5
"""Looks between two counts of the received bytes."""

_FLOOD_TURNS = 64
"""Turns with sockets that trigger a count, too: a flood has many in a short time."""

IN_FLIGHT_BYTES = 32_000_000
"""Bytes of a body that may arrive after nobody reads it any more: above the windows of libcurl."""

_BYTES_RECEIVED = 128
"""The offset of ``tcpi_bytes_received`` in Linux's ``struct tcp_info``, since Linux 4.1."""


class Floods:
    """Watches transfers for as long as there are any.

    Args:
        loop: The running loop.
        busy: The running transfers.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, busy: Collection[Transfer]) -> None:
        self._loop = loop
        self._busy = busy
        self._timer: asyncio.TimerHandle | None = None
        self._looks = self._turns = 0
        self._anew: dict[int, int] = {}

    def watch(self) -> None:
        """Start watching, as a transfer has begun."""
        if self._timer is None:
            self._timer = self._loop.call_later(_LOOK_SECONDS, self._look)

    def turned(self) -> None:
        """Count a turn of the loop in which sockets were served."""
        self._turns += 1
        if self._turns >= _FLOOD_TURNS:
            self._turns = 0
            self._count()

    def ended(self, fd: int) -> None:
        """Note that a transfer on this connection has ended.

        The connection has received its bytes, but the transfers that stay have not taken them. It may
        even have begun and ended between two counts.
        """
        self._anew.setdefault(fd, 0)

    def cut(self, fd: int) -> None:
        """Note that a running transfer is taken off this connection: more of its body may arrive."""
        self._anew[fd] = (bytes_taken(fd) or 0) + IN_FLIGHT_BYTES

    def close(self) -> None:
        """Stop watching."""
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
        """Count the bytes of a transfer that could not be counted while it was paused."""
        fd = transfer.socket
        if fd >= 0 and not transfer.done:
            self._judge(fd, [one for one in self._busy if not one.done and one.socket == fd])

    def _count(self) -> None:
        sharing: dict[int, list[Transfer]] = {}
        for transfer in self._busy:
            if not transfer.done:
                sharing.setdefault(transfer.socket, []).append(transfer)
        for fd, transfers in sharing.items():
            if fd >= 0:
                self._judge(fd, transfers)

    def _judge(self, fd: int, transfers: list[Transfer]) -> None:
        """Give up the transfers of a connection if most of its bytes are neither head nor body."""
        if any(transfer.paused for transfer in transfers):
            # libcurl buffers their bytes until they continue.
            for transfer in transfers:
                transfer.uncounted = True
            return
        received = bytes_taken(fd)
        if received is None:
            return
        taken = sum(transfer.taken for transfer in transfers)
        for transfer in transfers:
            transfer.uncounted = False
        # The count begins anew whenever the transfers of the connection are others than before.
        anew = self._anew.get(fd)
        # A connection that has received less than the cut one is another with the same descriptor.
        if anew is not None and not anew - IN_FLIGHT_BYTES <= received < anew:
            del self._anew[fd]
        if anew is not None or any(transfer.framing is None for transfer in transfers):
            for transfer in transfers:
                transfer.framing = (received, taken)
            return
        before, taken_before = transfers[0].framing or (0, 0)
        useful = taken - taken_before
        if received - before - useful > FRAMING_BYTES + useful:
            for transfer in transfers:
                transfer.give_up(transfer.flooded())
            hang_up(fd)  # otherwise libcurl would send other requests over it


def bytes_taken(fd: int) -> int | None:
    """Bytes that the program has read from a TCP connection so far; None if that is unknown."""
    if sys.platform != "linux":
        return None
    try:
        with socket.socket(fileno=os.dup(fd)) as same:
            info = same.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED + 8)
        waiting = struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0]
    except OSError:
        return None  # it is closed, or not TCP
    if len(info) < _BYTES_RECEIVED + 8:
        return None
    received: int = struct.unpack_from("Q", info, _BYTES_RECEIVED)[0]
    return received - int(waiting)


def hang_up(fd: int) -> None:
    """End a connection for both sides; its owner then finds it closed."""
    try:
        with socket.socket(fileno=os.dup(fd)) as same:
            same.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # it is already closed
