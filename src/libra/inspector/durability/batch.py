"""One batch of the database writer: from records to rows, then news to the pages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from libra.inspector.context import Context
from libra.inspector.durability.writer_port import WriterPort
from libra.storage import Store
from libra.storage.rows.entries import Deleted, Entry, RefusedRow

#: Rows to make, or pages to tell, before yielding to the event loop: some 2 ms of work.
SLICE = 20


@dataclass(frozen=True, slots=True)
class Written:
    """The result of a batch: the stored version of each page, and what the database refused.

    Attributes:
        held: entries that the journal must have first; they are offered again after that.
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
        context: has the records and the deletions.
        durability: tells the pages.
        store: the database.
        page_ids: ids of pages, watches and deleted entries.
        lost: whether the database was found to lack its tables; then everything is offered again.
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
            break  # the tables were just found missing: everything left is offered again
        durability.stored(page_id, version)
        stored[page_id] = version
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return Written(stored, refused, deleted, frozenset(held))
