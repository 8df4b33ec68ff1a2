"""What a strict parser refuses and a browser takes is weighed; what neither takes has a name."""

from __future__ import annotations

import asyncio
import gzip
import sys

import brotli  # type: ignore[import-untyped]  # it ships no types
import pytest

from libra.network.addresses.gate import Gate
from libra.network.cookies import CookieJar
from libra.testing.pages import RawServer, Request
from libra.weighing.options import Limits, Options
from libra.weighing.orders.orders import Fetch, Outcome, Reference
from libra.weighing.roles import Role
from libra.weighing.static.fetcher import Fetcher

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

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


async def fetch(url: str, fetcher: Fetcher, role: Role = "image") -> Outcome:
    return await fetcher.fetch(Fetch(0, Reference(url, role)), PLENTY)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(b"this line has no colon\r\n" + LENGTH, id="no colon"),
        pytest.param(b"X Powered By: me\r\n" + LENGTH, id="a name with blanks"),
        pytest.param(b"X-Cache : hit\r\n" + LENGTH, id="a blank before the colon"),
        pytest.param(LENGTH + LENGTH, id="two equal lengths"),
        pytest.param(b"Content-Length: 9, 9\r\n", id="two equal lengths in a line"),
        pytest.param(b"Transfer-Encoding: none\r\n" + LENGTH, id="an unknown transfer coding"),
        pytest.param(b"".join(b"X-%d: y\r\n" % n for n in range(6_000)) + LENGTH, id="many fields"),
    ],
)
async def test_odd_headers_cost_nothing(fields: bytes) -> None:
    wire = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n" + fields + b"\r\n" + b"x" * 9
    async with Scripted(wire) as server, Fetcher() as fetcher:
        outcome = await fetch(server.url(), fetcher)
    assert (outcome.error, outcome.http_status, outcome.transfer_bytes) == (None, 200, 9)
    assert (outcome.content_type, outcome.whole) == ("image/png", True)


async def test_two_fields_that_allow_an_origin_allow_none() -> None:
    allows = b"Access-Control-Allow-Origin: https://reader.example\r\n"
    outcomes = []
    for fields in (allows, allows + allows):
        wire = b"HTTP/1.1 200 OK\r\n" + fields + LENGTH + b"\r\n" + b"x" * 9
        async with Scripted(wire) as server, Fetcher() as fetcher:
            asked = Fetch(0, Reference(server.url(), "font"), reader="https://reader.example")
            outcomes.append(await fetcher.fetch(asked, PLENTY))
    assert [outcome.transfer_bytes for outcome in outcomes] == [9, 0]
    assert [outcome.error for outcome in outcomes] == [
        None,
        "cors: the server does not let this page read it",
    ]


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


async def test_encodings_in_several_fields_are_undone_in_reverse() -> None:
    body = gzip.compress(brotli.compress(b"x" * 500))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Encoding: gzip\r\n\r\n"
    async with Scripted(head + body) as server, Fetcher() as fetcher:
        outcome = await fetch(server.url(), fetcher)
    assert (outcome.error, outcome.resource_bytes, outcome.encoding) == (None, 500, "br, gzip")


@pytest.mark.parametrize(
    ("role", "kind", "body", "is_dropped"),
    [
        ("stylesheet", b"text/css", b"@import 'a.css';", True),
        ("module", b"text/javascript", b"import './a.js'", True),
        ("document", b"text/html", b"<img src=a.png>", False),
        ("frame", b"text/html", b"<img src=a.png>", False),
    ],
)
async def test_only_documents_that_break_off_are_used(
    role: Role, kind: bytes, body: bytes, is_dropped: bool
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: " + kind + b"\r\n"
    broken = {
        "cut-short": head + b"Content-Length: 99\r\n\r\n" + body,
        "decode": head + b"Content-Encoding: zstd\r\n\r\n" + zstd.compress(body) + b"junk",
    }
    whole = {
        "": head + b"\r\n" + body,
        # Chromium does not notice that.
        "decode: gz": head + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(body)[:-9],
    }
    for wires, is_read in ((broken, not is_dropped), (whole, True)):
        for error, wire in wires.items():
            async with Scripted(wire) as server, Fetcher() as fetcher:
                outcome = await fetch(server.url(), fetcher, role)
            assert (outcome.error or "").startswith(error)
            assert (outcome.reading is not None) is is_read, error


@pytest.mark.parametrize("status", [b"204", b"205"])
async def test_what_follows_an_answer_without_a_body_is_ignored(status: bytes) -> None:
    wire = b"HTTP/1.1 " + status + b" X\r\nContent-Type: text/html\r\n" + LENGTH + b"\r\n<img src="
    async with Scripted(wire) as server, Fetcher() as fetcher:
        outcome = await fetch(server.url(), fetcher, "frame")
    assert (outcome.error, outcome.transfer_bytes, outcome.reading) == (None, 0, None)


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
