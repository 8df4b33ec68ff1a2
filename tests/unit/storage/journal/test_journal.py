"""The journal: nothing that was written is lost, nothing that is over comes back."""

from __future__ import annotations

import errno
import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from libra.storage.journal import segment_log
from libra.storage.journal.journal import Journal
from libra.storage.journal.segments import PAGE, SegmentWriter, of_struct
from libra.storage.rows.entries import DELETED_VERSION, Deleted, Entry, Packed, Snapshot
from support.examples import examples

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


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
    return Snapshot(
        id=f"page-{number:04}",
        url="http://a.test/",
        version=version,
        report=report,
        submitted_at=NOW,
    )


def opened(directory: Path, **sizes: int) -> tuple[Journal, dict[str, Entry]]:
    journal = Journal(directory / "journal", **sizes)
    journal.lock()
    journal.scan()
    return journal, {entry.id: entry for batch in journal.batches(3) for entry in batch}


def test_what_was_written_is_there_for_the_next_program(tmp_path: Path) -> None:
    journal, before = opened(tmp_path)
    assert before == {}
    pages = [page(n) for n in range(10)]
    journal.write(pages[:5])
    journal.write(pages[5:])
    journal.close()
    journal, found = opened(tmp_path)
    assert list(found.values()) == pages
    assert len(journal) == 10
    journal.close()


def test_a_finished_page_is_there_as_the_frame_that_rests_in_memory(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    weighed = msgspec.structs.replace(page(1), status="weighed", score=93, idempotency="k")
    failed = msgspec.structs.replace(page(2), status="failed", expires_at=NOW)
    journal.write([weighed, failed, page(3)])
    journal.close()
    journal, found = opened(tmp_path)
    back = [row.unpacked() if isinstance(row, Packed) else row for row in found.values()]
    assert [type(row) for row in found.values()] == [Packed, Packed, Snapshot]
    assert back == [weighed, failed, page(3)]
    # And so it is written again when its segment is cleared.
    journal.write(list(found.values()))
    journal.close()
    journal, again = opened(tmp_path)
    assert again == found
    journal.close()


def test_a_finished_page_that_a_former_version_wrote_is_read(tmp_path: Path) -> None:
    weighed = msgspec.structs.replace(page(1), status="weighed")
    raw = of_struct(PAGE, weighed.id, weighed.version, weighed)
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "000000000001.journal").write_bytes(SegmentWriter().encode([raw]))
    journal, found = opened(tmp_path)
    assert found == {weighed.id: weighed}
    newer = msgspec.structs.replace(weighed, version=2)
    journal.write([newer])
    journal.close()
    journal, found = opened(tmp_path)
    assert found == {weighed.id: Packed.of_row(newer)}
    journal.close()


