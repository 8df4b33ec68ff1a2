"""The record of a page that comes back from a row."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from libra.inspector.records.page_record import PageRecord, Weight, first_version, life_of
from libra.report import FINISHED, Backup, decode
from libra.storage.rows.entries import Packed, Snapshot
from libra.weighing.method_choice import UNDECIDED
from libra.weighing.options import Viewport


def restore(
    row: Snapshot, backup: Backup = "stored", steps: int = 0, life: int | None = None
) -> PageRecord:
    """The record of a page from its row; an unfinished page has only its identity.

    Args:
        row: the row from the database or the journal.
        backup: how safe the row is.
        steps: how many more changes it goes through until it is stored.
        life: the life that it begins now; by default the one after that of the row.

    Raises:
        ValueError: the stored data is not a report; for packed data `PageRecord.check` tells.
    """
    record = PageRecord(row.id, row.url, None, row.submitted_at or datetime.now(UTC))
    record.version = record.stored_version = row.version
    record.backup = backup
    record.expires_at = row.expires_at
    record.key = row.idempotency
    record.series = row.series
    again = first_version(life_of(row.version) + 1 if life is None else life)
    if row.status not in FINISHED:
        chosen = decode(row.report)
        record.method, record.viewport = chosen.method, Viewport.parse(chosen.viewport)
        # The words of another version: a page that is not read yet is undecided.
        undecided = chosen.chosen is not None and chosen.method == "static"
        record.chosen = UNDECIDED if undecided else chosen.chosen
        record.headers = row.headers
        # The page can be read before its process starts, and a client may have seen a newer version.
        record.version = again
    else:
        record.status = row.status
        if isinstance(row, Packed):
            record.rest_packed(row.report)
        else:
            record.rest_encoded(row.report)
            record.check()  # raise here, not at every read
        if row.way is not None:
            record.weight = Weight(row.transfer_bytes, sys.intern(row.way))
        if steps:
            # The database may have had this, and a client may have seen it as stored, before the journal
            # learned of it. So it continues above that, in a new life, and is stored again.
            record.version = again
            record.stored_version = record.version + steps
    return record
