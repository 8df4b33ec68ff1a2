"""Servers that are far away: a relay with a round trip in it, and one that never answers in full."""

from __future__ import annotations

import asyncio
import sys

ROUND_TRIP = 0.05
"""Seconds."""


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: int) -> None:
    there, to_there = await asyncio.open_connection("127.0.0.1", target)
    try:
        await asyncio.gather(_later(reader, to_there), _later(there, writer))
    except OSError:
        pass
    finally:
        to_there.transport.abort()
        writer.transport.abort()


async def _later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on what arrives, each piece half a round trip after it came."""
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[None] = loop.create_future()
    while data := await reader.read(65_536):
        loop.call_later(ROUND_TRIP / 2, writer.write, data)
        if writer.transport.is_closing():
            return
    loop.call_later(ROUND_TRIP / 2, ended.set_result, None)
    await ended


async def _silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The head of an answer and the beginning of its body, and nothing after that."""
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n12345")
    await reader.read()
    writer.close()


async def main(port: int, target: int) -> None:
    """Relay to a port of loopback, or be silent if that is 0."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await (_relay(reader, writer, target) if target else _silent(reader, writer))
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()  # whoever was there has gone

    server = await asyncio.start_server(accept, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
