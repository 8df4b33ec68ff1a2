"""Whom all web nodes let in: one key that sessions are signed with, and tokens beside those of each.

Both are in a stream of their own that only nodes which serve can read. The first node gives its own key;
tokens are given by whoever looks after the cluster (`libra cluster tokens`), and no node can. Each node
keeps what it was told on its disk, so that it lets in the same people after a start without the engine.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.engine.pulling import Pull, PulledMessage, snapshot_of
from libra.cluster.records.streams import make_stream
from libra.credentials.session_key import LEAST, keep_session_key, session_key
from libra.credentials.tokens import AccessToken, parse_tokens

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

ACCESS: Final = "libra-access"
"""The stream."""

SESSION: Final = "libra.access.session"
TOKENS: Final = "libra.access.tokens"

#: The file of the tokens that were told last.
KEPT: Final = "cluster.tokens"

#: Seconds between two attempts to hear, and messages at a time.
RETRY: Final = 0.5
BATCH: Final = 10


class NodeAccess:
    """Has this node let in whom all let in.

    Args:
        node: this one.
        folder: its data directory.
    """

    def __init__(self, node: ClusterNode, folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._neighbours = node.context.availability.neighbours
        with suppress(OSError, ValueError):
            self._tokens_are(parse_tokens((folder / KEPT).read_text().splitlines()))

    async def serve(self) -> None:
        """Give the key if there is none, and hear, for as long as the program runs."""
        await self._node.ready.wait()
        engine = self._node.engine
        while True:
            name = f"access-{self._node.epoch}-{time.monotonic_ns()}"
            pull = Pull(engine, ACCESS, name, whole=True)
            try:
                await make_stream(engine, stream(self._node.settings.cluster_replicas))
                await self._give_key()
                await snapshot_of(engine, ACCESS, name, [SESSION, TOKENS])
                while True:
                    for delivery in await pull.take(BATCH):
                        self._heard(delivery)
            except (EngineAway, Misconfigured, LookupError) as error:
                log.debug("nobody tells whom to let in: %s", error)
            finally:
                await pull.close()
            await asyncio.sleep(RETRY)

    async def _give_key(self) -> None:
        with suppress(Conflict):
            await self._node.engine.write(SESSION, session_key(self._folder), expect=0)

    def _heard(self, delivery: PulledMessage) -> None:
        if delivery.is_marker:
            return
        if delivery.subject == TOKENS:
            try:
                tokens = parse_tokens(delivery.data.decode().splitlines())
            except ValueError as error:
                log.error("the tokens of the cluster are none, they stay as they were: %s", error)
                return
            self._tokens_are(tokens)
            with suppress(OSError):
                path = self._folder / KEPT
                path.touch(0o600)
                path.write_bytes(delivery.data)
        elif len(delivery.data) >= LEAST:
            keep_session_key(self._folder, delivery.data)
            access = replace(self._neighbours.access, session_key=delivery.data)
            self._neighbours.access = access

    def _tokens_are(self, tokens: tuple[AccessToken, ...]) -> None:
        self._neighbours.access = replace(self._neighbours.access, tokens=tokens)


def stream(replicas: int) -> dict[str, Any]:
    """The configuration of the stream."""
    return {
        "name": ACCESS,
        "subjects": ["libra.access.*"],
        "retention": "limits",
        "storage": "file",
        "num_replicas": replicas,
        "max_msgs_per_subject": 1,
        "discard": "old",
    }


async def give(engine: Engine, tokens: Iterable[AccessToken]) -> None:
    """Have every web node let these in, in the place of those that were given before.

    Raises:
        EngineAway: the engine cannot, now; or no node that serves has ever started.
    """
    await engine.write(TOKENS, "\n".join(map(str, tokens)).encode())
