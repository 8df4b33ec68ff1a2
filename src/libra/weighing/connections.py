"""What a `Fetcher` needs around a connection: turns per host, and names for failures."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque

import aiohttp

from libra.weighing.gate import Denied
from libra.weighing.tolerant_http import NotHTTP

CONNECTIONS = 512
"""Connections that are open at a time."""

_LEAST = 4


def most_connections() -> int:
    """As many as there may be, and a quarter of the files that the program may open at most.

    Else what is kept open to servers would leave none for clients, the database and the disk.
    """
    try:
        import resource  # noqa: PLC0415 - see below
    except ImportError:  # Windows has none
        return CONNECTIONS
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files == resource.RLIM_INFINITY:
        return CONNECTIONS
    return min(CONNECTIONS, max(_LEAST, files // 4))


class HostSlots:
    """At most so many requests to one origin at a time; the others wait in line."""

    __slots__ = ("_active", "_limit", "_waiting")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._active: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def try_acquire(self, origin: str) -> bool:
        """Take a turn if there is one now."""
        active = self._active.get(origin, 0)
        if active >= self._limit:
            return False
        self._active[origin] = active + 1
        return True

    async def acquire(self, origin: str) -> None:
        """Wait for a turn."""
        if self.try_acquire(origin):
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(origin, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            # The turn may have been given in the same moment: then it must be passed on.
            if turn.done() and not turn.cancelled():
                self.release(origin)
            raise

    def release(self, origin: str) -> None:
        """Give the turn to the next in line."""
        waiting = self._waiting.get(origin)
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._waiting.pop(origin, None)
        active = self._active.get(origin, 1) - 1
        if active:
            self._active[origin] = active
        else:
            self._active.pop(origin, None)


def name_of_error(error: aiohttp.ClientError | OSError | ValueError) -> str:
    """The named error (``code: explanation``) of a failed exchange."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            denied = isinstance(error.os_error, Denied)
            name = str(error.os_error) if denied else "dns: the name does not resolve"
        case aiohttp.ClientConnectorCertificateError():
            name = f"tls: the certificate is not valid ({_short(error.certificate_error)})"
        case aiohttp.ClientSSLError():
            name = f"tls: {_short(error)}"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            name = _name_of_proxy_error(error)
        case aiohttp.ClientConnectorError():
            name = _name_of_os_error(error.os_error)
        case aiohttp.ServerDisconnectedError():
            name = "disconnected: the server closed the connection without an answer"
        case aiohttp.ClientPayloadError():
            name = "cut-short: the body ended before its announced end"
        case aiohttp.ClientResponseError():
            name = _name_of_bad_answer(error)
        case OSError():
            name = _name_of_os_error(error)
        case NotHTTP():
            name = str(error)
        case ValueError():
            name = "bad-url: it cannot be requested"
        case _:
            name = f"bad-answer: {_short(error)}"
    return name


def _name_of_os_error(error: OSError) -> str:
    text = str(error)
    match error:
        case Denied():
            return text
        case ConnectionRefusedError():
            return "refused: nothing listens at that address"
        case ConnectionResetError() | BrokenPipeError() | ConnectionAbortedError():
            return "disconnected: the connection was reset"
        case ssl.SSLError():
            return f"tls: {_short(error)}"
        case socket.gaierror():
            return "dns: the name does not resolve"
        case TimeoutError():
            return "timeout: no connection"
        case _:
            if "Connect call failed" in text and "111" in text:
                return "refused: nothing listens at that address"
            return f"unreachable: {_short(error)}"


def _name_of_proxy_error(
    error: aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError,
) -> str:
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"proxy: it answered {error.status} to the request for a tunnel"
    return f"proxy: {_name_of_os_error(error.os_error).partition(': ')[2]}"


def _name_of_bad_answer(error: aiohttp.ClientResponseError) -> str:
    # The parser tells its limits from other mistakes by words alone.
    if "Got more than" in error.message or "Too many headers" in error.message:
        return "headers-too-large: the answer's headers are too long"
    return "bad-answer: not valid HTTP"


def _short(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join((text or type(error).__name__).split())[:120]
