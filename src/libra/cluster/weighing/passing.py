"""Moves pages from one node to another by submitting them again.

A page that turned out to need a browser is submitted to the inspectors with one, in the same life. A web
node, which may write no records, submits a result of CI; an inspector enters it.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from libra.cluster.engine.errors import Conflict, UnknownFormat
from libra.cluster.engine.pulling import PulledMessage
from libra.cluster.records.layout import parts_of
from libra.cluster.records.page_records import (
    SubmissionRecord,
    pack_report,
    read_record,
    read_submission,
    row_of,
)
from libra.cluster.weighing.lease import Lease
from libra.report import Report, encode
from libra.weighing.options import Options

if TYPE_CHECKING:
    from libra.cluster.node.node import ClusterNode

log = logging.getLogger("libra.cluster")


def passed_on(lease: Lease, read: Report, options: Options, most: int) -> SubmissionRecord:
    """The submission of a page that continues in a browser elsewhere, with its state so far.

    Args:
        lease: the lease of the page here.
        read: the report of the page so far, weighed without a browser.
        options: the options of a page submitted without any.
        most: bytes of ``read`` that may go with it; a larger report is left out.
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
    """Write the record of a result of CI that a web node submitted.

    Raises:
        EngineAway: the engine cannot do that now; the queue delivers it again.
        Misconfigured: the engine refuses that; the queue delivers it again.
        TooLarge: the engine takes less than it did; the queue delivers it again.
    """
    if delivery.is_marker:
        await delivery.ack()
        return
    page_id, _ = parts_of(delivery.subject)
    node.require_layout().seen(delivery.subject)
    try:
        record = read_record(read_submission(delivery.data).result)
        row_of(record)
    except UnknownFormat as error:
        log.warning("%s is left to a newer Libra: %s", delivery.subject, error)
        return
    except ValueError as error:
        log.error("%s is not a result and is dropped: %s", delivery.subject, error)
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
            log.debug("another node has entered result %s, or it was deleted", page_id)
    await delivery.ack()
