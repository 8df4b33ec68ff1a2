"""The server itself: sockets, connections, the short cut, and stopping."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from libra.app import Libra
from libra.settings import Settings
from libra.web import create_app
from libra.web.serving.fast_path import HEAD_PIECE, MAX_FIELDS, FastPathProtocol
from libra.web.serving.server import AddressError, WebServer, listen
from support.patience import FOR_EVER
from support.service import BROWSER, MISSING, Service, read_answer
from support.site import WebSite


def get(path: str, **headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", "X-Request-Id: 12345678"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


async def test_a_port_that_is_taken_is_named(service: Service) -> None:
    host, port = service.server.address
    with pytest.raises(AddressError, match=f"Another program listens on {host}:{port}"):
        listen(host, port)


def test_an_address_that_is_not_ours_is_named() -> None:
    with pytest.raises(AddressError, match=r"192\.0\.2\.1 is not an address of this machine"):
        listen("192.0.2.1", 0)


def test_a_host_of_several_addresses_gets_one_port() -> None:
    sockets = listen("localhost", 0)
    try:
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
    finally:
        for sock in sockets:
            sock.close()


async def test_it_can_be_started_again_on_the_same_sockets(settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        app = create_app(libra, settings)
        with listen("127.0.0.1", 0)[0] as sock:
            for _ in range(2):
                server = WebServer(app, sockets=[sock])
                await server.start()
                reader, writer = await asyncio.open_connection(*sock.getsockname())
                writer.write(get("/health/live"))
                head, body = await read_answer(reader)
                assert head.startswith(b"HTTP/1.1 200 ")
                assert body == b'{"status":"ok"}'
                await server.stop(FOR_EVER)
                assert await reader.read() == b""
                writer.close()
                await writer.wait_closed()


async def test_stopping_lets_a_request_finish_and_takes_no_new_one(
    service: Service, site: WebSite
) -> None:
    reader, writer = await asyncio.open_connection(*service.server.address)
    body = f"url={site.url()}".encode()
    head = (
        "POST /pages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    )
    writer.write(head.encode())
    # The application reads the body now: the request is under way.
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100 ")
    address = service.server.address
    stopping = asyncio.ensure_future(service.server.stop(FOR_EVER))
    with pytest.raises(ConnectionError):
        while True:
            _, late = await asyncio.open_connection(*address)
            late.close()
    writer.write(body)
    answer, _ = await read_answer(reader)
    assert answer.startswith(b"HTTP/1.1 202 ")
    assert b"connection: close" in answer.lower()
    await stopping
    writer.close()
    await writer.wait_closed()


async def test_what_does_not_end_in_time_is_cut(service: Service) -> None:
    reader, writer = await asyncio.open_connection(*service.server.address)
    writer.write(
        b"POST /pages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: 100\r\nExpect: 100-continue\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    await service.server.stop(0.01)
    with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    writer.close()


async def test_stopping_leaves_no_task_and_no_connection_behind(
    service: Service, site: WebSite
) -> None:
    page_id = (await service.client.post("/pages", json={"url": site.url("/held")})).json()["id"]
    async with service.client.stream("GET", f"/pages/{page_id}/events"):
        assert any("run_asgi" in repr(task) for task in asyncio.all_tasks())
        await service.server.stop(FOR_EVER)
    assert not any("run_asgi" in repr(task) for task in asyncio.all_tasks())
    assert not service.server._state.connections
    site.gate.set()


async def test_what_is_not_http_is_answered_with_a_problem(service: Service) -> None:
    ((head, body),) = await service.raw(b"\x16\x03\x01 hello\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"application/problem+json" in head
    assert b'"status":400' in body


async def test_headers_without_end_are_refused(service: Service) -> None:
    ((head, body),) = await service.raw(b"GET / HTTP/1.1\r\nX: " + b"x" * 500_000)
    assert head.startswith(b"HTTP/1.1 431 ")
    assert b'"status":431' in body


async def test_too_many_header_fields_are_refused(service: Service) -> None:
    many = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 300 + b"\r\n"
    ((head, _),) = await service.raw(many)
    assert head.startswith(b"HTTP/1.1 431 ")


async def test_too_many_fields_after_a_body_are_refused(service: Service) -> None:
    body = b"0\r\n" + b"X: y\r\n" * 300 + b"\r\n"
    head = b"POST /pages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    ((answer, _),) = await service.raw(head + body)
    assert answer.startswith(b"HTTP/1.1 431 ")


async def test_endless_fields_are_not_parsed_to_their_end(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[bytes] = []

    def on_header(self: FastPathProtocol, name: bytes, value: bytes) -> None:
        parsed.append(name)
        HttpToolsProtocol.on_header(self, name, value)

    monkeypatch.setattr(FastPathProtocol, "on_header", on_header, raising=False)
    ((head, _),) = await service.raw(b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 10_000)
    assert head.startswith(b"HTTP/1.1 431 ")
    assert len(parsed) < MAX_FIELDS + HEAD_PIECE / len(b"X: y\r\n")


async def test_many_requests_sent_at_once_are_all_answered(service: Service, site: WebSite) -> None:
    report = await service.weighed(site.url())
    one = get("/pages/{id}").replace(b"{id}", report.id.encode())
    reader, writer = await asyncio.open_connection(*service.server.address)
    # More bytes than one head may have, and the end of the last one comes later.
    count = 70_000 // len(one) + 1
    writer.write(one * count + one[:10])
    await writer.drain()
    for _ in range(count):
        assert (await read_answer(reader))[0].startswith(b"HTTP/1.1 200 ")
    writer.write(one[10:])
    assert (await read_answer(reader))[0].startswith(b"HTTP/1.1 200 ")
    writer.close()
    await writer.wait_closed()


@pytest.fixture
async def slow(service: Service) -> AsyncIterator[WebServer]:
    """A second server for the same Libra, without the short cut."""
    app = create_app(service.libra, service.app.settings)
    app.at_hand = lambda page_id: None
    server = WebServer(app, "127.0.0.1", 0)
    await server.start()
    yield server
    await server.stop(1)


REQUESTS = {
    "plain": get("/pages/{id}"),
    "accepts json": get("/pages/{id}", Accept="application/json"),
    "accepts anything": get("/pages/{id}", Accept="*/*"),
    "a browser": get("/pages/{id}", **BROWSER),
    "accepts twice": get("/pages/{id}", Accept="text/html", ACCEPT="application/json"),
    "current": get("/pages/{id}", If_None_Match='"{version}"'),
    "current, weak": get("/pages/{id}", If_None_Match='"1", W/"{version}"'),
    "any copy": get("/pages/{id}", If_None_Match="*"),
    "not current": get("/pages/{id}", If_None_Match='"1"'),
    "suffix": get("/pages/{id}.json"),
    "query": get("/pages/{id}?x=1"),
    "upper case": get("/PAGES/{id}"),
    "escaped": get("/%70ages/{id}"),
    "slash": get("/pages/{id}/"),
    "no such page": get(f"/pages/{MISSING}"),
    "no id": get("/pages/" + "x" * 36),
    "not ASCII": get("/pages/" + "%ff" * 12),
    "with a body": get("/pages/{id}", Content_Length="2") + b"{}",
    "HTTP/1.0": get("/pages/{id}").replace(b"HTTP/1.1", b"HTTP/1.0"),
    "to be closed": get("/pages/{id}", Connection="close"),
    "HEAD": get("/pages/{id}").replace(b"GET", b"HEAD"),
    "DELETE of nothing": get(f"/pages/{MISSING}").replace(b"GET", b"DELETE"),
}


async def test_the_short_cut_answers_as_the_application_does(
    service: Service, slow: WebServer, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    for name, template in REQUESTS.items():
        request = template.replace(b"{id}", report.id.encode())
        request = request.replace(b"{version}", str(report.version).encode())
        answers = [
            await _answer(*server.address, request, body=name != "HEAD")
            for server in (service.server, slow)
        ]
        assert answers[0] == answers[1], name
    service.libra.neighbours.age = 7
    for template in (get("/pages/{id}"), get("/pages/{id}", If_None_Match="*")):
        request = template.replace(b"{id}", report.id.encode())
        answers = [
            await _answer(*server.address, request, body=b"If-None" not in request)
            for server in (service.server, slow)
        ]
        assert answers[0] == answers[1]
        assert b"age: 7" in answers[0][1]


async def _answer(
    host: str, port: int, request: bytes, *, body: bool
) -> tuple[bytes, list[bytes], bytes]:
    """The status line, the header fields but the date, in order, and the body."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    status, *headers = head.strip().lower().split(b"\r\n")
    fields = sorted(line for line in headers if not line.startswith(b"date:"))
    length = [int(field.split(b":")[1]) for field in fields if b"content-length" in field]
    content = await reader.readexactly(length[0]) if body and length else b""
    writer.close()
    await writer.wait_closed()
    return status, fields, content


