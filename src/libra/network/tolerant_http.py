"""Reads HTTP/1 as tolerantly as Chromium does, for answers that a strict parser refuses.

Examples: a field without a colon, blanks in or before a name, two equal lengths, hundreds of fields,
half a status line. Browsers show such pages, so Libra weighs them. A request that failed before its
answer is repeated once with this reader, on a connection of its own. Each form that it accepts or
refuses was tried with Chromium (`tests/unit/network/test_tolerant_http.py`).

The reader is sans-IO: the caller feeds a `TolerantReader` the arriving bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from multidict import CIMultiDict

from libra.ascii import HTTP_BLANKS, lowered

HEAD_BYTES = 262_144
"""Bytes of all headers of an answer together, including interim ones: Chromium's limit."""

LINE_BYTES = 16_384
"""Bytes of a line with the length of a chunk."""

FRAMING_BYTES = 262_144
"""Bytes of chunk sizes, extensions and trailers beyond the bytes of the body."""

INTERIM_ANSWERS = 20
"""Interim answers (1xx) before the final one."""

AS_IT_CAME = ("utf-8", "surrogateescape")
"""How fields are decoded and encoded: what a server sent goes back to it as the same bytes."""

_SLOP = 4
"""Stray bytes that may precede the status line, besides blank lines."""

_TOO_LARGE = "headers-too-large: the response headers are too long"

_STATUS_BYTES = 8
"""Bytes that identify a status line: ``HTTP/1.1``."""

_END = re.compile(rb"\n\r?\n")
_STATUS = re.compile(rb"http(?:/[0-9]*(?:\.[0-9]*)?)?[ \t]*([0-9]*)", re.IGNORECASE)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;|\Z)")
_LENGTH = re.compile(r"[0-9]{1,18}\Z")
_ONE_VALUE = ("Content-Length", "Location", "Content-Disposition")
"""Two different values of these are a sign of response smuggling; Chromium refuses them."""


