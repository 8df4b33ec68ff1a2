"""Pages on a server of the test itself: in process, on 127.0.0.1, on a free port.

::

    site = {"/": html("<img src=/photo.png>"), "/photo.png": image(10_000)}
    async with PageServer(site) as server:
        report = await weigh_once(server.url("/"))

A site is a dictionary from a path (with its query) to a `Page` or a function that makes one for a
request. The server speaks just enough HTTP/1.1 for a client that keeps connections open.

A page that is ``held`` is answered when the test allows it: see `PageServer.gate`.
"""

from __future__ import annotations

import asyncio
import gzip
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from libra.network.listening import stop_listening

__all__ = [
    "Page",
    "PageServer",
    "RawServer",
    "Request",
    "Site",
    "compressed",
    "css",
    "font",
    "head",
    "html",
    "image",
    "redirect",
    "script",
    "simple",
    "with_images",
]


@dataclass(frozen=True)
class Page:
    """An answer: its body, type, status and further headers, and whether it waits for the gate."""

    body: bytes = b""
    type: str | None = "text/html; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    held: bool = False


@dataclass(frozen=True)
class Request:
    """A request to the server: the path with its query, and headers with lower-case names."""

    path: str
    headers: Mapping[str, str]


Site = Mapping[str, Page | Callable[[Request], Page]]
"""Pages by their path with its query."""


class RawServer:
    """Listens, reads requests and hands each to `answer`, which writes to the connection itself.

    Attributes:
        requests: the requests so far, in order.
        connections: how many connections it took.
        open_connections: how many of them are open.
        port: the port that it listens on.
        closing: set when it closes; answers that never end wait for this.

    Args:
        host: the address that it listens on; on ``0.0.0.0`` each of ``127.0.0.0/8`` is an origin.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._host = host
        self.requests: list[Request] = []
        self.connections = 0
        self.open_connections = 0
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Condition()
        self.port = 0
        self.closing = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, self._host, 0, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.closing.set()
        if self._server is None:
            return
        await stop_listening(self._server)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    def url(self, path: str = "/") -> str:
        """The absolute URL of a path on this server."""
        return f"http://127.0.0.1:{self.port}{path}"

    def paths(self) -> list[str]:
        """The requested paths, in order."""
        return [request.path for request in self.requests]

    @property
    def hits(self) -> Counter[str]:
        """How many requests there were for each path, without its query."""
        return Counter(urlsplit(request.path).path for request in self.requests)

    async def requested(self, count: int) -> None:
        """Wait until this many requests have come."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self.requests) >= count)

    async def deserted(self) -> None:
        """Wait until no connection is open."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.open_connections == 0)

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Write an answer. Returns whether the connection stays open."""
        raise NotImplementedError

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        # Not in the task itself, which may be cancelled before it begins.
        task.add_done_callback(lambda _: writer.close())

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        try:
            while (request := await _read_request(reader)) is not None:
                self.requests.append(request)
                await self._tell()
                if not await self.answer(request, writer):
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            self.open_connections -= 1
            writer.close()
            await self._tell()

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


class PageServer(RawServer):
    """Serves a `Site`; anything else is answered with 404, or by ``fallback``.

    Attributes:
        site: the pages; a test may change them at any time.
        gate: set it to let the server answer ``held`` pages, now and from then on.
        held: how many requests wait at the gate.
    """

    def __init__(
        self, site: Site | None = None, *, fallback: Callable[[Request], Page] | None = None
    ) -> None:
        super().__init__()
        self.site: dict[str, Page | Callable[[Request], Page]] = dict(site or {})
        self.gate = asyncio.Event()
        self._fallback = fallback or _missing
        self.held = 0

    async def until_held(self, count: int = 1) -> None:
        """Wait until this many requests wait at the gate."""
        async with self._changed:
            await self._changed.wait_for(lambda: self.held >= count)

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        """Write the page of this path, when the gate allows it."""
        found = self.site.get(request.path, self._fallback)
        page = found if isinstance(found, Page) else found(request)
        if page.held:
            await self._hold()
        writer.write(head(page) + page.body)
        await writer.drain()
        return True

    async def _hold(self) -> None:
        self.held += 1
        await self._tell()
        try:
            await self.gate.wait()
        finally:
            self.held -= 1


def _missing(_: Request) -> Page:
    return Page(b"nothing here", "text/plain", 404)


def head(page: Page) -> bytes:
    """The status line and headers of an answer."""
    lines = [f"HTTP/1.1 {page.status} X", f"Content-Length: {len(page.body)}"]
    if page.type is not None:
        lines.append(f"Content-Type: {page.type}")
    lines += [f"{name}: {value}" for name, value in page.headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def html(body: str, *, title: str = "A page", head: str = "") -> Page:
    """An HTML document."""
    start = f"<!doctype html><html><head><title>{title}</title>{head}</head>"
    return Page(f"{start}<body>{body}</body></html>".encode())


def css(text: str) -> Page:
    """A stylesheet."""
    return Page(text.encode(), "text/css")


def script(text: str = "") -> Page:
    """A script."""
    return Page(text.encode(), "text/javascript")


def image(size: int = 1_000, kind: str = "image/png") -> Page:
    """An image of this many bytes."""
    return Page(b"\x89" * size, kind)


def font(size: int = 2_000) -> Page:
    """A font of this many bytes."""
    return Page(b"\x00" * size, "font/woff2")


def redirect(location: str, status: int = 302, body: bytes = b"") -> Page:
    """A redirect."""
    return Page(body, "text/plain", status, {"Location": location})


def compressed(page: Page) -> Page:
    """The same answer, compressed with gzip."""
    headers = {**page.headers, "Content-Encoding": "gzip"}
    return replace(page, body=gzip.compress(page.body, mtime=0), headers=headers)


def simple() -> dict[str, Page]:
    """A page with one asset of every kind, each of a size of its own."""
    return {
        "/": html(
            "<h1>Hello</h1><img src=/photo.png><video src=/film.mp4 autoplay></video>",
            title="Simple",
            head='<link rel="stylesheet" href="/style.css"><script src="/app.js"></script>'
            '<link rel="icon" href="/icon.png"><link rel="manifest" href="/app.webmanifest">',
        ),
        "/style.css": css(
            "@font-face{font-family:Face;src:url(/face.woff2) format('woff2')}"
            "body{font-family:Face;background:url(/back.png)}.absent{background:url(/absent.png)}"
        ),
        "/app.js": script("console.log('hello')"),
        "/photo.png": image(10_001),
        "/back.png": image(5_003),
        "/absent.png": image(7_777),
        "/icon.png": image(307),
        "/film.mp4": Page(b"\x00" * 40_009, "video/mp4"),
        "/face.woff2": font(2_011),
        "/app.webmanifest": Page(b"{}", "application/manifest+json"),
    }


def with_images(count: int, *, size: int = 100) -> dict[str, Page]:
    """A page with this many images of `size` bytes each."""
    body = "".join(f'<img src="/i/{n}.png">' for n in range(count))
    picture = image(size)
    site = {f"/i/{n}.png": picture for n in range(count)}
    site["/"] = html(body, head='<link rel="icon" href="data:,">')
    return site


async def _read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the client has closed it."""
    try:
        text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *lines = text.split("\r\n")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip().lower()] = value.strip()
    return Request(first.split(" ")[1], headers)
