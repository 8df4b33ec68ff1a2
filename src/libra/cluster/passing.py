"""Pages that go from one node to another by what they are submitted as.

One that turned out to need a browser is submitted once more, to those who have one, in the same life.
A result of CI is submitted at a web node, which may write no records, and entered by whoever weighs.
One that stands in a shard where nobody looks for its page goes to where it belongs.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from libra.cluster.errors import Conflict, EngineAway, InDoubt, Misconfigured, UnknownFormat
from libra.cluster.layout import parts_of, shard_in, stream_of
from libra.cluster.lease import Lease
from libra.cluster.pulling import PulledMessage
from libra.cluster.records import (
    SubmissionRecord,
    pack_report,
    read_record,
    read_submission,
    row_of,
)
from libra.report import Report, encode
from libra.weighing.options import Options

if TYPE_CHECKING:
    from libra.cluster.node import ClusterNode

log = logging.getLogger("libra.cluster")


def passed_on(lease: Lease, read: Report, options: Options, most: int) -> SubmissionRecord:
    """The submission of a page that goes on in a browser elsewhere, where it was in its life.

    Args:
        lease: of the page, as it is here.
        read: what was seen of it without a browser.
        options: how a page is weighed that chose nothing.
        most: bytes of what was seen that may go with it; what is more is not told.
    """
    page, sub = lease.page, read_submission(lease.delivery.data)
    version = max(page.version, lease.record.version) + 1
    seen = msgspec.structs.replace(
        read,
        error=None,
        status="queued",
        version=version,
        backup="replicated",
        method=page.method,
        chosen=page.chosen,
    )
    packed = pack_report(encode(seen))
    return msgspec.structs.replace(
        sub,
        options=msgspec.structs.replace(sub.options or options, method="rendered", auto=False),
        lives=lease.record.life - 1,
        version=version,
        deaths=lease.record.deaths,
        chosen=page.chosen,
        read=packed if len(packed) <= most else b"",
    )


async def enter_result(node: ClusterNode, delivery: PulledMessage) -> None:
    """Write the record of a result of CI, which a web node has submitted.

    Raises:
        EngineAway: not now; it is delivered again.
    """
    if delivery.is_marker:
        await delivery.ack()
        return
    if await brought_home(node, delivery):
        return
    page_id, _ = parts_of(delivery.subject)
    try:
        record = read_record(read_submission(delivery.data).result)
        row_of(record)
    except UnknownFormat as error:
        log.warning("%s is left to a newer Libra: %s", delivery.subject, error)
        return
    except ValueError as error:
        log.error("%s is no result, and nobody keeps it: %s", delivery.subject, error)
        await delivery.ack()
        return
    known = await node.read(page_id)
    if known.kind == "sub" and record.id == page_id:
        record = msgspec.structs.replace(
            record, node=node.name, epoch=node.epoch, sub=delivery.sequence
        )
        try:
            await node.write_surely(record, expect=known.sequence)
        except Conflict:
            log.debug("result %s is entered by another node, or was deleted", page_id)
    await delivery.ack()


async def brought_home(node: ClusterNode, delivery: PulledMessage) -> bool:
    """Whether a submission stood in the wrong shard, and now stands in the one of its page.

    The id of a page says when it was made, and that says its shard. If the clock of a node was ahead
    while the cluster was given other shards, everybody would look for its pages elsewhere, find nothing,
    and take them for done.

    Raises:
        EngineAway: not now; it is delivered again.
    """
    page_id, _ = parts_of(delivery.subject)
    shard = shard_in(delivery.subject)
    if delivery.is_marker or node.require_layout().shard_of(page_id) == shard:
        return False
    await node.confirm()  # it may be this node that does not know the newest shards
    if node.require_layout().shard_of(page_id) == shard:
        return False
    what = delivery.subject.partition(f"{page_id}.")[2]
    try:
        await node.write(page_id, what, delivery.data, expect=0)
    except Conflict:
        if (await node.read(page_id)).sequence == 0:
            raise InDoubt("the leader has this submission under way") from None
    log.warning("%s is moved to the shard where its page is looked for", delivery.subject)
    await delivery.ack()
    with suppress(EngineAway, Misconfigured, LookupError):
        await node.engine.api(f"STREAM.PURGE.{stream_of(shard)}", {"filter": delivery.subject})
    return True
