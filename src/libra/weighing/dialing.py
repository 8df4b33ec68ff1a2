"""From a name to a connection, through the gate: the only place where sockets to foreign servers open.

A name is resolved once. Of its addresses those that the gate denies are dropped, and one of the others
is connected to: so a name with a public and a private address is fetched from the public one, and the
private one is never touched. The gate is asked again by the socket itself, on the very address that the
kernel is given, and once more for the far end of every connection before a request goes over it. So
there is no moment at which a name server could change its answer to any effect.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import aiohappyeyeballs
import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from libra.weighing.gate import ADDRESS_DENIED, Denied, Gate
from libra.weighing.look_ups import LookUps
from libra.weighing.receiving import Receiver
from libra.weighing.urls import site_of

AddrInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]

LookUp = Callable[[str, int, int], Sequence[tuple[Any, ...]]]
"""Resolves a host, port and family as `socket.getaddrinfo` does; called in a thread."""

HAPPY_EYEBALLS_SECONDS = 0.25
"""RFC 8305, section 5: how long the first address has before the next is tried beside it."""

OPEN = Gate(private=True)
"""Allows all, for those who name no gate."""

_DNS_CACHE_SECONDS = 30


class Resolver(AbstractResolver):
    """The system's resolver, in threads of its own: a slow name server holds up its own site alone.

    Args:
        gate: What it denies is not among the answers.
        look_up: For tests, what to ask instead of the system.
    """

    def __init__(self, gate: Gate = OPEN, look_up: LookUp | None = None) -> None:
        self._gate = gate
        self._look_up = look_up or _ask_system
        self._look_ups = LookUps()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host that the gate allows.

        Raises:
            Denied: if there are addresses but none is allowed.
            OSError: as `socket.getaddrinfo` does.
        """
        found = await self._look_ups.run(site_of(host), partial(self._look_up, host, port, family))
        results: list[ResolveResult] = []
        reason: str | None = None
        for kind, _, protocol, _, address in found:
            denied = self._gate(str(address[0]), port)
            if denied is not None:
                reason = denied
                continue
            results.append(
                ResolveResult(
                    hostname=host,
                    host=str(address[0]),
                    port=port,
                    family=kind,
                    proto=protocol,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        if not results and reason is not None:
            raise Denied(reason)
        return results

    async def close(self) -> None:
        """End the threads; a look-up that is still under way ends on its own."""
        self._look_ups.close()


class GatedConnector(aiohttp.TCPConnector):
    """Connects for an `aiohttp.ClientSession`, to what the gate allows.

    Args:
        gate: Judges every address and far end.
        resolver: For names; closing it remains its owner's business.
        limit: Connections in all.
        trust: Whose certificates are believed.
    """

    def __init__(
        self, gate: Gate, resolver: Resolver, *, limit: int, trust: ssl.SSLContext
    ) -> None:
        self.trust = trust
        self._dial = partial(dial, resolver=resolver, gate=gate)
        super().__init__(
            limit=limit,
            ssl=trust,
            resolver=resolver,
            ttl_dns_cache=_DNS_CACHE_SECONDS,
            happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS,
            socket_factory=_sockets(gate),
        )
        self._gate = gate
        self._factory: partial[Receiver] = partial(Receiver, self._loop)  # type: ignore[assignment]

    async def dial(self, host: str, port: int) -> socket.socket:
        """A connection that is nobody else's; see `dial`."""
        return await self._dial(host, port)

    async def connect(
        self,
        req: ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> Connection:
        """A connection for a request, new or kept, whose far end the gate allows."""
        while True:
            connection = await super().connect(req, traces, timeout)
            protocol = connection.protocol
            if not (isinstance(protocol, Receiver) and protocol.used and protocol.is_overfull()):
                break
            connection.close()
        if self._gate.private:  # it allows all
            return connection
        transport = connection.transport
        try:
            _check_peer(self._gate, transport and transport.get_extra_info("peername"))
        except Denied as denied:
            connection.close()
            raise aiohttp.ClientConnectorError(req.connection_key, denied) from denied
        return connection


async def dial(host: str, port: int, resolver: Resolver, gate: Gate) -> socket.socket:
    """Connect to a host; for those who speak no HTTP of their own, such as the browser's proxy.

    Raises:
        Denied: if the gate allows none of its addresses.
        OSError: if it has none or none can be reached.
    """
    found = await resolver.resolve(host, port)
    addresses: list[aiohappyeyeballs.AddrInfoType] = []
    for result in found:
        family = socket.AddressFamily(result["family"])
        place = (result["host"], port) if family == socket.AF_INET else (result["host"], port, 0, 0)
        addresses.append((family, socket.SOCK_STREAM, result["proto"], "", place))
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    connected = await aiohappyeyeballs.start_connection(
        addresses, happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS, socket_factory=_sockets(gate)
    )
    try:
        _check_peer(gate, connected.getpeername())
    except OSError:
        connected.close()
        raise
    return connected


class _GatedSocket(socket.socket):
    """Asks the gate about the address that it is told to connect to, and about no other."""

    gate: Gate

    def connect(self, address: Any, /) -> None:
        self.gate.check(str(address[0]), int(address[1]))
        super().connect(address)


def _sockets(gate: Gate) -> Callable[[AddrInfo], socket.socket]:
    def open_socket(addr_info: AddrInfo) -> socket.socket:
        family, kind, protocol, _, _ = addr_info
        opened = _GatedSocket(family, kind, protocol)
        opened.gate = gate
        return opened

    return open_socket


def _check_peer(gate: Gate, peer: Any) -> None:
    if isinstance(peer, tuple):
        gate.check(str(peer[0]), int(peer[1]))
    elif not gate.private:  # it is closed already, or no one can say where it leads
        raise Denied(ADDRESS_DENIED)


def _ask_system(host: str, port: int, family: int) -> Sequence[tuple[Any, ...]]:
    return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
