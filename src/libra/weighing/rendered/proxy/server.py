"""The forward proxy of a page: the browser's only way out, guarded by the gate.

A browser resolves names, follows redirects and opens connections by itself, so a check of the URL alone
would not be enough. It therefore starts without any route of its own
(`libra.weighing.rendered.browsers.browser`). Each page gets a proxy on loopback, which resolves, judges
and connects exactly as the static fetcher does (`libra.network.addresses.dialing`). The proxy relays
data unchanged (`libra.weighing.rendered.proxy.relay`), so the browser measures the server's sizes.

It connects only to hosts that the page has named, because the browser makes requests of its own
(`libra.weighing.rendered.proxy.asked_hosts`).

The page cannot tell why a connection failed, whether the gate denied it or the server did not answer:
the connection closes without a response. Only the report gets the reason.
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
"""The longest response head that Chromium accepts; its own requests are far shorter."""

_DIAL_SECONDS = 20.0
_NOTES = 10_000
"""Maximum number of hosts whose failure is recorded."""

UNASKED = "browser: it tried to open a connection that the page did not request"


class Proxy:
    """One page's way to the network. Use it as an asynchronous context manager.

    Args:
        gate: Judges every address before the proxy connects to it.
        resolver: Resolves the names.
        asked: The hosts that the page has named; without it the gate alone decides.

    Attributes:
        failures: Why a host (``host:port`` as the browser named it) could not be reached, as a named
            error; ``denied: ...`` if the gate forbids it.
        received_bytes: All bytes from servers, heads included.
        bodies: The bytes of the last complete body from each http URL, for requests of which the browser
            reports nothing.
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
        """The proxy's address for the browser, ``http://127.0.0.1:PORT``."""
        if self._server is None:
            raise RuntimeError("the proxy is not open")
        host, port = self._server.sockets[0].getsockname()[:2]
        return f"http://{host}:{port}"

    def cut(self, url: str) -> None:
        """Close the connection that carries a body.

        The content of https cannot be seen, so this closes the server's tunnel that has carried the most
        bytes. Other requests in it fail or are repeated.
        """
        what = host_and_port(url) if url.startswith("https:") else url
        coming = [client for client in self._open if client.carries == what]
        if coming:
            max(coming, key=lambda client: client.received_bytes).abort()

    def shut(self) -> None:
        """Let no more data through: the page has reached a limit."""
        self._shut = True
        for client in self._open:
            client.abort()

    async def connect(self, host: str, port: int) -> Stream | None:
        """Connect to a server; None with the reason recorded."""
        if self._asked is not None and not await self._asked.wait(host):
            self._note(host, port, UNASKED)
            return None
        if self._shut:
            return None
        try:
            async with asyncio.timeout(_DIAL_SECONDS):
                connected = await dial(host, port, self._resolver, self._gate)
        except OSError as error:  # includes TimeoutError
            self._note(host, port, name_of_error(error))
            return None
        return await asyncio.open_connection(sock=connected, limit=_HEAD_BYTES)

    def note_body(self, url: str, count: int) -> None:
        """Record the size of a complete body."""
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
        # Not in the task itself, which may be cancelled before it starts.
        task.add_done_callback(lambda _: client.close())

    async def _serve(self, client: BrowserConnection) -> None:
        self._open.add(client)
        try:
            await client.serve()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # one side has gone or speaks no HTTP: the connection ends either way
        finally:
            self._open.discard(client)

    def _note(self, host: str, port: int, error: str) -> None:
        if len(self.failures) < _NOTES:
            self.failures[place_of(host, port)] = error
