"""The forward proxy that a browser is given: its only way out, and the gate stands in it.

A browser resolves names, follows redirects and opens connections by itself, so that no check of a URL
could hold it. It is therefore launched without any route of its own (`libra.weighing.rendered.browser`)
and each page gets a proxy on loopback, which resolves, judges and connects exactly as the static fetcher
does (`libra.weighing.dialing`). Plain requests are relayed with their answers byte for byte, but for
questions for a password, and https goes through a tunnel, so that the sizes that the browser measures
are those of the server.

It connects only to what the page has asked for: the browser has wishes of its own
(`libra.weighing.rendered.asked`).

What cannot be had, because the gate denies it or because nothing answers, ends in the same way for the
page: the connection closes without an answer. The reason is noted for the report only.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import httptools

from libra.weighing.connections import name_of_error
from libra.weighing.dialing import Resolver, dial
from libra.weighing.gate import Gate
from libra.weighing.receiving import INTERIM_ANSWERS, is_readable
from libra.weighing.rendered.asked import Asked
from libra.weighing.urls import host_and_port

_HEAD_BYTES = 262_144
"""What Chromium accepts as the head of an answer; its own requests stay far below."""

_CHUNK = 65_536
_DIAL_SECONDS = 20.0
_NOTES = 10_000
"""Hosts whose failure is remembered; a page that names more has made its point."""

UNASKED = "browser: it wants to connect to what the page did not ask for"

_HOP_BY_HOP = (b"proxy-connection:", b"proxy-authorization:")
_UNAUTHORIZED = re.compile(rb"HTTP/1\.[01] 401\b")
_NO_REPEAT = frozenset({b"POST", b"PUT", b"PATCH", b"DELETE"})

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """One page's way to the network. Use it as an asynchronous context manager.

    Args:
        gate: Judges every address that is about to be connected to.
        resolver: For the names.
        asked: What the page has asked for; without it everything is let through that the gate allows.

    Attributes:
        failures: Why a host (``host:port`` as the browser named it) could not be reached, as a named
            error; ``denied: ...`` if the gate forbids it.
        received_bytes: All that servers have sent, heads included.
        bodies: The bytes of the last body that came from an http URL in full, for what the browser
            fetches without telling anybody.
    """

    def __init__(self, gate: Gate, resolver: Resolver, asked: Asked | None = None) -> None:
        self.failures: dict[str, str] = {}
        self.received_bytes = 0
        self.bodies: dict[str, int] = {}
        self._gate = gate
        self._resolver = resolver
        self._asked = asked
        self._shut = False
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._open: set[_Client] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_BYTES)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        if server is not None:
            await server.wait_closed()

    @property
    def address(self) -> str:
        """Where the browser finds it, ``http://127.0.0.1:PORT``."""
        if self._server is None:
            raise RuntimeError("the proxy is not open")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._shut:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(_Client(self, (reader, writer))))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)

    async def _serve(self, client: _Client) -> None:
        self._open.add(client)
        try:
            await client.serve()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # one side has gone, or it speaks no HTTP: the connection ends either way
        finally:
            self._open.discard(client)
            client.close()

    def cut(self, url: str) -> None:
        """Close the connection that a body comes through.

        What is inside https cannot be seen: of the tunnels to its server, the one that most has come
        through is closed. Whatever else was under way in it fails or is asked for again.
        """
        what = host_and_port(url) if url.startswith("https:") else url
        coming = [client for client in self._open if client.carries == what]
        if coming:
            max(coming, key=lambda client: client.received_bytes).abort()

    def shut(self) -> None:
        """Let nothing in or out any more: the page has had what it may have."""
        self._shut = True
        for client in self._open:
            client.abort()

    async def _dial(self, host: str, port: int) -> Stream | None:
        """A connection to a server, or None with the reason noted."""
        if self._asked is not None and not await self._asked.wait(host):
            self._note(host, port, UNASKED)
            return None
        if self._shut:
            return None
        try:
            async with asyncio.timeout(_DIAL_SECONDS):
                connected = await dial(host, port, self._resolver, self._gate)
        except OSError as error:  # TimeoutError is one
            self._note(host, port, name_of_error(error))
            return None
        return await _streams(connected)

    def _note(self, host: str, port: int, error: str) -> None:
        if len(self.failures) < _NOTES:
            self.failures[_place(host, port)] = error

    def note_body(self, url: str, count: int) -> None:
        """A body has come in full."""
        if len(self.bodies) < _NOTES:
            self.bodies[url] = count


