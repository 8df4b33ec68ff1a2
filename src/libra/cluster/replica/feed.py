"""Feeds a replica: all messages of one shard in order, also after the connection broke."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from libra.cluster.engine.pulling import ConsumerAway, Pull, PulledMessage, snapshot_of
from libra.cluster.records.layout import parts_of, stream_of

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

#: Seconds without a feed after which tombstones and markers may have expired unseen: read all again.
GAP: Final = 6 * 3600.0


class Feed:
    """All messages of a shard: first the last of each subject, then each new one.

    Args:
        node: this node.
        shard: the number of the shard.

    Attributes:
        anew: Whether the last `open` began at the start of the shard.
        caught_up: Whether the feed has delivered every message that was there when it was opened.
        came: The pages with a message since the last start over; None if that was the first time.
    """

    def __init__(self, node: ClusterNode, shard: int) -> None:
        self._node = node
        self._stream = stream_of(shard)
        self._pull: Pull | None = None
        self._last = 0
        self._created = ""
        self._until = time.monotonic()
        self.anew = True
        self.caught_up = False
        self.came: set[str] | None = None

    async def open(self) -> None:
        """Begin, or continue after the last message, unless messages missed meanwhile may be gone.

        Raises:
            EngineAway: the engine cannot do that now.
            Misconfigured: the engine refuses the request.
            LookupError: there is no such shard.
        """
        engine = self._node.engine
        info = await engine.api(f"STREAM.INFO.{self._stream}")
        silent = time.monotonic() - self._until
        self.anew = (
            info["created"] != self._created
            or info["state"]["last_seq"] < self._last
            or silent > GAP
        )
        last = 0 if self.anew else self._last
        start: dict[str, Any] = {}
        if not self.anew:
            start = {"deliver_policy": "by_start_sequence", "opt_start_seq": last + 1}
        name = f"feed-{self._node.epoch}-{time.monotonic_ns()}"
        shard = self._stream.removeprefix("libra-")
        await snapshot_of(engine, self._stream, name, [f"libra.{shard}.>"], **start)
        # Only now: an attempt that failed must not make the next one look like a continuation.
        if self.anew:
            self.came = None if not self._created else set()
            self._created, self._last = info["created"], 0
        self.caught_up = info["state"]["last_seq"] <= last
        self._pull = Pull(engine, self._stream, name, whole=True)

    async def take(self, most: int) -> list[PulledMessage]:
        """The next messages; raises the errors of `open`."""
        if self._pull is None:
            raise ConsumerAway(self._stream)
        return await self._pull.take(most)

    def seen(self, delivery: PulledMessage) -> None:
        """Note that a message was processed, so that it does not come again."""
        self._last = max(self._last, delivery.sequence)
        self._until = time.monotonic()
        if self.came is not None and not self.caught_up:
            self.came.add(parts_of(delivery.subject)[0])
        if delivery.pending == 0:
            self.caught_up = True

    async def close(self) -> None:
        """Stop the feed until it is opened again."""
        if self._pull is not None:
            await self._pull.close()
            self._pull = None
