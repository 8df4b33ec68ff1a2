"""Who goes first to an origin, so that those behind can share the connection that is made.

Whether a server takes many requests at a time on one connection (HTTP/2, HTTP/3) is known once a
connection to it is up. Until then a second connection would be one too many, and waiting for the answer
to the first request is no way to find out: over HTTP/1.1 that would ask for one thing after the other,
which is what libcurl's ``PIPEWAIT`` comes to.
"""

from __future__ import annotations

import asyncio


class Scout:
    """A request that goes first; the others wait until its connection is up, or it has failed."""

    __slots__ = ("_back", "_out", "arrived", "origin")

    def __init__(self, origin: str, out: dict[str, Scout]) -> None:
        self.origin = origin
        self.arrived = False
        self._out = out
        self._back = asyncio.Event()

    def arrive(self) -> None:
        """Its connection is up: everybody may go."""
        self.arrived = True
        self.end()

    def end(self) -> None:
        """It waits for no connection any more; if it has not arrived, another one goes first."""
        if not self._back.is_set():
            self._back.set()
            del self._out[self.origin]

    async def back(self) -> bool:
        """Wait until it has arrived, or has failed, which is False."""
        await self._back.wait()
        return self.arrived


class Scouts:
    """Those that are out, of one client."""

    __slots__ = ("_out",)

    def __init__(self) -> None:
        self._out: dict[str, Scout] = {}

    async def follow(self, origin: str) -> Scout | None:
        """Wait until it is known whether a connection can be shared.

        Returns:
            None if there is one now that may be. Else the caller is to go first, and to say how that
            ended by `Scout.arrive` or `Scout.end`.
        """
        while (ahead := self._out.get(origin)) is not None:
            if await ahead.back():
                return None
        scout = self._out[origin] = Scout(origin, self._out)
        return scout
