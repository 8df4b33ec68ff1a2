"""Every refusal says what opens it."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libra.network.addresses.gate import Gate
from libra.network.addresses.refusals import MOST, Refusals, of_address


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("192.168.1.5", "192.168.1.5 is a private address: start with `--allow 192.168.1.0/24`"),
        ("::ffff:10.1.2.3", "10.1.2.3 is a private address: start with `--allow 10.1.2.0/24`"),
        ("127.0.0.1", "127.0.0.1 is this machine itself: start with `--allow 127.0.0.0/8`"),
        ("::1", "::1 is this machine itself: start with `--allow ::1/128`"),
        (
            "169.254.169.254",
            "169.254.169.254 is a link-local address: start with `--allow 169.254.169.254/32`",
        ),
        ("fd00::7:1", "fd00::7:1 is a private address: start with `--allow fd00::/64`"),
        ("224.0.0.1", "224.0.0.1 is not a public address: start with `--allow 224.0.0.1/32`"),
    ],
)
def test_an_address_is_named_with_what_it_is_and_what_opens_it(address: str, words: str) -> None:
    assert of_address(address) == words


@given(st.ip_addresses().map(str))
def test_what_it_says_does_open_the_gate(address: str) -> None:
    network = of_address(address).rpartition("--allow ")[2].rstrip("`")
    assert Gate(allow=[ip_network(network)])(address, 5432) is None


def test_the_address_behind_a_name_is_remembered_and_a_port_is_told() -> None:
    refusals = Refusals()
    refusals.note("nas.home", "192.168.1.5", 80, by_port=False)
    refusals.note("example.com", "93.184.216.34", 3000, by_port=True)
    assert refusals.words("http://nas.home/x").startswith("192.168.1.5 is a private address")
    assert refusals.words("http://example.com:3000/").endswith("start with `--allow-port 3000`")
    # Nothing is known of these: after a restart, or at another node.
    assert refusals.words("http://10.0.0.7:81/").endswith("`--allow 10.0.0.0/24`")
    assert refusals.words("https://wiki.home/").startswith("wiki.home has an address that is not")
    assert "--allow" in refusals.words("http://[half")


def test_no_more_than_some_are_remembered() -> None:
    refusals = Refusals()
    for number in range(MOST + 5):
        refusals.note(f"{number}.home", "10.0.0.1", 80, by_port=False)
    assert refusals.words("http://0.home/").startswith("0.home has")
    assert refusals.words(f"http://{MOST + 4}.home/").startswith("10.0.0.1 is")
