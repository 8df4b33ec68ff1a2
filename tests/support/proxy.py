"""A TCP proxy between Libra and what it depends on, to break what is between them.

It lives in the event loop of the tests and knows nothing of what it forwards. It also counts: how
many connections were open at once is known here at every moment, and not only when somebody looks.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from typing import Literal, Self

Way = Literal["there", "back"]
"""Of bytes: from the client to the server, or from the server to the client."""

WAYS: frozenset[Way] = frozenset({"there", "back"})

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: closing sends RST instead of FIN
_CHUNK = 65_536


class Proxy:
    """Forwards connections to ``(host, port)`` from a port of its own on loopback.

    Attributes:
        open: connections that clients have open now, also those that get no answer.
        peak: the most that were open at once since it was last set to 0.
        accepted: connections so far.
        gate: who connects waits here before anything else, until it is set.
    """

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._upstream = host, port
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()
        self.swallowing: frozenset[Way] = frozenset()
        self.delay = 0.0
        self.rate = float("inf")
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.open = 0
        self.peak = 0
        self.accepted = 0
        self.gate = asyncio.Event()
        self.gate.set()
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

    def swallow(self, *ways: Way) -> None:
        """Connections stay open and new ones are accepted, but no byte arrives: a black hole.

        Args:
            ways: where bytes are lost, both if not given. Of a new connection nothing arrives in
                any case, since one is made only if both sides hear of each other.
        """
        self.swallowing = frozenset(ways) or WAYS

    def hold(self) -> None:
        """Keep every byte until `mend`, as where packets are lost that are sent again until then."""
        self.flowing.clear()

    def slow_down(self, seconds: float) -> None:
        """Every chunk takes that much longer, in each direction."""
        self.delay = seconds

    def narrow(self, rate: float) -> None:
        """Let so many bytes a second through each connection and direction; who sends more waits."""
        self.rate = rate

    def reset(self) -> None:
        """Reset every connection that is open; new ones may come."""
        for pair in list(self._pairs):
            pair.reset()

    async def mend(self, *, resets: bool = True) -> None:
        """Forward again, at once.

        Args:
            resets: whether connections that have lost bytes in a black hole are reset, so that both
                sides hear of it. If not, they wait for what never comes.
        """
        self.delay = 0.0
        self.rate = float("inf")
        self.flowing.set()
        if self.swallowing:
            self.swallowing = frozenset()
            if resets:
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
        self.accepted += 1
        self.open += 1
        self.peak = max(self.peak, self.open)
        pair = _Pair(self, reader, writer)
        self._pairs.add(pair)
        try:
            await pair.run(*self._upstream)
        except asyncio.CancelledError:
            # Whoever cuts it wants it to end; asyncio would report a connection that ends cancelled.
            if not pair.is_cut:
                raise
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
        self.is_cut = False
        self._counted = True

    async def run(self, host: str, port: int) -> None:
        """Forward until either side is gone."""
        ways: set[asyncio.Future[None]] = set()
        try:
            await self._proxy.gate.wait()
            if self._proxy.swallowing:
                # What asks for a connection is swallowed too, so the server never hears of this.
                await self._forward("there", self._reader, None)
                return
            await self._proxy.flowing.wait()
            there, back = await asyncio.open_connection(host, port)
            self._writers.append(back)
            ways = {
                asyncio.ensure_future(self._forward("there", self._reader, back)),
                asyncio.ensure_future(self._forward("back", there, self._writers[0])),
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
        self.is_cut = True
        self.reset()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _client_has_gone(self) -> None:
        if self._counted:
            self._counted = False
            self._proxy.open -= 1

    async def _forward(
        self, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter | None
    ) -> None:
        proxy, loop = self._proxy, asyncio.get_running_loop()
        late: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sender = None if writer is None else asyncio.ensure_future(_send(late, writer))
        try:
            while data := await reader.read(_CHUNK):
                await proxy.flowing.wait()
                if way not in proxy.swallowing:
                    late.put_nowait((loop.time() + proxy.delay, data))
                # What is not read meanwhile fills the buffers of whoever sends it.
                await _until(loop.time() + len(data) / proxy.rate)
        except ConnectionError:
            pass  # reset, by this proxy or by either side
        finally:
            if reader is self._reader:
                self._client_has_gone()
            if sender is not None:
                sender.cancel()
        await proxy.flowing.wait()
        if way in proxy.swallowing and writer is not None:
            # That one side has gone does not come through either, until the hole is mended.
            await loop.create_future()


async def _send(late: asyncio.Queue[tuple[float, bytes]], writer: asyncio.StreamWriter) -> None:
    while True:
        due, data = await late.get()
        await _until(due)
        writer.write(data)


async def _until(moment: float) -> None:
    loop = asyncio.get_running_loop()
    if moment > loop.time():
        arrived = asyncio.Event()
        loop.call_at(moment, arrived.set)
        await arrived.wait()
