"""What one connection takes in: bounded in what it may cost before any of it is an answer.

aiohttp's protocol parses whatever has arrived in one go and keeps each answer that it finds. A server
that sends what is cheap to send and dear to parse (interim answers, tiny chunks, answers that nobody
asked for) would hold the event loop with it, and memory, for as long as the asset has time. So
`Receiver` feeds the parser in slices, drops interim answers as they come, counts what is no body, and
ends a connection on which more arrives than was asked for.
"""

from __future__ import annotations

import asyncio
import select
from collections import deque
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import RawResponseMessage
from aiohttp.streams import EMPTY_PAYLOAD, StreamReader

INTERIM_ANSWERS = 20
"""Interim answers (1xx; RFC 9110, section 15.2) before the answer; servers send one or two."""

HEAD_BYTES = 262_144
"""Of all the headers of an answer together, interim ones included; Chromium's limit, too."""

FRAMING_BYTES = 262_144
"""How much more may arrive than there is of the body: chunk sizes, extensions and trailers."""

SLICE_BYTES = 16_384
"""So much is parsed in one go: a thousand interim answers at most."""

CHUNKS = 512
"""Chunks that may lie unread before the server is told to wait, however short they are."""

_SWITCHING = 101


class BadAnswer(aiohttp.ClientError):
    """What the server sends is HTTP, but no server that means to answer would send it."""


class Receiver(ResponseHandler):
    """The protocol of a connection of `libra.weighing.dialing.GatedConnector`."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._answer: StreamReader | None = None
        self._interim = 0
        self._received = 0
        self._most_head = HEAD_BYTES
        self.used = False
        """Whether a request was ever sent here."""

    def set_response_params(self, *, max_field_size: int = 8190, **others: Any) -> None:
        """A request is about to be sent: what arrives from here on is its answer."""
        self.used = True
        self._answer = None
        self._interim = 0
        self._received = 0
        self._most_head = max(HEAD_BYTES, max_field_size)
        super().set_response_params(max_field_size=max_field_size, **others)

    def is_overfull(self) -> bool:
        """Whether more has arrived, or waits to be read, than was ever asked for.

        Only of use on a connection that is kept. What waits there is not the answer to the next request
        and must not be taken for it (RFC 9112, section 9.2); it may be the end of the connection, too.
        """
        transport = self.transport
        return transport is None or bool(self._buffer or self._tail) or is_readable(transport)

    def data_received(self, data: bytes) -> None:
        """Parse what arrived, for as long as there is an answer that it can belong to."""
        if not data:  # the parser goes on with what it had to leave
            super().data_received(data)
            return
        for start in range(0, len(data), SLICE_BYTES):
            if self._is_over():
                self._hang_up()
                return
            piece = data[start : start + SLICE_BYTES] if len(data) > SLICE_BYTES else data
            self._received += len(piece)
            super().data_received(piece)
            self._judge()
            if self._exception is not None or self.transport is None:
                return
            if self._reading_paused:
                rest = data[start + SLICE_BYTES :]
                if rest:
                    self._received += len(rest)
                    super().data_received(rest)
                return

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Take an answer from the parser; interim ones and those nobody asked for end here."""
        message, payload = data
        if self._answer is not None:
            self._hang_up()
        elif 100 <= message.code < 200 and message.code != _SWITCHING:
            self._interim += 1
        elif self._interim > INTERIM_ANSWERS:
            return
        else:
            self._answer = payload
            if payload is not EMPTY_PAYLOAD:
                payload._high_water_chunks = CHUNKS  # noqa: SLF001 - it has no other way
                payload._low_water_chunks = CHUNKS // 2  # noqa: SLF001 - as above
            self._received = 0
            super().feed_data(data, size)

    def resume_reading(self, resume_parser: bool = True) -> None:
        """Go on, if reading was paused: the stream asks for this with every piece that is taken."""
        if self._reading_paused:
            super().resume_reading(resume_parser)

    def _is_over(self) -> bool:
        return self._answer is not None and self._answer.is_eof()

    def _judge(self) -> None:
        if self._answer is None:
            if self._interim > INTERIM_ANSWERS:
                self._fail(BadAnswer(f"more than {INTERIM_ANSWERS} interim answers and no other"))
            elif self._received > self._most_head:
                self._fail(HttpProcessingError(code=400, message="Too many headers received"))
        elif self._received - self._answer.total_bytes > FRAMING_BYTES + self._answer.total_bytes:
            self._fail(BadAnswer("most of what arrives is framing and not body"))

    def _fail(self, error: Exception) -> None:
        answer = self._answer
        self.set_exception(error)
        if answer is not None and answer is not EMPTY_PAYLOAD:
            answer.set_exception(error)
        self._payload = None  # so that the end of the connection is not taken for the reason
        self._hang_up()

    def _hang_up(self) -> None:
        """Close the connection. An answer that is there in full can still be read."""
        self._should_close = True
        if self.transport is not None:
            self.transport.close()


def is_readable(transport: asyncio.BaseTransport) -> bool:
    """Whether something waits to be read from a connection: bytes, or its end."""
    poll = select.poll()
    try:
        poll.register(transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, TypeError, ValueError):
        return True  # it is closed


class Turns:
    """Lets those who have much to read go on one at a time, one in each round of the event loop.

    A body that has not ended takes a turn for every piece. However many bodies come in at the same time,
    and however dear they are to take apart, between any two pieces everybody else has their round.
    """

    __slots__ = ("_loop", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def take(self) -> None:
        """Wait for a turn."""
        turn: asyncio.Future[None] = self._loop.create_future()
        if not self._waiting:
            self._loop.call_soon(self._next)
        self._waiting.append(turn)
        await turn

    def _next(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                break
        if self._waiting:
            self._loop.call_soon(self._next)
