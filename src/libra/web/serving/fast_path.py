"""uvicorn's HTTP protocol with a fast path for the most frequent request.

A report in memory is just bytes: a request for it as JSON needs no routing, no task and no response
object. The protocol answers exactly this request as soon as its headers are read. All other requests,
and all errors, go to the application as if there were no fast path. Both give the same answer, header
for header (a test checks this). `docs/decisions/0008-fast-path.md` gives the gain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Literal

import msgspec
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from libra.web.http.negotiation import etag_matches, newest_seen, wants_html
from libra.web.http.problems import PROBLEM_JSON, Problem
from libra.web.serving.application import SECURITY_HEADERS, Application
from libra.web.serving.unsent import HELD, WHOLE

MAX_HEAD = 64 * 1024
"""Most bytes of a request's line and headers before they are complete."""

MAX_FIELDS = 256
"""Most header fields of a request. Browsers send some twenty, and proxies add a few."""

HEAD_PIECE = 4096
BODY_PIECE = 64 * 1024
"""Bytes parsed at once: 64 kB of short header fields take 3 ms, and a body may end in fields."""

HEAD_SECONDS = 15.0
"""Seconds until the headers are complete, from the connection or the request's first byte."""

BODY_SECONDS = 60.0
"""Seconds until the body is complete, from the end of the headers."""

WRITE_SECONDS = 60.0
"""Seconds that a client may read nothing of an answer that waits for it."""

HELD_SECONDS = 10.0
"""The same if more than 1 MB waits for the client."""

PREFIX = b"/pages/"
ID = 36
"""Characters of a page id, a UUID, which is all that follows the prefix."""

ROUTE = "/pages/{id}"

_SAFE = b"".join(b"%b: %b\r\n" % header for header in SECURITY_HEADERS)
_FOUND = (
    b"content-type: application/json\r\n"
    b"cache-control: no-cache\r\n"
    b'vary: Accept\r\netag: "%d"\r\ncontent-length: %d\r\n' + _SAFE + b"\r\n"
)
_CURRENT = b'cache-control: no-cache\r\nvary: Accept\r\netag: "%d"\r\n' + _SAFE + b"\r\n"


class FastPathProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
        *,
        app: Application,
        on_close: Callable[[], None],
    ) -> None:
        self._backlog = app.unsent.client(self._cut_off)
        super().__init__(config, server_state, {**app_state, "backlog": self._backlog}, loop)
        self._at_hand = app.at_hand
        self._counts = app.counts
        self._neighbours = app.libra.neighbours
        self._guard = app.guard
        self._prefix = app.base.encode() + PREFIX
        self._on_close = on_close
        self._answered = False
        self._awaited: Literal["head", "body"] | None = "head"
        self._head_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept the connection, if there is room for it."""
        super().connection_made(transport)
        peer = self.client[0] if self.client is not None else ""
        if self._guard.connected(peer):
            self._wait(HEAD_SECONDS)
        else:
            self._refuse(503, "Service Unavailable", "Too many connections.")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._backlog.end()
        self._guard.disconnected(self.client[0] if self.client is not None else "")
        self._wait(None)
        if self._stuck is not None:
            self._stuck.cancel()
        super().connection_lost(exc)
        self._on_close()

    def data_received(self, data: bytes) -> None:
        """Parse what arrived; refuse endless headers, and cut off clients that take too long."""
        before = self._awaited
        while data and not self.transport.is_closing():
            size = BODY_PIECE if self._awaited == "body" else HEAD_PIECE
            piece, data = (data, b"") if len(data) <= size else (data[:size], data[size:])
            super().data_received(piece)
            if self._awaited == "head":
                self._head_bytes += len(piece)
            if self._head_bytes > MAX_HEAD or len(self.headers or ()) > MAX_FIELDS:
                self._refuse_fields()
        if self.transport.is_closing():
            return
        # Most requests arrive in one piece, and need no timer.
        if self._awaited is None:
            self._wait(None)
        elif self._awaited != before or self._deadline is None:
            self._wait(HEAD_SECONDS if self._awaited == "head" else BODY_SECONDS)

    def pause_writing(self) -> None:
        """The client does not read; it gets some time to do so."""
        super().pause_writing()
        self._backlog.buffer(self.transport.get_write_buffer_size())
        seconds = HELD_SECONDS if self._backlog.waiting > HELD else WRITE_SECONDS
        self._stuck = self.loop.call_later(seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        super().resume_writing()
        self._backlog.buffer(0)
        # A connection that is closing has one deadline for everything that still waits.
        if self._stuck is not None and not self.transport.is_closing():
            self._stuck.cancel()
            self._stuck = None

    def on_response_complete(self) -> None:
        """An answer is written, as far as the client has read it."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._close()

    def timeout_keep_alive_handler(self) -> None:
        """No further request came."""
        self._close()

    def on_message_begin(self) -> None:
        """A request begins."""
        self._awaited = "head"
        self._head_bytes = 0
        self._answered = False
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Answer at once if the fast path can; start the application for other requests."""
        self._awaited = "body"
        if self._deadline is not None:
            self._wait(None)
        if self.url.startswith(self._prefix) and self._answer_at_once():
            self._answered = True
        else:
            # The answer at once to an earlier request in the same data has set it.
            self._unset_keepalive_if_required()
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is complete."""
        self._awaited = None
        if not self._answered:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer a request that is not HTTP with a problem; uvicorn would answer in plain text."""
        self._refuse(400, "Bad Request", msg)

    def _cut_off(self) -> None:
        self.transport.abort()

    def _answer_at_once(self) -> bool:
        if (
            len(self.url) != len(self._prefix) + ID
            or self.parser.get_method() != b"GET"
            or self.parser.get_http_version() != "1.1"
            or not self.parser.should_keep_alive()
            # Answers on one connection must stay in the order of their requests.
            or self._is_busy()
            or self.flow.write_paused
        ):
            return False
        head = self._simple_head()
        if head is None or wants_html(head.get(b"accept")):
            return False
        found = self._at_hand(self.url[len(self._prefix) :].decode("ascii", "replace"))
        # A large report is sent in pieces.
        if found is None or len(found[1]) > WHOLE:
            return False
        copy = head.get(b"if-none-match")
        # A client that has seen a newer version at another node is not answered from memory.
        if (copy is not None and newest_seen(copy)[0] > found[0]) or not self._lets_read(head):
            return False
        self._write(*found, copy)
        return True

    def _simple_head(self) -> dict[bytes, str] | None:
        """The fields that the fast path reads; None if a field rules it out, or occurs twice."""
        head: dict[bytes, str] = {}
        user_header = self._guard.user_header
        for name, value in self.headers:
            if name == user_header:
                return None
            if name in _MATTERS:
                if name in head:
                    return None
                head[name] = value.decode("latin-1")
            elif name in _NOT_SIMPLE:
                return None
        return head

    def _lets_read(self, head: dict[bytes, str]) -> bool:
        peer = self.client[0] if self.client is not None else ""
        return self._guard.lets_read(
            peer,
            head.get(b"host"),
            head.get(b"authorization"),
            head.get(b"x-forwarded-for"),
        )

    def _is_busy(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _write(self, version: int, body: bytes, if_none_match: str | None) -> None:
        if if_none_match is not None and etag_matches(if_none_match, f'"{version}"'):
            status, answer = 304, _CURRENT % version
        else:
            status, answer = 200, _FOUND % (version, len(body)) + body
        (_, date), *_ = self.server_state.default_headers
        head = _STATUS[status] % date
        if age := self._neighbours.age:
            head += b"age: %d\r\n" % age
        self.transport.write(head + answer)
        self._counts.count(ROUTE, "GET", status)
        self.server_state.total_requests += 1
        self._unset_keepalive_if_required()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def _wait(self, seconds: float | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if seconds is not None:
            self._deadline = self.loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._deadline = None
        if self.transport.is_closing():
            return
        if self.flow.read_paused:
            # Libra is the slow side: an earlier request on this connection is still being answered.
            self._wait(BODY_SECONDS)
        elif self._may_not_be_told():
            self._close()
        else:
            self._refuse(408, "Request Timeout", "The request took too long to arrive.")

    def _may_not_be_told(self) -> bool:
        """Whether a 408 would be wrong: the connection is unused, or already has an answer on it."""
        if self._awaited == "head":
            return not self._head_bytes or self._is_busy()
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and cycle.response_started

    def _refuse_fields(self) -> None:
        if self.transport.is_closing():
            return
        if self._awaited == "body" and self._may_not_be_told():
            self._close()
        else:
            self._refuse(431, "Request Header Fields Too Large")

    def _refuse(self, status: int, title: str, detail: str | None = None) -> None:
        body = msgspec.json.encode(Problem(title, status, detail=detail))
        self._counts.count("other", "other", status)
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\ncontent-length: %d\r\nconnection: close\r\n"
            % (status, title.encode(), PROBLEM_JSON.encode(), len(body))
            + _SAFE
            + b"\r\n"
            + body
        )
        self._close()

    def _close(self) -> None:
        """Close when everything is sent; do not wait for a client that does not read."""
        self.transport.close()
        if self._stuck is None and self.transport.get_write_buffer_size():
            self._stuck = self.loop.call_later(WRITE_SECONDS, self.transport.abort)


_MATTERS = frozenset({b"accept", b"authorization", b"host", b"if-none-match", b"x-forwarded-for"})
_NOT_SIMPLE = frozenset({b"content-length", b"transfer-encoding", b"expect", b"upgrade"})

_STATUS = {
    200: b"HTTP/1.1 200 OK\r\ndate: %b\r\n",
    304: b"HTTP/1.1 304 Not Modified\r\ndate: %b\r\n",
}
