"""Finds the address of a request's client, and the key of its limits."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Network = IPv4Network | IPv6Network


class TrustedProxies:
    """The service's own proxies, whose ``X-Forwarded-For`` counts.

    Args:
        networks: Their networks, such as ``10.0.0.0/8``.
    """

    def __init__(self, networks: Sequence[str]) -> None:
        self._networks = [ip_network(network) for network in networks]

    def __contains__(self, address: str) -> bool:
        return bool(self._networks) and _is_in(address, self._networks)

    def client(self, peer: str, forwarded: str | None) -> str:
        """The address of the client, as the trusted proxies give it, read from the right.

        The first address that is not a trusted proxy is the client. It may have written everything to
        the left of its address itself.

        Args:
            peer: The address of the connection.
            forwarded: ``X-Forwarded-For``.
        """
        if not self._networks or not forwarded:
            return peer
        hops = forwarded.split(",")
        address = peer
        while hops and address in self:
            hop = without_port(hops.pop().strip())
            if not is_address(hop):
                break
            address = hop
        return address


@lru_cache(maxsize=4096)
def key_of(address: str) -> str:
    """The key for the limits of an address: the address, or the /64 network of an IPv6 address."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, IPv6Address):
        mapped = found.ipv4_mapped
        return str(mapped or ip_network((int(found) >> 64 << 64, 64)))
    return str(found)


def is_address(text: str) -> bool:
    """Whether a text is an IP address."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def without_port(text: str) -> str:
    """The host of ``host:port``, ``[address]:port`` or either without a port."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    head, colon, port = text.rpartition(":")
    # An IPv6 address without brackets, as X-Forwarded-For has them, is full of colons.
    return head if colon and ":" not in head and port.isdigit() else text


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return any(found.version == network.version and found in network for network in networks)
