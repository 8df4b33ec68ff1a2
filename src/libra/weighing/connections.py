"""What a `Fetcher` needs around a connection: names, the gate, turns per host, names for failures."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

Gate = Callable[[str, int], str | None]
"""Judges an address (the text form of what was resolved, and the port) just before it is connected to.
Returns None to allow, or the reason for the report. It is asked for every connection and for nothing
else, so that what was judged is what is connected to."""

AddrInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]

_DNS_THREADS = 8


class Denied(OSError):
    """The gate does not allow this address."""


def gated_sockets(gate: Gate | None) -> Callable[..., socket.socket]:
    """A socket factory for aiohttp's connector that asks the gate first."""

    def open_socket(addr_info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, address = addr_info
        if gate is not None:
            reason = gate(address[0], address[1])
            if reason is not None:
                raise Denied(f"denied: {reason}")
        return socket.socket(family=family, type=kind, proto=protocol)

    return open_socket


class Resolver(AbstractResolver):
    """The system's resolver, in threads of its own: a slow name server holds up nothing else."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="libra-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host. Raises OSError as ``getaddrinfo`` does."""
        found = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM),
        )
        return [
            ResolveResult(
                hostname=host,
                host=str(address[0]),
                port=int(address[1]),
                family=kind,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for kind, _, protocol, _, address in found
        ]

    async def close(self) -> None:
        """End the threads; a look-up that is still under way ends on its own."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class HostSlots:
    """At most so many requests to one origin at a time; the others wait in line."""

    __slots__ = ("_active", "_limit", "_waiting")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._active: dict[str, int] = {}
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    async def acquire(self, origin: str) -> None:
        """Wait for a turn."""
        active = self._active.get(origin, 0)
        if active < self._limit:
            self._active[origin] = active + 1
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
            return "dns: the name does not resolve"
        case aiohttp.ClientConnectorCertificateError():
            return f"tls: the certificate is not valid ({_short(error.certificate_error)})"
        case aiohttp.ClientSSLError() | ssl.SSLError():
            return f"tls: {_short(error)}"
        case aiohttp.ClientConnectorError():
            return _name_of_os_error(error.os_error)
        case aiohttp.ServerDisconnectedError():
            return "disconnected: the server closed the connection without an answer"
        case aiohttp.ClientPayloadError():
            return "cut-short: the body ended before its announced end"
        case aiohttp.ClientResponseError():
            return _name_of_bad_answer(error)
        case aiohttp.InvalidURL():
            return "bad-url: it cannot be requested"
        case aiohttp.ClientOSError() | OSError():
            return _name_of_os_error(error)
        case ValueError():
            return "bad-url: it cannot be requested"
        case _:
            return f"bad-answer: {_short(error)}"


def _name_of_os_error(error: OSError) -> str:
    text = str(error)
    at = text.find("denied: ")
    if at >= 0:
        return text[at:].splitlines()[0][:200]
    match error:
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


def _name_of_bad_answer(error: aiohttp.ClientResponseError) -> str:
    # The parser tells its limits from other mistakes by words alone.
    if "Got more than" in error.message or "Too many headers" in error.message:
        return "headers-too-large: the answer's headers are too long"
    return "bad-answer: not valid HTTP"


def _short(error: BaseException) -> str:
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join((text or type(error).__name__).split())[:120]
