"""Writes about a page of this node that are retried until they succeed, while the engine may be away.

The sequence of the page's last write fences each of them. If an answer was lost, the leader's messages
show whether the write succeeded.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from libra.cluster.engine.errors import Conflict, EngineAway, Misconfigured, TooLarge
from libra.cluster.records.fitting import fitted
from libra.cluster.records.page_records import Record, SubmissionRecord
from libra.cluster.weighing.lease import Lease

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode
    from libra.cluster.records.known import Known

log = logging.getLogger("libra.cluster")

#: Seconds between two attempts, at first and at most.
RETRY: Final = 0.2
RETRY_CAP: Final = 2.0


async def write_record(node: ClusterNode, record: Record, expect: int) -> int:
    """Write a record; returns its sequence.

    Raises:
        Conflict: another program wrote to the page since ``expect``.
    """
    pause = RETRY
    while True:
        try:
            return await node.write_surely(record, expect=expect)
        except TooLarge:
            # The server takes less than it says.
            record = fitted(record, len(record.report) // 2)
        except (EngineAway, Misconfigured) as error:
            log.debug("page %s cannot be written yet: %s", record.id, error)
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, RETRY_CAP)


async def pass_on(node: ClusterNode, lease: Lease, sub: SubmissionRecord) -> None:
    """Submit a page that was taken from one queue to another, and remove it from the first.

    Args:
        node: this node.
        lease: the lease of the page.
        sub: the new submission.
    """
    page = lease.page
    what = f"sub.{page.method}"
    pause = RETRY
    while True:
        try:
            await node.write(page.id, what, node.encoded(sub), expect=lease.sequence)
            break
        except Conflict:
            known = await read_page(node, page.id)
            if known.sequence != lease.sequence:
                break  # it is written, or a client has deleted the page
            await asyncio.sleep(pause)
        except (EngineAway, Misconfigured) as error:
            log.debug("page %s cannot be passed on yet: %s", page.id, error)
            await asyncio.sleep(pause)
            pause = min(pause * 1.6, RETRY_CAP)
    with suppress(EngineAway, Misconfigured, LookupError):
        layout = node.require_layout()
        await node.engine.api(
            f"STREAM.PURGE.{layout.stream(page.id)}", {"filter": lease.delivery.subject}
        )
    await lease.delivery.ack()


async def read_page(node: ClusterNode, page_id: str) -> Known:
    """Read the page from the leader, for as long as that takes."""
    while True:
        try:
            return await node.read(page_id)
        except (EngineAway, Misconfigured):
            await asyncio.sleep(RETRY)
