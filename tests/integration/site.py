"""A small web site of known weight, with paths that answer only when a test says so."""

from __future__ import annotations

import asyncio
import gzip
import struct
import zlib
from collections import Counter
from typing import Self

from aiohttp import web


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


class Site:
    """Serves `PAGE` at ``/`` and wherever else a test asks for a page of its own."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.gate = asyncio.Event()
        self.waiting = asyncio.Condition()
        self.held = 0
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.gate.set()
        assert self._runner is not None
        await self._runner.cleanup()

    async def until_held(self, count: int = 1) -> None:
        """Until that many requests wait at the gate."""
        async with self.waiting:
            await self.waiting.wait_for(lambda: self.held >= count)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        self.hits[path] += 1
        if path.startswith("/held"):
            async with self.waiting:
                self.held += 1
                self.waiting.notify_all()
            try:
                await self.gate.wait()
            finally:
                self.held -= 1
        if path.endswith(".png"):
            return web.Response(body=IMAGE, content_type="image/png")
        if path.endswith(".css"):
            return web.Response(body=STYLE, content_type="text/css")
        if path.endswith(".js"):
            headers = {"Content-Encoding": "gzip", "Content-Type": "text/javascript"}
            return web.Response(body=gzip.compress(SCRIPT), headers=headers)
        if path == "/slow-part":
            return web.Response(body=PAGE + b"<img src=/held.png>", content_type="text/html")
        return web.Response(body=PAGE, content_type="text/html")
