"""What was deleted stays deleted until the database knows, and as long as somebody reads from it."""

from datetime import UTC, datetime

from libra.inspector.records.deletions import Deletions
from libra.inspector.records.page_record import PageRecord
from libra.inspector.records.records import Records
from libra.storage import Deleted

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def now() -> datetime:
    return NOW


def test_a_deleted_page_is_found_no_more_and_its_deletion_waits_for_the_database() -> None:
    records = Records(now)
    record = PageRecord.submitted("http://a.test/", None, NOW)
    records.pages.add(record)
    assert records.find(record.id) is record
    records.forget(record.id)
    assert records.find(record.id) is None
    assert records.deletions.of(record.id) == Deleted(record.id, NOW)
    assert records.deletions.of("another") is None


def test_the_deletion_of_a_watch_says_that_it_is_one() -> None:
    deletions = Deletions(now)
    deletions.watches.add("w")
    assert deletions.of("w") == Deleted("w", NOW, "watch")


def test_who_reads_from_the_database_hears_of_the_deletions_of_that_time_alone() -> None:
    deletions = Deletions(now)
    deletions.add_page("before")
    with deletions.meanwhile() as first:
        deletions.add_page("a")
        with deletions.meanwhile() as second:
            deletions.add_page("b")
    deletions.add_page("after")
    assert first == {"a", "b"}
    assert second == {"b"}


def test_only_what_the_database_has_deleted_is_forgotten() -> None:
    deletions = Deletions(now)
    deletions.add_page("a")
    deletions.add_page("b")
    deletions.watches.add("w")
    deletions.stored |= {"a", "w"}
    deletions.forget_stored()
    assert (deletions.pages, deletions.watches, deletions.stored) == ({"b"}, set(), set())


def test_who_reads_from_the_database_hears_of_deletions_that_are_stored_and_forgotten_meanwhile() -> (
    None
):
    """The answer may be from before the deletion, and nothing else says so any more."""
    deletions = Deletions(now)
    deletions.add_page("a")
    deletions.add_page("b")
    with deletions.meanwhile() as meanwhile:
        deletions.stored.add("a")
        deletions.forget_stored()
    assert meanwhile == {"a"}
    assert deletions.pages == {"b"}
