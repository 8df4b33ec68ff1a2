"""Whose certificates are believed, and what goes through a proxy."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_network
from pathlib import Path

import pytest

from libra.app import Libra
from libra.network.addresses.dialing import LookUp
from libra.network.addresses.gate import Gate
from libra.network.libcurl.trust import SYSTEM, TrustError, trust
from libra.network.listening import stop_listening
from libra.network.proxies import Proxies
from libra.settings import Settings
from libra.testing.pages import PageServer, html, image
from libra.weighing.options import Limits, Options
from libra.weighing.orders.orders import Fetch, Outcome, Reference
from libra.weighing.static.fetcher import Fetcher
from support.certificate import own_certificate
from support.needs import needs
from support.ports import refusing_port

PLENTY = Options(limits=Limits(asset_seconds=60))
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 5\r\n\r\n12345"

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server on loopback; its port."""
    tasks: set[asyncio.Task[None]] = set()
    over = False

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await handler(reader, writer)

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if over:  # the TLS handshake was still under way
            writer.transport.abort()
            return
        task = asyncio.create_task(handle(reader, writer))
        tasks.add(task)
        # Not by the task itself, which may be cancelled before it has begun.
        task.add_done_callback(lambda _: writer.close())

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        over = True
        await stop_listening(server)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def one_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(ANSWER)
    await writer.drain()


class Tunnels:
    """A proxy that opens tunnels, to whatever port of loopback it is told; and what it was told."""

    def __init__(self, port: int, refusal: bytes | None = None) -> None:
        self.port = port
        self.refusal = refusal
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append(await reader.readuntil(b"\r\n\r\n"))
        if self.refusal is not None:
            writer.write(self.refusal)
            await writer.drain()
            return
        there, to_there = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pump(reader, to_there), _pump(there, writer))
        finally:
            to_there.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def fetch(fetcher: Fetcher, url: str) -> Outcome:
    return await fetcher.fetch(Fetch(0, Reference(url, "image")), PLENTY)


@needs("openssl")
async def test_a_certificate_of_its_own_is_believed_only_where_that_is_said(
    tmp_path: Path,
) -> None:
    certificate, tls = own_certificate(tmp_path)
    async with listening(one_answer, tls) as port:
        url = f"https://localhost:{port}/"
        for context, error in (
            (SYSTEM, "tls: the certificate is not valid"),
            (trust(certificate), None),
            (trust(insecure=True), None),
        ):
            async with Fetcher(trust=context) as fetcher:
                outcome = await fetch(fetcher, url)
            assert (outcome.error or "").startswith(error or "")
            assert outcome.transfer_bytes == (0 if error else 5)


def test_a_file_without_authorities_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(TrustError, match=r"empty\.pem holds no certificate"):
        trust(tmp_path / "empty.pem")
    with pytest.raises(TrustError, match=r"missing\.pem cannot be read"):
        trust(tmp_path / "missing.pem")


async def test_plain_requests_are_put_to_the_proxy_by_their_whole_address() -> None:
    async with PageServer({"http://intranet.invalid/a?b": image(7)}) as proxy:
        address = f"http://me:word@127.0.0.1:{proxy.port}"
        async with Fetcher(proxies=Proxies(http=address)) as fetcher:
            for _ in range(2):
                await fetch(fetcher, "http://intranet.invalid/a?b")
        paths = {request.path for request in proxy.requests}
        sent = proxy.requests[0].headers
    assert paths == {"http://intranet.invalid/a?b"}
    assert sent["host"] == "intranet.invalid"
    assert sent["proxy-authorization"] == "Basic bWU6d29yZA=="
    assert proxy.connections == 1


@needs("openssl")
async def test_encrypted_requests_go_through_a_tunnel(tmp_path: Path) -> None:
    certificate, tls = own_certificate(tmp_path)
    async with listening(one_answer, tls) as port:
        tunnels = Tunnels(port)
        async with listening(tunnels) as proxy:
            address = f"http://me:word@127.0.0.1:{proxy}"
            async with Fetcher(trust=trust(certificate), proxies=Proxies(https=address)) as fetcher:
                outcome = await fetch(fetcher, f"https://localhost:{port}/")
    assert (outcome.error, outcome.transfer_bytes) == (None, 5)
    assert tunnels.heads[0].startswith(b"CONNECT localhost:%d HTTP/1.1\r\n" % port)
    assert b"Proxy-Authorization: Basic bWU6d29yZA==" in tunnels.heads[0]


