"""The browser's proxy relays what servers send byte for byte, and asks the gate for every connection."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from typing import Any

import pytest

from libra.network.addresses.dialing import Resolver
from libra.network.addresses.gate import ADDRESS_DENIED, PORT_DENIED, Gate
from libra.testing.pages import PageServer, RawServer, Request, compressed, html, image
from libra.weighing.rendered.proxy.server import Proxy

OPEN_HOSTS = ["127.0.0.1"]
GATE = Gate(allow=[ip_network("127.0.0.1/32")])
INNER = "127.0.0.66"


class Scripted(RawServer):
    """Sends what the test gives it, and closes if it is told to."""

    def __init__(self, *answers: bytes, close: bool = False) -> None:
        super().__init__()
        self.answers = list(answers)
        self.close = close

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        writer.write(self.answers.pop(0))
        await writer.drain()
        return not self.close


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    resolver = Resolver(GATE)
    async with Proxy(GATE, resolver) as proxy:
        yield proxy
    await resolver.close()


async def connect(proxy: Proxy) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = proxy.address.removeprefix("http://").split(":")
    return await asyncio.open_connection(host, int(port))


async def ask(proxy: Proxy, request: bytes) -> bytes:
    """All that comes back until the proxy closes."""
    reader, writer = await connect(proxy)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


def get(url: str, *, headers: str = "", method: str = "GET") -> bytes:
    host = url.removeprefix("http://").split("/")[0]
    return f"{method} {url} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode()


ANSWERS = {
    "with a length": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "in chunks": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nT: 1\r\n\r\n"
    ),
    "without a body": b"HTTP/1.1 204 No Content\r\nX: 1\r\n\r\n",
    "not modified": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "after an interim answer": (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    ),
    "with odd headers": b"HTTP/1.1 200 \r\nx-a:1\r\nX-A:  2\r\nContent-Length: 1\r\n\r\n!",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
async def test_an_answer_passes_unchanged_and_the_connection_is_kept(
    proxy: Proxy, answer: bytes
) -> None:
    async with Scripted(answer, answer) as server:
        reader, writer = await connect(proxy)
        for _ in range(2):
            writer.write(get(server.url("/path?q")))
            assert await reader.readexactly(len(answer)) == answer
        writer.close()
        assert server.paths() == ["/path?q", "/path?q"]
        assert server.connections == 1
        assert proxy.received_bytes == 2 * len(answer)


ENDINGS = {
    "until the end": b"HTTP/1.1 200 OK\r\n\r\nuntil the end",
    "shorter than announced": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "not HTTP": b"SSH-2.0-OpenSSH_9.6\r\n",
    "broken chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nhello",
    "nothing": b"",
}


@pytest.mark.parametrize("answer", ENDINGS.values(), ids=ENDINGS)
async def test_an_answer_without_a_clear_end_passes_unchanged_too(
    proxy: Proxy, answer: bytes
) -> None:
    async with Scripted(answer, close=True) as server:
        assert await ask(proxy, get(server.url())) == answer


async def test_a_head_request_has_no_body_to_wait_for(proxy: Proxy) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    async with Scripted(answer, answer) as server:
        reader, writer = await connect(proxy)
        for _ in range(2):
            writer.write(get(server.url(), method="HEAD"))
            assert await reader.readexactly(len(answer)) == answer
        writer.close()


async def test_compressed_bodies_are_not_touched(proxy: Proxy) -> None:
    page = compressed(html("<p>hello" * 1000))
    async with PageServer({"/": page}) as server:
        reader, writer = await connect(proxy)
        writer.write(get(server.url()))
        head = await reader.readuntil(b"\r\n\r\n")
        assert b"Content-Encoding: gzip" in head
        assert await reader.readexactly(len(page.body)) == page.body
        writer.close()


async def test_the_server_sees_an_ordinary_request(proxy: Proxy) -> None:
    async with PageServer({"/x": html("")}) as server:
        reader, writer = await connect(proxy)
        writer.write(get(server.url("/x"), headers="Proxy-Connection: keep-alive\r\nX-Mine: 1\r\n"))
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        (request,) = server.requests
        assert request.path == "/x"
        assert request.headers["x-mine"] == "1"
        assert not {"proxy-connection", "via", "forwarded", "x-forwarded-for"} & set(
            request.headers
        )


async def test_a_request_with_a_body_is_passed_on(proxy: Proxy) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    got = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        got.set_result(await reader.readexactly(100_000))
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await connect(proxy)
        headers = "Content-Length: 100000\r\n"
        writer.write(
            get(f"http://127.0.0.1:{port}/", headers=headers, method="POST") + b"x" * 100_000
        )
        assert await reader.readexactly(len(answer)) == answer
        assert await got == b"x" * 100_000
        writer.close()


async def test_a_request_on_a_kept_connection_that_the_server_closed_is_sent_again(
    proxy: Proxy,
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    async with Scripted(answer, answer, close=True) as server:
        reader, writer = await connect(proxy)
        for _ in range(2):
            writer.write(get(server.url()))
            assert await reader.readexactly(len(answer)) == answer
        writer.close()
        assert server.connections == 2


async def test_a_tunnel_carries_everything_both_ways(proxy: Proxy) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1000):
            writer.write(data.upper())
        writer.write(b"bye")
        writer.close()

    async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await connect(proxy)
        writer.write(f"CONNECT 127.0.0.1:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 200 OK\r\n\r\n"
        writer.write(b"hello")
        assert await reader.readexactly(5) == b"HELLO"
        writer.write_eof()
        assert await reader.read() == b"bye"
        writer.close()


REQUESTS = [
    "GET http://{host}:{port}/ HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT {host}:{port} HTTP/1.1\r\n\r\n",
]


@pytest.mark.parametrize("request_", REQUESTS, ids=["plain", "tunnel"])
async def test_a_denied_address_is_answered_with_silence_whether_something_listens_or_not(
    proxy: Proxy, request_: str
) -> None:
    visits = []

    def visit(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(1)
        writer.close()

    async with await asyncio.start_server(visit, INNER, 0) as server:
        port = server.sockets[0].getsockname()[1]
        assert await ask(proxy, request_.format(host=INNER, port=port).encode()) == b""
    assert await ask(proxy, request_.format(host=INNER, port=port).encode()) == b""
    assert visits == []
    assert proxy.failures == {f"{INNER}:{port}": ADDRESS_DENIED}


@pytest.mark.parametrize("request_", REQUESTS, ids=["plain", "tunnel"])
async def test_a_denied_port_of_a_public_address_is_noted(proxy: Proxy, request_: str) -> None:
    assert await ask(proxy, request_.format(host="1.1.1.1", port=25).encode()) == b""
    assert proxy.failures == {"1.1.1.1:25": PORT_DENIED}


async def test_what_cannot_be_reached_is_noted_with_its_reason(proxy: Proxy) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        # It stays bound, without listening: nobody else can take it meanwhile.
        assert await ask(proxy, get(f"http://127.0.0.1:{port}/")) == b""
    assert proxy.failures == {f"127.0.0.1:{port}": "refused: nothing listens at that address"}


async def test_a_name_server_that_changes_its_answer_achieves_nothing() -> None:
    visits = []

    def visit(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(1)
        writer.close()

    answers: list[Sequence[str]] = [
        ["127.0.0.1"],
        [INNER],
        ["127.0.0.1", INNER],
        [INNER, "127.0.0.1"],
    ]
    turns = iter(answers)

    def look_up(host: str, port: int, family: int) -> Sequence[tuple[Any, ...]]:
        return [(2, 1, 6, "", (address, port)) for address in next(turns)]

    resolver = Resolver(GATE, look_up)
    async with (
        PageServer({"/": image()}) as server,
        await asyncio.start_server(visit, INNER, server.port),
        Proxy(GATE, resolver) as proxy,
    ):
        for _ in answers:
            reader, writer = await connect(proxy)
            writer.write(get(f"http://rebind.example:{server.port}/"))
            await reader.read(10)
            writer.close()
        assert len(server.requests) == 3
    assert visits == []
    await resolver.close()


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET file:///etc/passwd HTTP/1.1\r\n\r\n",
        b"GET https://127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"GET ftp://127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"GET http://user@127.0.0.1/ HTTP/1.1\r\n\r\n",
        b"GET http://127.0.0.1:99999/ HTTP/1.1\r\n\r\n",
        b"GET http://127.0.0.1:x/ HTTP/1.1\r\n\r\n",
        b"GET http:///x HTTP/1.1\r\n\r\n",
        b"CONNECT  HTTP/1.1\r\n\r\n",
        b"POST http://127.0.0.1/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST http://127.0.0.1/ HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"\x16\x03\x01\x02\x00\r\n\r\n",
        b"x" * 300_000,
    ],
)
async def test_what_no_browser_sends_ends_the_connection(proxy: Proxy, request_: bytes) -> None:
    # What is not read before the end is answered with a reset, by the system.
    with contextlib.suppress(ConnectionResetError):
        assert await ask(proxy, request_) == b""


async def test_closing_the_proxy_ends_all_connections() -> None:
    resolver = Resolver(GATE)
    async with Scripted(b"HTTP/1.1 200 OK\r\n\r\nbegun") as server:
        async with Proxy(GATE, resolver) as proxy:
            reader, writer = await connect(proxy)
            writer.write(get(server.url()))
            await reader.readuntil(b"begun")
        assert await reader.read() == b""
        writer.close()
    await resolver.close()


# Cutting, and questions for a password


class Pouring(RawServer):
    """Sends so many bytes as the path says, and then nothing."""

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        count = int(request.path.strip("/"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b"x" * count)
        await writer.drain()
        await self.closing.wait()
        return False


async def ended(reader: asyncio.StreamReader) -> None:
    """Wait until nothing more will come, however the connection ends."""
    with contextlib.suppress(ConnectionResetError):
        await reader.read()


async def test_the_connection_of_one_body_can_be_cut(proxy: Proxy) -> None:
    async with Pouring() as server:
        streams = []
        for path in ("/10", "/2000"):
            reader, writer = await connect(proxy)
            writer.write(get(server.url(path)))
            await reader.readuntil(b"x")
            streams.append((reader, writer))
        proxy.cut(server.url("/2000"))
        await ended(streams[1][0])
        assert not streams[0][0].at_eof()
        proxy.cut(server.url("/elsewhere"))
        for _, writer in streams:
            writer.close()


async def test_of_the_tunnels_to_a_server_the_one_with_most_in_it_is_cut(proxy: Proxy) -> None:
    async with Pouring() as server:
        streams = []
        for count in (10, 60_000):
            reader, writer = await connect(proxy)
            writer.write(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(f"GET /{count} HTTP/1.1\r\n\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(count)
            streams.append((reader, writer))
        proxy.cut(f"https://127.0.0.1:{server.port}/what?ever")
        await ended(streams[1][0])
        assert not streams[0][0].at_eof()
        for _, writer in streams:
            writer.close()


async def test_no_question_for_a_password_reaches_the_browser(proxy: Proxy) -> None:
    head = b"HTTP/1.1 401 X\r\nwww-Authenticate: Basic realm=x\r\nConnection: close\r\n\r\n"
    async with Scripted(head + b"no", close=True) as server:
        answer = await ask(proxy, get(server.url()))
    assert answer == b"HTTP/1.1 401 X\r\nConnection: close\r\n\r\nno"
