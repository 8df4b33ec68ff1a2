"""The first request to an origin, whose connection the requests behind it may share.

Whether a server takes concurrent requests on one connection (HTTP/2, HTTP/3) is known once a connection
is up. Until then a second connection might be one too many. Waiting for the first answer is no solution:
over HTTP/1.1 the requests would then run one after the other, as with libcurl's ``PIPEWAIT``.
"""

from __future__ import annotations

import asyncio


class Scout:
    """A request that goes first; the others wait until its connection is up or has failed."""

    __slots__ = ("_back", "_out", "arrived", "origin")

    def __init__(self, origin: str, out: dict[str, Scout]) -> None:
        self.origin = origin
        self.arrived = False
        self._out = out
        self._back = asyncio.Event()

    def arrive(self) -> None:
        """Let all waiting requests go: the connection is up."""
        self.arrived = True
        self.end()

    def end(self) -> None:
        """Stop the waiting; if the connection is not up, another request goes first."""
        if not self._back.is_set():
            self._back.set()
            del self._out[self.origin]

    async def back(self) -> bool:
        """Wait for the outcome; returns whether the connection is up."""
        await self._back.wait()
        return self.arrived


class Scouts:
    """The scouts of one client that are under way."""

    __slots__ = ("_out",)

    def __init__(self) -> None:
        self._out: dict[str, Scout] = {}

    async def follow(self, origin: str) -> Scout | None:
        """Wait until it is known whether a connection can be shared.

        Returns:
            None if a connection may be shared now. Otherwise the caller goes first, and must report the
            outcome with `Scout.arrive` or `Scout.end`.
        """
        while (ahead := self._out.get(origin)) is not None:
            if await ahead.back():
                return None
        scout = self._out[origin] = Scout(origin, self._out)
        return scout
