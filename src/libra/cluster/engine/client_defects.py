"""Mends two defects of the engine's client, nats-py 2.16, in its transport.

- It waits for ever for a connection to close whose peer is frozen (nats.py issue 671), and then never
  reconnects.
- It leaves a connection open that a server accepted without a further answer. The sockets of all
  attempts at a frozen server then stay open until they are collected.
"""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import ParseResult

from nats.aio import transport

#: Seconds that a connection may take to close before it is cut.
CLOSING: Final = 0.5

_connect_once = transport.TcpTransport.connect


def mend() -> None:
    """Replace what is defective in the client; a second call changes nothing."""
    transport.TcpTransport.wait_closed = _wait_closed  # type: ignore[method-assign]
    transport.TcpTransport.connect = _connect  # type: ignore[method-assign]


async def _wait_closed(self: transport.TcpTransport) -> None:
    writer = self._io_writer
    if writer is None:
        return
    closing = asyncio.ensure_future(writer.wait_closed())
    done, _ = await asyncio.wait({closing}, timeout=CLOSING)
    if not done:
        writer.transport.abort()
        closing.add_done_callback(_read_outcome)
        return
    _read_outcome(closing)


async def _connect(
    self: transport.TcpTransport, uri: ParseResult, buffer_size: int, connect_timeout: int
) -> None:
    # If the last attempt stopped at this point, its connection is still open.
    for writer in (self._io_writer, self._bare_io_writer):
        if writer is not None:
            writer.transport.abort()
    await _connect_once(self, uri, buffer_size, connect_timeout)


def _read_outcome(closing: asyncio.Future[None]) -> None:
    if not closing.cancelled():
        closing.exception()
