"""Requests to one origin go side by side, whatever it speaks and however long an answer takes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from libra.network.addresses.dialing import Resolver
from libra.network.addresses.gate import Gate
from libra.network.client import HTTPClient
from libra.network.libcurl.trust import trust
from libra.network.listening import stop_listening
from libra.testing.pages import Page, PageServer
from support.certificate import own_certificate
from support.needs import needs

SIDE_BY_SIDE = 6
"""As many as a browser asks an origin for over HTTP/1.1."""


@pytest.fixture
async def client() -> AsyncIterator[HTTPClient]:
    gate = Gate(private=True)
    resolver = Resolver(gate)
    started = HTTPClient(
        gate, resolver, connections=99, per_host=SIDE_BY_SIDE, trust=trust(insecure=True)
    )
    yield started
    await started.close()
    await resolver.close()


class Meeting:
    """Answers nobody before all have asked.

    Args:
        number: How many these are.
    """

    def __init__(self, number: int) -> None:
        self._all = asyncio.Barrier(number)
        self.connections = 0

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        self.connections += 1
        with suppress(asyncio.IncompleteReadError, asyncio.CancelledError):
            while await reader.readuntil(b"\r\n\r\n"):
                await self._all.wait()
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        writer.close()


@asynccontextmanager
async def meeting(folder: Path, protocols: list[str]) -> AsyncIterator[tuple[Meeting, str]]:
    """A server over TLS that offers these protocols, and where it is."""
    tls = own_certificate(folder)[1]
    if protocols:
        tls.set_alpn_protocols(protocols)
    met = Meeting(SIDE_BY_SIDE)
    server = await asyncio.start_server(met.answer, "127.0.0.1", 0, ssl=tls)
    yield met, f"https://localhost:{server.sockets[0].getsockname()[1]}"
    await stop_listening(server)


async def read(client: HTTPClient, url: str) -> int:
    """The bytes of an answer."""
    answer = await client.get(url, "")
    size = 0
    while piece := await answer.read():
        size += len(piece)
    answer.close()
    return size


async def test_without_tls(client: HTTPClient) -> None:
    async with PageServer(fallback=lambda _: Page(b"x", "text/plain", held=True)) as server:
        asked = [asyncio.create_task(read(client, server.url(f"/{n}"))) for n in range(6)]
        await server.until_held(SIDE_BY_SIDE)
        server.gate.set()
        assert await asyncio.gather(*asked) == [1] * SIDE_BY_SIDE


@needs("openssl")
@pytest.mark.parametrize("protocols", [[], ["http/1.1"]], ids=["no-alpn", "http/1.1"])
async def test_with_tls_from_the_first_request_on(
    client: HTTPClient, tmp_path: Path, protocols: list[str]
) -> None:
    async with meeting(tmp_path, protocols) as (met, place):
        for _ in range(2):
            sizes = await asyncio.gather(*(read(client, f"{place}/{n}") for n in range(6)))
            assert sizes == [1] * SIDE_BY_SIDE
        assert met.connections == SIDE_BY_SIDE


@needs("openssl")
async def test_one_that_is_given_up_while_it_connects_holds_nobody_up(
    client: HTTPClient, tmp_path: Path
) -> None:
    async with meeting(tmp_path, []) as (_, place):
        first = asyncio.create_task(read(client, f"{place}/first"))
        rest = [asyncio.create_task(read(client, f"{place}/{n}")) for n in range(6)]
        await asyncio.sleep(0)
        first.cancel()
        assert await asyncio.gather(*rest) == [1] * SIDE_BY_SIDE
    with pytest.raises(asyncio.CancelledError):
        await first