async def test_a_proxy_that_opens_no_tunnel_is_named() -> None:
    tunnels = Tunnels(1, b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
    async with listening(tunnels) as proxy:
        address = f"http://127.0.0.1:{proxy}"
        async with Fetcher(proxies=Proxies(https=address)) as fetcher:
            outcome = await fetch(fetcher, "https://intranet.invalid/")
    assert outcome.error == "proxy: it answered the CONNECT request with 407"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_named(scheme: str) -> None:
    with refusing_port() as port:
        address = f"http://127.0.0.1:{port}"
        async with Fetcher(proxies=Proxies(address, address)) as fetcher:
            outcome = await fetch(fetcher, f"{scheme}://intranet.invalid/")
    assert outcome.error == f"proxy: nothing listens at 127.0.0.1:{port}"


async def test_what_is_exempt_is_asked_directly() -> None:
    with refusing_port() as port:
        address = f"http://127.0.0.1:{port}"
        proxies = Proxies(address, address, ("127.0.0.0/8",))
        async with PageServer({"/x": image(5)}) as server, Fetcher(proxies=proxies) as fetcher:
            outcome = await fetch(fetcher, server.url("/x"))
    assert (outcome.error, outcome.transfer_bytes) == (None, 5)


async def test_a_service_fetches_through_the_proxy_that_is_its_gate(tmp_path: Path) -> None:
    async with PageServer({"http://intranet.invalid/": html("through the proxy")}) as proxy:
        settings = Settings(
            data_dir=tmp_path, proxy=proxy.url().rstrip("/"), proxy_is_the_gate=True
        )
        async with Libra.open(settings) as libra:
            page_id = await libra.weigh("http://intranet.invalid/")
            async for report in libra.follow(page_id):
                if report.status in {"weighed", "failed"}:
                    break
            else:
                pytest.fail("it was never finished")
    assert (report.status, report.error) == ("weighed", None)
    assert proxy.paths()[0] == "http://intranet.invalid/"


@pytest.mark.parametrize("secure", [True, False])
@needs("openssl")
async def test_a_proxy_that_is_no_gate_is_asked_for_a_judged_address(
    secure: bool, tmp_path: Path
) -> None:
    certificate, tls = own_certificate(tmp_path)
    gate = Gate(allow=[ip_network("127.0.0.1/32")])
    async with listening(one_answer, tls if secure else None) as port:
        tunnels = Tunnels(port)
        async with listening(tunnels) as proxy:
            address = f"http://127.0.0.1:{proxy}"
            async with Fetcher(
                gate=gate,
                look_up=answering("127.0.0.9", "127.0.0.1"),
                trust=trust(certificate),
                proxies=Proxies(address, address),
                tunnels=True,
            ) as fetcher:
                scheme = "https" if secure else "http"
                outcome = await fetch(fetcher, f"{scheme}://localhost:{port}/")
    assert (outcome.error, outcome.transfer_bytes) == (None, 5)
    assert tunnels.heads[0].startswith(b"CONNECT 127.0.0.1:%d HTTP/1.1\r\n" % port)


@pytest.mark.parametrize("host", ["inner.example", "127.0.0.9"])
async def test_it_is_not_asked_for_an_address_that_the_gate_denies(host: str) -> None:
    tunnels = Tunnels(1)
    async with listening(tunnels) as proxy:
        address = f"http://127.0.0.1:{proxy}"
        async with Fetcher(
            gate=Gate(),
            look_up=answering("127.0.0.9"),
            proxies=Proxies(address, address),
            tunnels=True,
        ) as fetcher:
            outcome = await fetch(fetcher, f"http://{host}/")
    assert (outcome.error, outcome.denied) == ("denied: address not allowed", True)
    assert tunnels.heads == []


def answering(*addresses: str) -> LookUp:
    """Resolves every name to these."""
    return lambda host, port, family: [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
    ]
