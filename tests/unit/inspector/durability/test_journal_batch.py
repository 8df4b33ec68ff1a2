"""What goes into one write of the journal."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from libra.inspector.durability.journal_batch import copies_of, entries_of, sorted_out
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.records import Records
from libra.report import Backup
from libra.storage import DELETED_VERSION, Deleted

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def records() -> Records:
    return Records(lambda: NOW)


def page(records: Records, backup: Backup = "memory", *, finished: bool = True) -> PageRecord:
    record = PageRecord.submitted("http://a.test/", None, NOW)
    if finished:
        report = msgspec.structs.replace(record.base(), status="weighed", version=1)
        record.rest(report, 2)
    record.backup = backup
    records.pages.add(record)
    return record


async def test_what_is_only_in_memory_is_kept_and_what_was_deleted(records: Records) -> None:
    new, safe, deleted = page(records), page(records, "stored"), page(records)
    records.forget(deleted.id)
    entries = await entries_of(records, [new.id, safe.id, deleted.id, "nobody's"])
    assert [entry.id for entry in entries] == [new.id, deleted.id]
    assert isinstance(entries[1], Deleted)


async def test_results_that_the_database_has_are_copied(records: Records) -> None:
    stored, journaled = page(records, "stored"), page(records, "journaled")
    submission = page(records, "stored", finished=False)
    copied = await copies_of(records, [stored.id, journaled.id, submission.id, "nobody's"])
    assert [row.id for row in copied] == [stored.id]


def test_only_results_are_stored_in_the_version_that_is_in_memory(records: Records) -> None:
    same, changed, under_way = page(records), page(records), page(records, finished=False)
    dropped = [
        (same.id, same.row_version),
        (changed.id, changed.row_version - 1),
        (under_way.id, under_way.version),
        ("nobody's", 3),
        (changed.id, DELETED_VERSION),
    ]
    stored, gone = sorted_out(records, dropped)
    assert stored == [(same.id, same.row_version)]
    assert gone == [("nobody's", 3), (changed.id, DELETED_VERSION)]