class _Client:
    """One connection of the browser's, and the server that it talks to at the moment.

    Attributes:
        carries: The http URL whose body is on its way, or where a tunnel leads to (``host:port``).
        received_bytes: What has come of that from the server.
    """

    def __init__(self, proxy: Proxy, browser: Stream) -> None:
        self._proxy = proxy
        self._reader, self._writer = browser
        self._server: Stream | None = None
        self._server_name = ""
        self.carries = ""
        self.received_bytes = 0

    async def serve(self) -> None:
        """Answer requests until one side closes."""
        while True:
            head = await self._reader.readuntil(b"\r\n\r\n")
            request = _Request.parse(head)
            if request is None:
                return
            if request.method == b"CONNECT":
                await self._tunnel(request)
                return
            if not await self._exchange(request):
                return

    def close(self) -> None:
        """Let both sides know that it is over."""
        self._writer.close()
        self._close_server()

    def abort(self) -> None:
        """End it at once, whatever is under way."""
        self._writer.transport.abort()
        self._close_server()

    def _close_server(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server[1].close()

    async def _tunnel(self, request: _Request) -> None:
        server = self._server = await self._proxy._dial(request.host, request.port)  # noqa: SLF001 - one unit
        if server is None:
            return
        self.carries = _place(request.host, request.port)
        self._writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        up = asyncio.create_task(_pipe(self._reader, server[1]))
        try:
            while chunk := await server[0].read(_CHUNK):
                await self._hand_on(chunk)
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)

    async def _exchange(self, request: _Request) -> bool:
        """One request and its answer. Returns whether the connection can be used again."""
        kept = self._server is not None and self._server_name == request.server_name
        if kept and self._server is not None and _is_used_up(*self._server):
            kept = False
        if not kept:
            self._close_server()
            self._server = await self._proxy._dial(request.host, request.port)  # noqa: SLF001 - one unit
            self._server_name = request.server_name
        if self._server is None:
            return False
        answer = _Answer(request.method)
        try:
            await self._ask(request, self._server)
            again = await self._answer(request, answer, self._server)
        except OSError:
            again = False
            if not kept or answer.started:
                raise
        if kept and not answer.started and request.body_bytes == 0 and _repeatable(request):
            # The server had closed the kept connection in the meantime: as if it were new.
            self._server_name = ""
            self._close_server()
            return await self._exchange(request)
        return again

    async def _ask(self, request: _Request, server: Stream) -> None:
        server[1].write(request.head)
        left = request.body_bytes
        while left:
            chunk = await self._reader.read(min(left, _CHUNK))
            if not chunk:
                raise ConnectionResetError("the browser has gone")
            left -= len(chunk)
            server[1].write(chunk)
            await server[1].drain()

    async def _answer(self, request: _Request, answer: _Answer, server: Stream) -> bool:
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
        self._proxy.note_body(request.url, answer.body_bytes)
        return answer.keeps_alive

    async def _hand_on(self, chunk: bytes) -> None:
        self.received_bytes += len(chunk)
        self._proxy.received_bytes += len(chunk)
        self._writer.write(chunk)
        await self._writer.drain()


