"""What the gate has refused, in words that say what would open it: for whoever runs Libra.

A report says no more than ``denied: address not allowed``, since strangers may read it: which inner
address a name has is none of their business. So the address is remembered here, and told to the log and
to those who may do everything.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

log = logging.getLogger("libra.gate")

MOST: Final = 1_000
"""Hosts that are remembered, the last ones."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Refusals:
    """Remembers which address stood behind a host that was refused."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, int], str] = OrderedDict()

    def note(self, host: str, address: str, port: int, *, by_port: bool) -> None:
        """An address of a host was refused, or only its port."""
        try:
            words = of_port(port) if by_port else of_address(address)
        except ValueError:
            return  # it was refused as it is no address at all
        if self._known.get((host, port)) != words:
            log.info("refused %s: %s", host, words)
        self._known[host, port] = words
        self._known.move_to_end((host, port))
        if len(self._known) > MOST:
            self._known.popitem(last=False)

    def words(self, url: str) -> str:
        """Why a URL was refused, and what opens the way to it, in a sentence."""
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
    """What opens a port."""
    return f"port {port} is not one that the web is served on: start with `--allow-port {port}`"


def of_address(text: str) -> str:
    """What an address is, and what opens it.

    Raises:
        ValueError: it is none.
    """
    address = ip_address(text.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    whole = address.max_prefixlen
    if address.is_loopback:
        kind, prefix = "this machine itself", 8 if address.version == 4 else whole
    elif address.is_link_local:
        # Where clouds hand out the credentials of a machine: no more than what is asked for.
        kind, prefix = "a link-local address", whole
    elif address.is_private and not address.is_unspecified:
        kind, prefix = "a private address", 24 if address.version == 4 else 64
    else:
        kind, prefix = "not a public address", whole
    network = ip_network(f"{address}/{prefix}", strict=False)
    return f"{address} is {kind}: start with `--allow {network}`"
