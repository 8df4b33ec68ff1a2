"""A small web site of known weight: every path is a page of it, and some wait until a test lets them."""

from __future__ import annotations

import gzip
import struct
import zlib
from urllib.parse import urlsplit

from libra.testing import Page, PageServer, Request


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _image(size: int) -> bytes:
    """A PNG of one pixel and this many bytes; a browser stops reading what is no image."""
    head = b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
    tail = _chunk(b"IDAT", zlib.compress(b"\0\0\0\0")) + _chunk(b"IEND", b"")
    return head + _chunk(b"tEXt", bytes(size - len(head) - len(tail) - 12)) + tail


STYLE = b"body { background: url(/back.png) }\n"
SCRIPT = b"console.log(1)\n" * 100
PAGE = (
    b"<!doctype html><title>A page</title>"
    b"<link rel=icon href=/icon.png><link rel=stylesheet href=/style.css>"
    b"<script src=/script.js></script><body><img src=/image.png><p>text"
)
IMAGE = _image(5_000)
ASSETS = 6  # the page, icon, style sheet, its background, script, image


class WebSite(PageServer):
    """Serves `PAGE` everywhere. ``/held...`` waits for the gate; ``/slow-part`` has such a part."""

    def __init__(self) -> None:
        super().__init__(fallback=_answer)


def _answer(request: Request) -> Page:
    path = urlsplit(request.path).path
    held = path.startswith("/held")
    if path.endswith(".png"):
        return Page(IMAGE, "image/png", held=held)
    if path.endswith(".css"):
        return Page(STYLE, "text/css", held=held)
    if path.endswith(".js"):
        headers = {"Content-Encoding": "gzip"}
        return Page(gzip.compress(SCRIPT), "text/javascript", headers=headers, held=held)
    if path == "/slow-part":
        return Page(PAGE + b"<img src=/held.png>", "text/html")
    return Page(PAGE, "text/html", held=held)
