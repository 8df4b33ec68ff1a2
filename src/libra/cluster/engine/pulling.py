"""Taking messages from a consumer, as many as there is room for.

The client's own pull subscriptions cannot tell a stream that is quiet from a consumer that has died.
Here each request asks for a heartbeat, and a request that is silent is made anew.

What a consumer without acknowledgements has sent into a connection that then broke, it does not send
again: the client connects anew by itself, asks for more, and never learns that something is missing.
So whoever needs all of it is told that the consumer is gone, and makes another that starts behind what
came.
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

#: Seconds between two heartbeats of a request that waits, and without any until it counts as dead.
HEARTBEAT: Final = 1.0
SILENCE: Final = 3.0

#: Bytes of one request's messages, at most: as much as a single one may have. Of what nobody
#: acknowledges so many are asked for at a time as a slow link takes before the server gives up whoever
#: is behind it.
BYTES: Final = 8_000_000 + 1_000_000
AT_ONCE: Final = 500_000

#: Seconds until the engine forgets a consumer of `snapshot_of` that nobody asks.
IDLE: Final = 30


class ConsumerAway(EngineAway):
    """Nobody answers for the consumer: it is gone, or between two leaders."""


class PulledMessage:
    """A message of a consumer, with what it takes to acknowledge it.

    Attributes:
        subject: of the message.
        data: of the message.
        headers: of the message.
        sequence: its place in the stream.
        number: its place among what the consumer has given, the first being 1.
        times: how often it was delivered, this time included. That decides nothing: the death of one
            server delivers everything again.
        pending: how many messages there are after it.
        at: when the server wrote it, Unix time.
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
        """Whether the server wrote it in the place of what expired or was removed."""
        return "Nats-Marker-Reason" in self.headers

    async def ack(self) -> None:
        """It is done with; that may be lost, and then it is delivered again."""
        await self._say(b"+ACK")

    async def progress(self) -> None:
        """It is being worked on: it is not to be delivered again for now."""
        await self._say(b"+WPI")

    async def hand_back(self) -> None:
        """Somebody else is to have it, now."""
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
        stream: whose consumer it is.
        consumer: its name.
        whole: whether nothing may be missing, of a consumer that nobody acknowledges to.
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
        """Those that are there, so many at most; waits for the first.

        Raises:
            ConsumerAway: nobody answers for the consumer, or something that it sent is missing.
            EngineAway: there is no connection.
        """
        while not self._waiting:
            if self._whole and (self._lacks or self._connection != self._engine.connections):
                self._lacks = True
                raise ConsumerAway(f"something is missing of {self._next}")
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
        """Those that have come already, so many at most."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    async def close(self) -> None:
        """Take no more."""
        if self._listening is not None:
            await self._listening.close()
            self._listening = None

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
            # 404 and 408: nothing was there. 409: enough bytes, or the consumer was deleted or has
            # lost its leader. 503: nobody listens.
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
    """Make a consumer of the last message of each subject and all that follow, while it is asked.

    Args:
        engine: the connection.
        stream: whose.
        name: of the consumer.
        filters: which subjects.
        start: where it starts, if not there.

    Returns:
        How many messages there are now.
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
