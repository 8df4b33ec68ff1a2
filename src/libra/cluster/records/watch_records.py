"""Watches as the engine has them, and as the database has them.

The engine has the truth. The database has copies, as it has of pages, for a new cluster.
A new cluster also takes over the watches of a single Libra from its database.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from libra.cluster.engine.errors import UnknownFormat
from libra.cluster.engine.pulling import PulledMessage
from libra.inspector.records.watches.watch_record import WatchState
from libra.storage import Deleted
from libra.storage.rows.entries import WatchRow

FORMAT: Final = 1
"""The format that is written here, and the highest that is read."""

RECORDS: Final = ("libra.watch.rec.*",)

TAKEN: Final = "libra.watch.taken"
"""Says that the watches of the database were taken over."""


class WatchEntry(msgspec.Struct, frozen=True):
    """A watch in the engine; without a state it was deleted."""

    version: int
    state: WatchState | None = None
    format: int = FORMAT


_kept = msgspec.json.Decoder(WatchEntry)


def read_kept(data: bytes) -> WatchEntry:
    """Read a watch of the engine.

    Raises:
        UnknownFormat: a newer Libra wrote it, or it is not a watch.
    """
    try:
        kept = _kept.decode(data)
    except msgspec.MsgspecError as error:
        raise UnknownFormat(f"it cannot be read: {error}") from None
    if kept.format > FORMAT:
        raise UnknownFormat(f"it is of format {kept.format}, this Libra reads up to {FORMAT}")
    return kept


def watch_of(subject: str) -> str:
    """The id of the watch that a subject is about."""
    return subject.rpartition(".")[2]


def entry_of(delivery: PulledMessage) -> WatchRow | Deleted | None:
    """The row or deletion that the database must store for a message; None for nothing.

    Raises:
        UnknownFormat: as `read_kept` does.
    """
    if delivery.is_marker:
        return None
    kept, watch_id = read_kept(delivery.data), watch_of(delivery.subject)
    if kept.state is None:
        return Deleted(watch_id, datetime.fromtimestamp(delivery.at).astimezone(), "watch")
    data = msgspec.json.encode(kept.state)
    return WatchRow(watch_id, kept.state.url, kept.version, data)
