"""Which database this is and how far its history goes: "stored" is checked, not remembered.

The database that answers may not be the one that a page was stored in: after a failover to a standby
that was behind, a restored backup, a new database, or a file that was swapped for an older copy. So a
database has an id, made with its schema, and a row for each writer with a counter that grows in the
transaction of each batch. A writer compares what it knows of its last batch with what it finds, in
the same transaction as each of its other statements. And there is one lease, so that of two Libras on
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
    """The Libra that writes to a database.

    Attributes:
        instance: the name of this Libra; it stays the same after a restart on the same data
            directory.
        life: the name of this run.
        place: its data directory, shown to people.
    """

    instance: str
    life: str
    place: str


class History(msgspec.Struct, frozen=True):
    """A database as a writer sees it.

    Attributes:
        database: the id that was made with its schema.
        database: the id that was made with its schema.
        counter: how many batches of this writer it has stored.
        at: when it stored the last of them, by the clock of the writer.
        pruned_before: pages submitted before this were removed on purpose.
        origin: the server, shown to people, if the engine tells: PostgreSQL's system identifier and
            timeline.
        prunings: the number of prunings; each left marks (see `Store.pruned`).
    """

    database: str
    counter: int = 0
    at: datetime | None = None
    pruned_before: datetime | None = None
    origin: str | None = None
    prunings: int = 0

    def lacks(self, known: History | None) -> bool:
        """Whether this is another database than the known one, or the known one at an earlier time."""
        return known is not None and (
            self.database != known.database or self.counter < known.counter
        )

    def require(self, known: History | None) -> None:
        """Check that this is the known database with everything that was saved to it.

        Raises:
            HistoryLost: it is another one, or has gone back in time.
        """
        if known is not None and self.lacks(known):
            raise HistoryLost(known, self)


class Holder(msgspec.Struct, frozen=True):
    """The holder of a database's lease, and the seconds until the lease ends unless it is renewed."""

    instance: str
    place: str
    seconds: float


class HistoryLost(Unavailable):
    """The database that answers is another one than before, or has gone back in time."""

    def __init__(self, known: History, found: History) -> None:
        if found.database != known.database:
            words = "this is not the database that this Libra saved its pages to"
        else:
            lost = known.counter - found.counter
            missing = "the last save" if lost == 1 else f"the last {lost} saves"
            words = f"the database has gone back in time: it lacks {missing} of this Libra"
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
