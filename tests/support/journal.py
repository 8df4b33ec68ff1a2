"""The journal that a Libra left behind, for tests that say what a kill leaves in it."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from libra.inspector.records.page_record import PageRecord
from libra.settings import Settings
from libra.storage.journal.journal import Begun, Journal
from libra.storage.rows.entries import Entry


class Disk:
    """A disk of so many bytes."""

    def __init__(self, folder: Path, size: int, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.size, self._write = folder, size, os.write
        patch.setattr("libra.storage.journal.folder.os.write", self.write)

    def write(self, file: int, data: memoryview) -> int:
        free = self.size - sum(path.stat().st_size for path in self.folder.iterdir())
        if free <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return self._write(file, data[:free])


@contextmanager
def journal_in(data_dir: Path, local_copy: int = 0) -> Iterator[Journal]:
    """The journal of a data directory that no Libra works on, to be read and written."""
    journal = Journal(data_dir / "journal", local_copy=local_copy)
    journal.lock()
    journal.scan()
    try:
        yield journal
    finally:
        journal.close()


def entry_of(journal: Journal, entry_id: str) -> Entry:
    """What the journal has of a page or a watch."""
    (found,) = (e for batch in journal.batches() for e in batch if e.id == entry_id)
    return found


def submitted_in(settings: Settings, record: PageRecord, begun: Begun | None = None) -> str:
    """Write a page to the journal that was submitted, and maybe begun, and not finished; its id."""
    record.version = 1
    with journal_in(settings.data_dir) as journal:
        journal.write([record.row()])
        journal.begin([(record.id, begun)] if begun is not None else [])
    return record.id


def left_behind(settings: Settings, url: str, deaths: int) -> str:
    """A page as a program leaves it that was killed so often while it was being weighed; its id."""
    record = PageRecord.submitted(url, None, datetime.now(UTC))
    return submitted_in(settings, record, Begun(deaths, deaths))


def begun_in(settings: Settings, page_id: str) -> Begun | None:
    """The lives of a page that its journal has noted."""
    with journal_in(settings.data_dir) as journal:
        return journal.begun().get(page_id)
