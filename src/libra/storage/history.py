"""Which database this is and how far its history goes: "stored" is checked, not remembered.

A database that answers need not be the one that a page was stored in: there was a failover to a standby
that was behind, a backup was restored, it was dropped and made anew, or a file was swapped for an older
copy. So it has an id, made with its schema, and a row for each writer with a counter that moves in the
transaction of each batch. What a writer knows of its last batch it compares with what it finds, in the
same transaction as everything else that it asks. And there is one lease, so that of two Libras on
one database only one writes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from libra.storage.errors import Unavailable

LEASE: Final = 15.0
"""Seconds that a lease lasts: three times the pause between two probes of an idle Libra."""


class Writer(msgspec.Struct, frozen=True):
    """Who writes to a database.

    Attributes:
        instance: the name of this Libra; one that is started again on its data directory has it too.
        life: the name of this run of it.
        place: its data directory, for people.
    """

    instance: str
    life: str
    place: str


class History(msgspec.Struct, frozen=True):
    """A database as a writer sees it.

    Attributes:
        database: the id that was made with its schema.
        counter: how many batches of this writer it has taken.
        at: when it took the last of them, by the clock of the writer.
        pruned_before: pages submitted before this were removed on purpose.
        origin: where it is from, for people, if the engine tells: PostgreSQL's system identifier and
            timeline.
        prunings: how often something was pruned; each left marks (see `Store.pruned`).
    """

    database: str
    counter: int = 0
    at: datetime | None = None
    pruned_before: datetime | None = None
    origin: str | None = None
    prunings: int = 0

    def lacks(self, known: History | None) -> bool:
        """Whether this is another database than the known one, or that one at an earlier time."""
        return known is not None and (
            self.database != known.database or self.counter < known.counter
        )

    def require(self, known: History | None) -> None:
        """Return only if this is the known database with all that was saved to it.

        Raises:
            HistoryLost: if it is another one, or has gone back.
        """
        if known is not None and self.lacks(known):
            raise HistoryLost(known, self)


class Holder(msgspec.Struct, frozen=True):
    """Who holds the lease of a database, and for how many seconds more unless it is renewed."""

    instance: str
    place: str
    seconds: float


class HistoryLost(Unavailable):
    """The database answers, and is another one than before, or has gone back in time."""

    def __init__(self, known: History, found: History) -> None:
        if found.database != known.database:
            words = "this is another database than the one that pages were saved to"
        else:
            lost = known.counter - found.counter
            missing = "the last save" if lost == 1 else f"the last {lost} saves"
            words = f"the database has gone back: it lacks {missing} of this Libra"
        if found.origin and known.origin and found.origin != known.origin:
            words += f" (it is {found.origin} now, and was {known.origin})"
        super().__init__("history", words)
        self.known = known
        self.found = found


class LeaseHeld(Unavailable):
    """Another Libra writes to this database, so this one must not."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(
            "lease",
            f"another Libra writes to this database (its data directory is {holder.place}): "
            "stop one of the two, or give this one a database of its own",
        )
        self.holder = holder
