"""One batch of the journal, on its own thread."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from libra.inspector.durability.disk_work import write_down
from libra.storage.journal.journal import Journal
from libra.storage.rows.entries import Snapshot
from support.journal import Disk, entry_of


def page(number: int) -> Snapshot:
    report = random.Random(number).randbytes(500).hex().encode()
    return Snapshot(id=f"page-{number:04}", url="http://a.test/", version=1, report=report)


def test_on_a_full_disk_what_the_database_has_makes_room_for_what_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "journal", segment_bytes=4_000)
    journal.lock()
    journal.scan()
    before = [page(number) for number in range(40)]
    for one in before:
        journal.write([one])
    Disk(tmp_path / "journal", journal.size, monkeypatch)
    stored = [(one.id, one.version) for one in before[:30]]
    write_down(journal, None, {}, [page(100)], [], [], stored, lambda: None)
    assert entry_of(journal, "page-0100") == page(100)
    assert len(journal) == 11
    journal.close()
