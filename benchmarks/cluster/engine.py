"""The little of JetStream that the trials need: a stream per shard, guarded writes, pull consumers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nats
import nats.aio.transport
from nats.aio.client import Client
from nats.errors import Error, NoRespondersError
from nats.errors import TimeoutError as NatsTimeout

WRONG_SEQUENCE = frozenset({10071, 10164})
_ANSWER = 1.0  # seconds for one answer of the engine


class Refused(Exception):
    """The engine said no."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(f"{code}: {words}")
        self.code = code


class Away(Exception):
    """The engine did not answer, so that what was asked for may be done or not."""


@asynccontextmanager
async def connected(urls: Sequence[str]) -> AsyncIterator[Client]:
    """A client that goes to another server when its own is silent for 3 s, for ever."""
    nats.aio.transport.TcpTransport.wait_closed = _wait_closed  # type: ignore[method-assign]
    client = await nats.connect(
        list(urls),
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,
        ping_interval=1,
        max_outstanding_pings=2,
        connect_timeout=1,
        error_cb=_unheard,
    )
    try:
        yield client
    finally:
        with contextlib.suppress(Error):
            await client.close()


async def ask(
    client: Client, subject: str, body: object = None, *, within: float = 5.0
) -> dict[str, Any]:
    """One call of the engine's interface.

    Raises:
        Refused: if it says no.
        Away: if it does not answer.
    """
    data = b"" if body is None else json.dumps(body).encode()
    try:
        answer = await client.request(subject, data, timeout=within)
    except (TimeoutError, Error, OSError) as error:
        raise Away(repr(error)) from error
    said: dict[str, Any] = json.loads(answer.data)
    if "error" in said:
        raise Refused(said["error"].get("err_code", 0), said["error"].get("description", ""))
    return said


async def publish(
    client: Client,
    subject: str,
    data: bytes,
    headers: Mapping[str, str] | None = None,
    *,
    within: float = _ANSWER,
) -> int:
    """Write a message; its sequence.

    Raises:
        Refused: if an expectation does not hold.
        Away: if the engine does not answer.
    """
    try:
        answer = await client.request(subject, data, timeout=within, headers=dict(headers or {}))
    except (TimeoutError, NatsTimeout, NoRespondersError, Error, OSError) as error:
        raise Away(repr(error)) from error
    said = json.loads(answer.data)
    if "error" in said:
        raise Refused(said["error"].get("err_code", 0), said["error"].get("description", ""))
    sequence: int = said["seq"]
    return sequence


def after(sequence: int, subject: str) -> dict[str, str]:
    """Headers that let a write through only if this was the last of all that a filter matches."""
    return {
        "Nats-Expected-Last-Subject-Sequence": str(sequence),
        "Nats-Expected-Last-Subject-Sequence-Subject": subject,
    }


async def make_stream(
    client: Client, name: str, subjects: Sequence[str], *, replicas: int = 3, **more: object
) -> None:
    """A stream as a shard is to be: one message per subject, on disk, read from any replica."""
    await ask(
        client,
        f"$JS.API.STREAM.CREATE.{name}",
        {
            "name": name,
            "subjects": list(subjects),
            "retention": "limits",
            "storage": "file",
            "num_replicas": replicas,
            "max_msgs_per_subject": 1,
            "discard": "old",
            "allow_direct": True,
            "allow_msg_ttl": True,
            "subject_delete_marker_ttl": 86_400_000_000_000,
            **more,
        },
    )


async def make_consumer(client: Client, stream: str, name: str, subject: str) -> None:
    """A durable queue on a part of a stream."""
    config = {
        "durable_name": name,
        "ack_policy": "explicit",
        "ack_wait": 5_000_000_000,
        "max_deliver": -1,
        "max_ack_pending": 50_000,
        "filter_subject": subject,
    }
    await ask(
        client,
        f"$JS.API.CONSUMER.CREATE.{stream}.{name}.{subject}",
        {"stream_name": stream, "config": config},
    )


class Cpu:
    """The processor time of a process since this was made, in seconds."""

    def __init__(self, pid: int) -> None:
        self._path = Path(f"/proc/{pid}/schedstat")
        self._since, self._began = self._read(), time.monotonic()

    def share(self) -> float:
        """Of one core, since then: 0.01 is one percent."""
        return (self._read() - self._since) / (time.monotonic() - self._began)

    def seconds(self) -> float:
        """Since then."""
        return self._read() - self._since

    def _read(self) -> float:
        tasks = self._path.parent.glob("task/*/schedstat")
        total = 0
        for path in tasks:
            with contextlib.suppress(OSError):
                total += int(path.read_text().split()[0])
        return total / 1e9


async def pause(seconds: float) -> None:
    """Let that much time pass: a trial is about time."""
    await asyncio.sleep(seconds)


async def _wait_closed(self: Any, grace: float = 0.5) -> None:
    # nats-py waits for ever for the end of a connection to a frozen server that has not taken all.
    writer = self._io_writer
    if writer is None:
        return
    try:
        await asyncio.wait_for(asyncio.shield(asyncio.ensure_future(writer.wait_closed())), grace)
    except TimeoutError:
        writer.transport.abort()
    except OSError:
        return


async def _unheard(_: Exception) -> None:
    """Errors are seen where a call fails."""
