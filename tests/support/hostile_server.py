"""A server that does to its clients what the worst of the web does, one path for each misdeed.

    async with HostileServer() as server:
        report = await weigh_once(server.url("/drip"), options)

Every misdeed can be had alone, as a page, or as a part of an otherwise good page under
``/page-with?PATH``, which has one good style sheet and one good image beside it. What waits, waits
for the client to go or for the server to close, never for the clock, except for the drip.
"""

from __future__ import annotations

import asyncio
import gzip
import itertools
import zlib
from collections.abc import Awaitable, Callable
from functools import lru_cache

import brotli  # type: ignore[import-untyped]  # it ships no types

from libra.testing.pages import Page, RawServer, Request, css, head, html, image, redirect

DRIP_SECONDS = 0.01
LARGE_HTML_BYTES = 20_000_000
MANY_ASSETS = 5_000
BOMB_BYTES = 400_000_000

_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
_CHUNKED = _OK + b"Transfer-Encoding: chunked\r\n\r\n"
_WORDS = "Lorem ipsum dolor sit amet, consectetur adipiscing elit. "


class HostileServer(RawServer):
    """See the module; `MISDEEDS` lists the paths."""

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        path, _, query = request.path.partition("?")
        misdeed = _MISDEEDS.get(path)
        if misdeed is not None:
            return await misdeed(self, writer, query)
        page = _good(path, query)
        writer.writelines((head(page), page.body))
        await writer.drain()
        return True

    async def silent(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Accepts the request and never answers."""
        await self.closing.wait()
        return False

    async def silent_body(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Sends headers and part of the body, then nothing."""
        writer.write(_OK + b"Content-Length: 100000\r\n\r\n<title>Half</title><img src=/good.png>")
        await writer.drain()
        await self.closing.wait()
        return False

    async def drip(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """A byte at a time, for ever: no pause is long enough for an idle timeout."""
        writer.write(_OK + b"Content-Length: 1000000\r\n\r\n")
        text = itertools.chain(b"<title>Drip</title><img src=/good.png>", itertools.repeat(32))
        for byte in text:
            writer.write(bytes((byte,)))
            await writer.drain()
            _, pending = await asyncio.wait(
                [asyncio.ensure_future(self.closing.wait())], timeout=DRIP_SECONDS
            )
            for waiter in pending:
                waiter.cancel()
        return False

    async def endless(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """A body without end, as fast as the client takes it."""
        writer.write(_OK + b"\r\n<title>Endless</title>")
        while not self.closing.is_set():
            writer.write(b" " * 65_536)
            await writer.drain()
        return False

    async def endless_headers(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """A header without end."""
        writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not self.closing.is_set():
            writer.write(b"x" * 16_384)
            await writer.drain()
        return False

    async def many_headers(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Headers without end, each of them short."""
        writer.write(b"HTTP/1.1 200 OK\r\n")
        for n in itertools.count():
            if self.closing.is_set():
                break
            writer.write(f"X-{n}: x\r\n".encode() * 500)
            await writer.drain()
        return False

    async def interim(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Interim answers without end, and never the answer."""
        return await self._flood(writer, b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")

    async def blank_lines(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Empty lines without end where an answer should begin."""
        return await self._flood(writer, b"", b"\r\n")

    async def tiny_chunks(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """A body of single bytes without end, each in a chunk of its own."""
        return await self._flood(writer, _CHUNKED, b"1\r\nx\r\n")

    async def chunk_extension(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """A chunk whose head does not end."""
        return await self._flood(writer, _CHUNKED + b"1;", b"x")

    async def trailers(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Headers without end after the body."""
        return await self._flood(writer, _CHUNKED + b"0\r\n", b"x: y\r\n")

    async def _flood(self, writer: asyncio.StreamWriter, start: bytes, piece: bytes) -> bool:
        writer.write(start)
        many = piece * (65_536 // len(piece))
        while not self.closing.is_set():
            writer.write(many)
            await writer.drain()
        return False

    async def lying_length(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Announces more than it sends."""
        writer.write(_OK + b"Content-Length: 5000\r\n\r\n<title>Lie</title><img src=/good.png>")
        await writer.drain()
        return False

    async def short_length(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Announces less than it sends."""
        writer.write(_OK + b"Content-Length: 18\r\n\r\n<title>Lie</title><img src=/good.png>")
        await writer.drain()
        return False

    async def bad_chunks(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """A chunked body whose second chunk has a size that is no number."""
        writer.write(
            _OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\nhello\r\n0\r\n\r\n"
        )
        await writer.drain()
        return False

    async def cut_chunks(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """A chunked body that ends without its last chunk."""
        writer.write(_OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        await writer.drain()
        return False

    async def foreign_bytes(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Headers that are no text in any encoding that one could guess."""
        body = b"<title>\xff</title><img src=/good.png>"
        writer.write(
            b"HTTP/1.1 200 \xff\xfe\r\nContent-Type: text/html\xff\xed\xa0\x80; charset=\xff\r\n"
            b"Link: </\xff>; rel=preload; as=\xff\r\nX: \xff\r\nRetry-After: \xff\r\n"
            b"Content-Encoding: identity\xff\r\nContent-Length: %d\r\n\r\n" % len(body) + body
        )
        await writer.drain()
        return True

    async def hangs_up(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Closes the connection without an answer."""
        return False

    async def resets(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Resets the connection in the middle of the body."""
        writer.write(_OK + b"Content-Length: 5000\r\n\r\n<title>Reset</title>")
        await writer.drain()
        writer.transport.abort()
        return False

    async def garbage(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Answers in another language."""
        writer.write(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n" * 3)
        await writer.drain()
        return False

    async def redirects_for_ever(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """Every answer leads to another address."""
        page = redirect(f"/redirects-for-ever?{int(query or 0) + 1}", body=b"go on")
        writer.write(head(page) + page.body)
        await writer.drain()
        return True

    async def redirects_to_itself(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """The answer leads to where it came from."""
        page = redirect("/redirects-to-itself")
        writer.write(head(page))
        await writer.drain()
        return True

    async def bomb(self, writer: asyncio.StreamWriter, query: str) -> bool:
        """A few kilobytes that decode to hundreds of megabytes; the query names the encoding."""
        body = _bomb(query or "gzip")
        header = f"Content-Encoding: {query or 'gzip'}\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(_OK + header.encode() + body)
        await writer.drain()
        return True


Misdeed = Callable[[HostileServer, asyncio.StreamWriter, str], Awaitable[bool]]

_MISDEEDS: dict[str, Misdeed] = {
    "/silent": HostileServer.silent,
    "/silent-body": HostileServer.silent_body,
    "/drip": HostileServer.drip,
    "/endless": HostileServer.endless,
    "/endless-headers": HostileServer.endless_headers,
    "/many-headers": HostileServer.many_headers,
    "/interim": HostileServer.interim,
    "/blank-lines": HostileServer.blank_lines,
    "/tiny-chunks": HostileServer.tiny_chunks,
    "/chunk-extension": HostileServer.chunk_extension,
    "/trailers": HostileServer.trailers,
    "/lying-length": HostileServer.lying_length,
    "/short-length": HostileServer.short_length,
    "/bad-chunks": HostileServer.bad_chunks,
    "/cut-chunks": HostileServer.cut_chunks,
    "/foreign-bytes": HostileServer.foreign_bytes,
    "/hangs-up": HostileServer.hangs_up,
    "/resets": HostileServer.resets,
    "/garbage": HostileServer.garbage,
    "/redirects-for-ever": HostileServer.redirects_for_ever,
    "/redirects-to-itself": HostileServer.redirects_to_itself,
    "/bomb": HostileServer.bomb,
}

MISDEEDS: tuple[str, ...] = (
    *_MISDEEDS,
    "/large",
    "/many",
    "/invalid-utf8",
    "/gzip-cut-short",
    "/not-gzip",
    "/deep",
)
"""Every path that a good client must survive."""


def _good(path: str, query: str) -> Page:
    """The answers that are well-formed HTTP, however bad their bodies are."""
    match path:
        case "/page-with":
            return html(
                f'<img src="/good.png"><img src="{query}">',
                title="With",
                head='<link rel="stylesheet" href="/good.css"><link rel="icon" href="data:,">',
            )
        case "/good.png":
            return image(1_234)
        case "/good.css":
            return css("body{color:red}")
        case "/large":
            return large_html(int(query or LARGE_HTML_BYTES))
        case "/many":
            return many_assets(int(query or MANY_ASSETS))
        case "/invalid-utf8":
            return Page(
                b"<title>\xff\xfe\xc3(</title><img src=/good.png?\xff><p>\xed\xa0\x80\xf8\x88"
            )
        case "/gzip-cut-short":
            whole = gzip.compress(
                b"<title>Cut</title><img src=/good.png>" + _random(20_000), mtime=0
            )
            return Page(whole[:-6_000], headers={"Content-Encoding": "gzip"})
        case "/not-gzip":
            return Page(b"<title>Plain</title>", headers={"Content-Encoding": "gzip"})
        case "/deep":
            return Page(b"<div>" * 100_000 + b"<img src=/good.png>")
        case _:
            return Page(b"nothing here", "text/plain", 404)


@lru_cache(maxsize=4)
def large_html(size: int) -> Page:
    """A document of this many bytes, with text, elements, attributes and a few images."""
    unit = f'<div class="box wide" id="x"><p>{_WORDS}</p><a href="/a?b=c">{_WORDS}</a></div>\n'
    start = "<!doctype html><title>Large</title><link rel=icon href=data:,><img src=/good.png>"
    return Page((start + unit * (size // len(unit) + 1))[:size].encode())


def many_assets(count: int) -> Page:
    """A document that asks for this many images."""
    images = "".join(f'<img src="/good.png?{n}">' for n in range(count))
    return html(images, title="Many", head='<link rel="icon" href="data:,">')


@lru_cache(maxsize=4)
def _bomb(encoding: str) -> bytes:
    zeros = bytes(1 << 20)
    if encoding == "br":
        compressor = brotli.Compressor(quality=1)
        start: bytes = compressor.process(zeros) + compressor.flush()
        block: bytes = compressor.process(zeros) + compressor.flush()
        return start + block * (BOMB_BYTES >> 20)
    # A block that is flushed stands alone: the same bytes again are the same zeros again. The bomb
    # has no end of stream, which no client should live to miss.
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    start = deflate.compress(zeros) + deflate.flush(zlib.Z_FULL_FLUSH)
    block = deflate.compress(zeros) + deflate.flush(zlib.Z_FULL_FLUSH)
    return start + block * (BOMB_BYTES >> 20)


def _random(count: int) -> bytes:
    """Bytes that do not compress, the same ones every time."""
    state, out = 1, bytearray()
    for _ in range(count):
        state = (state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        out.append(state >> 16 & 0xFF)
    return bytes(out)
