"""Answers that clients do not read: bounded for each client, and bounded in all.

An answer that a client does not read waits in memory, and a client can easily make a hundred large
answers wait. So the server passes an answer to the connection in pieces, each when the one before has
left, and counts all bytes that wait. When they are too many, it cuts off the clients that have read
nothing for longest.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

WHOLE = 262_144
"""Largest answer that is passed to a connection whole, in bytes."""

PIECE = 65_536
"""Bytes of a larger answer passed on at a time: slightly more waits in the connection."""

HELD = 1_000_000
"""Bytes that may wait for one client at its own pace. With more, it must read within 10 s."""

PATIENCE = 2.0
"""Seconds without reading before a client counts as slow, however much waits."""

log = logging.getLogger("libra.http")


class Unsent:
    """The bytes that wait for all clients.

    Args:
        limit: bytes that may wait in all before clients that do not read are cut off.
        now: seconds of a clock that never goes back.
    """

    def __init__(self, limit: int, now: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._now = now
        self.total = 0
        """Bytes that wait."""
        # The clients with waiting bytes; first the one that has not read for longest.
        self._clients: dict[ClientBacklog, float] = {}

    def client(self, cut_off: Callable[[], None]) -> ClientBacklog:
        """The backlog of a new connection; `cut_off` ends the connection at once."""
        return ClientBacklog(self, cut_off)

    def count(self, client: ClientBacklog, more: int, *, has_read: bool) -> None:
        """Count bytes that wait or have left, and cut off the slowest client if there are too many."""
        client.waiting += more
        self.total += more
        if not client.waiting:
            self._clients.pop(client, None)
        elif has_read or client not in self._clients:
            self._clients.pop(client, None)
            self._clients[client] = self._now()
        # A client that reads gets everything, also while many ask for much at the same time.
        while self.total > self.limit and self._clients:
            slowest, since = next(iter(self._clients.items()))
            if self._now() - since < PATIENCE:
                break
            log.warning(
                "%d bytes wait for clients that do not read them, more than --unsent allows: "
                "Libra disconnects the slowest",
                self.total,
            )
            slowest.end()
            slowest.cut_off()


class ClientBacklog:
    """The bytes that wait for one connection."""

    __slots__ = ("_all", "_buffered", "_over", "cut_off", "waiting")

    def __init__(self, every: Unsent, cut_off: Callable[[], None]) -> None:
        self._all = every
        self._buffered = 0
        self._over = False
        self.cut_off = cut_off
        self.waiting = 0

    def buffer(self, count: int) -> None:
        """Set how many bytes wait in the connection itself; none when the client has read on."""
        if not self._over:
            more, self._buffered = count - self._buffered, count
            self._all.count(self, more, has_read=not count)

    async def send(self, send: Callable[[Any], Any], message: dict[str, Any]) -> None:
        """Pass a part of an answer to the connection, in pieces."""
        body: bytes = message["body"]
        self._hold(len(body), has_read=False)
        left = len(body)
        try:
            for start in range(0, len(body), PIECE):
                if self._over:
                    break
                piece = body[start : start + PIECE]
                more = message.get("more_body", False) or start + PIECE < len(body)
                await send({**message, "body": piece, "more_body": more})
                left -= len(piece)
                self._hold(-len(piece), has_read=True)
        finally:
            self._hold(-left, has_read=True)

    def end(self) -> None:
        """The connection is over: no byte waits for it any more."""
        if not self._over:
            self._all.count(self, -self.waiting, has_read=True)
            self._over = True

    def _hold(self, more: int, *, has_read: bool) -> None:
        if not self._over:
            self._all.count(self, more, has_read=has_read)
