"""The gate lets public addresses pass and nothing else, whatever a page or a name server says."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.network.addresses.gate import ADDRESS_DENIED, PORT_DENIED, PORTS, Denied, Gate, is_public

BAD = {
    "0.0.0.0": "this host",
    "0.1.2.3": "this network",
    "10.0.0.1": "private",
    "10.255.255.255": "private, the last",
    "100.64.0.1": "carrier-grade NAT",
    "100.100.100.200": "Alibaba's metadata service",
    "100.127.255.255": "carrier-grade NAT, the last",
    "127.0.0.1": "loopback",
    "127.1.2.3": "loopback, elsewhere",
    "168.63.129.16": "Azure's host",
    "169.254.0.1": "link-local",
    "169.254.169.254": "metadata of most clouds",
    "169.254.170.2": "credentials of AWS containers",
    "172.16.0.1": "private",
    "172.31.255.255": "private, the last",
    "192.0.0.8": "protocol assignments",
    "192.0.0.192": "Oracle's metadata service",
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4 relay",
    "192.168.0.1": "private",
    "198.18.0.1": "benchmarks",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast, of one's site",
    "240.0.0.1": "reserved",
    "255.255.255.255": "broadcast",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "IPv4-compatible",
    "::ffff:127.0.0.1": "IPv4-mapped",
    "::ffff:10.0.0.1": "IPv4-mapped, private",
    "::ffff:169.254.169.254": "IPv4-mapped, metadata",
    "::ffff:0:127.0.0.1": "IPv4-translated (SIIT)",
    "64:ff9b::a9fe:a9fe": "NAT64 of the metadata service",
    "64:ff9b:1::7f00:1": "NAT64 for local use",
    "100::1": "discard",
    "2001::1": "Teredo",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "Teredo, of a client",
    "2001:2::1": "benchmarks",
    "2001:10::1": "ORCHID",
    "2001:20::1": "ORCHIDv2",
    "2001:db8::1": "documentation",
    "2002:a9fe:a9fe::": "6to4 of the metadata service",
    "2002:7f00:1::1": "6to4 of loopback",
    "2607:f8b0:4004:800::5efe:7f00:1": "ISATAP of loopback",
    "2607:f8b0:4004:800:200:5efe:a00:1": "ISATAP of a private address, with the universal bit",
    "3fff::1": "documentation",
    "4000::1": "not assigned",
    "5f00::1": "segment routing",
    "fc00::1": "unique local",
    "fd00:ec2::254": "metadata of AWS",
    "fd12:3456:789a::1": "unique local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local, with its zone",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "ff0e::1": "multicast, global",
}

GOOD = (
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "151.101.1.140",
    "223.255.255.254",
    "::ffff:93.184.215.14",
    "2606:2800:21f:cb07:6820:80da:af6b:8b2c",
    "2a00:1450:4001:80f::200e",
    "2001:4860:4860::8888",
)


@pytest.mark.parametrize("address", BAD, ids=lambda address: f"{address} ({BAD[address]})")
def test_an_address_that_is_not_public_is_denied(address: str) -> None:
    assert Gate()(address, 80) == ADDRESS_DENIED
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", GOOD)
def test_a_public_address_is_allowed(address: str) -> None:
    assert Gate()(address, 443) is None
    assert is_public(ip_address(address))


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "[::1]", "1.1.1.1\0", "::1%"],
)
def test_what_is_no_address_in_standard_notation_is_denied(text: str) -> None:
    assert Gate()(text, 80) == ADDRESS_DENIED


def test_a_zone_makes_even_a_public_address_suspect() -> None:
    assert Gate()("2606:2800:21f:cb07:6820:80da:af6b:8b2c%eth0", 80) == ADDRESS_DENIED


def test_public_addresses_are_open_on_the_ports_of_the_web_only() -> None:
    gate = Gate()
    open_ports = {port for port in range(65_536) if gate("1.1.1.1", port) is None}
    assert open_ports == {80, 443, 8080, 8443}


def test_a_further_port_can_be_opened() -> None:
    gate = Gate(ports=PORTS | {9000})
    assert gate("1.1.1.1", 9000) is None
    assert gate("1.1.1.1", 25) == PORT_DENIED
    assert gate("127.0.0.1", 9000) == ADDRESS_DENIED


def test_an_opened_network_is_open_on_every_port() -> None:
    gate = Gate(allow=[ip_network("10.1.0.0/16"), ip_network("fd00::/8")])
    assert gate("10.1.2.3", 6379) is None
    assert gate("fd00:1::2", 1) is None
    assert gate("10.2.0.1", 80) == ADDRESS_DENIED


def test_an_opened_network_is_open_in_its_mapped_form_too() -> None:
    gate = Gate(allow=[ip_network("127.0.0.0/8")])
    assert gate("::ffff:127.0.0.1", 5000) is None
    assert gate("::1", 80) == ADDRESS_DENIED


def test_a_denied_address_is_denied_in_the_same_words_on_every_port() -> None:
    assert {Gate()("192.168.1.1", port) for port in (1, 22, 80, 443, 8080)} == {ADDRESS_DENIED}


def test_on_ones_own_machine_everything_is_open() -> None:
    gate = Gate(private=True)
    assert all(gate(address, port) is None for address in BAD for port in (1, 80, 65_535))


def test_check_raises_the_reason() -> None:
    with pytest.raises(Denied, match="denied: address not allowed"):
        Gate().check("::1", 80)


@given(st.integers(0, 2**32 - 1).map(IPv4Address))
def test_every_form_of_an_ipv4_address_inside_an_ipv6_one_is_judged_like_it_or_denied(
    address: IPv4Address,
) -> None:
    inside = int(address)
    assert is_public(IPv6Address(0xFFFF << 32 | inside)) == is_public(address)
    for disguise in (
        IPv6Address(inside),
        IPv6Address(0xFFFF << 48 | inside),
        IPv6Address(0x64_FF9B << 96 | inside),
        IPv6Address(0x2002 << 112 | inside << 80),
        IPv6Address(0x2001 << 112 | inside ^ 0xFFFF_FFFF),
        IPv6Address(0x2607_F8B0 << 96 | 0x5EFE << 32 | inside),
    ):
        assert not is_public(disguise)


@given(st.integers(0, 2**128 - 1).map(IPv6Address))
def test_outside_global_unicast_no_address_is_public(address: IPv6Address) -> None:
    if int(address) >> 125 != 0b001 and address.ipv4_mapped is None:
        assert not is_public(address)


@given(st.text(max_size=60), st.integers(0, 65_535))
def test_no_text_makes_the_gate_raise(text: str, port: int) -> None:
    assert Gate()(text, port) in {None, ADDRESS_DENIED, PORT_DENIED}
