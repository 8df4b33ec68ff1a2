"""The queue in front of the writer."""

from datetime import UTC, datetime

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from libra.storage import Batch, Deleted, Entry, Snapshot

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def snapshot(page: str, version: int = 1) -> Snapshot:
    return Snapshot(page, "https://example.com/", version, b"{}")


def test_only_the_newest_version_of_a_page_waits() -> None:
    batch = Batch()
    for version in (2, 3, 1):
        batch.put(snapshot("a", version), now=0)
    assert batch.take(10) == [snapshot("a", 3)]


def test_those_that_waited_longest_are_taken_first() -> None:
    batch = Batch()
    for now, page in enumerate("abc"):
        batch.put(snapshot(page), now=now)
    batch.put(snapshot("a", 2), now=9)
    assert [entry.id for entry in batch.take(2)] == ["a", "b"]


def test_a_failed_batch_waits_again_in_front_and_does_not_overwrite_what_is_newer() -> None:
    batch = Batch()
    batch.put(snapshot("a", 1), now=0)
    batch.put(snapshot("b", 1), now=1)
    batch.take(10)
    batch.put(snapshot("c", 1), now=2)
    batch.put(snapshot("a", 2), now=3)
    batch.put_back()
    assert batch.take(10) == [snapshot("a", 2), snapshot("b", 1), snapshot("c", 1)]


def test_a_version_that_is_being_saved_is_not_saved_again() -> None:
    batch = Batch()
    batch.put(snapshot("a", 2), now=0)
    batch.take(10)
    assert batch.put(snapshot("a", 1), now=1)
    assert batch.put(snapshot("a", 2), now=1)
    batch.stored()
    assert batch.take(10) == []
    assert len(batch) == 0


def test_nothing_of_a_page_follows_its_deletion() -> None:
    batch = Batch()
    batch.put(Deleted("a", NOON), now=0)
    batch.put(snapshot("a", 5), now=1)
    assert batch.take(10) == [Deleted("a", NOON)]
    batch.put(snapshot("a", 6), now=2)
    assert batch.waiting == 0


def test_a_full_queue_refuses_new_pages_but_takes_newer_versions_of_those_it_has() -> None:
    batch = Batch(limit=2)
    assert batch.put(snapshot("a"), now=0)
    batch.take(1)
    assert batch.put(snapshot("b"), now=0)
    assert not batch.put(snapshot("c"), now=0)
    assert batch.put(snapshot("a", 2), now=0)
    assert batch.put(snapshot("b", 2), now=0)
    assert len(batch) == 2


def test_the_age_is_that_of_the_page_that_has_waited_longest() -> None:
    batch = Batch()
    assert batch.oldest(5) is None
    batch.put(snapshot("a"), now=10)
    batch.put(snapshot("b"), now=12)
    batch.put(snapshot("a", 2), now=14)
    assert batch.oldest(15) == 5
    batch.take(1)
    assert batch.oldest(15) == 5
    batch.stored()
    assert batch.oldest(15) == 3


def test_two_batches_cannot_be_under_way_at_once() -> None:
    batch = Batch()
    batch.put(snapshot("a"), now=0)
    batch.take(1)
    with pytest.raises(RuntimeError, match="under way"):
        batch.take(1)


class Queue(RuleBasedStateMachine):
    """Whatever happens, the database ends with the newest version of each accepted page."""

    @initialize(limit=st.integers(1, 6))
    def begin(self, limit: int) -> None:
        self.limit = limit
        self.batch = Batch(limit)
        self.now = 0.0
        self.accepted: dict[str, int] = {}
        self.database: dict[str, int] = {}
        self.flying: list[Entry] = []

    @rule(page=st.sampled_from("abcdefgh"), version=st.integers(1, 9))
    def put(self, page: str, version: int) -> None:
        self.now += 1
        before = len(self.batch)
        if self.batch.put(snapshot(page, version), now=self.now):
            self.accepted[page] = max(version, self.accepted.get(page, 0))
        else:
            assert before >= self.limit

    @precondition(lambda self: not self.flying)
    @rule(count=st.integers(1, 5))
    def take(self, count: int) -> None:
        self.flying = self.batch.take(count)

    @precondition(lambda self: self.flying)
    @rule()
    def stored(self) -> None:
        for entry in self.flying:
            self.database[entry.id] = max(entry.version, self.database.get(entry.id, 0))
        self.flying = []
        self.batch.stored()

    @precondition(lambda self: self.flying)
    @rule(stored_after_all=st.booleans())
    def outcome_unknown(self, stored_after_all: bool) -> None:
        if stored_after_all:
            for entry in self.flying:
                self.database[entry.id] = max(entry.version, self.database.get(entry.id, 0))
        self.flying = []
        self.batch.put_back()

    @invariant()
    def bounded(self) -> None:
        assert len(self.batch) <= self.limit

    def teardown(self) -> None:
        if self.flying:
            self.outcome_unknown(False)
        waiting = self.batch.take(100)
        assert len(waiting) == len({entry.id for entry in waiting})
        for entry in waiting:
            self.database[entry.id] = max(entry.version, self.database.get(entry.id, 0))
        assert self.database == self.accepted


TestQueue = Queue.TestCase
