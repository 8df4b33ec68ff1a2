"""The hosts that a page has asked for: nobody else's wishes go through its proxy.

A browser has services of its own, more with every version: of forms, of spelling, of certificates. Some
use the proxy of the page that they are about. The page's own wishes are known: the DevTools protocol
tells of each before or while it is made. So the proxy lets a connection wait until the page has named
its host, and drops it if that does not come.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from libra.urls import host_of

PATIENCE = 10
"""Seconds. What is told comes by another way than the connection does, as a rule before it."""

_SECOND = 1.0

MAKERS = ("google.com", "googleapis.com", "gstatic.com", "gvt1.com", "gvt2.com", "googlezip.net")
"""Domains whose services browsers ask by themselves: never without a page that has named them."""

_HOSTS = 20_000
"""That are remembered. A page that names more has long reached its limit of assets."""

_SCHEMES = ("http://", "https://", "ws://", "wss://")


class AskedHosts:
    """What a page, its frames and its workers have named.

    Attributes:
        has_workers: Whether some of its wishes may stay unknown: what workers do at their very start
            may not be told. Then hosts that nobody named are connected to after a second, except
            those of `MAKERS`.
        refused: The hosts that connections were wanted to, and that nobody had named until they ended.
    """

    def __init__(self) -> None:
        self.has_workers = False
        self.refused: set[str] = set()
        self._hosts: set[str] = set()
        self._waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)

    def note(self, url: str) -> None:
        """The page asks for this."""
        if not url.startswith(_SCHEMES) or len(self._hosts) >= _HOSTS:
            return
        host = host_in(url)
        if host in self._hosts:
            return
        self._hosts.add(host)
        for waiting in self._waiting.pop(host, ()):
            if not waiting.done():
                waiting.set_result(None)

    async def wait(self, host: str) -> bool:
        """Whether the page asks for a host: now, or soon."""
        host = host.lower()
        if host in self._hosts:
            return True
        named = asyncio.get_running_loop().create_future()
        self._waiting[host].append(named)
        allowed = False
        try:
            for _ in range(PATIENCE):
                await asyncio.wait([named], timeout=_SECOND)
                allowed = named.done() or (self.has_workers and not _is_makers(host))
                if allowed:
                    break
        finally:
            if not named.done():
                self._waiting[host].remove(named)
            if not allowed and len(self.refused) < _HOSTS:
                self.refused.add(host)
        return allowed


def _is_makers(host: str) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in MAKERS)


def host_in(url: str) -> str:
    """The host of a URL as the browser tells it, without port and brackets."""
    host, colon, port = host_of(url).rpartition(":")
    whole = host if colon and not port.endswith("]") else f"{host}{colon}{port}"
    return whole.removeprefix("[").removesuffix("]").lower()
