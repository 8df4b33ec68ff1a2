"""The fetcher counts what crosses the wire, and names what goes wrong."""

import asyncio
import gzip
import os
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import brotli  # type: ignore[import-untyped]  # it ships no types
import msgspec
import pytest

from libra.network.addresses.gate import Gate
from libra.network.cookies import CookieJar
from libra.testing.pages import Page, PageServer, css, html, image, redirect, script
from libra.weighing.headers.request_client import RequestClient
from libra.weighing.options import CHROME, Limits, Options
from libra.weighing.orders.orders import Fetch, Outcome, Reference
from libra.weighing.roles import Role
from libra.weighing.static.fetcher import Fetcher
from support.arrivals import Arrived, arrivals
from support.asking import PATIENCE
from support.hostile_server import DRIP_SECONDS, HostileServer
from support.loop_clock import stopped_clock
from support.ports import refusing_port

PLENTY = Options(limits=Limits(asset_seconds=30))


def order(
    url: str,
    role: Role = "image",
    *,
    initiator: str | None = None,
    own: bool = False,
    partial: bool = False,
) -> Fetch:
    return Fetch(0, Reference(url, role, partial=partial), initiator=initiator, own_origin=own)


async def fetched(
    server: PageServer | HostileServer, path: str, role: Role = "image", options: Options = PLENTY
) -> Outcome:
    async with Fetcher() as fetcher:
        return await fetcher.fetch(order(server.url(path), role), options)


@pytest.fixture
def arrived() -> Iterator[Arrived]:
    with arrivals() as until:
        yield until


