"""What a strict parser refuses and a browser takes is weighed; what neither takes has a name."""

from __future__ import annotations

import asyncio

import pytest

from libra.network.addresses.gate import Gate
from libra.network.cookies import CookieJar
from libra.testing.pages import RawServer, Request
from libra.weighing.options import Limits, Options
from libra.weighing.orders.orders import Fetch, Outcome, Reference
from libra.weighing.static.fetcher import Fetcher

PLENTY = Options(limits=Limits(asset_seconds=60))
LENGTH = b"Content-Length: 9\r\n"


class Scripted(RawServer):
    """Sends what it is given, and hangs up; the first so many times without an answer."""

    def __init__(self, wire: bytes, *, silent: int = 0) -> None:
        super().__init__()
        self.wire = wire
        self.silent = silent

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        if len(self.requests) > self.silent:
            writer.write(self.wire)
            await writer.drain()
        return False


async def fetch(url: str, fetcher: Fetcher) -> Outcome:
    return await fetcher.fetch(Fetch(0, Reference(url, "image")), PLENTY)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(b"this line has no colon\r\n" + LENGTH, id="no colon"),
        pytest.param(b"X Powered By: me\r\n" + LENGTH, id="a name with blanks"),
        pytest.param(b"X-Cache : hit\r\n" + LENGTH, id="a blank before the colon"),
        pytest.param(LENGTH + LENGTH, id="two equal lengths"),
        pytest.param(b"Content-Length: 9, 9\r\n", id="two equal lengths in a line"),
        pytest.param(b"".join(b"X-%d: y\r\n" % n for n in range(6_000)) + LENGTH, id="many fields"),
    ],
)
async def test_odd_headers_cost_nothing(fields: bytes) -> None:
    wire = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n" + fields + b"\r\n" + b"x" * 9
    async with Scripted(wire) as server, Fetcher() as fetcher:
        outcome = await fetch(server.url(), fetcher)
    assert (outcome.error, outcome.http_status, outcome.transfer_bytes) == (None, 200, 9)
    assert (outcome.content_type, outcome.whole) == ("image/png", True)


@pytest.mark.parametrize("status_line", [b"HTTP/1.1 OK", b"HTTP 200", b"\r\n\r\nhttp/1.1 200"])
async def test_odd_status_lines_cost_nothing(status_line: bytes) -> None:
    wire = status_line + b"\r\n" + LENGTH + b"\r\n" + b"x" * 9
    async with Scripted(wire) as server, Fetcher() as fetcher:
        outcome = await fetch(server.url(), fetcher)
    assert (outcome.error, outcome.http_status, outcome.transfer_bytes) == (None, 200, 9)


@pytest.mark.parametrize("value", ["北京".encode(), b"caf\xe9", "\u2028".encode()])
@pytest.mark.parametrize("field", [b"", b"this line has no colon\r\n"])
async def test_a_cookie_that_is_not_ascii_goes_back_as_it_came(value: bytes, field: bytes) -> None:
    cookie = b"city=" + value
    wire = (
        b"HTTP/1.1 200 OK\r\nSet-Cookie: " + cookie + b"\r\n" + field + LENGTH + b"\r\n" + b"x" * 9
    )
    jar = CookieJar()
    async with Scripted(wire) as server, Fetcher() as fetcher:
        for _ in range(2):
            order = Fetch(0, Reference(server.url(), "image"))
            outcome = await fetcher.fetch(order, PLENTY, cookies=jar)
            assert (outcome.error, outcome.transfer_bytes) == (None, 9)
        assert server.requests[-1].headers["cookie"].encode("latin-1") == cookie


async def test_two_different_lengths_are_named() -> None:
    wire = b"HTTP/1.1 200 OK\r\n" + LENGTH + b"Content-Length: 8\r\n\r\n" + b"x" * 9
    async with Scripted(wire) as server, Fetcher() as fetcher:
        outcome = await fetch(server.url(), fetcher)
    assert outcome.error == "bad-answer: two different values of Content-Length"


async def test_a_request_that_got_no_answer_is_sent_once_more_and_no_more() -> None:
    wire = b"HTTP/1.1 200 OK\r\n" + LENGTH + b"\r\n" + b"x" * 9
    for silent, error in ((1, None), (2, "disconnected: ")):
        async with Scripted(wire, silent=silent) as server, Fetcher() as fetcher:
            outcome = await fetch(server.url(), fetcher)
            assert len(server.requests) == 2
        assert (outcome.error or "").startswith(error or "")
        assert (outcome.error is None) is (error is None)


async def test_the_second_request_passes_the_gate_as_well() -> None:
    asked = []

    class Once(Gate):
        """Allows the first connection alone."""

        def __call__(self, address: str, port: int) -> str | None:
            asked.append(address)
            # Resolved, at the socket, before the request: all of the first connection.
            return None if len(asked) <= 3 else "denied: address not allowed"

    async with Scripted(b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n") as server:
        async with Fetcher(gate=Once()) as fetcher:
            outcome = await fetch(f"http://localhost:{server.port}/", fetcher)
        assert len(server.requests) == 1
    assert (outcome.error, outcome.denied) == ("denied: address not allowed", True)
