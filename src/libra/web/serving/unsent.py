"""What clients have asked for and do not read: bounded for each, and bounded in all.

An answer that a client does not read waits in memory, and a client needs little to make a hundred large
ones wait. So answers are handed to the connection in pieces, the next when the one before has left, and
all that waits is counted: when it is too much, those who have read nothing for longest are cut off.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

WHOLE = 262_144
"""Bytes of an answer up to which it is handed to a connection as it is."""

PIECE = 65_536
"""Bytes of a longer one that are handed on at a time: what waits in the connection is a little more."""

HELD = 1_000_000
"""Bytes that may wait for one client as long as others have nothing to fear. Of more it has to read."""

PATIENCE = 2.0
"""Seconds in which a client that has read nothing is not slow yet, however much waits."""

log = logging.getLogger("libra.http")


class Unsent:
    """All that waits for clients.

    Args:
        limit: bytes that may wait in all, before those who do not read are cut off.
        now: seconds of a clock that never goes back.
    """

    def __init__(self, limit: int, now: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._now = now
        self.total = 0
        """Bytes that wait."""
        # Those for whom something waits; first who has not read for longest.
        self._clients: dict[Backlog, float] = {}

    def client(self, cut_off: Callable[[], None]) -> Backlog:
        """What waits for a new connection; `cut_off` ends it at once."""
        return Backlog(self, cut_off)

    def count(self, client: Backlog, more: int, *, has_read: bool) -> None:
        """Count what has come to wait or has left, and cut off the slowest if it is too much."""
        client.waiting += more
        self.total += more
        if not client.waiting:
            self._clients.pop(client, None)
        elif has_read or client not in self._clients:
            self._clients.pop(client, None)
            self._clients[client] = self._now()
        # Whoever reads gets all of it, also where many ask for much at the same time.
        while self.total > self.limit and self._clients:
            slowest, since = next(iter(self._clients.items()))
            if self._now() - since < PATIENCE:
                break
            log.warning(
                "%d bytes wait for clients that do not read them, more than --unsent allows: "
                "the slowest is cut off",
                self.total,
            )
            slowest.end()
            slowest.cut_off()


class Backlog:
    """What waits for one connection."""

    __slots__ = ("_all", "_buffered", "_over", "cut_off", "waiting")

    def __init__(self, every: Unsent, cut_off: Callable[[], None]) -> None:
        self._all = every
        self._buffered = 0
        self._over = False
        self.cut_off = cut_off
        self.waiting = 0

    def buffer(self, count: int) -> None:
        """So many bytes wait in the connection itself; none when the client has read on."""
        if not self._over:
            more, self._buffered = count - self._buffered, count
            self._all.count(self, more, has_read=not count)

    async def send(self, send: Callable[[Any], Any], message: dict[str, Any]) -> None:
        """Hand a part of an answer to the connection, in pieces."""
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
        """The connection is over: nothing waits for it any more."""
        if not self._over:
            self._all.count(self, -self.waiting, has_read=True)
            self._over = True

    def _hold(self, more: int, *, has_read: bool) -> None:
        if not self._over:
            self._all.count(self, more, has_read=has_read)
