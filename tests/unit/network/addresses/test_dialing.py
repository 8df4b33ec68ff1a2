"""What cannot be a name does not resolve, and is no fault of the program."""

from __future__ import annotations

import socket

import pytest

from libra.network.addresses.dialing import Resolver


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..test"])
async def test_a_name_that_no_resolver_takes_does_not_resolve(host: str) -> None:
    resolver = Resolver()
    with pytest.raises(socket.gaierror):
        await resolver.resolve(host, 80)
    await resolver.close()
