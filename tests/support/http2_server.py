"""An HTTP/2 server on loopback that answers, or does to its clients what HTTP/2 makes possible."""

from __future__ import annotations

import asyncio
import ssl
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from types import TracebackType
from typing import Self

import h2.config
import h2.connection
import h2.events

from libra.network.listening import stop_listening

BODY = b"x" * 5_000

Attack = Callable[["Http2Server", int, asyncio.StreamWriter], Awaitable[None]]


class Http2Server:
    """Answers every GET with `BODY`, but for the paths of `ATTACKS`, over TLS with ALPN.

    Args:
        tls: What it is served with.

    Attributes:
        connections: How many there were.
        paths: What was asked for.
        hold: How many requests have to be open on a connection before any of them is answered.
    """

    def __init__(self, tls: ssl.SSLContext, *, hold: int = 1) -> None:
        tls.set_alpn_protocols(["h2"])
        self._tls = tls
        self.hold = hold
        self._tasks: set[asyncio.Task[None]] = set()
        self._over = False
        self.connections = 0
        self.paths: list[str] = []
        self.headers: list[dict[bytes, bytes]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over = True
        await stop_listening(self._server)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def url(self, path: str = "/") -> str:
        return f"https://localhost:{self.port}{path}"

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._over:  # the TLS handshake was still under way
            writer.transport.abort()
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        # Not by the task itself, which may be cancelled before it has begun.
        task.add_done_callback(lambda _: writer.transport.abort())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._talk(reader, writer)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        talk.initiate_connection()
        writer.write(talk.data_to_send())
        waiting: list[int] = []
        while data := await reader.read(65_536):
            for event in talk.receive_data(data):
                if not isinstance(event, h2.events.RequestReceived):
                    continue
                assert event.stream_id is not None
                assert event.headers is not None
                headers = {bytes(name): bytes(value) for name, value in event.headers}
                path = headers[b":path"].decode()
                self.paths.append(path)
                self.headers.append(headers)
                if (attack := ATTACKS.get(path)) is not None:
                    await attack(self, event.stream_id, writer)
                    return
                waiting.append(event.stream_id)
            if len(waiting) >= self.hold:
                for stream in waiting:
                    talk.send_headers(
                        stream,
                        [
                            (":status", "200"),
                            ("content-type", "image/png"),
                            ("content-length", str(len(BODY))),
                        ],
                    )
                    talk.send_data(stream, BODY, end_stream=True)
                waiting.clear()
            writer.write(talk.data_to_send())
            await writer.drain()

    async def flood(self, writer: asyncio.StreamWriter, piece: bytes, start: bytes = b"") -> None:
        """Send the same for ever, as long as anybody takes it."""
        writer.write(start)
        many = piece * (65_536 // len(piece))
        while True:
            writer.write(many)
            await writer.drain()
            # A TLS transport does not know that the one below it has broken off until the loop tells it,
            # and until then nothing above waits: without this the loop never has its turn.
            await asyncio.sleep(0)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """RFC 9113, section 4.1."""
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes((kind, flags))
        + struct.pack(">I", stream)
        + payload
    )


_STATUS_200 = b"\x88"
"""The indexed field ``:status: 200`` (RFC 7541, appendix A)."""


async def _settings(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    await server.flood(writer, frame(4, 0, 0, struct.pack(">HI", 3, 100)))


async def _pings(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    await server.flood(writer, frame(6, 0, 0, bytes(8)))


async def _reset(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    await server.flood(writer, frame(3, 0, stream, struct.pack(">I", 2)))


async def _continuations(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    start = frame(1, 0, stream, _STATUS_200)
    await server.flood(writer, frame(9, 0, stream, b"\x00\x01a\x01b"), start)


async def _header_bomb(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    # One long field in the table, named by a byte each time: 4 kB of header for every byte sent.
    entry = b"\x40\x01a\x7f\x81\x1e" + b"v" * 4_000
    start = frame(1, 0, stream, _STATUS_200 + entry)
    await server.flood(writer, frame(9, 0, stream, b"\xbe" * 4_000), start)


async def _empty_data(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    await server.flood(writer, frame(0, 0, stream), frame(1, 4, stream, _STATUS_200))


async def _windows(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    await server.flood(writer, frame(8, 0, stream, struct.pack(">I", 1)))


async def _interim(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    await server.flood(writer, frame(1, 4, stream, b"\x08\x03103"))


async def _cut_short(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(1, 4, stream, _STATUS_200) + frame(0, 0, stream, b"12345"))
    await writer.drain()


async def _reset_in_body(server: Http2Server, stream: int, writer: asyncio.StreamWriter) -> None:
    writer.write(frame(1, 4, stream, _STATUS_200) + frame(0, 0, stream, b"12345"))
    writer.write(frame(3, 0, stream, struct.pack(">I", 2)))
    await writer.drain()


ATTACKS: dict[str, Attack] = {
    "/settings": _settings,
    "/pings": _pings,
    "/reset": _reset,
    "/continuations": _continuations,
    "/header-bomb": _header_bomb,
    "/empty-data": _empty_data,
    "/windows": _windows,
    "/interim": _interim,
    "/cut-short": _cut_short,
    "/reset-in-body": _reset_in_body,
}
