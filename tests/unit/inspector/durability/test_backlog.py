"""What the database has not, in the order in which it came."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from libra.inspector.durability.backlog import Backlog
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.records import Records

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def records() -> Records:
    return Records(lambda: NOW)


def page(records: Records) -> str:
    record = PageRecord.submitted("http://a.test/", None, NOW)
    records.pages.add(record)
    return record.id


def test_all_that_is_not_stored_and_all_that_is_deleted_waits_from_the_start(
    records: Records,
) -> None:
    page(records)
    records.deletions.add_page(page(records))
    backlog = Backlog(records, 1.0, gap=False)
    assert len(backlog) == 2
    assert backlog.owes


def test_what_cannot_be_saved_waits_where_it_was(records: Records) -> None:
    backlog = Backlog(records, 0.0, gap=False)
    for moment, one in enumerate("abc"):
        backlog.offer(one, float(moment))
    assert backlog.take(2) == ["a", "b"]
    backlog.offer("a", 9.0)
    backlog.put_back()
    assert backlog.take(3) == ["a", "b", "c"]


def test_its_age_is_that_of_the_oldest_and_each_is_counted_once(records: Records) -> None:
    backlog = Backlog(records, 0.0, gap=False)
    assert backlog.state(5.0, frozenset()).oldest_seconds is None
    backlog.offer("a", 1.0)
    backlog.offer("b", 2.0)
    backlog.take(1)
    backlog.offer("a", 3.0)
    state = backlog.state(5.0, {"b", "c"})
    assert (state.waiting, state.oldest_seconds) == (3, 4.0)


def test_a_gap_is_closed_when_all_that_is_still_here_was_saved(records: Records) -> None:
    kept, left = page(records), page(records)
    backlog = Backlog(records, 0.0, gap=True)
    assert backlog.take(500) == [kept, left]
    backlog.saved(held={kept})
    assert backlog.lacks_anything()
    records.pages.discard(kept)
    assert not backlog.lacks_anything()


def test_what_was_stored_waits_again_when_the_database_lacks_it(records: Records) -> None:
    one = page(records)
    backlog = Backlog(records, 0.0, gap=False)
    backlog.take(500)
    backlog.saved(held=frozenset())
    assert not backlog.owes
    backlog.lost([one], 2.0)
    assert backlog.lacks_anything()
    assert backlog.take(500) == [one]
