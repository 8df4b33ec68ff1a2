"""An answer that libcurl refused, read again by the tolerant reader."""

from __future__ import annotations

import asyncio
import time

import msgspec
from multidict import CIMultiDict

from libra.network.failures import Disconnected, Failure
from libra.network.round_robin import RoundRobin
from libra.network.times import Times
from libra.network.tolerant_http import CutShort, NotHTTP, TolerantReader

SLICE_BYTES = 16_384
"""Bytes that are parsed at once."""


class LastAnswer:
    """An answer on a connection of its own, read as tolerantly as a browser reads it."""

    __slots__ = (
        "_pieces",
        "_reader",
        "_silent",
        "_started",
        "_streams",
        "_times",
        "_turns",
        "headers",
        "protocol",
        "status",
    )

    def __init__(
        self,
        streams: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        turns: RoundRobin,
        max_field: int,
    ) -> None:
        self._streams = streams
        self._turns = turns
        self._reader = TolerantReader(max_field)
        self._pieces: list[bytes] = []
        self._silent = True
        self.status = 0
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.protocol = "http/1.1"
        self._started = time.perf_counter()
        self._times = Times()

    async def begin(self, request: bytes) -> None:
        """Send the request and wait for the head of the answer."""
        self._streams[1].write(request)
        while self._reader.status is None:
            await self._receive()
        self.status, self.headers = self._reader.status, self._reader.headers
        self._times = Times(first_byte=self._since())

    async def read(self) -> bytes:
        """The part of the body that has arrived; empty at its end."""
        while not self._pieces and not self._reader.done:
            await self._receive()
        chunk, self._pieces = b"".join(self._pieces), []
        if chunk and not self._reader.done:
            await self._turns.take()
        return chunk

    def times(self) -> Times:
        """The time of each step, as far as it was measured here."""
        first = self._times.first_byte or 0.0
        return msgspec.structs.replace(self._times, body=self._since() - first)

    def close(self) -> None:
        """Close the connection."""
        self._streams[1].transport.abort()

    def _since(self) -> float:
        return (time.perf_counter() - self._started) * 1000

    async def _receive(self) -> None:
        data = await self._streams[0].read(SLICE_BYTES)
        if not data and self._silent:
            raise Disconnected("disconnected: the server closed the connection without a response")
        self._silent = False
        try:
            if data:
                self._pieces += self._reader.feed(data)
            else:
                self._reader.end()
        except CutShort:
            raise Failure("cut-short: the response ended before its body was complete") from None
        except NotHTTP as error:
            raise Failure(str(error), error.status) from None
