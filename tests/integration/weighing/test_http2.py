"""HTTP/2, by ALPN as a browser speaks it, and what its servers can do to a client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libra.network.addresses.dialing import Resolver
from libra.network.addresses.gate import Gate
from libra.network.client import HTTPClient
from libra.network.libcurl.trust import trust
from libra.testing.pages import PageServer, image
from libra.weighing.options import Limits, Options
from libra.weighing.orders.orders import Fetch, Outcome, Reference
from libra.weighing.static.fetcher import Fetcher
from support.certificate import own_certificate
from support.http2_server import ATTACKS, BODY, Http2Server
from support.needs import needs

pytestmark = needs("openssl")

PLENTY = Options(limits=Limits(asset_seconds=60))


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Http2Server]:
    async with Http2Server(own_certificate(tmp_path)[1]) as started:
        yield started


async def fetch(fetcher: Fetcher, url: str) -> Outcome:
    return await fetcher.fetch(Fetch(0, Reference(url, "image")), PLENTY)


async def test_a_server_that_offers_it_is_spoken_to_in_http_2(server: Http2Server) -> None:
    async with Fetcher(trust=trust(insecure=True)) as fetcher:
        outcomes = await asyncio.gather(*(fetch(fetcher, server.url(f"/{n}")) for n in range(30)))
    assert {outcome.error for outcome in outcomes} == {None}
    assert {outcome.transfer_bytes for outcome in outcomes} == {len(BODY)}
    assert server.connections == 1
    assert len(server.paths) == 30
    assert server.headers[0][b"accept-language"] == b"en-US,en;q=0.9"


async def test_an_origin_that_speaks_it_is_asked_for_many_things_at_a_time(
    server: Http2Server,
) -> None:
    async with Fetcher(trust=trust(insecure=True)) as fetcher:
        first = await fetch(fetcher, server.url("/first"))
        server.hold = 30
        rest = await asyncio.gather(*(fetch(fetcher, server.url(f"/{n}")) for n in range(30)))
    assert {outcome.error for outcome in rest} == {None}
    assert {outcome.protocol for outcome in (first, *rest)} == {"h2"}
    assert first.timings is not None
    assert first.timings.tls_ms is not None
    for outcome in rest:
        assert outcome.timings is not None
        assert outcome.timings.connect_ms is outcome.timings.tls_ms is None
        assert outcome.timings.first_byte_ms is not None


async def test_the_protocol_is_told(server: Http2Server) -> None:
    gate = Gate(private=True)
    resolver = Resolver(gate)
    client = HTTPClient(gate, resolver, connections=9, per_host=6, trust=trust(insecure=True))
    async with PageServer({"/x": image(5)}) as plain:
        told = []
        for url in (server.url("/x"), plain.url("/x")):
            answer = await client.get(url, "")
            while await answer.read():
                pass
            told.append(answer.protocol)
            assert answer.times().first_byte is not None
            answer.close()
    await client.close()
    await resolver.close()
    assert told == ["h2", "http/1.1"]


@pytest.mark.parametrize(
    "path", [path for path in ATTACKS if "cut" not in path and "body" not in path]
)
async def test_a_flood_is_ended_and_not_waited_out(server: Http2Server, path: str) -> None:
    async with Fetcher(trust=trust(insecure=True)) as fetcher:
        outcome = await fetch(fetcher, server.url(path))
        assert outcome.error is not None
        assert not outcome.error.startswith("timeout"), outcome.error
        assert not outcome.whole
        # Nobody else is the worse for it.
        good = await fetch(fetcher, server.url("/good"))
    assert (good.error, good.transfer_bytes) == (None, len(BODY))


@pytest.mark.parametrize("path", ["/cut-short", "/reset-in-body"])
async def test_a_body_that_ends_too_early_is_cut_short(server: Http2Server, path: str) -> None:
    async with Fetcher(trust=trust(insecure=True)) as fetcher:
        outcome = await fetch(fetcher, server.url(path))
    assert (outcome.http_status, outcome.transfer_bytes, outcome.whole) == (200, 5, False)
    assert (outcome.error or "").startswith("cut-short: ")


async def test_the_gate_is_asked_before_a_request_on_a_kept_connection(server: Http2Server) -> None:
    class Once(Gate):
        shut = False

        def __call__(self, address: str, port: int) -> str | None:
            return "denied: address not allowed" if self.shut else None

    gate = Once()
    async with Fetcher(gate=gate, trust=trust(insecure=True)) as fetcher:
        assert (await fetch(fetcher, server.url("/1"))).error is None
        gate.shut = True
        outcome = await fetch(fetcher, server.url("/2"))
    assert (outcome.error, outcome.denied) == ("denied: address not allowed", True)
    assert server.paths == ["/1"]
