"""The gate's refusals, with the option that would allow each: for the operator.

A report says only ``denied: address not allowed``, since strangers may read it, and the inner address of
a name does not concern them. So the address is remembered here, and shown only in the log and to
those with all rights.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

log = logging.getLogger("libra.gate")

MOST: Final = 1_000
"""Hosts that are remembered, the latest ones."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Refusals:
    """Remembers the addresses of refused hosts."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], str] = OrderedDict()

    def note(self, host: str, address: str, port: int, *, by_port: bool) -> None:
        """Note that the gate refused an address of a host, or only its port."""
        try:
            words = of_port(port) if by_port else of_address(address)
        except ValueError:
            return  # refused because it is not an address at all
        if self._known.get((host, port)) != words:
            log.info("refused %s: %s", host, words)
        self._known[host, port] = words
        self._known.move_to_end((host, port))
        if len(self._known) > MOST:
            self._known.popitem(last=False)

    def words(self, url: str) -> str:
        """Why a URL was refused, and which option allows it, in a sentence."""
        host, port = _place_of(url)
        known = self._known.get((host, port))
        if known is not None:
            return known
        try:
            return of_address(host)
        except ValueError:
            return (
                f"{host} has an address that is not public: start with `--allow` and its network, "
                "such as `--allow 192.168.1.0/24`"
            )


def _place_of(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 80)
    except ValueError:
        return "it", 80


def of_port(port: int) -> str:
    """The option that opens a port."""
    return f"port {port} is not an allowed port: start with `--allow-port {port}`"


def of_address(text: str) -> str:
    """The kind of an address, and the option that opens it.

    Raises:
        ValueError: the text is not an address.
    """
    address = ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    whole = address.max_prefixlen
    if address.is_loopback:
        kind, prefix = "this machine itself", 8 if address.version == 4 else whole
    elif address.is_link_local:
        # Clouds hand out the credentials of a machine here: open only the requested address.
        kind, prefix = "a link-local address", whole
    elif address.is_private and not address.is_unspecified:
        kind, prefix = "a private address", 24 if address.version == 4 else 64
    else:
        kind, prefix = "not a public address", whole
    network = ip_network(f"{address}/{prefix}", strict=False)
    return f"{address} is {kind}: start with `--allow {network}`"
