"""HTTP/3 behind its flag: it is tried where somebody asks for it, and nothing depends on it."""

from __future__ import annotations

import asyncio
import errno
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from libra import Libra, Settings
from libra.network.addresses.gate import Gate
from libra.network.libcurl.trust import trust
from libra.weighing.options import Limits, Options
from libra.weighing.orders.orders import Fetch, Outcome, Reference
from libra.weighing.static.fetcher import Fetcher
from support.certificate import own_certificate
from support.command import Command
from support.http2_server import Http2Server
from support.needs import needs
from support.nursery import Nursery

pytestmark = needs("openssl")

PLENTY = Options(limits=Limits(asset_seconds=60))


class Quic(asyncio.DatagramProtocol):
    """Somebody at the port of a server who hears QUIC and says nothing."""

    def __init__(self) -> None:
        self.first: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, address: tuple[str | Any, int]) -> None:
        if not self.first.done():
            self.first.set_result(data)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ssl.SSLContext]:
    return own_certificate(tmp_path_factory.mktemp("certificate"))


@asynccontextmanager
async def served(tls: ssl.SSLContext) -> AsyncIterator[tuple[Http2Server, Quic]]:
    """A server, and who hears the datagrams to its port: another port if somebody else has these."""
    loop = asyncio.get_running_loop()
    while True:
        async with Http2Server(tls) as server:
            try:
                transport, quic = await loop.create_datagram_endpoint(
                    Quic, local_addr=("127.0.0.1", server.port)
                )
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            try:
                yield server, quic
            finally:
                transport.close()
            return


async def fetch(fetcher: Fetcher, url: str) -> Outcome:
    return await fetcher.fetch(Fetch(0, Reference(url, "image")), PLENTY)


def is_initial(datagram: bytes) -> bool:
    """Whether it begins a connection of QUIC, version 1 (RFC 9000, section 17.2.2)."""
    return datagram[0] & 0xF0 == 0xC0 and datagram[1:5] == b"\0\0\0\1" and len(datagram) >= 1_200


async def test_a_server_without_quic_is_spoken_to_in_http_2(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    async with served(certificate[1]) as (server, quic):
        async with Fetcher(trust=trust(certificate[0]), http3=True) as fetcher:
            outcome = await fetch(fetcher, f"https://127.0.0.1:{server.port}/x")
        assert (outcome.error, outcome.protocol) == (None, "h2")
        assert is_initial(await quic.first)


async def test_without_the_flag_nobody_speaks_quic(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    async with served(certificate[1]) as (server, quic):
        async with Fetcher(trust=trust(certificate[0])) as fetcher:
            outcome = await fetch(fetcher, f"https://127.0.0.1:{server.port}/x")
        assert outcome.protocol == "h2"
        assert not quic.first.done()


async def test_the_gate_is_asked_before_a_datagram_is_sent(
    certificate: tuple[Path, ssl.SSLContext],
) -> None:
    async with served(certificate[1]) as (server, quic):
        async with Fetcher(gate=Gate(), trust=trust(certificate[0]), http3=True) as fetcher:
            outcome = await fetch(fetcher, f"https://127.0.0.1:{server.port}/x")
        assert outcome.denied
        assert not quic.first.done()
    assert server.paths == []


async def test_the_command_has_a_flag_for_it(
    certificate: tuple[Path, ssl.SSLContext], tmp_path: Path, nursery: Nursery
) -> None:
    libra = Command(tmp_path, nursery)
    async with served(certificate[1]) as (server, quic):
        url = f"https://127.0.0.1:{server.port}/"
        ended = await libra("weigh", url, "--http3", "--ca", str(certificate[0]), "--format=json")
        report = json.loads(ended.out)
        assert report["assets"][0]["protocol"] == "h2"
        assert is_initial(await quic.first)


async def test_a_service_has_a_setting_for_it(
    certificate: tuple[Path, ssl.SSLContext], tmp_path: Path
) -> None:
    async with served(certificate[1]) as (server, quic):
        settings = Settings(
            data_dir=tmp_path,
            ca=certificate[0],
            http3=True,
            allow=("127.0.0.0/8",),
            allow_port=(server.port,),
        )
        async with Libra.open(settings) as libra:
            page = await libra.weigh(f"https://127.0.0.1:{server.port}/")
            reports = [report async for report in libra.follow(page)]
        assert reports[-1].assets[0].protocol == "h2"
        assert is_initial(await quic.first)
