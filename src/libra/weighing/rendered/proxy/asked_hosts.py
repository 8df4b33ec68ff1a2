"""Tracks the hosts that a page has requested; its proxy connects to no others.

A browser contacts services of its own, and each version adds more: for forms, spelling, certificates.
Some of them use the proxy of a page. The page's own requests are known, because the DevTools protocol
reports each before or while it is made. So the proxy holds a connection until the page has named its
host, and drops it if that does not happen.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict

from libra.urls import host_of

PATIENCE = 10
"""Seconds to wait. The event arrives separately from the connection, usually before it."""

_SECOND = 1.0

MAKERS = ("google.com", "googleapis.com", "gstatic.com", "gvt1.com", "gvt2.com", "googlezip.net")
"""Domains of services that browsers contact by themselves; allowed only if the page names them."""

_HOSTS = 20_000
"""Maximum number of hosts to remember. A page with more has long reached its limit of assets."""

_SCHEMES = ("http://", "https://", "ws://", "wss://")


class AskedHosts:
    """The hosts that a page, its frames and its workers have named.

    Attributes:
        has_workers: Whether some of its requests may stay unreported, because workers may send them as
            they start. Then the proxy connects to unnamed hosts after a second, except to those of
            `MAKERS`.
        refused: The hosts that the browser tried to reach and that nobody named in time.
    """

    def __init__(self) -> None:
        self.has_workers = False
        self.refused: set[str] = set()
        self._hosts: set[str] = set()
        self._waiting: dict[str, list[asyncio.Future[None]]] = defaultdict(list)

    def note(self, url: str) -> None:
        """Record a request of the page."""
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
        """Whether the page names this host now or soon."""
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
    """The host of a URL as the browser reports it, without port and brackets."""
    host, colon, port = host_of(url).rpartition(":")
    whole = host if colon and not port.endswith("]") else f"{host}{colon}{port}"
    return whole.removeprefix("[").removesuffix("]").lower()
