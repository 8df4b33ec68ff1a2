"""Every connection of a cluster as a link that can be cut, held, or cut one way.

A node reaches each server of the engine, and the database, by a proxy of its own; a server of the
engine reaches each other by one. So a node can be cut off from all, or one half of everything from
the other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from support.nats import NatsServers
from support.postgres import Postgres
from support.proxy import Proxy, Way


class Links:
    """All links of a cluster.

    Args:
        nats: the servers of the engine, which are not started yet.
        postgres: the database.
        nodes: the names of the nodes.
    """

    def __init__(self, nats: NatsServers, postgres: Postgres, nodes: Sequence[str]) -> None:
        servers = range(len(nats.servers))
        self.nodes = nodes
        self._engine = {(n, s): Proxy(nats[s].port) for n in nodes for s in servers}
        self._database = {n: Proxy(postgres.port) for n in nodes}
        self._routes = {
            (a, b): Proxy(nats[b].routes_port) for a in servers for b in servers if a != b
        }

    async def open(self) -> None:
        """Listen."""
        await asyncio.gather(*(proxy.__aenter__() for proxy in self._all()))

    async def close(self) -> None:
        """End every connection."""
        await asyncio.gather(*(proxy.__aexit__() for proxy in self._all()))

    def route(self, here: int, there: int) -> int:
        """The port at which a server of the engine reaches another."""
        return self._routes[here, there].port

    def engine(self, node: str) -> list[str]:
        """The addresses of the engine for a node."""
        return [f"nats://127.0.0.1:{p.port}" for (n, _), p in self._engine.items() if n == node]

    def database(self, node: str) -> int:
        """The port of the database for a node."""
        return self._database[node].port

    def of(self, node: str) -> list[Proxy]:
        """All links of a node."""
        return [p for (n, _), p in self._engine.items() if n == node] + [self._database[node]]

    def to_server(self, server: int) -> list[Proxy]:
        """All links of a server of the engine, to nodes and to other servers."""
        nodes = [proxy for (_, s), proxy in self._engine.items() if s == server]
        return nodes + [proxy for pair, proxy in self._routes.items() if server in pair]

    def between(self, nodes: Iterable[str], servers: Iterable[int]) -> list[Proxy]:
        """The links that cross from these nodes and servers to all other ones."""
        inside, here = set(nodes), set(servers)
        crossing = [p for (n, s), p in self._engine.items() if (n in inside) != (s in here)]
        return crossing + [p for (a, b), p in self._routes.items() if (a in here) != (b in here)]

    @staticmethod
    def cut(proxies: Iterable[Proxy], *ways: Way) -> None:
        """Let nothing through, or nothing in one direction; nobody is told."""
        for proxy in proxies:
            proxy.swallow(*ways)

    @staticmethod
    async def mend(proxies: Iterable[Proxy]) -> None:
        """Let everything through again."""
        await asyncio.gather(*(proxy.mend() for proxy in proxies))

    def _all(self) -> list[Proxy]:
        return [*self._engine.values(), *self._database.values(), *self._routes.values()]
