"""One transfer of libcurl: its request, and the part of the answer that has arrived.

A `Transfer` owns one of libcurl's handles and uses it for one request after another, since setting up a
handle costs more than using it. libcurl calls back for every line of a head. So those calls only append
to a list. The head is parsed when the body begins, when the transfer ends, or at a look in between.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Sequence
from typing import Any

import pycurl
from multidict import CIMultiDict

from libra.failures import is_one_of
from libra.network.addresses.gate import Denied, Gate
from libra.network.failures import REFUSED, TOO_LARGE, Disconnected, Failure, NotForCurl, failure_of
from libra.network.libcurl.heads import BLANK, head_too_large, heads_in, plain_head
from libra.network.libcurl.multi import Multi
from libra.network.libcurl.scouts import Scout
from libra.network.libcurl.transfer_request import RequestOptions, TransferRequest
from libra.network.libcurl.trust import Trust
from libra.network.times import Times
from libra.network.tolerant_http import HEAD_BYTES, INTERIM_ANSWERS, NotHTTP, parse_head

UNREAD_BYTES = 262_144
"""Bytes of a body that may stay unread before libcurl stops receiving."""

UNREAD_PIECES = 64
"""Pieces that may stay unread: libcurl calls once for each chunk and frame of a body, however small.

libcurl keeps what it has received by then, and hands it over as one piece when the transfer continues.
So a server that sends single bytes costs the loop 64 calls a turn, and not 10,000.
"""

BUFFER_BYTES = 65_536
"""Bytes that are received from a connection at once."""

HTTP_3 = 30
_SUPPRESS_CONNECT_HEADERS = 265  # pycurl has no names for these two
_PROTOCOLS = {
    pycurl.CURL_HTTP_VERSION_1_0: "http/1.0",
    pycurl.CURL_HTTP_VERSION_1_1: "http/1.1",
    pycurl.CURL_HTTP_VERSION_2_0: "h2",
    HTTP_3: "h3",
}


class Transfer:
    """A transfer as the module describes it.

    Args:
        loop: The running loop.
        multi: Runs the transfer.
        gate: Judges every address.
        trust: The authorities whose certificates count.
        http3: Whether to try HTTP/3.

    Attributes:
        easy: Libcurl's handle.
        status: The status of the answer; 0 until it is known.
        headers: The headers of the answer.
        pieces: The pieces of the body that have arrived and are unread.
        done: Whether nothing more will arrive.
        failure: The reason, if the transfer failed.
        paused: Whether libcurl was told to wait.
    """

    __slots__ = (
        "_address",
        "_body_bytes",
        "_far_ends",
        "_gate",
        "_head_bytes",
        "_interim",
        "_lines",
        "_lookup_ms",
        "_loop",
        "_max_field",
        "_multi",
        "_opened",
        "_options",
        "_plain",
        "_proxied",
        "_scout",
        "_unread",
        "_waiter",
        "done",
        "easy",
        "failure",
        "framing",
        "headers",
        "paused",
        "pieces",
        "status",
        "uncounted",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        multi: Multi,
        gate: Gate,
        trust: Trust,
        *,
        http3: bool,
    ) -> None:
        self._loop = loop
        self._multi = multi
        self._gate = gate
        self.easy = easy = pycurl.Curl()
        self._lines: list[bytes] = []
        options: Sequence[tuple[int, Any]] = (
            (pycurl.NOSIGNAL, 1),
            (pycurl.FOLLOWLOCATION, 0),
            (pycurl.PATH_AS_IS, 1),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.PROXY, ""),
            (pycurl.NOPROXY, "*"),
            (_SUPPRESS_CONNECT_HEADERS, 1),
            (pycurl.NETRC, 0),
            (pycurl.HTTP09_ALLOWED, 0),
            (pycurl.HTTP_CONTENT_DECODING, 0),
            (pycurl.HTTP_VERSION, HTTP_3 if http3 else pycurl.CURL_HTTP_VERSION_2TLS),
            (pycurl.BUFFERSIZE, BUFFER_BYTES),
            (pycurl.CONNECTTIMEOUT, 3_600),  # the caller has a deadline
            (pycurl.HEADERFUNCTION, self._lines.append),
            (pycurl.WRITEFUNCTION, self._take_body),
            (pycurl.OPENSOCKETFUNCTION, self._open_socket),
            (pycurl.PREREQFUNCTION, self._judge_connection),
        )
        for option, value in options:
            easy.setopt(option, value)
        _believe(easy, trust)
        self._options = RequestOptions(easy)
        self._proxied = False
        self._scout: Scout | None = None
        self._waiter: asyncio.Future[None] | None = None
        self.forget()

    def forget(self) -> None:
        """Get ready for another request."""
        self.pieces: list[bytes] = []
        self.paused = False
        self.done = False
        self.status = 0
        self.headers: CIMultiDict[str] = _NO_HEADERS
        self.failure: Failure | OSError | None = None
        self.framing: tuple[int, int] | None = None
        self.uncounted = False
        self._unread = 0
        self._body_bytes = 0
        self._head_bytes = 0
        self._interim = 0
        self._opened = False
        self._address = ""
        self._lines.clear()

    def prepare(self, asked: TransferRequest, scout: Scout | None = None) -> None:
        """Set the request, and the scout to call when its connection is up."""
        self._options.tell(asked)
        self._scout = scout
        self._max_field = asked.max_field
        self._far_ends = asked.far_ends
        self._lookup_ms = asked.lookup_ms
        self._plain = asked.url.startswith("http:")
        self._proxied = bool(asked.proxy)

    @property
    def has_head(self) -> bool:
        """Whether the head of the final answer has arrived."""
        return self.status > 0

    @property
    def taken(self) -> int:
        """Bytes of heads and body that have arrived."""
        return self._body_bytes + self._head_bytes + sum(map(len, self._lines))

    @property
    def socket(self) -> int:
        """The file descriptor of its connection; negative if it has none."""
        return int(self.easy.getinfo(pycurl.ACTIVESOCKET))

    @property
    def protocol(self) -> str:
        """The protocol negotiated by ALPN: ``http/1.1``, ``h2``, ``h3``."""
        return _PROTOCOLS.get(self.easy.getinfo(pycurl.INFO_HTTP_VERSION), "http/1.1")

    def times(self) -> Times:
        """The time of each step so far."""
        info = self.easy.getinfo
        sent, first, end = (
            info(pycurl.PRETRANSFER_TIME_T),
            info(pycurl.STARTTRANSFER_TIME_T),
            info(pycurl.TOTAL_TIME_T),
        )
        connect = tls = None
        if self._opened:
            named, connected = info(pycurl.NAMELOOKUP_TIME_T), info(pycurl.CONNECT_TIME_T)
            secured = info(pycurl.APPCONNECT_TIME_T)
            connect = (connected - named) / 1000 if connected else None
            tls = (secured - connected) / 1000 if secured else None
        return Times(
            lookup=self._lookup_ms,
            connect=connect,
            tls=tls,
            first_byte=(first - sent) / 1000 if first else None,
            body=(end - first) / 1000 if first else None,
        )

    async def news(self) -> None:
        """Wait until something arrives, or the end."""
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def take_pieces(self) -> bytes:
        """Take the pieces of the body that have arrived."""
        pieces = self.pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._unread = 0
        return data

    def look(self) -> None:
        """Check for a head without a body after it."""
        if self._lines and not self.status and not self.done and self._lines[-1] in BLANK:
            if self._take_head():
                self._tell()
            else:
                self.give_up(self.failure or NotForCurl(_NOT_HTTP))

    def ended(self, code: int, words: str) -> None:
        """Note the end of the transfer, by libcurl's code and message."""
        self.done = True
        # libcurl refuses answers in the middle of a head, and a connection may end there, too.
        if code == pycurl.E_RECV_ERROR and words.startswith(_TOO_MUCH):
            # libcurl counts all heads together, and stops in the middle of one.
            while self._lines and self._lines[-1] not in BLANK:
                self._lines.pop()
            if self._lines:
                self._take_head()
            self.failure = self.failure or NotForCurl(TOO_LARGE)
        ended = bool(self._lines) and self._lines[-1] in BLANK and code not in REFUSED
        if ended and not (self.status or self.failure):
            self._take_head()
        if code and not self.failure:
            errno = int(self.easy.getinfo(pycurl.OS_ERRNO) or 0)
            self.failure = failure_of(
                code, words, began=self.has_head, errno=errno, address=self._address
            )
            if self._proxied and not self.has_head:
                self._blame_proxy(self.failure)
        self._tell()

    def give_up(self, failure: Failure | OSError) -> None:
        """End it with this reason."""
        self._multi.stop(self.easy)
        self.done = True
        self.failure = failure
        self._tell()

    def flooded(self) -> Failure:
        """The failure of a transfer with too much framing; a kept connection may have caused it."""
        kind = Failure if self._opened or self.has_head else Disconnected
        return kind("bad-answer: most of the response is framing, not body")

    def _blame_proxy(self, failure: Failure) -> None:
        answered = int(self.easy.getinfo(pycurl.HTTP_CONNECTCODE))
        if answered not in {0, 200}:
            reason = f"it answered the CONNECT request with {answered}"
            self.failure = Failure(f"proxy: {reason}")
        elif is_one_of(str(failure), {"refused", "unreachable", "dns"}):
            self.failure = Failure(f"proxy: {str(failure).partition(': ')[2]}")

    def _tell(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _take_head(self) -> bool:
        """Parse the heads that have arrived; False if one of them is a failure, with `failure` set."""
        try:
            for head in heads_in(self._lines):
                raw = b"".join(head)
                self._head_bytes += len(raw)
                if self._head_bytes > HEAD_BYTES or (
                    len(raw) > self._max_field and max(map(len, head)) > self._max_field
                ):
                    raise head_too_large(head, self._max_field)
                status, headers = plain_head(head) or parse_head(raw)
                if not 100 <= status < 200 or status == 101:
                    self.status, self.headers = status, headers
                    break
                self._interim += 1
                if self._interim > INTERIM_ANSWERS:
                    raise Failure(_INTERIM)
        except NotHTTP as error:
            self.failure = NotForCurl(str(error), error.status)
        except Failure as failure:
            self.failure = failure
        self._lines.clear()
        return self.failure is None

    def _take_body(self, data: bytes) -> int | None:
        if not self.status and not (self._take_head() and self.status):
            return -1  # any value other than the number of bytes ends the transfer
        if self._unread > UNREAD_BYTES or len(self.pieces) >= UNREAD_PIECES:
            self.paused = True
            return int(pycurl.WRITEFUNC_PAUSE)
        self._body_bytes += len(data)
        self._unread += len(data)
        self.pieces.append(data)
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
        return None

    def _open_socket(self, purpose: int, address: Any) -> Any:
        family, kind, protocol, place = address
        self._address = f"[{place[0]}]:{place[1]}" if ":" in place[0] else f"{place[0]}:{place[1]}"
        reason = self._reason_against(str(place[0]), int(place[1]))
        if reason is not None:
            self.failure = Denied(reason)
            return pycurl.SOCKET_BAD
        self._opened = True
        self._multi.opened()
        opened = socket.socket(family, kind, protocol)
        self._loop.call_soon(opened.close)  # pycurl takes a duplicate as soon as it has this
        return opened

    def _reason_against(self, address: str, port: int) -> str | None:
        if self._far_ends:
            return None if (address, port) in self._far_ends else _NOT_THE_PROXY
        return self._gate(address, port)

    def _judge_connection(self, there: str, here: str, port: int, own_port: int) -> int:
        """Judge the connection a last time before the request is sent."""
        reason = self._reason_against(there, port)
        if reason is not None:
            self.failure = Denied(reason)
        elif not self._opened and self._plain and self._is_readable(here, own_port):
            # No request is open on this kept connection. So there is its end to read, or an answer that
            # must not be taken for the next one (RFC 9112, section 9.2).
            self.failure = Disconnected("disconnected: the kept connection was no longer usable")
        else:
            if self._scout is not None:
                self._scout.arrive()
            return _OK
        return int(pycurl.PREREQFUNC_ABORT)

    def _is_readable(self, address: str, port: int) -> bool:
        fd = self._multi.file_of(address, port)
        if fd is None:
            return False
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(0))


_OK = int(pycurl.PREREQFUNC_OK)
_NO_HEADERS: CIMultiDict[str] = CIMultiDict()
_NOT_HTTP = "bad-answer: not valid HTTP"
_NOT_THE_PROXY = "denied: address not allowed"
_TOO_MUCH = "Too large response headers"
_INTERIM = f"bad-answer: more than {INTERIM_ANSWERS} interim responses and no final one"


def _believe(easy: pycurl.Curl, trust: Trust) -> None:
    file, folder = trust.places()
    if file is not None:
        easy.setopt(pycurl.CAINFO, file)
    if folder is not None:
        easy.setopt(pycurl.CAPATH, folder)
    if trust.insecure:
        easy.setopt(pycurl.SSL_VERIFYPEER, 0)
        easy.setopt(pycurl.SSL_VERIFYHOST, 0)