class NotHTTP(ValueError):
    """The answer is not HTTP even for a browser; the message is a named error.

    Attributes:
        status: The status that was sent, if it could be read.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class CutShort(Exception):
    """The body ended before its announced end."""


class TolerantReader:
    """Reads the answer to one request, on a connection that ends with it.

    Args:
        max_field: Bytes of one header field.

    Attributes:
        status: The status of the answer; None until its head has arrived.
        headers: The headers of the answer.
        done: Whether the whole body has arrived.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_chunked",
        "_framing",
        "_head",
        "_interim",
        "_left",
        "_max_field",
        "_searched",
        "_taken",
        "done",
        "headers",
        "status",
    )

    def __init__(self, max_field: int = HEAD_BYTES) -> None:
        self.status: int | None = None
        self.headers: CIMultiDict[str] = CIMultiDict()
        self.done = False
        self._max_field = max_field
        self._head = max(HEAD_BYTES, max_field)
        self._at = 0
        self._searched = 0
        self._buffer = bytearray()
        self._interim = 0
        self._chunked: str | None = None
        self._left: int | None = None
        self._framing = 0
        self._taken = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the parts of the body in the arriving bytes.

        Raises:
            NotHTTP: if a browser would refuse the answer, too.
        """
        self._buffer += data
        while self.status is None:
            if not self._take_head():
                return
        if self._chunked is None:
            yield from self._plain()
        else:
            yield from self._unchunked()

    def end(self) -> None:
        """The server has closed the connection.

        Raises:
            CutShort: if the server announced more.
            NotHTTP: if there is no answer.
        """
        if self.status is None:
            # As in Chromium, headers without an end finish here.
            if _STATUS.match(self._buffer, _start(self._buffer)) is None:
                raise NotHTTP("bad-answer: not valid HTTP")
            for _ in self.feed(b"\r\n\r\n"):
                pass
        if not self.done and (self._chunked is not None or self._left):
            raise CutShort
        self.done = True

    def _take_head(self) -> bool:
        """Take one more head, of the answer or an interim one; False if it is not complete yet."""
        if not self._searched:
            start = _start(self._buffer)
            if len(self._buffer) - start < _STATUS_BYTES:
                return self._wait_for_more()
            if _STATUS.match(self._buffer, start) is None:
                raise NotHTTP("bad-answer: not valid HTTP")
            self._at, self._searched = start, start + 1
        # Bytes that were searched before are not searched again, however little arrives at a time.
        start, end = self._at, _END.search(self._buffer, max(self._at, self._searched - 3))
        self._searched = len(self._buffer)
        used = len(self._buffer) if end is None else end.end()
        if used > self._head:
            raise NotHTTP(_TOO_LARGE)
        if end is None:
            return False
        self._head -= used
        head = bytes(self._buffer[start : end.start()])
        del self._buffer[: end.end()]
        self._searched = 0
        status, headers = parse_head(head)
        longest = max(headers, key=lambda name: len(headers[name]), default=None)
        if longest is not None and len(headers[longest]) > self._max_field:
            raise NotHTTP(too_large(longest, len(headers[longest])), status)
        if 100 <= status < 200:
            if status == 101:
                raise NotHTTP("bad-answer: the server switches to another protocol")
            self._interim += 1
            if self._interim > INTERIM_ANSWERS:
                raise NotHTTP(
                    f"bad-answer: more than {INTERIM_ANSWERS} interim responses and no final one"
                )
            return True
        self._begin_body(status, headers)
        return True

    def _wait_for_more(self) -> bool:
        if len(self._buffer) > self._head:
            raise NotHTTP(_TOO_LARGE)
        return False

    def _begin_body(self, status: int, headers: CIMultiDict[str]) -> None:
        codings = lowered(",".join(headers.getall("Transfer-Encoding", ()))).split(",")
        chunked = any(coding.strip(" \t") == "chunked" for coding in codings)
        for name in _ONE_VALUE:
            if name == "Content-Length" and chunked:
                continue
            if len({value.strip(" \t") for value in headers.getall(name, ())}) > 1:
                raise NotHTTP(f"bad-answer: two different values of {name}", status)
        self.status, self.headers = status, headers
        if status in {204, 205, 304}:
            self._left = 0
        elif chunked:
            self._chunked, self._left = "size", 0
        else:
            # A value that is not a number announces nothing. A list may be a number that a proxy has
            # repeated.
            values = {part.strip(" \t") for part in headers.get("Content-Length", "").split(",")}
            length = values.pop() if len(values) == 1 else ""
            self._left = int(length) if _LENGTH.match(length) else None
        self.done = self._left == 0 and self._chunked is None

    def _plain(self) -> Iterator[bytes]:
        piece = bytes(self._buffer if self._left is None else self._buffer[: self._left])
        self._buffer.clear()
        if self._left is not None:
            self._left -= len(piece)
            self.done = self._left == 0  # bytes after it belong to nothing
        if piece:
            yield piece

    def _unchunked(self) -> Iterator[bytes]:
        at = 0
        data = bytes(self._buffer)
        while not self.done:
            if self._chunked == "body":
                piece = data[at : at + (self._left or 0)]
                at += len(piece)
                self._left = (self._left or 0) - len(piece)
                self._taken += len(piece)
                if piece:
                    yield piece
                if self._left:
                    break
                self._chunked = "after"
                continue
            end = data.find(b"\n", at)
            if (end if end >= 0 else len(data)) - at > LINE_BYTES:
                raise NotHTTP("bad-answer: a line of a chunked body is too long")
            if end < 0:
                break
            line = data[at:end].removesuffix(b"\r")
            self._framing += end + 1 - at
            at = end + 1
            if self._framing > FRAMING_BYTES + self._taken:
                if self._chunked == "trailers":
                    raise NotHTTP(_TOO_LARGE)
                raise NotHTTP("bad-answer: most of the response is framing, not body")
            self._take_line(line)
        del self._buffer[:at]

    def _take_line(self, line: bytes) -> None:
        if self._chunked == "after":
            if line:
                raise NotHTTP("bad-answer: a chunk is longer than its declared length")
            self._chunked = "size"
        elif self._chunked == "trailers":
            self.done = not line
        else:
            match = _CHUNK.match(line)
            if match is None:
                raise NotHTTP("bad-answer: the length of a chunk is not a number")
            self._left = int(match[1], 16)
            self._chunked = "body" if self._left else "trailers"


def parse_head(head: bytes) -> tuple[int, CIMultiDict[str]]:
    """The status and the fields of a head; other lines are left out.

    Raises:
        NotHTTP: if there is no status line, or a NUL anywhere.
    """
    match = _STATUS.match(head)
    if match is None:
        raise NotHTTP("bad-answer: not valid HTTP")
    if b"\0" in head:
        line = next(line for line in re.split(rb"[\r\n]+", head) if b"\0" in line)
        name = line.partition(b":")[0].decode("latin-1")
        where = f"the field {name[:40]!r}" if _NAME.match(name) else "a line of the headers"
        raise NotHTTP(f"bad-answer: {where} contains a NUL", int(match[1][:4] or 0) or None)
    # A browser takes a missing status for a success.
    status = int(match[1][:4]) if match[1] else 200
    if not status:
        raise NotHTTP("bad-answer: the status is 0")
    headers: CIMultiDict[str] = CIMultiDict()
    last: str | None = None
    fields: list[tuple[str, str]] = []
    for line in re.split(r"[\r\n]+", head.decode(*AS_IT_CAME))[1:]:
        if line[:1] in {" ", "\t"}:
            if last is not None and fields:
                name, value = fields[-1]
                fields[-1] = (name, f"{value} {line.strip(HTTP_BLANKS)}")
            continue
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t")
        last = name if colon and _NAME.match(name) else None
        if last is not None:
            fields.append((name, value.strip(" \t")))
    headers.extend(fields)
    return status, headers


def too_large(name: str, size: int) -> str:
    """The named error of a field that is too long."""
    return f"{_TOO_LARGE} ({name[:40]} alone has {size:,} bytes)"


def _start(buffer: bytearray) -> int:
    """The start of the status line: blank lines and a few stray bytes may precede it."""
    start = len(buffer) - len(buffer.lstrip(b"\r\n"))
    found = buffer[start : start + _SLOP + 4].lower().find(b"http")
    return start + found if 0 < found <= _SLOP else start
