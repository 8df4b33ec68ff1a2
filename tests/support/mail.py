"""A server of mail, and a proxy that makes ways to it, both on 127.0.0.1."""

from __future__ import annotations

import asyncio
import base64
from typing import Self


class _Listener:
    """Answers connections on a port of its own.

    Attributes:
        port: where it listens.
        connections: how many there were.
    """

    port: int

    def __init__(self) -> None:
        self.connections = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._met, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            await self._answer(reader, writer)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError


class MailServer(_Listener):
    """Takes every message (RFC 5321).

    Attributes:
        messages: what came, as it was sent.
    """

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[bytes] = []

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            match line[:4].upper():
                case b"DATA":
                    writer.write(b"354 go on\r\n")
                    self.messages.append(await reader.readuntil(b"\r\n.\r\n"))
                    writer.write(b"250 taken\r\n")
                case b"QUIT":
                    writer.write(b"221 bye\r\n")
                    return
                case _:
                    writer.write(b"250 yes\r\n")


class TunnelProxy(_Listener):
    """Makes ways, as `CONNECT` asks for (RFC 9110), and tells of them together with what comes first.

    Attributes:
        asked: the ``host:port`` that were asked for, each with the name and password of who asked.
        refuses: whether it makes no way any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []
        self.refuses = False

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        method, place, _ = head.split(" ", 2)
        assert method == "CONNECT"
        name = head.partition("Proxy-Authorization: Basic ")[2].partition("\r\n")[0]
        self.asked.append((place, base64.b64decode(name).decode()))
        if self.refuses:
            writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            return
        host, _, port = place.rpartition(":")
        there, back = await asyncio.open_connection(host, int(port))
        first = await there.readline()
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n" + first)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_pass_on(reader, back))
            tasks.create_task(_pass_on(there, writer))


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65_536):
        target.write(data)
    target.close()
