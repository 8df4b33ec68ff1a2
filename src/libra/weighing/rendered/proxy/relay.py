"""Relays data between a browser and the servers that its proxy connects it to.

Plain requests and their responses are relayed byte for byte, except for password challenges. https goes
through a tunnel.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import Protocol

from libra.network.addresses.dialing import is_readable
from libra.network.tolerant_http import INTERIM_ANSWERS
from libra.weighing.rendered.proxy.answer_framing import AnswerFraming
from libra.weighing.rendered.proxy.proxied_request import ProxiedRequest, place_of

_CHUNK = 65_536
_UNAUTHORIZED = re.compile(rb"HTTP/1\.[01] 401\b")

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class WayOut(Protocol):
    """The proxy's interface for a connection of the browser.

    Attributes:
        received_bytes: All bytes from servers, heads included.
    """

    received_bytes: int

    async def connect(self, host: str, port: int) -> Stream | None:
        """Connect to a server; None with the reason recorded."""

    def note_body(self, url: str, count: int) -> None:
        """Record the size of a complete body."""


class BrowserConnection:
    """One connection of the browser, and the server that it currently talks to.

    Args:
        way: The way to the network.
        browser: The streams of the connection.

    Attributes:
        carries: The http URL of the current body, or a tunnel's target (``host:port``).
        received_bytes: Bytes received for it from the server.
    """

    def __init__(self, way: WayOut, browser: Stream) -> None:
        self._way = way
        self._reader, self._writer = browser
        self._server: Stream | None = None
        self._server_name = ""
        self.carries = ""
        self.received_bytes = 0

    async def serve(self) -> None:
        """Answer requests until one side closes."""
        while True:
            head = await self._reader.readuntil(b"\r\n\r\n")
            request = ProxiedRequest.parse(head)
            if request is None:
                return
            if request.method == b"CONNECT":
                await self._tunnel(request)
                return
            if not await self._exchange(request):
                return

    def close(self) -> None:
        """Close both sides."""
        self._writer.close()
        self._close_server()

    def abort(self) -> None:
        """End both sides at once, even during a transfer."""
        self._writer.transport.abort()
        self._close_server()

    def _close_server(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server[1].close()

    async def _tunnel(self, request: ProxiedRequest) -> None:
        server = self._server = await self._way.connect(request.host, request.port)
        if server is None:
            return
        self.carries = place_of(request.host, request.port)
        self._writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        up = asyncio.create_task(_pipe(self._reader, server[1]))
        try:
            while chunk := await server[0].read(_CHUNK):
                await self._hand_on(chunk)
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)

    async def _exchange(self, request: ProxiedRequest) -> bool:
        """Relay one request and its response. Returns whether the connection can be reused."""
        kept = self._server is not None and self._server_name == request.server_name
        if kept and self._server is not None and _is_used_up(*self._server):
            kept = False
        if not kept:
            self._close_server()
            self._server = await self._way.connect(request.host, request.port)
            self._server_name = request.server_name
        if self._server is None:
            return False
        answer = AnswerFraming(request.method)
        try:
            await self._ask(request, self._server)
            again = await self._answer(request, answer, self._server)
        except OSError:
            again = False
            if not kept or answer.started:
                raise
        if kept and not answer.started and request.body_bytes == 0 and request.repeatable:
            # The server had closed the kept connection meanwhile: retry on a new one.
            self._server_name = ""
            self._close_server()
            return await self._exchange(request)
        return again

    async def _ask(self, request: ProxiedRequest, server: Stream) -> None:
        server[1].write(request.head)
        left = request.body_bytes
        while left:
            chunk = await self._reader.read(min(left, _CHUNK))
            if not chunk:
                raise ConnectionResetError("the browser closed the connection")
            left -= len(chunk)
            server[1].write(chunk)
            await server[1].drain()

    async def _answer(self, request: ProxiedRequest, answer: AnswerFraming, server: Stream) -> bool:
        self.carries, self.received_bytes = request.url, 0
        while not answer.complete:
            chunk = await server[0].read(_CHUNK)
            if not chunk:
                return False
            if not answer.started:
                chunk = await _without_challenge(chunk, server[0])
            answer.take(chunk)
            if answer.interim > INTERIM_ANSWERS:
                return False
            await self._hand_on(chunk)
        self.carries = ""
        self._way.note_body(request.url, answer.body_bytes)
        return answer.keeps_alive

    async def _hand_on(self, chunk: bytes) -> None:
        self.received_bytes += len(chunk)
        self._way.received_bytes += len(chunk)
        self._writer.write(chunk)
        await self._writer.drain()


def _is_used_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether a kept connection has ended, or holds data that would pass for the next response."""
    return bool(reader.at_eof() or reader._buffer) or is_readable(writer.transport)  # type: ignore[attr-defined]  # noqa: SLF001 - it has no other way


async def _without_challenge(start: bytes, server: asyncio.StreamReader) -> bytes:
    """The start of a response without password challenges, for which a browser would wait for ever.

    Raises:
        OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError: Its head does not end.
    """
    if _UNAUTHORIZED.match(start) is None:
        return start
    if b"\r\n\r\n" not in start:
        start += await server.readuntil(b"\r\n\r\n")
    head, end, rest = start.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    kept = [line for line in lines if not line.lower().startswith(b"www-authenticate:")]
    return b"\r\n".join(kept) + end + rest


async def _pipe(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Copy from the browser to the server until one of them closes."""
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
