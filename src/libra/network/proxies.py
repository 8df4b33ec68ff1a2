"""Decides which requests go through a proxy, by the conventions of curl, wget and pip.

A command obeys ``HTTPS_PROXY``, ``HTTP_PROXY``, ``ALL_PROXY`` and ``NO_PROXY``, also in lower case. A
service ignores them: settings for the commands of a machine would lead it past its gate.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import msgspec

from libra.urls import host_and_port


class ProxyError(ValueError):
    """A proxy that cannot be used; the message says how to write one."""


class Proxies(msgspec.Struct, frozen=True):
    """The proxies of requests.

    Attributes:
        http: The proxy for ``http``, as an address; "" for none.
        https: The proxy for ``https``.
        exempt: The places that are fetched directly: hosts with their subdomains, ``host:port``,
            addresses and networks; ``*`` is everything.
    """

    http: str = ""
    https: str = ""
    exempt: tuple[str, ...] = ()

    def of(self, url: str) -> str:
        """The proxy of a normalised URL, or ""."""
        proxy = self.https if url.startswith("https:") else self.http
        return "" if not proxy or self._is_exempt(url) else proxy

    def _is_exempt(self, url: str) -> bool:
        host, _, port = host_and_port(url).rpartition(":")
        return any(_covers(entry, host.strip("[]").lower(), port) for entry in self.exempt)


DIRECT = Proxies()
"""Every request goes to its host directly."""


def proxies_of(
    environ: Mapping[str, str], proxy: str | None = None, no_proxy: str | None = None
) -> Proxies:
    """The proxies for a command.

    Args:
        environ: The environment.
        proxy: The proxy for everything, in place of those of the environment; "" for none.
        no_proxy: The places that are fetched directly, in place of the environment's list.

    Raises:
        ProxyError: if one of them is not the address of a proxy.
    """
    if no_proxy is None:
        no_proxy = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    exempt = tuple(no_proxy.replace(",", " ").split())
    if proxy is not None:
        address = _address("--proxy", proxy)
        return Proxies(address, address, exempt)
    found = {}
    for scheme in ("http", "https"):
        names = [f"{scheme}_proxy", f"{scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
        if "REQUEST_METHOD" in environ:
            # In a CGI script HTTP_PROXY is the client's header Proxy (CVE-2016-5385).
            names.remove("HTTP_PROXY") if scheme == "http" else None
        name = next((name for name in names if environ.get(name)), None)
        found[scheme] = "" if name is None else _address(name, environ[name])
    return Proxies(found["http"], found["https"], exempt)


def without_credentials(proxy: str) -> str:
    """``scheme://host:port`` of a proxy, with libcurl's default if it names no port."""
    parts = urlsplit(proxy)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or (443 if parts.scheme == 'https' else 1080)}"


def _address(name: str, text: str) -> str:
    """The full address: ``proxy:3128`` means ``http://proxy:3128``."""
    text = text.strip()
    if not text:
        return ""
    address = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(address)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or any(character <= " " for character in address):
        shown = address.rpartition("@")[2][:80]
        raise ProxyError(
            f"{name}: {shown!r} is not the address of a proxy: write it as http://proxy.example.com:3128"
        )
    return address


def _covers(entry: str, host: str, port: str) -> bool:
    entry = entry.lower()
    if entry == "*":
        return True
    name, colon, wanted = entry.rpartition(":")
    if colon and wanted.isdigit() and (":" not in name or name.endswith("]")):
        if wanted != port:
            return False
        entry = name
    entry = entry.strip("[]")
    try:
        address = ip_address(host)
    except ValueError:
        entry = entry.removeprefix("*").lstrip(".")
        return bool(entry) and (host == entry or host.endswith(f".{entry}"))
    try:
        return address in ip_network(entry, strict=False)
    except ValueError:
        return False