async def test_the_short_cut_never_overtakes_an_earlier_request(
    service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    page, alive = get(f"/pages/{report.id}"), get("/health/live")
    answers = await service.raw(page + alive + page + page + alive, count=5)
    kinds = ["page" if report.id.encode() in body else "alive" for _, body in answers]
    assert kinds == ["page", "alive", "page", "page", "alive"]


async def test_the_short_cut_sets_no_time_limit_for_what_is_asked_for_with_it(
    service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    reader, writer = await asyncio.open_connection(*service.server.address)
    writer.write(get("/health/live"))
    await read_answer(reader)
    (connection,) = (
        one
        for one in service.server._state.connections
        if isinstance(one, FastPathProtocol) and one.client == writer.get_extra_info("sockname")
    )
    connection.timeout_keep_alive = 0
    page = get(f"/pages/{report.id}")
    writer.write(page + page + get("/events"))
    for _ in range(2):
        _, body = await read_answer(reader)
        assert report.id.encode() in body
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
    await service.weighed(site.url("/other"))
    assert b"event: " in await reader.readuntil(b"data: ")
    writer.close()
    await writer.wait_closed()


async def test_an_idle_connection_is_closed_when_the_server_stops(service: Service) -> None:
    reader, writer = await asyncio.open_connection(*service.server.address)
    writer.write(get("/health/live"))
    await read_answer(reader)
    await service.server.stop(FOR_EVER)
    assert await reader.read() == b""
    writer.close()


async def test_the_address_is_one_that_can_be_opened(service: Service) -> None:
    host, port = service.server.address
    assert service.server.url == f"http://{host}:{port}"
    with socket.create_connection((host, port)):
        pass
