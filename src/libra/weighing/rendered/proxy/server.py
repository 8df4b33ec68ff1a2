"""The forward proxy that a browser is given: its only way out, and the gate stands in it.

A browser resolves names, follows redirects and opens connections by itself, so that no check of a URL
could hold it. It is therefore launched without any route of its own
(`libra.weighing.rendered.browsers.browser`) and each page gets a proxy on loopback, which resolves,
judges and connects exactly as the static fetcher does (`libra.network.addresses.dialing`). What goes
through it is not changed (`libra.weighing.rendered.proxy.relay`), so that the browser measures the sizes
of the server.

It connects only to what the page has asked for: the browser has wishes of its own
(`libra.weighing.rendered.proxy.asked_hosts`).

What cannot be had, because the gate denies it or because nothing answers, ends in the same way for the
page: the connection closes without an answer. The reason is noted for the report only.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from libra.network.addresses.dialing import Resolver, dial
from libra.network.addresses.gate import Gate
from libra.network.listening import stop_listening
from libra.network.origin_slots import name_of_error
from libra.urls import host_and_port
from libra.weighing.rendered.proxy.asked_hosts import AskedHosts
from libra.weighing.rendered.proxy.proxied_request import place_of
from libra.weighing.rendered.proxy.relay import BrowserConnection, Stream

_HEAD_BYTES = 262_144
"""What Chromium accepts as the head of an answer; its own requests stay far below."""

_DIAL_SECONDS = 20.0
_NOTES = 10_000
"""Hosts whose failure is remembered; a page that names more has made its point."""

UNASKED = "browser: it wants to connect to what the page did not ask for"


class Proxy:
    """One page's way to the network. Use it as an asynchronous context manager.

    Args:
        gate: Judges every address that is about to be connected to.
        resolver: For the names.
        asked: What the page has asked for; without it everything is let through that the gate allows.

    Attributes:
        failures: Why a host (``host:port`` as the browser named it) could not be reached, as a named
            error; ``denied: ...`` if the gate forbids it.
        received_bytes: All that servers have sent, heads included.
        bodies: The bytes of the last body that came from an http URL in full, for what the browser
            fetches without telling anybody.
    """

    def __init__(self, gate: Gate, resolver: Resolver, asked: AskedHosts | None = None) -> None:
        self.failures: dict[str, str] = {}
        self.received_bytes = 0
        self.bodies: dict[str, int] = {}
        self._gate = gate
        self._resolver = resolver
        self._asked = asked
        self._shut = False
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._open: set[BrowserConnection] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_HEAD_BYTES)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        server, self._server = self._server, None
        self._shut = True
        if server is not None:
            await stop_listening(server)
        for task in self._clients:
            task.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)
        if server is not None:
            await server.wait_closed()

    @property
    def address(self) -> str:
        """Where the browser finds it, ``http://127.0.0.1:PORT``."""
        if self._server is None:
            raise RuntimeError("the proxy is not open")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def cut(self, url: str) -> None:
        """Close the connection that a body comes through.

        What is inside https cannot be seen: of the tunnels to its server, the one that most has come
        through is closed. Whatever else was under way in it fails or is asked for again.
        """
        what = host_and_port(url) if url.startswith("https:") else url
        coming = [client for client in self._open if client.carries == what]
        if coming:
            max(coming, key=lambda client: client.received_bytes).abort()

    def shut(self) -> None:
        """Let nothing in or out any more: the page has had what it may have."""
        self._shut = True
        for client in self._open:
            client.abort()

    async def connect(self, host: str, port: int) -> Stream | None:
        """A connection to a server, or None with the reason noted."""
        if self._asked is not None and not await self._asked.wait(host):
            self._note(host, port, UNASKED)
            return None
        if self._shut:
            return None
        try:
            async with asyncio.timeout(_DIAL_SECONDS):
                connected = await dial(host, port, self._resolver, self._gate)
        except OSError as error:  # TimeoutError is one
            self._note(host, port, name_of_error(error))
            return None
        return await asyncio.open_connection(sock=connected, limit=_HEAD_BYTES)

    def note_body(self, url: str, count: int) -> None:
        """A body has come in full."""
        if len(self.bodies) < _NOTES:
            self.bodies[url] = count

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._shut:
            writer.transport.abort()
            return
        client = BrowserConnection(self, (reader, writer))
        task = asyncio.create_task(self._serve(client))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)
        # Not by the task itself, which may be cancelled before it has begun.
        task.add_done_callback(lambda _: client.close())

    async def _serve(self, client: BrowserConnection) -> None:
        self._open.add(client)
        try:
            await client.serve()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # one side has gone, or it speaks no HTTP: the connection ends either way
        finally:
            self._open.discard(client)

    def _note(self, host: str, port: int, error: str) -> None:
        if len(self.failures) < _NOTES:
            self.failures[place_of(host, port)] = error
