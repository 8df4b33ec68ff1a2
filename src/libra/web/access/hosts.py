"""The names of this service, and requests that were meant for another site."""

from __future__ import annotations

import socket
from typing import Any

from libra.settings import Settings
from libra.web.access.client_address import is_address, without_port
from libra.web.access.request_fields import Fields
from libra.web.http.problems import RequestRefused

_KNOWN_HOSTS = 1000


class Hosts:
    """The names of this service."""

    def __init__(self, settings: Settings) -> None:
        self._names = {
            "localhost",
            socket.gethostname().lower(),
            settings.host.lower(),
            *(name.lower().rstrip(".") for name in settings.allowed_host),
        }
        self._names.discard("")
        self._seen: set[str] = set()

    def has_let_in(self, host: str | None) -> bool:
        """Whether a request with exactly this ``Host`` was let in before."""
        return host in self._seen

    def require(self, scope: Any, fields: Fields) -> None:
        """Refuse a page of a foreign name that was made to point at this machine.

        This is DNS rebinding: the browser takes such a page for one of this service, `Origin` and all.
        A numeric address cannot be rebound, so all numeric addresses are allowed.

        Raises:
            RequestRefused: 400 or 421.
        """
        host = fields.get(b"host")
        several = sum(name == b"host" for name, _ in scope["headers"]) > 1
        if host in self._seen and not several:
            return
        if several or (host is None and scope.get("http_version") == "1.1"):
            raise RequestRefused(
                400, None, "A request needs exactly one Host header (RFC 9112, section 3.2)."
            )
        if host is None:
            return
        name = without_port(host.strip()).lower().rstrip(".")
        if not (name in self._names or name.endswith(".localhost") or is_address(name)):
            raise RequestRefused(
                421,
                "wrong-host",
                f"This service does not answer to the host name {name[:80]!r}. "
                "If it should, add the name with --allowed-host.",
            )
        if len(self._seen) < _KNOWN_HOSTS:
            self._seen.add(host)


def is_from_another_site(fields: Fields) -> bool:
    """Whether a browser sent this on behalf of another site (cross-site request forgery).

    Every current browser says so in ``Sec-Fetch-Site``, or in ``Origin`` where the address is neither
    HTTPS nor of this machine. A request with neither header is from no browser and carries no
    user's authority.
    """
    fetch_site = fields.get(b"sec-fetch-site")
    if fetch_site is not None:
        return fetch_site not in ("same-origin", "none")
    origin = fields.get(b"origin")
    if origin is None:
        return False
    return origin.partition("://")[2].lower() != fields.get(b"host", "").lower()
