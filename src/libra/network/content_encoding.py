"""Decodes content encodings step by step, so that no body can grow without bound.

Libra decodes bodies of every kind to learn their decoded size. A `Decoder` takes wire bytes and yields
decoded pieces of bounded size. Between two pieces its caller can stop, let others run, or move to a
thread. If one encoding of a body is unknown, the body passes through unchanged, as in browsers.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any, Protocol

import brotli  # type: ignore[import-untyped]  # it ships no types

from libra.ascii import lowered

try:  # inflates in about half the time
    from zlib_ng import zlib_ng as zlib
except ImportError:  # where there is no wheel of it
    import zlib  # type: ignore[no-redef]

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_ZLIB_ERROR: type[Exception] = zlib.error  # type: ignore[assignment]  # a stub has it as a value

PIECE = 262_144
"""Bytes that one step yields, about; brotli may exceed it by its last block."""

MAX_NESTED = 4
"""Encodings of one body, at most; servers send one, bombs many."""

_ZSTD_WINDOW_LOG = 23
"""RFC 9659: a browser gives zstd a window of 8 MB at most."""

_ZSTD_FRAMES = 1_000
"""Frames of a zstd body beyond one for each kB: a tiny frame takes time, too, and may yield nothing."""


class DecodeError(Exception):
    """The body does not match its content encoding; the message is a named error."""


class _Decoding(Protocol):
    """The decoding of one encoding."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...
    def finish(self) -> None: ...