def test_the_newest_of_a_page_counts_and_a_deletion_outranks_all(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    journal.write([page(1, version=1), page(2, version=3)])
    newer, gone = page(1, version=2), Deleted("page-0002", NOW)
    journal.write([newer, gone])
    journal.close()
    journal, found = opened(tmp_path)
    assert found == {newer.id: newer, gone.id: gone}
    journal.close()


def test_what_the_database_has_is_dropped_and_its_space_given_back(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path, segment_bytes=4_000)
    pages = [page(n, size=1_000) for n in range(40)]
    for one in pages:
        journal.write([one])
    assert journal.size > 20_000
    journal.drop((one.id, one.version) for one in pages)
    assert journal.size == 0
    assert list((tmp_path / "journal").glob("*.journal")) == []
    journal.write([pages[0]])
    journal.close()
    journal, found = opened(tmp_path)
    assert list(found) == [pages[0].id]
    journal.close()


def test_what_was_dropped_when_nothing_else_was_live_does_not_come_back_with_what_came_later(
    tmp_path: Path,
) -> None:
    journal, _ = opened(tmp_path)
    first, later = page(1), page(2)
    journal.write([first])
    journal.drop([(first.id, first.version)])
    journal.write([later])
    journal.close()
    journal, found = opened(tmp_path)
    assert list(found) == [later.id]
    journal.close()


def test_what_is_newer_than_the_database_is_not_dropped(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    result = page(1, version=7)
    journal.write([page(1, version=1), result])
    journal.drop([(result.id, 6)])
    journal.close()
    journal, found = opened(tmp_path)
    assert found == {result.id: result}
    journal.close()


def test_an_older_state_of_a_page_never_outlives_a_newer_one(tmp_path: Path) -> None:
    """A segment with a live page keeps all segments after it, however dead they are."""
    journal, _ = opened(tmp_path, segment_bytes=500)
    journal.write([page(1, version=1), page(2, size=600)])
    journal.write([Deleted("page-0001", NOW), page(3, size=600)])
    journal.drop([("page-0001", DELETED_VERSION), ("page-0003", 1)])
    journal.close()
    journal, found = opened(tmp_path)
    assert "page-0002" in found
    assert not isinstance(found.get("page-0001"), Snapshot)
    journal.close()


def test_a_few_live_pages_do_not_hold_a_long_history(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path, segment_bytes=2_000, tidy_bytes=10_000)
    kept = page(0)
    journal.write([kept])
    for number in range(1, 200):
        one = page(number, size=500)
        journal.write([one])
        journal.drop([(one.id, one.version)])
    assert journal.size < 15_000
    journal.close()
    journal, found = opened(tmp_path)
    assert found[kept.id] == kept
    journal.close()


@examples(100)
@given(st.data())
def test_a_journal_cut_off_at_any_byte_keeps_all_that_was_written_before_that(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("cut")
    journal, _ = opened(directory)
    ends, pages = [0], []
    for number in range(5):
        pages.append(page(number))
        journal.write([pages[-1]])
        ends.append(journal.size)
    journal.close()
    (path,) = (directory / "journal").glob("*.journal")
    cut = data.draw(st.integers(0, path.stat().st_size))
    os.truncate(path, cut)
    journal, found = opened(directory)
    whole = sum(end <= cut for end in ends) - 1
    assert list(found.values()) == pages[:whole]
    # And it can be written to again, and read again after that.
    journal.write([page(99)])
    journal.close()
    journal, found = opened(directory)
    assert len(found) == whole + 1
    journal.close()


@examples(100)
@given(st.data())
def test_a_damaged_byte_costs_one_entry_or_the_rest_of_its_segment_and_no_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    directory = tmp_path_factory.mktemp("damage")
    journal, _ = opened(directory)
    pages = [page(number) for number in range(5)]
    journal.write(pages)
    journal.close()
    journal, _ = opened(directory)
    later = page(50)
    journal.write([later])
    journal.close()
    path = min((directory / "journal").glob("*.journal"))
    content = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    journal, found = opened(directory)
    journal.close()
    assert found[later.id] == later
    assert all(found[one.id] == one for one in pages if one.id in found)


def test_zeros_at_the_end_as_a_power_cut_may_leave_are_the_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal, _ = opened(tmp_path)
    journal.write([page(1)])
    journal.close()
    (path,) = (tmp_path / "journal").glob("*.journal")
    with path.open("ab") as stream:
        stream.write(bytes(4096))
    journal, found = opened(tmp_path)
    journal.close()
    assert list(found) == ["page-0001"]
    assert len(caplog.records) == 1


@given(st.binary(max_size=400))
def test_a_file_of_anything_is_read_without_an_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    directory = tmp_path_factory.mktemp("anything")
    (directory / "journal").mkdir()
    (directory / "journal" / "000000000001.journal").write_bytes(content)
    journal, _ = opened(directory)
    journal.write([page(1)])
    journal.close()


def test_after_a_write_that_failed_half_way_everything_written_later_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, _ = opened(tmp_path)
    journal.write([page(1)])
    real = os.write

    def full(file: int, data: memoryview) -> int:
        real(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("libra.storage.journal.folder.os.write", full)
        with pytest.raises(OSError, match="No space"):
            journal.write([page(2)])
    journal.write([page(3)])
    journal.close()
    journal, found = opened(tmp_path)
    assert list(found) == ["page-0001", "page-0003"]
    journal.close()


class JournalLaw(RuleBasedStateMachine):
    """Whatever is written, dropped and restarted: what is live is there, what is over is not newer."""

    @initialize()
    def begin(self) -> None:
        self.directory = Path(tempfile.mkdtemp())
        self.journal, _ = opened(self.directory, segment_bytes=600, tidy_bytes=1_500)
        self.live: dict[str, Entry] = {}
        self.last: dict[str, int] = {}

    @rule(number=st.integers(0, 6), size=st.integers(0, 400))
    def write(self, number: int, size: int) -> None:
        key = f"page-{number:04}"
        if self.last.get(key, 0) > 2**62:
            return  # a deleted page is never written again
        one = page(number, self.last.get(key, 0) + 1, size)
        self.journal.write([one])
        self.live[key], self.last[key] = one, one.version

    @rule(number=st.integers(0, 6))
    def delete(self, number: int) -> None:
        gone = Deleted(f"page-{number:04}", NOW)
        self.journal.write([gone])
        self.live[gone.id], self.last[gone.id] = gone, gone.version

    @rule(number=st.integers(0, 6))
    def drop(self, number: int) -> None:
        key = f"page-{number:04}"
        self.journal.drop([(key, self.last.get(key, 0))])
        self.live.pop(key, None)

    @rule(number=st.integers(0, 6))
    def drop_an_older_version(self, number: int) -> None:
        key = f"page-{number:04}"
        self.journal.drop([(key, self.last.get(key, 0) - 1)])

    @rule()
    def restart(self) -> None:
        self.journal.close()
        self.journal, found = opened(self.directory, segment_bytes=600, tidy_bytes=1_500)
        for key, entry in self.live.items():
            assert found[key] == entry
        for key, entry in found.items():
            assert entry == self.live[key]

    @invariant()
    def what_is_live_is_counted(self) -> None:
        assert len(self.journal) == len(self.live)

    def teardown(self) -> None:
        self.journal.close()
        shutil.rmtree(self.directory)


TestJournalLaw = JournalLaw.TestCase
TestJournalLaw.settings = examples(50)
