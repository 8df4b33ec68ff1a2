"""Names and their addresses in libcurl's form: only addresses that the gate allows."""

from __future__ import annotations

import asyncio
import socket
from typing import NamedTuple

from libra.network.addresses.dialing import Resolver

KNOWN_SECONDS = 30.0
"""Seconds for which the addresses of a name are kept."""

KNOWN_NAMES = 4_096


class KnownName(NamedTuple):
    """The result of a look-up of a name and port.

    Attributes:
        pin: The addresses in libcurl's form; "" for an address, which needs no look-up.
        addresses: All addresses that may be connected to.
        lookup_ms: Milliseconds of the look-up; None if no request waited for it.
    """

    pin: str
    addresses: tuple[str, ...]
    lookup_ms: float | None = None


class Names:
    """Looks names up, one look-up per name at a time, and remembers the results for a while.

    Args:
        resolver: Resolves names, and asks the gate.
    """

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._loop = asyncio.get_running_loop()
        self._known: dict[tuple[str, int], tuple[float, asyncio.Task[KnownName]]] = {}

    async def find(self, host: str, port: int) -> KnownName:
        """Look a name up, or take the remembered result.

        Raises:
            Denied: if the gate allows none of its addresses.
            OSError: if it has none.
        """
        now = self._loop.time()
        known = self._known.get((host, port))
        if known is not None and known[0] >= now and known[1].done():
            return known[1].result()._replace(lookup_ms=None)
        if known is None or known[0] < now:
            if len(self._known) >= KNOWN_NAMES:
                self._known = {name: one for name, one in self._known.items() if one[0] >= now}
            task = self._loop.create_task(self._look_up(host, port))
            task.add_done_callback(lambda done: self._looked_up(host, port, done))
            known = self._known[host, port] = (now + KNOWN_SECONDS, task)
        # Others may wait for the same name, so no caller ends the look-up.
        found = await asyncio.shield(known[1])
        return found._replace(lookup_ms=(self._loop.time() - now) * 1000)

    def close(self) -> None:
        """End the running look-ups."""
        for _, task in self._known.values():
            task.cancel()

    def _looked_up(self, host: str, port: int, task: asyncio.Task[KnownName]) -> None:
        if task.cancelled() or task.exception() is not None:
            known = self._known.get((host, port))
            if known is not None and known[1] is task:
                del self._known[host, port]

    async def _look_up(self, host: str, port: int) -> KnownName:
        found = await self._resolver.resolve(host, port)
        addresses = tuple(dict.fromkeys(one.host for one in found))
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no address")
        if is_address(host):
            return KnownName("", addresses)
        listed = ",".join(map(bracketed, addresses))
        return KnownName(f"+{host}:{port}:{listed}", addresses)


def bracketed(address: str) -> str:
    """An address as it is written in a URL."""
    return f"[{address}]" if ":" in address else address


def is_address(host: str) -> bool:
    """Whether a host is an address, without the brackets of IPv6, and not a name."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return False
    return True
