"""Takes messages from a consumer, as many as there is room for.

The client's own pull subscriptions cannot tell a quiet stream from a dead consumer. Here each request
asks for a heartbeat, and a silent request is repeated.

A consumer without acknowledgements does not send again what was lost with a broken connection. The
client reconnects automatically, asks for more, and never learns that messages are missing. So a `Pull`
that needs all messages raises `ConsumerAway` then, and its caller makes another consumer that starts
after the last message received.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, Final

from libra.cluster.engine.answers import Message
from libra.cluster.engine.connection import Engine, Listening
from libra.cluster.engine.errors import EngineAway

#: Seconds that one request waits for messages on the server.
EXPIRES: Final = 10.0

#: Seconds between two heartbeats of a waiting request, and without any until it counts as dead.
HEARTBEAT: Final = 1.0
SILENCE: Final = 3.0

#: Bytes of one request's messages, at most: as much as a single message may have. Without
#: acknowledgements a request asks for less. Even a slow link must carry that before the server drops the
#: connection as too slow.
BYTES: Final = 8_000_000 + 1_000_000
AT_ONCE: Final = 500_000

#: Seconds until the engine forgets a consumer of `snapshot_of` that receives no requests.
IDLE: Final = 30


class ConsumerAway(EngineAway):
    """No server answers for the consumer: it is gone, or between two leaders."""


class PulledMessage:
    """A message of a consumer, which can be acknowledged.

    Attributes:
        subject: the subject of the message.
        data: the body of the message.
        headers: the headers of the message.
        sequence: its place in the stream.
        number: its place among the messages of the consumer, the first being 1.
        times: how many times it was delivered, including this time. Decide nothing by it: the death of
            one server delivers everything again.
        pending: how many messages follow it.
        at: the time at which the server wrote it, as Unix time.
    """

    __slots__ = (
        "_engine",
        "_reply",
        "at",
        "data",
        "headers",
        "number",
        "pending",
        "sequence",
        "subject",
        "times",
    )

    def __init__(self, engine: Engine, message: Message) -> None:
        self._engine = engine
        self._reply = message.reply
        self.subject = message.subject
        self.data = message.data
        self.headers = message.headers
        tokens = message.reply.split(".")
        # $JS.ACK.<stream>.<consumer>.<times>.<sequence>.<consumer's>.<time>.<pending>, or with the
        # domain and the account before the stream, and a random token at the end.
        first = 4 if len(tokens) == 9 else 6
        self.times = int(tokens[first])
        self.sequence = int(tokens[first + 1])
        self.number = int(tokens[first + 2])
        self.at = int(tokens[first + 3]) / 1e9
        self.pending = int(tokens[first + 4])

    @property
    def is_marker(self) -> bool:
        """Whether the server wrote it in place of a message that expired or was removed."""
        return "Nats-Marker-Reason" in self.headers

    async def ack(self) -> None:
        """Acknowledge it; if that is lost, the queue delivers it again."""
        await self._say(b"+ACK")

    async def progress(self) -> None:
        """Say that work on it continues, so that the queue does not deliver it again for now."""
        await self._say(b"+WPI")

    async def hand_back(self) -> None:
        """Give it back, so that the queue delivers it to another node now."""
        await self._say(b"-NAK")

    async def _say(self, what: bytes) -> None:
        try:
            await self._engine.tell(self._reply, what)
        except EngineAway:
            return


class Pull:
    """Takes messages from one consumer.

    Args:
        engine: the connection.
        stream: the stream of the consumer.
        consumer: the name of the consumer.
        whole: whether no message may be missing, for a consumer without acknowledgements.
    """

    def __init__(self, engine: Engine, stream: str, consumer: str, *, whole: bool = False) -> None:
        self._engine = engine
        self._whole = whole
        self._number = 0
        self._lacks = False
        self._came = 0
        self._one_large = False
        self._connection = engine.connections
        self._next = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}"
        self._waiting: deque[PulledMessage] = deque()
        self._arrived = asyncio.Event()
        self._asked = 0
        self._heard = 0.0
        self._away = False
        self._inbox = ""
        self._listening: Listening | None = None

    async def take(self, most: int) -> list[PulledMessage]:
        """The messages that are there, ``most`` at most; waits for the first.

        Raises:
            ConsumerAway: no server answers for the consumer, or a message that it sent is missing.
            EngineAway: there is no connection.
        """
        while not self._waiting:
            if self._whole and (self._lacks or self._connection != self._engine.connections):
                self._lacks = True
                raise ConsumerAway(f"a message of {self._next} is missing")
            if self._away:
                self._away = False
                raise ConsumerAway(self._next)
            if self._listening is None:
                self._inbox = self._engine.inbox()
                self._listening = await self._engine.listen(self._inbox, self._on_message)
            if not self._engine.up:
                self._asked = 0
                raise EngineAway("there is no connection to the engine")
            if self._asked <= 0 or time.monotonic() - self._heard > SILENCE:
                await self._ask(most)
            self._arrived.clear()
            try:
                async with asyncio.timeout(HEARTBEAT):
                    await self._arrived.wait()
            except TimeoutError:
                continue
        return self.there(most)

    def there(self, most: int) -> list[PulledMessage]:
        """The messages that have already arrived, ``most`` at most."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    async def close(self) -> None:
        """Stop taking messages."""
        if self._listening is not None:
            await self._listening.close()
            self._listening = None

    async def hand_back(self) -> None:
        """Take no more for now, and hand back what has arrived; `take` begins anew.

        Otherwise this node could be the first to receive what it has handed back.
        """
        await self.close()
        self._asked = 0
        while self._waiting:
            await self._waiting.popleft().hand_back()

    async def _ask(self, most: int) -> None:
        large, self._one_large = self._one_large, False
        most = 1 if large else most
        request = {
            "batch": most,
            "expires": round(EXPIRES * 1e9),
            "idle_heartbeat": round(HEARTBEAT * 1e9),
            "max_bytes": AT_ONCE if self._whole and not large else BYTES,
        }
        await self._engine.tell(self._next, json.dumps(request).encode(), reply=self._inbox)
        self._asked, self._heard, self._came = most, time.monotonic(), 0

    async def _on_message(self, message: Message) -> None:
        self._heard = time.monotonic()
        status = message.headers.get("Status")
        if status is None:
            self._asked -= 1
            self._came += 1
            self._keep(PulledMessage(self._engine, message))
        elif status == "100":
            return
        else:
            # 404 and 408: nothing was there. 409: enough bytes, or the consumer was deleted or lost its
            # leader. 503: nobody listens.
            self._asked = 0
            words = message.headers.get("Description", "").lower()
            enough = status == "409" and "maxbytes" in words
            self._one_large = enough and self._came == 0
            self._away = status == "503" or (status == "409" and not enough)
        self._arrived.set()

    def _keep(self, delivery: PulledMessage) -> None:
        self._lacks = self._lacks or delivery.number != self._number + 1
        self._number = delivery.number
        if not (self._whole and self._lacks):
            self._waiting.append(delivery)


async def snapshot_of(
    engine: Engine, stream: str, name: str, filters: Sequence[str], **start: Any
) -> int:
    """Make a consumer of the last message of each subject and all later ones, kept while it is used.

    Args:
        engine: the connection.
        stream: the stream to read.
        name: the name of the consumer.
        filters: the subjects to read.
        start: another position to start at, as fields of its configuration.

    Returns:
        How many messages are waiting now.
    """
    made = await engine.api(
        f"CONSUMER.CREATE.{stream}.{name}",
        {
            "stream_name": stream,
            "config": {
                "name": name,
                "ack_policy": "none",
                "deliver_policy": "last_per_subject",
                "filter_subjects": list(filters),
                "mem_storage": True,
                "num_replicas": 1,
                "inactive_threshold": IDLE * 1_000_000_000,
                **start,
            },
        },
    )
    return int(made.get("num_pending", 0))
