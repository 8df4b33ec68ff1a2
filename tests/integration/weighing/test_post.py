"""Delivering something to a receiver."""

from __future__ import annotations

import pytest

from libra.network.addresses.gate import Gate
from libra.weighing.static.fetcher import Fetcher
from support.ports import refusing_port
from support.receiver import Receiver


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (204, None),
        (302, "http: 302 Found"),
        (410, "http: 410 Gone"),
        (503, "http: 503 Service Unavailable"),
        (599, "http: 599"),
    ],
)
async def test_a_receiver_takes_it_or_says_why_not(status: int, error: str | None) -> None:
    async with Receiver(status) as receiver, Fetcher() as fetcher:
        headers = {"Content-Type": "application/json", "User-Agent": "Libra"}
        assert await fetcher.post(receiver.url, b'{"a":1}', headers, seconds=30) == error
    (sent,) = receiver.received
    assert (sent.path, sent.body) == ("/hook?key=1", b'{"a":1}')
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["user-agent"] == "Libra"


async def test_a_receiver_that_never_answers_is_given_up() -> None:
    async with Receiver(None) as receiver, Fetcher() as fetcher:
        error = await fetcher.post(receiver.url, b"{}", {}, seconds=0.05)
    assert error == "timeout: no response within 0.05 s"


async def test_a_receiver_that_is_not_there_is_named() -> None:
    with refusing_port() as port:
        async with Fetcher() as fetcher:
            error = await fetcher.post(f"http://127.0.0.1:{port}/", b"{}", {}, seconds=30)
    assert error == f"refused: nothing listens at 127.0.0.1:{port}"


async def test_the_gate_stands_before_receivers_too() -> None:
    async with Receiver(200) as receiver, Fetcher(gate=Gate()) as fetcher:
        error = await fetcher.post(receiver.url, b"{}", {}, seconds=30)
    assert error is not None
    assert error.startswith("denied: ")
    assert receiver.received == []
