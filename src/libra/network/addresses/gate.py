"""The gate decides which addresses may be connected to, by the resolved address alone.

A service that fetches URLs of strangers must not fetch what only it can reach: its own machine, its
network, the metadata service of its cloud. The gate ignores names, notations and redirects, since any
name may resolve to any address. Libra asks it about the very address that it is about to connect to, for
the page, every redirect and every asset (`libra.network.addresses.dialing`,
`libra.network.libcurl.transfer`).

The rule is default deny: an address must prove that it is public. A list of forbidden networks is never
complete. ``ipaddress.is_global`` alone accepts NAT64, site-local, multicast and some metadata addresses,
and its answers depend on the version of Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from libra.network.addresses.refusals import Refusals

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS: frozenset[int] = frozenset({80, 443, 8080, 8443})
"""The ports of the web. On other ports are mail, databases and the like."""

ADDRESS_DENIED = "denied: address not allowed"
PORT_DENIED = "denied: port not allowed"
"""The reasons in a report. Both are known before anything is sent. So neither the words nor the time of
an answer tell whether a server listens there."""

_DENIED_V4 = (
    ip_network("100.64.0.0/10"),  # carrier-grade NAT (RFC 6598); Alibaba's metadata service
    ip_network("168.63.129.16/32"),  # Azure's host, which answers inside a virtual network only
    ip_network("192.0.0.0/24"),  # IETF protocol assignments (RFC 6890); Oracle's metadata service
    ip_network("192.88.99.0/24"),  # 6to4 relays (RFC 7526)
)
_DENIED_V6 = (
    ip_network("2001::/23"),  # IETF protocol assignments, among them Teredo (RFC 4380)
    ip_network("2001:db8::/32"),  # documentation (RFC 3849)
    ip_network("2002::/16"),  # 6to4 (RFC 3056): an IPv4 address in disguise
    ip_network("3fff::/20"),  # documentation (RFC 9637)
)
_UNICAST_V6 = ip_network("2000::/3")
"""IANA's range for global unicast: NAT64, mapped, local and multicast lie outside."""

_ISATAP = 0x0000_5EFE
"""The mark of interface identifiers with an IPv4 address (RFC 5214), apart from their universal bit."""


class Denied(OSError):
    """The gate does not allow this address. The message is the reason for the report."""


class Gate:
    """Judges the addresses that Libra is about to connect to.

    Its rules never change, so it may be shared. Calling it returns None to allow, or the reason for the
    report: ``gate("10.0.0.1", 80) == "denied: address not allowed"``.

    Args:
        allow: Networks that are open although they are not public, on every port.
        ports: Ports that are open at public addresses.
        private: Whether every address and port is open: for a person who weighs pages on their own
            machine, and can reach all of it anyway.
    """

    __slots__ = ("_allow", "_judge", "_ports", "private", "refusals")

    def __init__(
        self,
        *,
        allow: Iterable[Network] = (),
        ports: Iterable[int] = PORTS,
        private: bool = False,
    ) -> None:
        self.private = private
        self.refusals = Refusals()
        """The latest refusals, for the operator."""
        self._allow = tuple(allow)
        self._ports = frozenset(ports)
        # Each request is judged, also over a kept connection; the answer never changes, so it is cached.
        self._judge = lru_cache(maxsize=4096)(self._judge_address)

    def __call__(self, address: str, port: int) -> str | None:
        """The reason to deny an address (a resolved one, as text) and port, or None."""
        if self.private:
            return None
        verdict = self._judge(address)
        if verdict == "public":
            return None if port in self._ports else PORT_DENIED
        return None if verdict == "open" else ADDRESS_DENIED

    def check(self, address: str, port: int) -> None:
        """Raise `Denied` unless this address and port may be connected to."""
        reason = self(address, port)
        if reason is not None:
            # It was written as an address: the resolver notes the refusals of names.
            self.refusals.note(address, address, port, by_port=reason == PORT_DENIED)
            raise Denied(reason)

    def _judge_address(self, text: str) -> str:
        try:
            address = ip_address(text)
        except ValueError:  # not an address in the standard notation: not to be trusted
            return "denied"
        address = _plain(address)
        if any(address in network for network in self._allow):
            return "open"
        return "public" if is_public(address) else "denied"


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet; False if in doubt. Pure."""
    if isinstance(address, IPv4Address):
        return _is_public_v4(address)
    if address.scope_id is not None:
        return False
    if address.ipv4_mapped is not None:
        return _is_public_v4(address.ipv4_mapped)
    return (
        address in _UNICAST_V6
        and address.is_global
        and not address.is_multicast
        and (int(address) >> 32) & 0xFDFF_FFFF != _ISATAP
        and not any(address in network for network in _DENIED_V6)
    )


def _is_public_v4(address: IPv4Address) -> bool:
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not any(address in network for network in _DENIED_V4)
    )


def _plain(address: Address) -> Address:
    """An IPv4-mapped address as the IPv4 address that the kernel connects to."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
