"""What the journal writer has done on the journal's own thread, which may wait for the disk."""

from __future__ import annotations

import logging
from collections.abc import Callable

from libra.storage import Entry, Snapshot, WatchRow
from libra.storage.journal.journal import Begun, Journal

log = logging.getLogger("libra.journal")


def write_down(
    journal: Journal,
    first: Callable[[Journal], None] | None,
    lives: dict[str, Begun | None],
    entries: list[Entry],
    copied: list[Snapshot | WatchRow],
    stored: list[tuple[str, int]],
    gone: list[tuple[str, int]],
    note: Callable[[], None],
) -> list[str]:
    """On the journal's thread; returns what the local copy lacks."""
    if first is not None:
        first(journal)
    journal.lock()
    journal.scan()
    # That a life begins comes first, as it need not wait for the disk to be synced; that it has ended
    # comes after what it ended with.
    journal.begin((page_id, begun) for page_id, begun in lives.items() if begun is not None)
    if entries:
        journal.write(entries)
    journal.begin((page_id, begun) for page_id, begun in lives.items() if begun is None)
    try:
        note()
    except OSError as error:
        # Then a loss that comes while Libra is stopped may go unnoticed, which is no reason to keep
        # what is stored for ever. If the disk is ill, the journal finds that out by itself.
        log.debug("the database as of its last save is not written down: %s", error)
    journal.drop(gone)
    lacking = journal.store(stored)
    try:
        journal.copy(copied)
    except OSError as error:
        log.debug("%d rows are not in the local copy: %s", len(copied), error)
    return lacking
