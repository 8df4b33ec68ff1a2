"""Writes down what the streams of a cluster store, while it is stored, and what they hold at the
end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from functools import partial
from typing import Any, Literal, Self

import nats
import zstandard
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error
from nats.js import api
from nats.js.errors import Error as JetStreamError

from chaos.cluster.history import History, Kept, Written
from chaos.history import digest
from libra.cluster.records.layout import stream_of
from libra.cluster.records.page_records import read_record
from support.asking import PATIENCE, eventually
from support.nats import NatsServers


class Recorder:
    """A consumer of every shard, from entering the block to leaving it.

    It goes straight to the servers, past every link that a drill may cut. What it misses while it
    has no server is a gap in the log, which the checker can bear.

    Args:
        nats: the servers.
        shards: how many there are.
        history: where it is written down.
    """

    def __init__(self, nats: NatsServers, shards: int, history: History) -> None:
        self._nats = nats
        self._shards = range(shards)
        self._history = history
        self._client: Client
        self.records: dict[str, Kept] = {}
        self.tombstones: set[str] = set()

    async def __aenter__(self) -> Self:
        self._client = await nats.connect(
            self._nats.urls, max_reconnect_attempts=-1, reconnect_time_wait=0.1, ping_interval=1,
            max_outstanding_pings=2, connect_timeout=1, error_cb=_unheard,
        )  # fmt: skip
        for shard in self._shards:
            await eventually(
                partial(self._follow, shard), f"shard {shard} is followed", within=PATIENCE
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        with contextlib.suppress(Error, JetStreamError):
            await asyncio.wait_for(self._client.close(), 5)

    async def pending(self) -> dict[str, int]:
        """What each durable queue holds, handed out or not.

        Raises:
            Late: if the engine does not say.
        """
        found: dict[str, int] = {}
        for shard in self._shards:
            stream = stream_of(shard)
            for queue in ("weigh-static", "weigh-rendered", "store"):
                said = await eventually(
                    lambda s=stream, q=queue: self._info(s, q),  # type: ignore[misc]
                    f"the engine says how the queue {queue} is", within=PATIENCE,
                )  # fmt: skip
                found[f"{stream} {queue}"] = said["num_pending"] + said["num_ack_pending"]
        return found

    async def _follow(self, shard: int) -> bool:
        try:
            await self._client.jetstream().subscribe(
                f"libra.{shard}.>", stream=stream_of(shard), ordered_consumer=True,
                idle_heartbeat=1.0, inactive_threshold=60.0, cb=self._heard,
                deliver_policy=api.DeliverPolicy.LAST_PER_SUBJECT,
            )  # fmt: skip
        except (Error, OSError, TimeoutError):
            return False  # its stream has no leader at the moment
        return True

    async def _info(self, stream: str, queue: str) -> dict[str, Any] | None:
        try:
            answer = await self._client.request(
                f"$JS.API.CONSUMER.INFO.{stream}.{queue}", b"", timeout=2
            )
        except (Error, OSError, TimeoutError):
            return None
        said: dict[str, Any] = json.loads(answer.data)
        return None if "error" in said else said

    async def _heard(self, message: Msg) -> None:
        tokens = message.subject.split(".")
        if len(tokens) < 4 or tokens[2] == "clock":
            return
        page, what = tokens[2], tokens[3]
        headers = message.headers or {}
        if "Nats-Marker-Reason" in headers or "KV-Operation" in headers:
            # It has expired, or was purged.
            self.records.pop(page, None) if what == "rec" else self.tombstones.discard(page)
            return
        metadata = message.metadata
        at = metadata.timestamp.timestamp() - time.time() + time.monotonic()
        sequence = metadata.sequence.stream
        if what == "rec":
            record = read_record(message.data)
            self._history.add(
                Written(
                    metadata.stream, sequence, at, page, "rec", record.life, record.version,
                    f"{record.node}/{record.epoch}" if record.node else "", record.finished,
                    record.backup == "stored",
                )
            )  # fmt: skip
            content = ""
            if record.report:
                content = digest(json.loads(zstandard.decompress(record.report)))
            self.records[page] = Kept(
                record.version, content, record.finished,
                record.backup in ("stored", "rejected"), "Nats-TTL" in headers,
            )  # fmt: skip
        elif what in ("sub", "del"):
            kind: Literal["sub", "del"] = "sub" if what == "sub" else "del"
            self._history.add(Written(metadata.stream, sequence, at, page, kind))
            if what == "del":
                self.tombstones.add(page)
                self.records.pop(page, None)


async def _unheard(_: Exception) -> None:
    """It reconnects by itself; a gap is a gap."""
