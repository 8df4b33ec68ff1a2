"""One batch of the database's writer: from the records to the rows, and back to who is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libra.inspector.context import Context
from libra.inspector.durability.writer_port import WriterPort
from libra.storage import Store
from libra.storage.rows.entries import Deleted, Entry, RefusedRow

#: Rows that are made, and pages that are told, between two looks at the event loop: some 2 ms of work.
SLICE = 20


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a batch: the stored version of each page, and what was refused.

    Attributes:
        held: What the journal is to have first; it is offered again then.
    """

    versions: dict[str, int]
    refused: list[RefusedRow]
    deleted: list[Deleted]
    held: frozenset[str]


async def save(
    context: Context,
    durability: WriterPort,
    store: Store,
    page_ids: Sequence[str],
    lost: Callable[[], bool],
) -> Written:
    """Save pages as they are now, and tell each that it is stored.

    Args:
        context: has their records, and the deletions.
        durability: tells them.
        store: the database.
        page_ids: pages, watches and what was deleted.
        lost: whether the database was found to lack its tables, so that all is offered again.
    """
    entries: list[Entry] = []
    versions: dict[str, int] = {}
    deleted: list[Deleted] = []
    held: set[str] = set()
    for number, page_id in enumerate(page_ids, 1):
        record, deletion = context.records.find(page_id), context.records.deletions.of(page_id)
        if deletion is not None:
            entries.append(deletion)
            deleted.append(deletion)
        elif record is not None and durability.may_store(page_id):
            row = record.row()
            versions[page_id] = row.version
            entries.append(row)
        elif record is not None:
            held.add(page_id)
        if number % SLICE == 0:
            await asyncio.sleep(0)
    refused = await store.save(entries) if entries else []
    for one in refused:
        versions.pop(one.id, None)
    stored: dict[str, int] = {}
    for number, (page_id, version) in enumerate(versions.items(), 1):
        if lost():
            break  # somebody found them missing just now: all that is left is offered again
        durability.stored(page_id, version)
        stored[page_id] = version
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return Written(stored, refused, deleted, frozenset(held))