async def test_headers_that_are_no_text_become_text_that_can_be_kept() -> None:
    async with HostileServer() as server:
        outcome = await fetched(server, "/foreign-bytes")
    assert outcome.content_type == "text/html" + 4 * "\N{REPLACEMENT CHARACTER}"
    assert outcome.encoding == "identity\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", brotli.compress),
        ("identity", bytes),
    ],
)
async def test_both_sizes_are_right_in_every_encoding(
    encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    body = b"hello " * 20_000
    wire = encode(body)
    async with PageServer(
        {"/x": Page(wire, "image/svg+xml", headers={"Content-Encoding": encoding})}
    ) as server:
        outcome = await fetched(server, "/x")
    assert (outcome.transfer_bytes, outcome.resource_bytes) == (len(wire), len(body))
    assert (outcome.http_status, outcome.error, outcome.whole) == (200, None, True)
    assert (outcome.content_type, outcome.encoding) == ("image/svg+xml", encoding)
    assert outcome.duration_ms is not None


async def test_a_large_compressed_body_is_counted_right() -> None:
    body = os.urandom(3_000_000) + bytes(9_000_000)
    wire = gzip.compress(body, 1)
    async with PageServer(
        {"/x": Page(wire, "image/png", headers={"Content-Encoding": "gzip"})}
    ) as server:
        outcome = await fetched(server, "/x")
    assert (outcome.transfer_bytes, outcome.resource_bytes) == (len(wire), len(body))


async def test_only_what_must_be_read_is_read() -> None:
    site = {"/x": css("@import 'a.css'; ")}
    async with PageServer(site) as server:
        assert (await fetched(server, "/x", "image")).reading is None
        reading = (await fetched(server, "/x", "stylesheet")).reading
        assert reading is not None
        assert [reference.url for reference in reading.references] == [server.url("/a.css")]


@pytest.mark.parametrize(
    ("page", "role", "is_read"),
    [
        (html("x"), "document", True),
        (html("x"), "frame", True),
        (Page(b"<p>x", None), "document", True),
        (Page(b"<p>x", "text/plain"), "document", False),
        (Page(b"%PDF", "application/pdf"), "document", False),
        (css("a{}"), "stylesheet", True),
        (Page(b"a{}", "text/html"), "stylesheet", False),
        (script("1"), "module", True),
        (script("1"), "script", False),
        (Page(b"x", "text/plain"), "module", False),
        (html("x"), "object", True),
        (image(), "object", False),
        (Page(b"<p>gone", "text/html", 404), "document", False),
        (Page(b"{}", "application/json"), "manifest", False),
    ],
)  # fmt: skip
async def test_a_body_is_read_if_a_browser_would_read_it_as_that(
    page: Page, role: Role, is_read: bool
) -> None:
    async with PageServer({"/x": page}) as server:
        outcome = await fetched(server, "/x", role)
    assert (outcome.reading is not None) is is_read


async def test_an_error_answer_weighs_what_its_body_weighs() -> None:
    async with PageServer({"/x": Page(b"gone" * 10, "text/plain", 410)}) as server:
        outcome = await fetched(server, "/x")
    assert (outcome.http_status, outcome.transfer_bytes, outcome.error) == (
        410,
        40,
        "http: 410 Gone",
    )
    assert outcome.whole


async def test_a_redirect_is_reported_and_not_followed() -> None:
    async with PageServer({"/x": redirect("/y?a b#part", body=b"moved")}) as server:
        outcome = await fetched(server, "/x")
        assert outcome.redirect == server.url("/y?a%20b")
        assert server.paths() == ["/x"]
    assert (outcome.http_status, outcome.transfer_bytes, outcome.error) == (302, 5, None)


@pytest.mark.parametrize(
    "location", ["ftp://example.com/", "javascript:x", "http://[::g]/", "http://a:b@c.example/"]
)
async def test_a_redirect_that_no_browser_would_follow_is_named(location: str) -> None:
    async with PageServer({"/x": redirect(location)}) as server:
        outcome = await fetched(server, "/x")
    assert outcome.redirect is None
    assert (outcome.error or "").startswith("bad-redirect: ")


async def test_a_3xx_without_a_location_is_an_answer_like_any_other() -> None:
    async with PageServer({"/x": Page(b"choose", "text/plain", 300)}) as server:
        outcome = await fetched(server, "/x")
    assert (outcome.http_status, outcome.redirect, outcome.error) == (300, None, None)


async def test_a_request_looks_like_a_browsers_but_says_who_it_is() -> None:
    async with PageServer() as server, Fetcher() as fetcher:
        await fetcher.fetch(order(server.url("/d"), "document"), Options())
        await fetcher.fetch(order(server.url("/i"), initiator=server.url("/d?x")), Options())
        document, picture = (request.headers for request in server.requests)
    assert document["user-agent"].endswith("Libra/0.1 (+https://github.com/libra-weigh/libra)")
    assert f"Chrome/{CHROME}.0.0.0 Safari/537.36" in document["user-agent"]
    assert document["accept"].startswith("text/html")
    assert "image/avif" in picture["accept"]
    assert document["accept-encoding"] == "gzip, deflate, br, zstd"
    assert "referer" not in document
    assert picture["referer"] == server.url("/d?x")
    assert "cookie" not in document


async def test_another_origin_learns_the_origin_only() -> None:
    async with PageServer() as server, Fetcher() as fetcher:
        await fetcher.fetch(
            order(server.url("/i"), initiator="http://example.com/secret?x"), Options()
        )
        await fetcher.fetch(
            order(server.url("/j"), initiator="https://example.com/secret?x"), Options()
        )
        first, second = (request.headers for request in server.requests)
    assert first["referer"] == "http://example.com/"
    assert "referer" not in second


async def test_further_headers_go_to_the_own_origin_only() -> None:
    options = Options(headers=(("Authorization", "Bearer x"), ("User-Agent", "Mine/1")))
    async with PageServer() as server, Fetcher() as fetcher:
        await fetcher.fetch(order(server.url("/own"), own=True), options)
        await fetcher.fetch(order(server.url("/other")), options)
        own, other = (request.headers for request in server.requests)
    assert (own["authorization"], own["user-agent"]) == ("Bearer x", "Mine/1")
    assert "authorization" not in other


@pytest.mark.parametrize(
    ("status", "headers", "user_agent", "says_so"),
    [
        (403, {"Server": "cloudflare"}, None, True),
        (503, {"CF-Mitigated": "challenge"}, None, True),
        (403, {"Server": "AkamaiGHost"}, None, True),
        (403, {"Server": "nginx"}, None, False),
        (404, {"Server": "cloudflare"}, None, False),
        (403, {"Server": "cloudflare"}, "libra", False),
    ],
)
async def test_where_a_firewall_may_have_refused_the_error_says_so(
    status: int, headers: dict[str, str], user_agent: str | None, says_so: bool
) -> None:
    options = Options() if user_agent is None else Options(user_agent=user_agent)
    async with PageServer({"/x": Page(b"no", "text/html", status, headers=headers)}) as server:
        outcome = await fetched(server, "/x", options=options)
    assert (outcome.error or "").startswith(f"http: {status} ")
    assert ("--user-agent libra" in (outcome.error or "")) is says_so


@pytest.mark.parametrize(
    ("allowed", "error"),
    [
        ("*", None),
        ("https://reader.example", None),
        ("https://another.example", "cors: the server does not let this page read it"),
        (None, "cors: the server does not let this page read it"),
    ],
)
async def test_what_another_origin_does_not_share_is_not_read(
    allowed: str | None, error: str | None
) -> None:
    headers = {} if allowed is None else {"Access-Control-Allow-Origin": allowed}
    site = {"/f": Page(b"x" * 50, "font/woff2", headers=headers)}
    async with PageServer(site) as server, Fetcher() as fetcher:
        fetch = msgspec.structs.replace(
            order(server.url("/f"), "font"), reader="https://reader.example"
        )
        outcome = await fetcher.fetch(fetch, Options())
        (request,) = server.requests
    assert request.headers["origin"] == "https://reader.example"
    assert (outcome.error, outcome.whole) == (error, True)
    assert outcome.transfer_bytes == (50 if error is None else 0)


ELSEWHERE = "http://elsewhere.example"
NOT_EMBEDDED = "blocked: Cross-Origin-Resource-Policy does not allow it on another origin"


@pytest.mark.parametrize(
    ("role", "own", "cors", "error"),
    [
        ("image", ELSEWHERE, False, NOT_EMBEDDED),
        ("script", ELSEWHERE, False, NOT_EMBEDDED),
        ("media", ELSEWHERE, False, NOT_EMBEDDED),
        ("image", ELSEWHERE, True, None),
        ("frame", ELSEWHERE, False, None),
        ("object", ELSEWHERE, False, None),
        ("manifest", ELSEWHERE, False, None),
        ("image", None, False, None),
        ("document", "", False, None),
    ],
)
async def test_what_another_origin_may_not_embed_is_not_read(
    role: Role, own: str | None, cors: bool, error: str | None
) -> None:
    protected = {"Cross-Origin-Resource-Policy": "same-origin"}
    site = {
        "/x": Page(b"x" * 50, "text/x", headers=protected),
        "/to": replace(redirect("/x"), headers={"Location": "/x", **protected}),
    }
    async with PageServer(site) as server, Fetcher() as fetcher:
        client = RequestClient(server.url("") if own is None else own)
        fetch = Fetch(0, Reference(server.url("/x"), role, cors=cors), client=client)
        outcome = await fetcher.fetch(fetch, Options())
        redirecting = Reference(server.url("/to"), role, cors=cors)
        sent_on = await fetcher.fetch(Fetch(0, redirecting, client=client), Options())
    assert (outcome.error, outcome.whole, outcome.transfer_bytes) == (error, True, 50 * (not error))
    assert (sent_on.error, sent_on.redirect) == (error, None if error else server.url("/x"))


async def test_the_redirect_of_another_origin_need_not_allow_anything() -> None:
    async with PageServer({"/f": redirect("/g")}) as server, Fetcher() as fetcher:
        fetch = msgspec.structs.replace(
            order(server.url("/f"), "font"), reader="https://reader.example"
        )
        outcome = await fetcher.fetch(fetch, Options())
    assert (outcome.error, outcome.redirect) == (None, server.url("/g"))


async def test_cookies_are_kept_in_the_jar_of_the_page_and_nowhere_else() -> None:
    async with (
        PageServer({"/x": Page(b"", headers={"Set-Cookie": "a=1"})}) as server,
        Fetcher() as fetcher,
    ):
        jar, another = CookieJar(), CookieJar()
        first = await fetcher.fetch(order(server.url("/x")), Options(), cookies=jar)
        second = await fetcher.fetch(order(server.url("/x")), Options(), cookies=jar)
        for cookies in (another, None):
            await fetcher.fetch(order(server.url("/x")), Options(), cookies=cookies)
        sent = [request.headers.get("cookie") for request in server.requests]
    assert sent == [None, "a=1", None, None]
    assert (first.set_cookies, second.set_cookies) == (True, False)


async def test_another_origins_fonts_neither_get_nor_set_cookies() -> None:
    font = Page(b"x", "font/woff2", headers={"Set-Cookie": "f=1"})
    async with (
        PageServer({"/x": Page(b"", headers={"Set-Cookie": "a=1"}), "/f": font}) as server,
        Fetcher() as fetcher,
    ):
        jar = CookieJar()
        await fetcher.fetch(order(server.url("/x")), Options(), cookies=jar)
        fetch = msgspec.structs.replace(
            order(server.url("/f"), "font"), reader="http://a.example", document="http://a.example"
        )
        await fetcher.fetch(fetch, Options(), cookies=jar)
        assert "cookie" not in server.requests[-1].headers
        assert len(jar) == 1


async def test_proxies_of_the_environment_are_ignored(
    refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, refused)
    async with PageServer({"/x": image(5)}) as server:
        assert (await fetched(server, "/x")).transfer_bytes == 5


async def test_connections_are_shared_and_at_most_six_to_a_host() -> None:
    async with PageServer({"/x": image(5)}) as server, Fetcher() as fetcher:
        await asyncio.gather(
            *(fetcher.fetch(order(server.url("/x")), Options()) for _ in range(100))
        )
        assert len(server.requests) == 100
        assert server.connections <= 6


async def test_a_turn_at_a_host_is_passed_on_when_a_fetch_is_cancelled() -> None:
    async with HostileServer() as server, Fetcher(per_host=1) as fetcher:
        hung = asyncio.ensure_future(fetcher.fetch(order(server.url("/silent")), PLENTY))
        waiting = [
            asyncio.ensure_future(fetcher.fetch(order(server.url("/good.png")), PLENTY))
            for _ in range(3)
        ]
        await server.requested(1)
        waiting[0].cancel()
        await asyncio.wait([waiting[0]])
        hung.cancel()
        outcomes = await asyncio.gather(*waiting[1:])
    assert [outcome.transfer_bytes for outcome in outcomes] == [1_234, 1_234]


async def test_waiting_for_a_turn_is_not_held_against_the_asset() -> None:
    async with HostileServer() as server, Fetcher(per_host=1) as fetcher:
        with stopped_clock() as move:
            slow = asyncio.ensure_future(fetcher.fetch(order(server.url("/silent")), PLENTY))
            good = asyncio.ensure_future(fetcher.fetch(order(server.url("/good.png")), PLENTY))
            await server.requested(1)
            move(30)
            assert (await slow).error == "timeout: no response within 30 s"
            assert (await good).error is None


@pytest.mark.parametrize(
    ("path", "error", "transfer_bytes"),
    [
        ("/lying-length", "cut-short: the response ended before its body was complete", 37),
        ("/cut-chunks", "cut-short: the response ended before its body was complete", 5),
        ("/hangs-up", "disconnected: the server closed the connection without a response", 0),
        ("/garbage", "bad-answer: not valid HTTP", 0),
        ("/endless-headers", "headers-too-large: the response headers are too long", 0),
        ("/many-headers", "headers-too-large: the response headers are too long", 0),
        ("/not-gzip", "decode: not gzip (incorrect header check)", 20),
    ],
)  # fmt: skip
async def test_each_misdeed_of_a_server_has_a_name(
    path: str, error: str, transfer_bytes: int
) -> None:
    async with HostileServer() as server:
        outcome = await fetched(server, path, "document")
    assert (outcome.error, outcome.transfer_bytes, outcome.whole) == (error, transfer_bytes, False)


@pytest.mark.parametrize(
    ("path", "error", "transfer_bytes"),
    [
        ("/silent", "timeout: no response within 30 s", 0),
        ("/silent-body", "timeout: the body did not end within 30 s", 38),
    ],
)
async def test_a_server_that_falls_silent_is_given_up_at_the_deadline(
    path: str, error: str, transfer_bytes: int, arrived: Arrived
) -> None:
    async with HostileServer() as server:
        with stopped_clock() as move:
            fetching = asyncio.ensure_future(fetched(server, path, "document"))
            await server.requested(1)
            await arrived(transfer_bytes)
            move(30)
            outcome = await fetching
    assert (outcome.error, outcome.transfer_bytes, outcome.whole) == (error, transfer_bytes, False)


async def test_what_arrived_before_a_failure_is_read() -> None:
    async with HostileServer() as server:
        for path in ("/lying-length", "/gzip-cut-short"):
            outcome = await fetched(server, path, "document")
            assert outcome.reading is not None, path
            assert outcome.reading.title in {"Lie", "Cut"}, path


async def test_what_drips_until_the_deadline_is_read(arrived: Arrived) -> None:
    async with HostileServer() as server:
        with stopped_clock() as move:
            fetching = asyncio.ensure_future(fetched(server, "/drip", "document"))
            for count in range(1, 50):
                await arrived(count)
                move(DRIP_SECONDS)
            move(30)
            outcome = await fetching
    assert outcome.error == "timeout: the body did not end within 30 s"
    assert outcome.transfer_bytes >= 49
    assert outcome.reading is not None
    assert outcome.reading.title == "Drip"


async def test_a_truncated_gzip_keeps_what_was_decoded() -> None:
    async with HostileServer() as server:
        outcome = await fetched(server, "/gzip-cut-short", "document")
    assert outcome.error == "decode: gzip stream cut short"
    assert 0 < outcome.transfer_bytes < outcome.resource_bytes + 1_000
    assert outcome.reading is not None
    assert len(outcome.reading.references) == 1


@pytest.mark.parametrize("encoding", ["gzip", "br"])
async def test_a_bomb_goes_off_harmlessly(encoding: str) -> None:
    limits = Limits(asset_resource_bytes=20_000_000, asset_seconds=30)
    async with HostileServer() as server:
        outcome = await fetched(server, f"/bomb?{encoding}", "image", Options(limits=limits))
    assert (outcome.error or "").startswith("too-large: decodes to ")
    assert outcome.resource_bytes < 21_000_000


async def test_an_endless_body_is_counted_up_to_the_limit() -> None:
    async with HostileServer() as server:
        outcome = await fetched(
            server, "/endless", "image", Options(limits=Limits(asset_bytes=1_000_000))
        )
    assert outcome.error == "too-large: more than 1,000,000 bytes"
    assert 1_000_000 < outcome.transfer_bytes < 2_000_000


async def test_a_document_longer_than_is_read_is_still_counted_whole() -> None:
    async with PageServer({"/x": html("<img src=a.png>" + "x" * 100_000)}) as server:
        outcome = await fetched(server, "/x", "document", Options(limits=Limits(read_bytes=1_000)))
    assert outcome.error == "too-large: only the first 1,000 bytes were read"
    assert outcome.transfer_bytes > 100_000
    assert outcome.reading is not None
    assert len(outcome.reading.references) == 1


async def test_of_media_that_is_not_played_only_the_beginning_is_read() -> None:
    site = {"/film": Page(bytes(3_000_000), "video/mp4")}
    options = Options(limits=Limits(media_bytes=100_000))
    async with PageServer(site) as server, Fetcher() as fetcher:
        part = await fetcher.fetch(order(server.url("/film"), "media", partial=True), options)
        whole = await fetcher.fetch(order(server.url("/film"), "media"), options)
        assert server.requests[0].headers["range"] == "bytes=0-"
    assert 100_000 <= part.transfer_bytes < 3_000_000
    assert (part.error, part.whole) == (None, True)
    assert whole.transfer_bytes == 3_000_000


async def test_the_pages_deadline_ends_a_fetch_and_keeps_what_arrived(arrived: Arrived) -> None:
    async with HostileServer() as server, Fetcher() as fetcher:
        with stopped_clock() as move:
            until = asyncio.get_running_loop().time() + 5
            body = order(server.url("/silent-body"), "document")
            fetching = asyncio.ensure_future(fetcher.fetch(body, PLENTY, until=until))
            await arrived(38)
            move(5)
            outcome = await fetching
    assert (outcome.error or "").startswith("timeout: ")
    assert outcome.transfer_bytes == 38


@pytest.fixture
def refused() -> Iterator[str]:
    with refusing_port() as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def refused_of_six() -> Iterator[str]:
    """Of IPv6, if this machine has it; if not, it cannot be reached."""
    with socket.socket(socket.AF_INET6) as bound:
        with suppress(OSError):
            bound.bind(("::1", 0))
        yield f"http://[::1]:{bound.getsockname()[1]}/"


async def test_an_address_where_nothing_listens_refuses(refused: str) -> None:
    async with Fetcher() as fetcher:
        outcome = await fetcher.fetch(order(refused), PLENTY)
    place = refused.removeprefix("http://").rstrip("/")
    assert outcome.error == f"refused: nothing listens at {place}"
    assert (outcome.http_status, outcome.whole) == (None, False)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://name.invalid/", "dns"),
        (None, "refused"),
        ("http://127.0.0.1:0/", "refused"),
    ],
)
async def test_an_address_that_does_not_answer_has_a_name(
    url: str | None, code: str, refused_of_six: str
) -> None:
    url = url or refused_of_six
    async with Fetcher() as fetcher:
        outcome = await fetcher.fetch(order(url), PLENTY)
    assert (outcome.error or "").split(":")[0] in {code, "unreachable"}
    assert (outcome.http_status, outcome.whole) == (None, False)


