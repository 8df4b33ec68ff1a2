"""Clients that take their time, on purpose or not, do not keep anything busy."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import pytest

from libra.web.serving import fast_path as protocol
from libra.web.serving import unsent as unsent_bytes
from support.loop_clock import Clock
from support.patience import FOR_EVER
from support.service import Service, read_answer
from support.site import WebSite

POST = (
    b"POST /pages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\n\r\n"
)


ALIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HEAD_SECONDS", "BODY_SECONDS", "WRITE_SECONDS", "HELD_SECONDS"):
        monkeypatch.setattr(protocol, name, FOR_EVER)


async def connect(service: Service) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection(*service.server.address)


@pytest.mark.parametrize(
    "part", [b"G", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", POST, POST + b"{"]
)
async def test_a_request_that_never_ends_is_cut_off(
    service: Service,
    part: bytes,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = await connect(service)
    # After another request, so that the time of this one begins when it arrives.
    writer.write(ALIVE)
    await read_answer(reader)
    monkeypatch.setattr(protocol, "BODY_SECONDS" if part.startswith(POST) else "HEAD_SECONDS", 0.02)
    writer.write(part)
    head, body = await read_answer(reader)
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b'"status":408' in body
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    await service.server.stop(FOR_EVER)  # nothing is left that would have to be cut
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


async def test_a_connection_that_says_nothing_is_closed_without_a_word(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.02)
    reader, writer = await connect(service)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_trickles_in_after_the_answer_is_cut_off(service: Service) -> None:
    reader, writer = await connect(service)
    writer.write(POST.replace(b"application/json", b"text/plain"))
    head, _ = await read_answer(reader)
    assert head.startswith(b"HTTP/1.1 415 ")
    Clock(asyncio.get_running_loop()).move(FOR_EVER)
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_a_request_that_ends_in_time_leaves_no_timer(service: Service) -> None:
    reader, writer = await connect(service)
    for _ in range(3):
        for piece in (b"GET /health/live HT", b"TP/1.1\r\nHost: local", b"host\r\n\r\n"):
            writer.write(piece)
            await writer.drain()
        head, _ = await read_answer(reader)
        assert head.startswith(b"HTTP/1.1 200 ")
    (connection,) = service.server._state.connections
    assert isinstance(connection, protocol.FastPathProtocol)
    assert connection._deadline is None
    writer.close()
    await writer.wait_closed()


LARGE = 8_000_000


@pytest.fixture
async def deaf(
    service: Service, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[[bytes], Awaitable[asyncio.Future[None]]]]:
    """Asks for a large answer, with a field, and reads nothing; gives when that was cut off."""
    report = await service.weighed(site.url())
    monkeypatch.setattr(protocol, "WRITE_SECONDS", 0.02)
    monkeypatch.setattr(protocol, "HELD_SECONDS", 0.02)
    monkeypatch.setattr(service.libra, "report_bytes", _answering(b'"' + b"x" * LARGE + b'"'))
    lost = asyncio.get_running_loop().create_future()
    on_close = service.server._connection_closed

    def closed() -> None:
        on_close()
        if not lost.done():
            lost.set_result(None)

    async def ask(field: bytes) -> asyncio.Future[None]:
        transport.pause_reading()
        request = f"GET /pages/{report.id}.json HTTP/1.1\r\nHost: localhost\r\n".encode()
        writer.write(request + field + b"\r\n")
        return lost

    monkeypatch.setattr(service.server, "_connection_closed", closed)
    reader, writer = await connect(service)
    transport = cast("asyncio.Transport", writer.transport)
    yield ask
    transport.abort()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(LARGE)


async def test_a_client_that_does_not_read_its_answer_is_cut_off(
    deaf: Callable[[bytes], Awaitable[asyncio.Future[None]]],
) -> None:
    await (await deaf(b""))


async def test_for_one_that_does_not_read_more_than_a_megabyte_waits_only_shortly(
    deaf: Callable[[bytes], Awaitable[asyncio.Future[None]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "WRITE_SECONDS", FOR_EVER)
    monkeypatch.setattr(protocol, "HELD", 0)  # whatever the system takes from us meanwhile
    await (await deaf(b""))


@pytest.mark.parametrize("field", [b"", b"Connection: close\r\n"])
async def test_what_a_client_does_not_read_keeps_no_connection_from_closing(
    service: Service,
    deaf: Callable[[bytes], Awaitable[asyncio.Future[None]]],
    field: bytes,
) -> None:
    """Also if that is so little that writing is never paused, and only the end finds it out."""
    for connection in service.server._state.connections:
        assert isinstance(connection, protocol.FastPathProtocol)
        connection.transport.set_write_buffer_limits(high=10 * LARGE)
        connection.timeout_keep_alive = 0
    await (await deaf(field))


def _answering(body: bytes) -> Any:
    async def answer(page_id: str, *, at_least: int = 0) -> tuple[int, bytes]:
        return 1, body

    return answer


async def test_what_is_cut_off_is_counted(service: Service) -> None:
    await service.raw(b"nonsense\r\n\r\n")
    text = (await service.client.get("/metrics")).text
    assert 'libra_http_requests_total{method="other",route="other",status="400"} 1.0\n' in text


async def test_too_many_connections_of_one_address_are_refused(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.app.guard, "connected", lambda peer: False)
    reader, writer = await connect(service)
    head, body = await read_answer(reader)
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"Too many connections" in body
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()


async def test_of_clients_that_read_nothing_the_first_is_cut_off_when_too_much_waits(
    service: Service, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = await service.weighed(site.url())
    monkeypatch.setattr(service.libra, "report_bytes", _answering(b'"' + b"x" * LARGE + b'"'))
    unsent, waits = service.app.unsent, asyncio.Event()
    unsent.limit = LARGE + LARGE // 2
    monkeypatch.setattr(unsent_bytes, "PATIENCE", 0)
    count = unsent.count

    def counted(*arguments: Any, **named: Any) -> None:
        count(*arguments, **named)
        if unsent.total:
            waits.set()

    monkeypatch.setattr(unsent, "count", counted)
    request = f"GET /pages/{report.id}.json HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    (first, one), (second, other) = [await connect(service) for _ in range(2)]
    cast("asyncio.Transport", one.transport).pause_reading()
    one.write(request)
    await waits.wait()
    other.write(request)
    _, body = await read_answer(second)
    assert len(body) == LARGE + 2
    cast("asyncio.Transport", one.transport).resume_reading()
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await first.readexactly(LARGE)
    for writer in (one, other):
        writer.close()
