"""Facts about a body beyond its sizes: its digest, its pixels, and the savings of compression.

Findings are based on these facts. All of them are measured, within bounds of bytes and time. A body is
compressed once, even if many pages share it or one page is weighed again and again.
"""

from __future__ import annotations

import hashlib
import zlib
from collections import OrderedDict
from collections.abc import Mapping
from functools import lru_cache

import brotli  # type: ignore[import-untyped]  # it ships no types
import msgspec

from libra.ascii import lowered, trimmed
from libra.weighing.bodies.image_size import HEAD_BYTES, pixels_in

try:  # about ten times faster
    from zlib_ng.zlib_ng import crc32
except ImportError:  # no wheel for this platform
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
"""Types other than ``text/*`` that compress well, as in the default lists of common servers."""

COMPRESS_FROM = 1_400
"""Minimum size in bytes. A smaller body fits in one packet, so compression saves no time."""

COMPRESS_UP_TO = 2_000_000
"""Bytes of a body that are compressed to measure the savings. The result is not extrapolated."""

GZIP_LEVEL = 6
BROTLI_QUALITY = 5
"""The usual levels of servers that compress on the fly."""

_REMEMBERED = 2_048

_SUMMED_AT_ONCE = 5_120
"""For longer input `crc32` releases the interpreter lock, which takes longer than the sum."""


class Savings(msgspec.Struct, frozen=True):
    """The bytes that compression would have saved for one body."""

    gzip: int
    brotli: int


class BodyFacts(msgspec.Struct, frozen=True):
    """The facts about one body.

    Attributes:
        digest: Digest of the bytes on the wire. Two bodies with the same digest and size count as
            copies. It need not resist forgery: a page could only falsify its own report.
        cached: Whether the headers set any cache policy.
        pixels: Width and height of an image.
        savings: What compression would have saved, for text that was sent uncompressed.
    """

    digest: bytes = b""
    cached: bool = True
    pixels: tuple[int, int] | None = None
    savings: Savings | None = None


class Observer:
    """Observes a body as it streams by.

    Args:
        headers: The headers of a successful response; names in any case.
        is_image: Whether to read its pixel dimensions.
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
        """Record a chunk."""
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
        """The digest of the bytes received."""
        return self._crc.to_bytes(4, "big")

    def _sum(self, chunk: memoryview) -> None:
        crc = self._crc
        for at in range(0, len(chunk), _SUMMED_AT_ONCE):
            crc = crc32(chunk[at : at + _SUMMED_AT_ONCE], crc)
        self._crc = crc

    def compressible(self) -> bytes | None:
        """The bytes to compress, or None if compression would not pay."""
        if not self._text or self._kept_bytes < COMPRESS_FROM:
            return None
        return b"".join(self._kept)[:COMPRESS_UP_TO]

    def facts(self, savings: Savings | None) -> BodyFacts:
        """All facts, once the body is complete."""
        pixels = pixels_in(b"".join(self._head)) if self._head else None
        return BodyFacts(self.digest(), self._cached, pixels, savings)


def key_of(text: bytes) -> bytes:
    """The cache key of a text. Many pages share the cache, so a page must not be able to forge a key."""
    return hashlib.sha256(text).digest()


class SavingsCache:
    """The savings of recently measured bodies, by `key_of`."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Savings] = OrderedDict()

    def get(self, digest: bytes) -> Savings | None:
        """The known savings of a body, if any."""
        found = self._known.get(digest)
        if found is not None:
            self._known.move_to_end(digest)
        return found

    def put(self, digest: bytes, savings: Savings) -> None:
        """Store the savings of a body; evicts the least recently used entry."""
        self._known[digest] = savings
        if len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)


def measure_savings(body: bytes) -> Savings:
    """Compress a body with gzip and Brotli. Takes about 60 ms per megabyte: call it in a thread."""
    squeezed = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    gzip = len(squeezed.compress(body)) + len(squeezed.flush())
    br = len(brotli.compress(body, quality=BROTLI_QUALITY))
    return Savings(max(0, len(body) - gzip), max(0, len(body) - br))


@lru_cache(maxsize=256)
def is_uncompressed_text(content_type: str | None, encoding: str | None) -> bool:
    """Whether a response is text without a content encoding."""
    if encoding and lowered(trimmed(encoding)) != "identity":
        return False
    essence = lowered(trimmed((content_type or "").partition(";")[0]))
    return essence in TEXT_TYPES or essence.startswith("text/")


def has_cache_headers(headers: Mapping[str, str]) -> bool:
    """Whether the response sets any cache policy, even one that forbids caching."""
    return (
        "Cache-Control" in headers
        or "cache-control" in headers
        or "Expires" in headers
        or "expires" in headers
    )
