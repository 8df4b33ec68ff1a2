"""Server-sent events (WHATWG HTML, section 9.2): every change of a page until it is finished."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from litestar.types import Receive, Scope, Send

from libra.web.http.problems import RequestRefused
from libra.web.telemetry.metrics import RequestCounts

EVENT_STREAM = "text/event-stream"

HEARTBEAT = 15.0
"""Seconds of silence after which a comment is sent.

It keeps proxies from closing the connection, and detects clients that are gone. The standard
recommends about this interval.
"""

STREAMS = 2_000
"""Most open streams. Each takes some 30 kB, and a write for each change."""

Change = tuple[int, bytes]
"""A version and the JSON of the report of that version."""


def encode_event(version: int, data: bytes, name: bytes = b"report") -> bytes:
    """One event. The data is JSON, which never contains a line break."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (version, name, data)


def last_event_id(header: str | None) -> int:
    """The version that a reconnecting client has seen; 0 for none or for a foreign id."""
    if header is None or not header.isascii() or not header.isdigit():
        return 0
    return int(header[:18])


def require_room(counts: RequestCounts) -> None:
    """Raise `RequestRefused` (503) if the limit of open streams is reached."""
    if counts.streams >= STREAMS:
        raise RequestRefused(
            503,
            "busy",
            f"{STREAMS} event streams are already open. Poll the page instead.",
            retry_after=HEARTBEAT,
        )


class EventStream:
    """An ASGI response that sends changes as they come.

    It ends with the changes, when the client goes, or when the server stops: else the server would wait
    for the weighing of the page. Clients reconnect automatically.

    It uses ASGI directly and not a framework's stream, because the order of endings matters: an
    asynchronous generator must not be closed while something waits for its next item.
    """

    def __init__(
        self,
        changes: AsyncIterator[Change] | None,
        *,
        first: Change | None = None,
        seen: int = 0,
        name: bytes = b"report",
        heartbeat: float = HEARTBEAT,
        counts: RequestCounts | None = None,
    ) -> None:
        """Prepare the stream.

        Args:
            changes: the changes to send; the stream closes them in the end. None answers 204, which
                tells an EventSource not to reconnect.
            first: a change that was already taken from them.
            seen: the version that the client has; it and older ones are left out.
            name: the name of the events.
            heartbeat: seconds of silence between comments.
            counts: counts the open streams.
        """
        self._changes = changes
        self._first = first
        self._seen = seen
        self._name = name
        self._heartbeat = heartbeat
        self._counts = counts or RequestCounts()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request.

        ``scope["state"]["stopping"]``, if present, is an event that is set when the server stops.
        """
        if self._changes is None:
            await send({"type": "http.response.start", "status": 204, "headers": []})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._stream(self._changes, scope, receive, send)

    async def _stream(
        self, changes: AsyncIterator[Change], scope: Scope, receive: Receive, send: Send
    ) -> None:
        stopping: asyncio.Event | None = scope.get("state", {}).get("stopping")
        over: set[asyncio.Future[Any]] = {asyncio.ensure_future(_disconnected(receive))}
        if stopping is not None:
            over.add(asyncio.ensure_future(stopping.wait()))
        change: asyncio.Future[Any] | None = None
        self._counts.streams += 1
        try:
            await send(_START)
            # A first byte at once: the client knows that it is connected, and buffers flush.
            await _send(send, b": libra\n\n")
            if self._first is not None:
                await self._send_change(send, self._first)
            while not any(task.done() for task in over):
                change = change or asyncio.ensure_future(_next(changes))
                await asyncio.wait(
                    {change, *over}, timeout=self._heartbeat, return_when="FIRST_COMPLETED"
                )
                if change.done():
                    item, change = change.result(), None
                    if item is None:
                        break
                    await self._send_change(send, item)
                elif not any(task.done() for task in over):
                    await _send(send, b": still here\n\n")
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._counts.streams -= 1
            pending = {*over, change} if change is not None else over
            for task in pending:
                task.cancel()
            await asyncio.wait(pending)
            if isinstance(changes, AsyncGenerator):
                await changes.aclose()

    async def _send_change(self, send: Send, change: Change) -> None:
        if change[0] > self._seen:
            await _send(send, encode_event(*change, self._name))


_START: Any = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-store"),
        # Without it, nginx would collect events into blocks of its buffer's size.
        (b"x-accel-buffering", b"no"),
    ],
}


async def _send(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})


async def _next(changes: AsyncIterator[Change]) -> Change | None:
    return await anext(changes, None)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
