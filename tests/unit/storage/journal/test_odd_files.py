"""Files in the folder of a journal that Libra did not leave there, and writes that fail half way."""

from __future__ import annotations

import errno
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libra.storage.journal.journal import Begun, Journal
from libra.storage.journal.segments import SegmentWriter, of_entry
from libra.storage.rows.entries import Entry, Snapshot

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def page(number: int) -> Snapshot:
    return Snapshot(f"page-{number:04}", "http://a.test/", 1, b"{}", submitted_at=NOW)


def opened(directory: Path) -> tuple[Journal, dict[str, Entry]]:
    journal = Journal(directory)
    journal.lock()
    journal.scan()
    return journal, {entry.id: entry for batch in journal.batches() for entry in batch}


@pytest.mark.parametrize(
    "name",
    [
        "000000000009.journal",
        "1.journal",
        "999999999999.journal",
        "004294967295.journal",
        "\u00b2.journal",
    ],
)
def test_a_pipe_costs_itself_alone_whatever_its_name(name: str, tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    journal.write([page(1), page(2)])
    journal.close()
    os.mkfifo(tmp_path / name)
    journal, found = opened(tmp_path)
    assert sorted(found) == ["page-0001", "page-0002"]
    assert journal.damage.files == 1
    journal.write([page(3)])
    journal.close()
    journal, found = opened(tmp_path)
    assert sorted(found) == ["page-0001", "page-0002", "page-0003"]
    journal.close()


@pytest.mark.parametrize("content", [bytes(2_000), b"by somebody else " * 50])
def test_a_last_segment_that_something_else_was_written_over_is_counted(
    content: bytes, tmp_path: Path
) -> None:
    journal, _ = opened(tmp_path)
    journal.write([page(1)])
    journal.close()
    (tmp_path / "000000000001.journal").write_bytes(content)
    journal, found = opened(tmp_path)
    assert found == {}
    assert journal.damage.files == 1
    journal.close()


def test_a_file_that_somebody_copied_into_the_folder_stops_no_write(tmp_path: Path) -> None:
    journal, _ = opened(tmp_path)
    (tmp_path / "000000000001.journal").write_bytes(SegmentWriter().encode([of_entry(page(7))]))
    journal.write([page(1)])
    journal.close()
    journal, found = opened(tmp_path)
    assert sorted(found) == ["page-0001", "page-0007"]
    journal.close()


def test_writes_that_fail_leave_nothing_on_a_disk_that_stays_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, _ = opened(tmp_path)
    journal.write([page(1)])
    before = sum(path.stat().st_size for path in tmp_path.iterdir())
    real = os.write

    def full(file: int, data: memoryview) -> int:
        real(file, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("libra.storage.journal.folder.os.write", full)
        for _ in range(5):
            with pytest.raises(OSError, match="No space"):
                journal.write([page(2)])
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == before
    assert len(list(tmp_path.iterdir())) == 1
    journal.write([page(3)])
    journal.close()
    journal, found = opened(tmp_path)
    assert sorted(found) == ["page-0001", "page-0003"]
    assert not journal.damage
    journal.close()


def test_notes_are_written_when_there_is_a_folder_again_at_the_second_attempt(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "journal"
    journal, _ = opened(folder)
    journal.begin([("page-0001", Begun(3, 2))])
    shutil.rmtree(folder)
    folder.write_text("no folder")
    with pytest.raises(OSError, match="exists"):
        journal.renew()
    folder.unlink()
    journal.renew()
    journal.close()
    journal, _ = opened(folder)
    assert journal.begun() == {"page-0001": Begun(3, 2)}
    journal.close()