@dataclass(slots=True)
class _Request:
    """A request of the browser's, its head as it goes to the server."""

    method: bytes
    host: str
    port: int
    head: bytes = b""
    body_bytes: int = 0
    url: str = ""

    @property
    def server_name(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, head: bytes) -> _Request | None:
        """Read a head, absolute form or CONNECT. None if it is neither."""
        lines = head.split(b"\r\n")
        method, _, rest = lines[0].partition(b" ")
        target, _, version = rest.rpartition(b" ")
        if method == b"CONNECT":
            place = _split_authority(target, 443)
            return cls(method, *place) if place is not None else None
        if target[:7].lower() != b"http://":
            return None
        authority, slash, path = target[7:].partition(b"/")
        place = _split_authority(authority, 80)
        if place is None:
            return None
        lines[0] = b"%b %b %b" % (method, (slash or b"/") + path, version)
        body_bytes = 0
        for line in lines[1:]:
            name = line[:18].lower()
            if name.startswith(b"content-length:"):
                digits = line[15:].strip()
                if not digits.isdigit():
                    return None
                body_bytes = int(digits)
            elif name == b"transfer-encoding:":
                return None  # browsers send bodies of unknown length over HTTP/2 only
        kept = [line for line in lines if not line.lower().startswith(_HOP_BY_HOP)]
        return cls(method, *place, b"\r\n".join(kept), body_bytes, target.decode("latin-1"))


@dataclass(slots=True)
class _Answer:
    """Follows the framing of an answer, to know where it ends. What it cannot follow ends it."""

    method: bytes
    started: bool = False
    complete: bool = False
    keeps_alive: bool = False
    body_bytes: int = 0
    interim: int = 0
    _parser: httptools.HttpResponseParser | None = field(init=False)

    def __post_init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)

    def take(self, chunk: bytes) -> None:
        """Note what the server sent."""
        self.started = True
        if self._parser is None:
            return
        try:
            self._parser.feed_data(chunk)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            # Not HTTP as one expects it: relayed as it is, until the server closes.
            self._parser = None
            self.complete = False

    def on_message_begin(self) -> None:
        if (
            self.complete
        ):  # the server sends what nobody asked for: it shall not be taken for an answer
            self._parser = None
            self.keeps_alive = False

    def on_headers_complete(self) -> None:
        if self._parser is not None and self.method == b"HEAD":
            self._end(self._parser)

    def on_body(self, data: bytes) -> None:
        self.body_bytes += len(data)

    def on_message_complete(self) -> None:
        if self._parser is not None:
            self._end(self._parser)

    def _end(self, parser: httptools.HttpResponseParser) -> None:
        if parser.get_status_code() < 200:  # the real one follows
            self.interim += 1
            return
        self.complete = True
        self.keeps_alive = parser.should_keep_alive()


def _is_used_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether a kept connection has ended, or holds what would be taken for the next answer."""
    return bool(reader.at_eof() or reader._buffer) or is_readable(writer.transport)  # type: ignore[attr-defined]  # noqa: SLF001 - it has no other way


def _repeatable(request: _Request) -> bool:
    return request.method not in _NO_REPEAT


def _split_authority(authority: bytes, default_port: int) -> tuple[str, int] | None:
    """Host and port. Names and addresses come from the browser's own parser, in ASCII."""
    text = authority.decode("latin-1")
    if "@" in text:
        return None
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        host, port = text, str(default_port)
    if not (port.isascii() and port.isdigit()) or not 0 < int(port) < 65_536:
        return None
    host = host.removeprefix("[").removesuffix("]")
    return (host, int(port)) if host else None


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


async def _streams(connected: socket.socket) -> Stream:
    return await asyncio.open_connection(sock=connected, limit=_HEAD_BYTES)


async def _without_challenge(start: bytes, server: asyncio.StreamReader) -> bytes:
    """The start of an answer, which asks for no password: the browser would ask its user, for ever.

    Raises:
        OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError: if its head does not end.
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
    """From the browser to the server, until one of them closes."""
    with contextlib.suppress(OSError):
        while chunk := await source.read(_CHUNK):
            target.write(chunk)
            await target.drain()
        if target.can_write_eof():
            target.write_eof()
