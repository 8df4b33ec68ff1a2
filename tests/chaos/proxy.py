"""A TCP proxy between Libra and its database, to break what is between them.

It lives in the event loop of the tests and knows nothing of what it forwards. It also counts: how
many connections were open at once is known here at every moment, and not only when somebody looks.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Self

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST instead of FIN
_CHUNK = 65_536


class Proxy:
    """Forwards connections to ``(host, port)`` from a port of its own on loopback.

    Attributes:
        open: connections that clients have open now, also those that get no answer.
        peak: the most that were open at once since it was last set to 0.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._upstream = host, port
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self.swallowing = False
        self.delay = 0.0
        self.open = 0
        self.peak = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop_listening()
        await asyncio.gather(*(pair.cut() for pair in list(self._pairs)))

    def refuse(self) -> None:
        """Nothing listens any more, and what is open is reset: the machine has gone."""
        self._stop_listening()
        self.reset()

    def swallow(self) -> None:
        """Connections stay open and new ones are accepted, but no byte arrives: a black hole."""
        self.swallowing = True

    def slow_down(self, seconds: float) -> None:
        """Every chunk takes that much longer, in each direction."""
        self.delay = seconds

    def reset(self) -> None:
        """Reset every connection that is open; new ones may come."""
        for pair in list(self._pairs):
            pair.reset()

    async def mend(self) -> None:
        """Forward again, at once. Connections that have lost bytes in a black hole are reset."""
        self.delay = 0.0
        if self.swallowing:
            self.swallowing = False
            self.reset()
        if self._server is None:
            await self._listen()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _stop_listening(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.peak = max(self.peak, self.open)
        pair = _Pair(self, reader, writer)
        self._pairs.add(pair)
        try:
            await pair.run(*self._upstream)
        finally:
            self._pairs.discard(pair)


class _Pair:
    """One connection of a client and the one that was made for it."""

    def __init__(
        self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._proxy = proxy
        self._reader = reader
        self._writers = [writer]
        self._task = asyncio.current_task()
        self._counted = True

    async def run(self, host: str, port: int) -> None:
        """Forward until either side is gone."""
        ways: set[asyncio.Future[None]] = set()
        try:
            if self._proxy.swallowing:
                # What asks for a connection is swallowed too, so the server never hears of this.
                await self._forward(self._reader, None)
                return
            there, back = await asyncio.open_connection(host, port)
            self._writers.append(back)
            ways = {
                asyncio.ensure_future(self._forward(self._reader, back)),
                asyncio.ensure_future(self._forward(there, self._writers[0])),
            }
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        except ConnectionError:
            self.reset()  # nobody listens there
        finally:
            self._client_has_gone()
            for way in ways:
                way.cancel()
            if ways:
                await asyncio.wait(ways)
            for writer in self._writers:
                writer.close()

    def reset(self) -> None:
        """Close both sides as if the machine between them had gone."""
        self._client_has_gone()
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def cut(self) -> None:
        """Close both sides and be done with it."""
        self.reset()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _client_has_gone(self) -> None:
        if self._counted:
            self._counted = False
            self._proxy.open -= 1

    async def _forward(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None
    ) -> None:
        proxy, loop = self._proxy, asyncio.get_running_loop()
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sender = None if writer is None else asyncio.ensure_future(_send(late, writer))
        try:
            while data := await reader.read(_CHUNK):
                if not proxy.swallowing:
                    late.put_nowait((loop.time() + proxy.delay, data))
        except ConnectionError:
            pass  # reset, by this proxy or by either side
        finally:
            if reader is self._reader:
                self._client_has_gone()
            if sender is not None:
                sender.cancel()
        if proxy.swallowing and writer is not None:
            # That one side has gone does not come through either, until the hole is mended.
            await loop.create_future()


async def _send(late: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due, data = await late.get()
        if due > loop.time():
            arrived = asyncio.Event()
            loop.call_at(due, arrived.set)
            await arrived.wait()
        writer.write(data)
