"""The work of the journal writer on the journal's own thread, which may wait for the disk."""

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
    """Write one batch on the journal's thread; return the ids that the local copy lacks."""
    if first is not None:
        first(journal)
    journal.lock()
    journal.scan()
    # What the database has is dropped first: on a full disk this makes room for the rest. An entry that
    # is written below is newer, or the database has lost it since: so it stays.
    try:
        note()
    except OSError as error:
        # Without this note, a loss that happens while Libra is stopped may go unnoticed. That is no
        # reason to keep stored entries in the journal for ever. A failing disk makes the calls below
        # fail.
        log.debug("the note of the last save cannot be written: %s", error)
    journal.drop(gone)
    lacking = journal.store(stored)
    # The beginning of a life is written first, because it need not wait until the disk is synced. The
    # end of a life is written after the state with which it ended.
    journal.begin((page_id, begun) for page_id, begun in lives.items() if begun is not None)
    if entries:
        journal.write(entries)
    journal.begin((page_id, begun) for page_id, begun in lives.items() if begun is None)
    try:
        journal.copy(copied)
    except OSError as error:
        log.debug("%d rows are not in the local copy: %s", len(copied), error)
    return lacking
