"""Reads the pixel dimensions of an image from its first bytes. Never decodes an image.

Written after the formats' own specifications: PNG (W3C), GIF89a, JPEG (ITU-T T.81, annex B), WebP (RFC
9649), BMP, and AVIF (ISO/IEC 14496-12, the ``ispe`` property).
"""

from __future__ import annotations

import struct

HEAD_BYTES = 65_536
"""Bytes of an image to examine. The dimensions come early, after colour profiles and similar data."""

_MAX_EDGE = 1 << 24
_SIZED_JPEG = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Markers of frames. The other three in this range are tables and extensions."""


def pixels_in(head: bytes) -> tuple[int, int] | None:
    """Width and height, or None for an unknown format or a damaged header. Never raises.

    Args:
        head: The first bytes of the body.
    """
    try:
        found = _pixels(head)
    except (struct.error, IndexError):
        return None
    if found is None or not (0 < found[0] < _MAX_EDGE and 0 < found[1] < _MAX_EDGE):
        return None
    return found


def _pixels(head: bytes) -> tuple[int, int] | None:
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return struct.unpack_from(">II", head, 16) if head[12:16] == b"IHDR" else None
    if head.startswith((b"GIF87a", b"GIF89a")):
        return struct.unpack_from("<HH", head, 6)
    if head.startswith(b"\xff\xd8"):
        return _jpeg(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(head)
    if head.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", head, 18)
        return width, abs(height)
    if head[4:12] in {b"ftypavif", b"ftypavis", b"ftypheic", b"ftypmif1"}:
        return _avif(head)
    return None


def _jpeg(head: bytes) -> tuple[int, int] | None:
    """Walk from segment to segment; each step is at least two bytes."""
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker == 0xFF:  # padding
            at += 1
        elif marker in _SIZED_JPEG:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        elif marker == 0x01 or 0xD0 <= marker <= 0xD7:  # these markers have no length
            at += 2
        else:
            at += 2 + max(2, int.from_bytes(head[at + 2 : at + 4], "big"))
    return None


def _webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if len(head) < (25 if kind == b"VP8L" else 30):
        return None
    if kind == b"VP8X":
        return (
            int.from_bytes(head[24:27], "little") + 1,
            int.from_bytes(head[27:30], "little") + 1,
        )
    if kind == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _avif(head: bytes) -> tuple[int, int] | None:
    """The largest ``ispe``: an image may also hold thumbnails and tiles."""
    largest: tuple[int, int] | None = None
    at = head.find(b"ispe")
    while at >= 0 and at + 16 <= len(head):
        width, height = struct.unpack_from(">II", head, at + 8)
        if largest is None or width * height > largest[0] * largest[1]:
            largest = width, height
        at = head.find(b"ispe", at + 4)
    return largest
