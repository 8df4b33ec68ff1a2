"""The HTTP server: uvicorn's protocol and parser in the running event loop.

It uses uvicorn's `Config`, `ServerState` and httptools protocol, but not `uvicorn.Server`: that takes
over signals, ends the program when a port is busy, and waits by polling.
"""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Sequence
from contextlib import suppress
from email.utils import formatdate
from typing import Any

import uvicorn
from uvicorn.server import ServerState

from libra.network.listening import stop_listening
from libra.web.serving.application import Application
from libra.web.serving.fast_path import FastPathProtocol

BACKLOG = 2048
"""Connections that may wait to be accepted."""

KEEP_ALIVE = 75
"""Seconds that an idle connection stays open: more than nginx's 60, so that a proxy closes first."""


class AddressError(OSError):
    """The server cannot listen there; the message says why and what to do."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Listening sockets for every address of a host, all on one port.

    Args:
        host: a name or an address of this machine.
        port: 0 takes a free one.

    Raises:
        AddressError: the port is taken, needs privileges, or the host is not this machine's.
    """
    sockets: list[socket.socket] = []
    try:
        found = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, address in dict.fromkeys(found):
            taken = sockets[0].getsockname()[1] if sockets else port
            sockets.append(_bind(family, kind, protocol, (address[0], taken, *address[2:])))
    except OSError as error:
        for sock in sockets:
            sock.close()
        raise AddressError(error.errno, _what_is_wrong(error, host, port)) from None
    return sockets


class WebServer:
    """Serves an application on sockets, in the running event loop."""

    def __init__(
        self,
        app: Application,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        sockets: Sequence[socket.socket] | None = None,
    ) -> None:
        """Prepare to serve.

        Args:
            app: the application.
            host: the address to listen on.
            port: 0 takes a free one.
            sockets: listening sockets to use instead; they belong to the caller and stay open, so that a
                restarted server misses no connection.
        """
        self.app = app
        self._host = host
        self._port = port
        self._given = sockets
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._state = ServerState()
        self._stopping = asyncio.Event()
        self._idle = asyncio.Event()
        self._date: asyncio.TimerHandle | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and port of the first socket."""
        name = self._sockets[0].getsockname()
        return name[0], name[1]

    @property
    def url(self) -> str:
        """The address that a person opens."""
        return url_of(self._sockets[0])

    async def start(self) -> None:
        """Listen, and return when the server accepts connections.

        Raises:
            AddressError: it cannot listen there.
        """
        # Duplicates share the queue of connections; closing one leaves the others listening.
        self._sockets = (
            listen(self._host, self._port)
            if self._given is None
            else [sock.dup() for sock in self._given]
        )
        config = uvicorn.Config(
            self.app,
            http=FastPathProtocol,
            ws="none",
            lifespan="off",
            interface="asgi3",
            access_log=False,
            log_config=None,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE,
        )
        config.load()
        loop = asyncio.get_running_loop()
        self._tell_date()

        def connection() -> asyncio.Protocol:
            return FastPathProtocol(
                config,
                self._state,
                {"stopping": self._stopping},
                loop,
                app=self.app,
                on_close=self._connection_closed,
            )

        for sock in self._sockets:
            sock.setblocking(False)
            server = await loop.create_server(connection, sock=sock, backlog=BACKLOG)
            self._servers.append(server)

    async def stop(self, grace: float = 10.0) -> None:
        """Stop accepting, end event streams, and let requests finish.

        Args:
            grace: seconds after which connections that are still busy are cut off.
        """
        for server in self._servers:
            await stop_listening(server)
        self._stopping.set()
        for connection in list(self._state.connections):
            connection.shutdown()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                if self._state.connections:
                    self._idle.clear()
                    await self._idle.wait()
                # A stream whose client went first still has to end.
                if self._state.tasks:
                    await asyncio.wait(set(self._state.tasks))
        await self._cut()
        if self._date is not None:
            self._date.cancel()

    async def _cut(self) -> None:
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        for connection in list(self._state.connections):
            connection.transport.abort()
        if tasks:
            await asyncio.wait(tasks)
        for server in self._servers:
            await server.wait_closed()

    def _connection_closed(self) -> None:
        if not self._state.connections:
            self._idle.set()

    def _tell_date(self) -> None:
        # The Date header (RFC 9110, section 6.6.1), made once a second for all answers.
        date = formatdate(usegmt=True).encode()
        self._state.default_headers = [(b"date", date)]
        self._date = asyncio.get_running_loop().call_later(1.0, self._tell_date)


def url_of(sock: socket.socket) -> str:
    """The address of a listening socket that a person opens."""
    host, port = sock.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _bind(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        # A port whose connections are in TIME_WAIT may be taken again at once.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # So that `::` does not also take IPv4, which has its own socket.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        # Here and not in the event loop, to find out now whether another program listens on the port.
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


def _what_is_wrong(error: OSError, host: str, port: int) -> str:
    if isinstance(error, socket.gaierror):
        return f"There is no host {host!r}: {error.strerror}."
    if isinstance(error, PermissionError):
        return f"Port {port} needs privileges. Choose one from 1024 up."
    where = f"{host}:{port}"
    reasons = {
        "EADDRINUSE": f"Another program listens on {where}. Stop it, or choose another port.",
        "EADDRNOTAVAIL": f"{host} is not an address of this machine.",
    }

    name = errno.errorcode.get(error.errno or 0, "")
    return reasons.get(name, f"Cannot listen on {where}: {error.strerror}.")