class Decoder:
    """Decodes the encodings of one body, the last applied first.

    Args:
        encodings: The names in the header, in the order in which they were applied.

    Raises:
        DecodeError: if there are more than `MAX_NESTED` encodings.
    """

    __slots__ = ("_steps",)

    def __init__(self, encodings: list[str]) -> None:
        steps = [_STEPS[name] for name in reversed(encodings) if name in _STEPS]
        if len(steps) > MAX_NESTED:
            raise DecodeError(f"decode: {len(steps)} nested content encodings")
        self._steps: list[_Decoding] = [step() for step in steps]

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the decoded `data`, in pieces of about `PIECE` bytes at most.

        Raises:
            DecodeError: if the data is not in the announced encoding.
        """
        steps = self._steps
        return steps[0].feed(data) if len(steps) == 1 else self._through(0, data)

    def finish(self) -> None:
        """Check that nothing is missing.

        Raises:
            DecodeError: if the body ends before its encoding does.
        """
        for step in self._steps:
            step.finish()

    def _through(self, level: int, data: bytes) -> Iterator[bytes]:
        if level == len(self._steps):
            yield data
            return
        for piece in self._steps[level].feed(data):
            if level + 1 == len(self._steps):
                yield piece
            else:
                yield from self._through(level + 1, piece)


def encodings_in(header: str | None) -> list[str]:
    """The encodings in a ``Content-Encoding`` header, if all of them are known; otherwise none.

    Chromium decodes nothing if it does not know one of them.
    """
    if not header:
        return []
    names = [lowered(name.strip(" \t")) for name in header.split(",")]
    return names if all(name in _STEPS for name in names) else []


class _Gzip:
    """RFC 1952, as Chromium reads it: the first member only, without any data after it.

    The checksum and the length are not checked: some servers omit them or send wrong ones, and a browser
    still shows the page.
    """

    __slots__ = ("_head", "_inflate", "_started")

    def __init__(self) -> None:
        self._head = b""
        self._inflate: Any = None
        self._started = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._started = self._started or bool(data)
        if self._inflate is None:
            self._head += data
            end = _end_of_gzip_header(self._head)
            if end is None and len(self._head) > _GZIP_HEADER_BYTES:
                raise DecodeError("decode: not gzip (its header does not end)")
            if end is None:
                return
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            data, self._head = self._head[end:], b""
        yield from _inflated(self._inflate, data, "gzip")

    def finish(self) -> None:
        # An empty body is fine: servers label empty answers as gzip, and browsers accept it.
        if self._started and (self._inflate is None or not self._inflate.eof):
            raise DecodeError("decode: gzip stream cut short")


_GZIP_HEADER_BYTES = 65_536 + 4_096
"""The longest header to wait for: its extra field may take 64 KiB, its names a little more."""


def _end_of_gzip_header(head: bytes) -> int | None:
    """Where the data begins (RFC 1952, section 2.3); None if that has not arrived yet."""
    if not b"\x1f\x8b\x08".startswith(head[:3]):
        raise DecodeError("decode: not gzip (incorrect header check)")
    if len(head) < 10:
        return None
    flags, at = head[3], 10
    if flags & 0x04:  # an extra field, with its length before it
        at += 2 + int.from_bytes(head[at : at + 2], "little")
    for name in (0x08, 0x10):  # the file's name, a comment
        if flags & name:
            zero = head.find(b"\0", at)
            if zero < 0:
                return None
            at = zero + 1
    if flags & 0x02:  # a checksum of the header
        at += 2
    return at if at <= len(head) else None


class _Deflate:
    """RFC 1951 with or without the zlib wrapper of RFC 1950: servers send both under this name.

    As in Chromium, the wrapper's checksum may be missing, but must not be wrong.
    """

    __slots__ = ("_checksum", "_head", "_inflate", "_tail", "_wrapped")

    def __init__(self) -> None:
        self._head = b""
        self._inflate: Any = None
        self._wrapped = False
        self._checksum = 1
        self._tail = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._inflate is None:
            self._head += data
            if len(self._head) < 2:
                return
            first, second = self._head[0], self._head[1]
            self._wrapped = first & 0x0F == 8 and (first << 8 | second) % 31 == 0
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
            data, self._head = self._head[2 if self._wrapped else 0 :], b""
        if not self._inflate.eof:
            for piece in _inflated(self._inflate, data, "deflate"):
                if self._wrapped:
                    self._checksum = zlib.adler32(piece, self._checksum)
                yield piece
            data = self._inflate.unused_data
        if self._wrapped and self._inflate.eof and len(self._tail) < 4:
            self._tail = (self._tail + data)[:4]
            if len(self._tail) == 4 and int.from_bytes(self._tail, "big") != self._checksum:
                raise DecodeError("decode: not deflate (incorrect data check)")

    def finish(self) -> None:
        if self._head or (self._inflate is not None and not self._inflate.eof):
            raise DecodeError("decode: deflate stream cut short")


def _inflated(inflate: Any, data: bytes, name: str) -> Iterator[bytes]:
    try:
        while not inflate.eof:
            piece = inflate.decompress(data, PIECE)
            data = inflate.unconsumed_tail
            if piece:
                yield piece
            # A full piece may not be the last one even if all data is used up.
            if not data and len(piece) < PIECE:
                return
    except _ZLIB_ERROR as error:
        raise DecodeError(f"decode: not {name} ({_tail(error)})") from None


class _Brotli:
    """RFC 7932, as Chromium reads it: without any data after the end.

    The library fails if such data comes in one piece with the end. Then a short body is decoded once
    more, and its last piece byte by byte.
    """

    __slots__ = ("_decompressor", "_past", "_started", "_yielded")

    def __init__(self) -> None:
        self._decompressor = brotli.Decompressor()
        self._past: bytes | None = b""
        self._started = False
        self._yielded = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._started = self._started or bool(data)
        if self._decompressor.is_finished():
            return
        try:
            for piece in _unbrotlied(self._decompressor, data):
                self._yielded += len(piece)
                yield piece
        except brotli.error:
            yield from self._up_to_the_end(data)
        if self._past is not None and len(self._past) + len(data) <= _BROTLI_AGAIN:
            self._past += data
        else:
            self._past = None

    def _up_to_the_end(self, data: bytes) -> Iterator[bytes]:
        """The rest of the body, if it ends within this data."""
        if self._past is None or len(self._past) + len(data) > _BROTLI_AGAIN:
            raise DecodeError("decode: not brotli")
        self._decompressor = brotli.Decompressor()
        known = self._yielded
        try:
            for part in (self._past, *(data[at : at + 1] for at in range(len(data)))):
                for piece in _unbrotlied(self._decompressor, part):
                    if len(piece) > known:
                        yield piece[known:]
                    known = max(0, known - len(piece))
                if self._decompressor.is_finished():
                    return
        except brotli.error:
            raise DecodeError("decode: not brotli") from None

    def finish(self) -> None:
        if self._started and not self._decompressor.is_finished():
            raise DecodeError("decode: br stream cut short")


_BROTLI_AGAIN = 65_536
"""Bytes on the wire of the longest body that is decoded again."""


def _unbrotlied(decompressor: Any, data: bytes) -> Iterator[bytes]:
    piece = decompressor.process(data, output_buffer_limit=PIECE)
    while piece:
        yield piece
        if decompressor.is_finished():
            return
        # Go on until nothing comes: the decompressor may accept more data before that.
        piece = decompressor.process(b"", output_buffer_limit=PIECE)


class _Zstandard:
    """RFC 8878, any number of frames, with the window limit of RFC 9659."""

    __slots__ = ("_bytes", "_decompressor", "_frames")

    def __init__(self) -> None:
        self._decompressor: zstd.ZstdDecompressor | None = None
        self._frames = self._bytes = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                if self._decompressor is None:
                    self._frames += 1
                    if self._frames > _ZSTD_FRAMES + self._bytes // 1_000:
                        raise DecodeError("decode: zstd in too many frames")
                    self._decompressor = _zstd_decompressor()
                decompressor = self._decompressor
                for piece in _unpacked(decompressor, data):
                    self._bytes += len(piece)
                    yield piece
                if not decompressor.eof:
                    return
                data = decompressor.unused_data
                self._decompressor = None
        except zstd.ZstdError as error:
            raise DecodeError(f"decode: not zstd ({_tail(error)})") from None

    def finish(self) -> None:
        if self._decompressor is not None:
            raise DecodeError("decode: zstd stream cut short")


def _zstd_decompressor() -> zstd.ZstdDecompressor:
    return zstd.ZstdDecompressor(
        options={zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
    )


def _unpacked(decompressor: zstd.ZstdDecompressor, data: bytes) -> Iterator[bytes]:
    piece = decompressor.decompress(data, PIECE)
    while True:
        if piece:
            yield piece
        if decompressor.eof or decompressor.needs_input:
            return
        piece = decompressor.decompress(b"", PIECE)


def _tail(error: Exception) -> str:
    """The last part of a library's message, short enough for a report."""
    return str(error).rpartition(":")[2].strip()[:60]


_STEPS: dict[str, type[_Decoding]] = {
    "gzip": _Gzip,
    "x-gzip": _Gzip,
    "deflate": _Deflate,
    "br": _Brotli,
    "zstd": _Zstandard,
}
