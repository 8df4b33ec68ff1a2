from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libra.web.http.event_stream import EventStream, encode_event, last_event_id
from libra.web.telemetry.metrics import RequestCounts


class Client:
    """The other end of an ASGI connection."""

    def __init__(self) -> None:
        self.messages: list[Any] = []
        self.changed = asyncio.Condition()
        self.gone = asyncio.Event()

    async def receive(self) -> Any:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        async with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    @property
    def text(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages)

    async def until(self, text: bytes) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: text in self.text)


class Changes:
    """Changes that a test makes, and whether they were closed in good order."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self.closed = False

    async def __call__(self) -> AsyncIterator[tuple[int, bytes]]:
        try:
            while (change := await self.queue.get()) is not None:
                yield change
        finally:
            self.closed = True


def scope(stopping: asyncio.Event | None = None) -> Any:
    return {"type": "http", "state": {"stopping": stopping} if stopping else {}}


async def test_each_change_is_an_event_whose_id_is_the_version() -> None:
    changes, client = Changes(), Client()
    for item in ((1, b'{"a":1}'), (2, b'{"a":2}'), None):
        changes.queue.put_nowait(item)
    await EventStream(changes())(scope(), client.receive, client.send)
    assert encode_event(1, b'{"a":1}') == b'id: 1\nevent: report\ndata: {"a":1}\n\n'
    assert client.text.endswith(encode_event(1, b'{"a":1}') + encode_event(2, b'{"a":2}'))
    assert client.messages[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert changes.closed


async def test_what_the_client_has_seen_is_left_out() -> None:
    changes, client = Changes(), Client()
    for item in ((2, b"two"), (3, b"three"), None):
        changes.queue.put_nowait(item)
    stream = EventStream(changes(), first=(1, b"one"), seen=2)
    await stream(scope(), client.receive, client.send)
    assert b"id: 3" in client.text
    assert b"id: 1" not in client.text
    assert b"id: 2" not in client.text


async def test_silence_is_filled_with_comments() -> None:
    changes, client = Changes(), Client()
    stream = EventStream(changes(), heartbeat=0.001)
    task = asyncio.ensure_future(stream(scope(), client.receive, client.send))
    await client.until(b": still here\n\n: still here\n\n")
    changes.queue.put_nowait((5, b"five"))
    await client.until(b"id: 5")
    changes.queue.put_nowait(None)
    await task


@pytest.mark.parametrize("ending", ["client", "server", "cancelled"])
async def test_the_changes_are_closed_whoever_ends_the_stream(ending: str) -> None:
    changes, client, stopping = Changes(), Client(), asyncio.Event()
    counts = RequestCounts()
    stream = EventStream(changes(), first=(1, b"one"), counts=counts)
    task = asyncio.ensure_future(stream(scope(stopping), client.receive, client.send))
    await client.until(b"id: 1")
    assert counts.streams == 1
    match ending:
        case "client":
            client.gone.set()
        case "server":
            stopping.set()
        case "cancelled":
            task.cancel()
    await asyncio.wait({task})
    assert task.cancelled() == (ending == "cancelled")
    assert changes.closed
    assert counts.streams == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_an_error_of_the_changes_is_not_swallowed() -> None:
    async def broken() -> AsyncIterator[tuple[int, bytes]]:
        yield 1, b"one"
        raise ZeroDivisionError

    client = Client()
    with pytest.raises(ZeroDivisionError):
        await EventStream(broken())(scope(), client.receive, client.send)


@pytest.mark.parametrize(
    ("header", "seen"),
    [(None, 0), ("", 0), ("7", 7), ("-7", 0), ("seven", 0), ("٧", 0), ("7" * 5000, int("7" * 18))],
)
def test_only_a_version_counts_as_seen(header: str | None, seen: int) -> None:
    assert last_event_id(header) == seen
