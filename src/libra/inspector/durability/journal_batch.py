"""One batch of the journal writer: the present entries to keep, to copy and to drop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from libra.inspector.records.records import Records
from libra.storage import DELETED_VERSION, Entry, Snapshot, WatchRow
from libra.storage.history import History
from libra.storage.journal.journal import Begun

#: Entries to make, or pages to tell, before yielding to the event loop.
SLICE = 20

Versions = list[tuple[str, int]]
"""Ids, each with the version that the database has."""


class Beside(NamedTuple):
    """What one write does beside keeping pages and watches.

    Attributes:
        lives: pages whose life begins, or (None) has ended.
        dropped: entries that the database has.
        known: the database as of then.
        copies: entries for the local copy.
    """

    lives: dict[str, Begun | None]
    dropped: Versions
    known: History | None
    copies: list[str]


async def entries_of(records: Records, ids: Sequence[str]) -> list[Entry]:
    """Entries to keep: pages and watches that are only in memory, and deletions."""
    entries: list[Entry] = []
    for number, entry_id in enumerate(ids, 1):
        record, deletion = records.find(entry_id), records.deletions.of(entry_id)
        if deletion is not None:
            entries.append(deletion)
        elif record is not None and record.backup == "memory":
            entries.append(record.row())
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return entries


async def copies_of(records: Records, ids: Sequence[str]) -> list[Snapshot | WatchRow]:
    """Rows for the local copy of stored pages and watches."""
    copied: list[Snapshot | WatchRow] = []
    for number, entry_id in enumerate(ids, 1):
        record = records.find(entry_id)
        if record is not None and record.backup == "stored" and record.journal_first:
            copied.append(record.row())
        if number % SLICE == 0:
            await asyncio.sleep(0)
    return copied


def sorted_out(records: Records, dropped: Versions) -> tuple[Versions, Versions]:
    """Split into entries in memory that are stored in that very version, and entries to drop.

    For an entry that has changed since, the journal has a newer version or is about to get it. For a
    page that is being weighed, the journal keeps the submission until there is a result, so that the
    page can be weighed again.
    """
    stored: Versions = []
    gone: Versions = []
    for one in dropped:
        entry_id, version = one
        record = records.find(entry_id)
        if record is None or version == DELETED_VERSION:
            gone.append(one)
        elif record.journal_first and record.row_version == version:
            stored.append(one)
    return stored, gone
