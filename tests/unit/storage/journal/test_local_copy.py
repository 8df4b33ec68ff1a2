"""The local copy: what the database has stays until nobody needs it, or space is short."""

from __future__ import annotations

import random
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from libra.storage.journal import segment_log
from libra.storage.journal.journal import Begun, Journal
from libra.storage.rows.entries import Deleted, Entry, Snapshot, WatchRow
from support.examples import examples
from support.journal import Disk

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
MUCH = 1_000_000


@pytest.fixture(scope="module", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """No power is cut here, so that what was written is there whether or not the disk has it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment_log, "sync_file", lambda _: None)
        patch.setattr("libra.storage.journal.folder.os.fsync", lambda _: None)
        yield


def page(number: int, version: int = 1, size: int = 100) -> Snapshot:
    # Does not compress away, and is the same in every run.
    report = random.Random(number * 1_000 + version).randbytes(size).hex().encode()[:size]
    return Snapshot(id=f"page-{number:04}", url="http://a.test/", version=version, report=report)


def opened(directory: Path, local_copy: int = MUCH, **sizes: int) -> Journal:
    journal = Journal(directory / "journal", local_copy=local_copy, **sizes)
    journal.lock()
    journal.scan()
    return journal


def owed(journal: Journal) -> dict[str, Entry]:
    return {entry.id: entry for batch in journal.batches(3) for entry in batch}


def copies(journal: Journal) -> dict[str, Snapshot]:
    return {entry.id: entry for batch in journal.copies(3) for entry in batch}


def as_of(*rows: Entry) -> list[tuple[str, int]]:
    return [(row.id, row.version) for row in rows]


def test_what_the_database_has_stays_until_it_is_dropped_also_over_a_restart(
    tmp_path: Path,
) -> None:
    journal = opened(tmp_path)
    pages = [page(number) for number in range(10)]
    journal.write(pages)
    assert journal.store(as_of(*pages[:8])) == []
    journal.drop(as_of(*pages[:3]))
    for _ in range(2):
        assert list(owed(journal).values()) == pages[8:]
        assert list(copies(journal).values()) == pages[7:2:-1]  # the youngest first
        assert len(journal) == 2
        journal.close()
        journal = opened(tmp_path)
    journal.close()


def test_without_a_local_copy_what_the_database_has_is_gone_also_from_an_older_one(
    tmp_path: Path,
) -> None:
    journal = opened(tmp_path)
    journal.write([page(1), page(2)])
    journal.store(as_of(page(1)))
    journal.copy([page(3)])
    journal.close()
    journal = opened(tmp_path, local_copy=0)
    assert (list(owed(journal)), copies(journal), journal.copied) == ([page(2).id], {}, 0)
    assert journal.store(as_of(page(2), page(4))) == []
    assert journal.size == 0
    journal.close()
    assert list((tmp_path / "journal").iterdir()) == []


def test_only_the_version_that_the_database_has_becomes_a_copy_and_what_is_lacking_is_said(
    tmp_path: Path,
) -> None:
    journal = opened(tmp_path)
    journal.write([page(1, version=5), page(2, version=5)])
    assert journal.store([(page(1).id, 4), (page(2).id, 6), (page(3).id, 1)]) == [
        page(2).id,
        page(3).id,
    ]
    assert sorted(owed(journal)) == [page(1).id, page(2).id]
    journal.copy([page(2, version=6), page(3)])
    assert list(owed(journal)) == [page(1).id]
    assert copies(journal) == {page(2).id: page(2, version=6), page(3).id: page(3)}
    journal.close()


def test_what_changes_after_it_was_stored_is_owed_again(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.write([page(1)])
    journal.store(as_of(page(1)))
    journal.write([page(1, version=2), Deleted(page(2).id, NOW)])
    journal.copy([page(2)])  # which somebody had in hand when it was deleted
    journal.close()
    journal = opened(tmp_path)
    assert owed(journal) == {page(1).id: page(1, version=2), page(2).id: Deleted(page(2).id, NOW)}
    assert copies(journal) == {}
    journal.close()


def test_watches_are_kept_like_pages_and_are_found_without_them(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    watch = WatchRow("watch", "http://a.test/", 3, b"{}")
    journal.write([watch, page(1)])
    assert journal.stored_watches() == []
    journal.store(as_of(watch, page(1)))
    journal.close()
    journal = opened(tmp_path)
    assert journal.stored_watches() == [watch]
    assert list(copies(journal)) == [page(1).id]
    assert owed(journal) == {}
    journal.close()


def test_the_oldest_copies_give_way_and_what_is_owed_does_not(tmp_path: Path) -> None:
    journal = opened(tmp_path, local_copy=20_000)
    kept = page(0)
    journal.write([kept])
    journal.begin([(kept.id, Begun(1, 1))])
    for number in range(1, 100):
        one = page(number, size=1_000)
        journal.write([one])
        journal.store(as_of(one))
    assert 10_000 < journal.size <= 20_000 + 2 * journal.owed
    journal.close()
    journal = opened(tmp_path, local_copy=20_000)
    assert owed(journal) == {kept.id: kept}
    assert journal.begun() == {kept.id: Begun(1, 1)}
    left = list(copies(journal))
    assert left == [page(number).id for number in range(99, 99 - len(left), -1)]
    journal.close()


def test_a_copy_that_is_full_asks_for_nothing_more(tmp_path: Path) -> None:
    journal = opened(tmp_path, local_copy=5_000)
    journal.write([page(1, size=20_000)])
    assert journal.store(as_of(page(2))) == []
    journal.close()


def test_nothing_is_moved_while_the_copy_is_read(tmp_path: Path) -> None:
    journal = opened(tmp_path, segment_bytes=2_000, tidy_bytes=4_000)
    pages = [page(number, size=500) for number in range(30)]
    for one in pages:
        journal.write([one])
        journal.store(as_of(one))
    reading = journal.copies(3)
    found = {one.id for one in next(reading)}
    journal.drop(as_of(*pages[1:25]))  # so that the first would be written again at the end
    found |= {one.id for batch in reading for one in batch}
    assert found >= {pages[0].id, *(one.id for one in pages[25:])}
    journal.close()


def test_a_full_disk_costs_the_copy_and_no_acknowledgement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path, segment_bytes=10_000)
    watch = WatchRow("watch", "http://a.test/", 3, b"{}")
    journal.write([watch])
    first = [page(number, size=1_000) for number in range(40)]
    for one in first:
        journal.write([one])
        journal.store(as_of(one))
    Disk(tmp_path / "journal", 60_000, monkeypatch)
    later = [page(number, size=1_000) for number in range(100, 130)]
    for one in later:
        journal.write([one])
    journal.close()
    journal = opened(tmp_path)
    assert owed(journal) == {watch.id: watch} | {one.id: one for one in later}
    assert 0 < len(copies(journal)) < 40
    assert first[0].id not in copies(journal)
    journal.close()


def test_a_disk_that_is_full_of_what_is_owed_fails_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = opened(tmp_path, segment_bytes=4_000)
    journal.write([page(0)])
    journal.store(as_of(page(0)))
    Disk(tmp_path / "journal", 30_000, monkeypatch)
    written = []
    with pytest.raises(OSError, match="No space"):
        for number in range(1, 100):
            journal.write([page(number, size=1_000)])
            written.append(number)
    with pytest.raises(OSError, match="No space"):
        journal.copy([page(200, size=9_000)])
    journal.close()
    journal = opened(tmp_path)
    assert owed(journal).keys() >= {page(number).id for number in written}
    journal.close()


class CopyLaw(RuleBasedStateMachine):
    """Whatever is done and restarted: what is owed is there, and no more than may be."""

    LIMIT = 4_000

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.journal = opened(self.directory, self.LIMIT, tidy_bytes=1_500)
        self.owed: dict[str, Entry] = {}
        self.stored: dict[str, Snapshot] = {}
        self.versions: dict[str, int] = {}

    @rule(number=st.integers(0, 9), size=st.integers(0, 600))
    def write(self, number: int, size: int) -> None:
        version = self.versions.get(page(number).id, 0) + 1
        one = page(number, version, size)
        self.journal.write([one])
        self.stored.pop(one.id, None)
        self.owed[one.id], self.versions[one.id] = one, version

    @rule(number=st.integers(0, 9))
    def store(self, number: int) -> None:
        key = page(number).id
        one = self.owed.get(key)
        self.journal.store([(key, self.versions.get(key, 1))])
        if isinstance(one, Snapshot):
            self.stored[key] = one
            del self.owed[key]

    @rule(number=st.integers(0, 9))
    def store_an_older_one(self, number: int) -> None:
        key = page(number).id
        if key in self.owed:
            assert self.journal.store([(key, self.versions[key] - 1)]) == []

    @rule(number=st.integers(0, 9), size=st.integers(0, 600))
    def copy(self, number: int, size: int) -> None:
        version = self.versions.get(page(number).id, 0) + 1
        one = page(number, version, size)
        self.journal.copy([one])
        self.owed.pop(one.id, None)
        self.stored[one.id], self.versions[one.id] = one, version

    @rule(number=st.integers(0, 9))
    def drop(self, number: int) -> None:
        key = page(number).id
        self.journal.drop([(key, self.versions.get(key, 0))])
        self.owed.pop(key, None)
        self.stored.pop(key, None)

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.journal = opened(self.directory, self.LIMIT, tidy_bytes=1_500)

    @invariant()
    def all_that_is_owed_is_there(self) -> None:
        assert owed(self.journal) == self.owed
        assert len(self.journal) == len(self.owed)

    @invariant()
    def copies_are_what_the_database_has(self) -> None:
        assert copies(self.journal).items() <= self.stored.items()

    @invariant()
    def no_more_is_there_than_may_be(self) -> None:
        # What is owed may push copies out at the next step that concerns them.
        slack = 1_000
        journal = self.journal
        assert journal.copied == 0 or journal.size <= self.LIMIT + 2 * journal.owed + slack

    @invariant()
    def the_next_program_finds_the_same(self) -> None:
        again = Journal(self.directory / "journal", local_copy=self.LIMIT)
        again.scan()
        assert (owed(again), copies(again)) == (owed(self.journal), copies(self.journal))
        assert (again.owed, again.copied) == (self.journal.owed, self.journal.copied)

    def teardown(self) -> None:
        self.journal.close()
        shutil.rmtree(self.directory)


TestCopyLaw = CopyLaw.TestCase
TestCopyLaw.settings = examples(40)


@pytest.mark.parametrize("leaves", [True, False])
def test_which_life_it_was_is_known_as_long_as_the_row_is_from_an_earlier_one(
    tmp_path: Path, leaves: bool
) -> None:
    """A kill in between would else bring it back in the same life again, with the same versions."""
    journal = opened(tmp_path)
    former, again = page(1, version=(1 << 32) + 7), page(1, version=(2 << 32) + 1)
    journal.write([former])
    journal.begin([(former.id, Begun(2, 1))])
    journal.begin([(former.id, None)])  # it is stored in its second life
    for _ in range(2):
        assert journal.begun() == {former.id: Begun(2, 0)}
        journal.close()
        journal = opened(tmp_path)
    if leaves:
        journal.drop(as_of(again))
    else:
        assert journal.store(as_of(again)) == [again.id]
        journal.copy([again])
    for _ in range(2):
        assert journal.begun() == {}
        assert list(copies(journal).values()) == ([] if leaves else [again])
        journal.close()
        journal = opened(tmp_path)
    journal.close()
