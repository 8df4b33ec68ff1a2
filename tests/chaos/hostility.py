"""Faults that are people: a hundred hostile pages at once, and clients that mean harm.

The load goes on beside them, and the checker looks after the innocent as ever.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from chaos.fault import Fault
from chaos.load import Load
from chaos.service import Service
from support.memory import tree_bytes

MOST_BYTES: Final = 600_000_000 + 150_000_000 * max(0, (os.cpu_count() or 2) - 2)
"""What Libra and all that it started may have in memory meanwhile: 600 MB on two processors, and a
parser for each one more."""

SLOWEST: Final = 2.0
"""How many times slower reads may be meanwhile."""

_AT_ONCE: Final = 25
"""Hostile clients, who are at one address with all others."""

_LOOK: Final = 0.5
"""Seconds between two looks at the memory."""


class HostilePages(Fault):
    """As many as there are addresses are weighed at the same time.

    Args:
        service: the Libra.
        load: by which they are submitted, so that the checker knows of them.
        urls: see `support.siege`.
    """

    part = None
    hold = 12.0
    slows = SLOWEST
    # It would be looked for who killed Libra, for which pages are weighed one after the other.
    kills = False

    def __init__(self, service: Service, load: Load, urls: Sequence[str]) -> None:
        self.name = f"{len(urls)} hostile pages"
        self.most = 0
        self._service = service
        self._load = load
        self._urls = urls
        self._pages: list[str] = []
        self._looking: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Submit them all."""
        self.most = 0
        self._looking = asyncio.create_task(self._look())
        self._pages = [page for url in self._urls if (page := await self._load.weigh(url))]

    async def end(self) -> None:
        """Delete them, which ends what is still under way."""
        for page in self._pages:
            await self._load.forget(page)
        self._pages = []
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})

    def wrong(self) -> list[str]:
        """Whether they took more memory than they may."""
        if self.most <= MOST_BYTES:
            return []
        return [f"Libra and what it started took {self.most / 1e6:.0f} MB"]

    async def _look(self) -> None:
        while True:
            taken = await asyncio.to_thread(tree_bytes, self._service.pid)
            self.most = max(self.most, taken)
            await asyncio.sleep(_LOOK)


class HostileClients(Fault):
    """Some who never read, never finish what they ask, ask for what is not there, or ask nonsense."""

    name = "hostile clients"
    part = None
    slows = SLOWEST

    def __init__(self, service: Service, load: Load, rng: random.Random) -> None:
        self._service = service
        self._load = load
        self._rng = rng
        self._clients: set[asyncio.Task[None]] = set()

    async def begin(self) -> None:
        """Let them come; whoever is cut off comes again, in another way."""
        self._clients = {asyncio.create_task(self._go_on()) for _ in range(_AT_ONCE)}

    async def end(self) -> None:
        """Send them away."""
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        self._clients = set()

    async def _go_on(self) -> None:
        ways: list[Callable[[], Awaitable[bytes]]] = [
            self._unfinished,
            self._nonsense,
            self._deep,
            self._never_reads,
            self._large_head,
        ]
        while True:
            with suppress(OSError, TimeoutError):
                await self._once(await self._rng.choice(ways)())
            await asyncio.sleep(
                self._rng.uniform(0.05, 0.2)
            )  # or it would be a flood, for a firewall

    async def _once(self, request: bytes) -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", self._service.port, limit=1)
        try:
            writer.write(request)
            async with asyncio.timeout(2):
                await writer.drain()
                # Nothing that comes is read: the other end finds its buffers full.
                await asyncio.sleep(self._rng.uniform(0, 2))
        finally:
            writer.transport.abort()

    async def _unfinished(self) -> bytes:
        return b"POST /pages HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n{"

    async def _nonsense(self) -> bytes:
        return self._rng.randbytes(self._rng.randrange(1, 3_000)) + b"\r\n\r\n"

    async def _deep(self) -> bytes:
        body = b'{"url":' + b"[" * 50_000
        return (
            b"POST /pages HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body) + body
        )

    async def _never_reads(self) -> bytes:
        asked = [b"/pages?limit=100", b"/observer", b"/", b"/metrics"]
        asked += [f"/pages/{page}.har".encode() for page in self._load.known[-3:]]
        path = self._rng.choice(asked)
        return b"GET %b HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\n\r\n" % path * 40

    async def _large_head(self) -> bytes:
        return b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 20_000