async def test_a_server_without_tls_is_named_where_tls_is_wanted() -> None:
    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(speak_plainly, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, Fetcher() as fetcher:
        outcome = await fetcher.fetch(order(f"https://127.0.0.1:{port}/"), PLENTY)
    assert (outcome.error or "").startswith("tls: ")


async def test_what_the_gate_denies_is_not_asked_for_and_says_so() -> None:
    async with PageServer({"/x": image(5)}) as server, Fetcher(gate=Gate()) as fetcher:
        literal = await fetcher.fetch(order(server.url("/x")), PLENTY)
        named = await fetcher.fetch(order(f"http://localhost:{server.port}/x"), PLENTY)
        assert (server.requests, server.connections) == ([], 0)
    for outcome in (literal, named):
        assert (outcome.error, outcome.denied) == ("denied: address not allowed", True)


async def test_a_fetcher_leaves_nothing_behind() -> None:
    before = set(threading.enumerate())
    async with PageServer({"/": html("x" * 500_000)}) as server:
        for _ in range(2):
            async with Fetcher() as fetcher:
                outcome = await fetcher.fetch(
                    order(f"http://localhost:{server.port}/", "document"), PLENTY
                )
                assert outcome.reading is not None
        await server.deserted()
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE)
        assert not thread.is_alive()
    assert len(asyncio.all_tasks()) == 1


async def test_cancelling_a_fetch_cancels_it() -> None:
    async with HostileServer() as server, Fetcher() as fetcher:
        task = asyncio.ensure_future(fetcher.fetch(order(server.url("/silent")), PLENTY))
        await server.requested(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
