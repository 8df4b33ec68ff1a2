"""Sends the progress of a page while it is weighed, only to nodes with a client that follows it.

These are core messages, which may be lost. A node with followers asks again each second.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from libra.cluster.engine.errors import EngineAway
from libra.cluster.node.messages import PageGrowth
from libra.cluster.node.ports import Bench
from libra.cluster.records.page_records import pack_report
from libra.cluster.weighing.lease import Lease

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

#: Seconds that a follower's node receives the progress of a page, unless it asks again.
FOLLOWED: Final = 3.0

#: Seconds between two messages about one growing page, and bytes of such messages per second.
GROWTH: Final = 0.1
GROWTH_RATE: Final = 4_000_000


class Following:
    """Sends the progress of pages that are weighed here to the nodes of their followers.

    Args:
        node: this node.
        pages: the processes of the pages.
        leases: the pages that are weighed here, by their ids.
        spawn: runs a task for as long as the node weighs.
    """

    def __init__(
        self,
        node: ClusterNode,
        pages: Bench,
        leases: Mapping[str, Lease],
        spawn: Callable[[Coroutine[Any, Any, None]], object],
    ) -> None:
        self._node = node
        self._context = node.context
        self._pages = pages
        self._leases = leases
        self._spawn = spawn
        self._followed: dict[str, dict[str, float]] = {}

    def follow(self, page_id: str, to: str) -> None:
        """Send the progress of a page to a node, for the next seconds."""
        lease = self._leases.get(page_id)
        if lease is None:
            return
        followers = self._followed.get(page_id)
        if followers is None:
            followers = self._followed[page_id] = {}
            self._spawn(self._tell(lease, followers))
        followers[to] = time.monotonic() + FOLLOWED

    def forget(self, page_id: str) -> None:
        """Send no more about a page."""
        self._followed.pop(page_id, None)

    async def _tell(self, lease: Lease, followers: dict[str, float]) -> None:
        page_id = lease.page.id
        try:
            with self._context.records.followers.subscribe(page_id) as change:
                await self._tell_changes(lease, followers, change)
        finally:
            # Also if this task is cancelled: the next request then begins another.
            if self._followed.get(page_id) is followers:
                del self._followed[page_id]

    async def _tell_changes(
        self, lease: Lease, followers: dict[str, float], change: asyncio.Event
    ) -> None:
        page_id, told = lease.page.id, 0
        while self._leases.get(page_id) is lease and not lease.page.finished:
            change.clear()
            now = time.monotonic()
            for to in [to for to, until in followers.items() if until < now]:
                del followers[to]
            if not followers:
                break
            size = 0
            answer = await self._pages.ask(page_id)
            if answer is not None and answer[0] != told and not answer[2]:
                told = answer[0]
                size = await self._send(lease, answer[0], answer[1], list(followers))
            await asyncio.sleep(max(GROWTH, size / GROWTH_RATE))
            with suppress(TimeoutError):
                async with asyncio.timeout(FOLLOWED):
                    await change.wait()

    async def _send(self, lease: Lease, version: int, data: bytes, to: list[str]) -> int:
        packed = pack_report(data)
        growth = msgspec.msgpack.encode(
            PageGrowth(lease.page.id, version, lease.page.status, packed)
        )
        if len(growth) < self._node.engine.max_payload:
            for subject in to:
                with suppress(EngineAway):
                    await self._node.engine.tell(subject, growth)
        return len(growth)
