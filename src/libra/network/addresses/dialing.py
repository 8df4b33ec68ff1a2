"""From a name to a connection, through the gate; libcurl's sockets open in `libra.network.libcurl`.

A name is resolved once. The resolver drops the addresses that the gate denies, and the client connects
to one of the others. So a name with a public and a private address is fetched from the public one, and
the private one is never touched. The socket asks the gate again about the address that the kernel gets.
The client asks once more about the far end of every connection before it sends a request. So at no
moment can a name server gain anything by changing its answer.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import aiohappyeyeballs

from libra.network.addresses.gate import ADDRESS_DENIED, PORT_DENIED, Denied, Gate
from libra.network.addresses.look_ups import LookUps
from libra.urls import site_of

AddrInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]

LookUp = Callable[[str, int, int], Sequence[tuple[Any, ...]]]
"""Resolves a host, port and family as `socket.getaddrinfo` does; called in a thread."""

HAPPY_EYEBALLS_SECONDS = 0.25
"""RFC 8305, section 5: how long the first address is tried alone before the next one joins."""

OPEN = Gate(private=True)
"""A gate that allows everything; the default of a `Resolver`."""


class Address(NamedTuple):
    """An address of a host that the gate allows."""

    family: socket.AddressFamily
    host: str
    port: int
    protocol: int


class Resolver:
    """The system's resolver, in its own threads: a slow name server delays only its own site.

    Args:
        gate: Addresses that it denies are left out of the answers.
        look_up: Replaces the system's resolver, for tests.
    """

    def __init__(self, gate: Gate = OPEN, look_up: LookUp | None = None) -> None:
        self._gate = gate
        self._look_up = look_up or _ask_system
        self._look_ups = LookUps()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[Address]:
        """The addresses of a host that the gate allows.

        Raises:
            Denied: if there are addresses but none is allowed.
            OSError: as `socket.getaddrinfo` does.
        """
        found = await self._look_ups.run(site_of(host), partial(self._look_up, host, port, family))
        results: list[Address] = []
        reason: str | None = None
        refused = ""
        for kind, _, protocol, _, address in found:
            denied = self._gate(str(address[0]), port)
            if denied is not None:
                reason, refused = denied, str(address[0])
                continue
            results.append(Address(kind, str(address[0]), port, protocol))
        if not results and reason is not None:
            by_port = reason == PORT_DENIED
            self._gate.refusals.note(host, refused, port, by_port=by_port)
            raise Denied(reason)
        return results

    async def close(self) -> None:
        """End the threads; a look-up that is still running ends on its own."""
        self._look_ups.close()


async def dial(host: str, port: int, resolver: Resolver, gate: Gate) -> socket.socket:
    """Connect to a host; for callers with their own HTTP, such as the browser's proxy.

    Raises:
        Denied: if the gate allows none of its addresses.
        OSError: if it has none or none can be reached.
    """
    found = await resolver.resolve(host, port)
    addresses: list[aiohappyeyeballs.AddrInfoType] = []
    for family, address, _, protocol in found:
        place = (address, port) if family == socket.AF_INET else (address, port, 0, 0)
        addresses.append((family, socket.SOCK_STREAM, protocol, "", place))
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


def is_readable(transport: asyncio.BaseTransport) -> bool:
    """Whether something waits to be read from a connection: bytes, or its end."""
    poll = select.poll()
    try:
        poll.register(transport.get_extra_info("socket"), select.POLLIN)
        return bool(poll.poll(0))
    except (OSError, TypeError, ValueError):
        return True  # it is closed


class _GatedSocket(socket.socket):
    """Asks the gate about the address that it connects to."""

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
    elif not gate.private:  # it is closed already, or its far end is unknown
        raise Denied(ADDRESS_DENIED)


def _ask_system(host: str, port: int, family: int) -> Sequence[tuple[Any, ...]]:
    try:
        return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except UnicodeError:  # Python refuses labels that are empty or longer than 63 characters
        raise socket.gaierror(socket.EAI_NONAME, "not a host name") from None
