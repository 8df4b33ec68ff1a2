"""What is noted of a body beside its sizes: its digest, its pixels, what compression would have saved.

Findings are made of these. Everything here is measured. It is bounded in bytes and time, and a body that
many pages share (or one page that is weighed again and again) is compressed once.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache

import brotli  # type: ignore[import-untyped]  # it ships no types
import msgspec

from libra.weighing.bodies.image_size import HEAD_BYTES, pixels_in

try:  # sums in a tenth of the time
    from zlib_ng.zlib_ng import crc32
except ImportError:  # where there is no wheel of it
    from zlib import crc32

TEXT_TYPES = frozenset(
    {
        "application/javascript",
        "application/json",
        "application/ld+json",
        "application/manifest+json",
        "application/rss+xml",
        "application/atom+xml",
        "application/vnd.ms-fontobject",
        "application/wasm",
        "application/x-javascript",
        "application/xhtml+xml",
        "application/xml",
        "font/otf",
        "font/ttf",
        "image/bmp",
        "image/svg+xml",
        "image/x-icon",
        "image/vnd.microsoft.icon",
    }
)
"""Types that compress well beside ``text/*``, as in the lists that servers are delivered with."""

COMPRESS_FROM = 1_400
"""Bytes: what fits in one packet takes no less time compressed."""

COMPRESS_UP_TO = 2_000_000
"""Bytes of a body that are compressed to see what it saves; the rest is not extrapolated."""

GZIP_LEVEL = 6
BROTLI_QUALITY = 5
"""What servers use for answers that they compress as they go."""

_REMEMBERED = 2_048

_SUMMED_AT_ONCE = 5_120
"""For more bytes than these `crc32` lets other threads run, which takes longer than the sum."""


class Savings(msgspec.Struct, frozen=True):
    """The bytes that compression would have saved of one body."""

    gzip: int
    brotli: int


class BodyFacts(msgspec.Struct, frozen=True):
    """What is known of one body.

    Attributes:
        digest: Of its bytes on the wire; two bodies of one digest and one size are the same. It need
            not withstand forgery: a page could only deceive its own report.
        cached: Whether its headers say anything about caching.
        pixels: Width and height of an image.
        savings: If it is text that was sent as it is.
    """

    digest: bytes = b""
    cached: bool = True
    pixels: tuple[int, int] | None = None
    savings: Savings | None = None


class Observer:
    """Looks at a body as it streams by.

    Args:
        headers: Of the answer, which was a success; names in any case.
        is_image: Whether its pixels are of interest.
    """

    __slots__ = (
        "_cached",
        "_crc",
        "_head",
        "_head_bytes",
        "_kept",
        "_kept_bytes",
        "_text",
    )

    def __init__(self, headers: Mapping[str, str], *, is_image: bool) -> None:
        self._text = is_uncompressed_text(
            headers.get("Content-Type"), headers.get("Content-Encoding")
        )
        self._cached = has_cache_headers(headers)
        self._crc = 0
        self._head: list[bytes] | None = [] if is_image else None
        self._head_bytes = 0
        self._kept: list[bytes] = []
        self._kept_bytes = 0

    def take(self, chunk: bytes) -> None:
        """Note what arrived."""
        if len(chunk) <= _SUMMED_AT_ONCE:
            self._crc = crc32(chunk, self._crc)
        else:
            self._sum(memoryview(chunk))
        if self._head is not None and self._head_bytes < HEAD_BYTES:
            self._head.append(chunk)
            self._head_bytes += len(chunk)
        if self._text and self._kept_bytes < COMPRESS_UP_TO:
            self._kept.append(chunk)
            self._kept_bytes += len(chunk)

    def digest(self) -> bytes:
        """Of what arrived."""
        return self._crc.to_bytes(4, "big")

    def _sum(self, chunk: memoryview) -> None:
        crc = self._crc
        for at in range(0, len(chunk), _SUMMED_AT_ONCE):
            crc = crc32(chunk[at : at + _SUMMED_AT_ONCE], crc)
        self._crc = crc

    def compressible(self) -> bytes | None:
        """The bytes to compress, if it is worth while."""
        if not self._text or self._kept_bytes < COMPRESS_FROM:
            return None
        return b"".join(self._kept)[:COMPRESS_UP_TO]

    def facts(self, savings: Savings | None) -> BodyFacts:
        """All that was found, once the body is whole."""
        pixels = pixels_in(b"".join(self._head)) if self._head else None
        return BodyFacts(self.digest(), self._cached, pixels, savings)


def key_of(text: bytes) -> bytes:
    """What the savings of a text are remembered by; many pages share them, so none may forge it."""
    return hashlib.sha256(text).digest()


class SavingsCache:
    """What compression saves, by `key_of`, for the bodies that were looked at last."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Savings] = OrderedDict()

    def get(self, digest: bytes) -> Savings | None:
        """What is known of a body."""
        found = self._known.get(digest)
        if found is not None:
            self._known.move_to_end(digest)
        return found

    def put(self, digest: bytes, savings: Savings) -> None:
        """Remember it; what was not asked for longest is forgotten."""
        self._known[digest] = savings
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def measure_savings(body: bytes) -> Savings:
    """Compress a body both ways. Takes some 60 ms for a megabyte: call it in a thread."""
    squeezed = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    gzip = len(squeezed.compress(body)) + len(squeezed.flush())
    br = len(brotli.compress(body, quality=BROTLI_QUALITY))
    return Savings(max(0, len(body) - gzip), max(0, len(body) - br))


@lru_cache(maxsize=256)
def is_uncompressed_text(content_type: str | None, encoding: str | None) -> bool:
    """Whether an answer is text without a content encoding."""
    if encoding and encoding.strip().lower() != "identity":
        return False
    essence = (content_type or "").partition(";")[0].strip().lower()
    return essence in TEXT_TYPES or essence.startswith("text/")


def has_cache_headers(headers: Mapping[str, str]) -> bool:
    """Whether a server says for how long an answer may be kept, be it not at all."""
    return (
        "Cache-Control" in headers
        or "cache-control" in headers
        or "Expires" in headers
        or "expires" in headers
    )
