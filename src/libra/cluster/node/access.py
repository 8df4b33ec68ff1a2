"""Access shared by all web nodes: one key that signs sessions, and tokens beside each node's own.

Both are in a stream of their own that only web nodes can read. The first node writes its own key. The
operator of the cluster writes the tokens (`libra cluster tokens`); no node can. Each node keeps the last
key and tokens on its disk, so it accepts the same people after a start without the engine.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured
from libra.cluster.engine.pulling import Pull, PulledMessage, snapshot_of
from libra.cluster.records.streams import make_stream
from libra.credentials.keeping import keep
from libra.credentials.session_key import LEAST, keep_session_key, session_key
from libra.credentials.tokens import AccessToken, parse_tokens

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")

ACCESS: Final = "libra-access"
"""The stream."""

SESSION: Final = "libra.access.session"
TOKENS: Final = "libra.access.tokens"

#: The file of the tokens that this node received last.
KEPT: Final = "cluster.tokens"

#: Seconds between two attempts to read the stream, and messages per pull.
RETRY: Final = 0.5
BATCH: Final = 10


class NodeAccess:
    """Keeps this node's access in step with the cluster's.

    Args:
        node: this node.
        folder: its data directory.
    """

    def __init__(self, node: ClusterNode, folder: Path) -> None:
        self._node = node
        self._folder = folder
        self._neighbours = node.context.availability.neighbours
        try:
            self._tokens_are(parse_tokens((folder / KEPT).read_text().splitlines()))
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            log.error("the tokens of the cluster in %s cannot be read: %s", folder / KEPT, error)

    async def serve(self) -> None:
        """Write the key if there is none, then follow the stream, until the program ends."""
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
                log.debug("the access tokens of the cluster cannot be read: %s", error)
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
                log.error(
                    "the new tokens of the cluster are invalid, so the old ones stay: %s", error
                )
                return
            self._tokens_are(tokens)
            with _logged("tokens"):
                keep(self._folder / KEPT, delivery.data)
        elif len(delivery.data) >= LEAST:
            with _logged("session key"):
                keep_session_key(self._folder, delivery.data)
            access = replace(self._neighbours.access, session_key=delivery.data)
            self._neighbours.access = access

    def _tokens_are(self, tokens: tuple[AccessToken, ...]) -> None:
        self._neighbours.access = replace(self._neighbours.access, tokens=tokens)


@contextmanager
def _logged(what: str) -> Iterator[None]:
    """Log that something of the cluster could not be kept; it holds until this node stops."""
    try:
        yield
    except OSError as error:
        log.error(
            "the %s of the cluster cannot be kept for a start without the engine: %s", what, error
        )


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
    """Make every web node accept these tokens, in place of the earlier ones.

    Raises:
        EngineAway: the engine cannot do that now, or no web node has ever started.
    """
    await engine.write(TOKENS, "\n".join(map(str, tokens)).encode())
