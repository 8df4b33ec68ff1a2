"""The journal that a Libra left behind, for tests that say what a kill leaves in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from libra.storage.journal.journal import Journal
from libra.storage.rows.entries import Entry


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
