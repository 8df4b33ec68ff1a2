"""The sign-in of a writer to a SQLite database. See `libra.storage.history`.

All of this runs in a transaction of the caller, on the thread of its lane.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from libra.storage.errors import Unavailable
from libra.storage.history import LEASE, History, Holder, LeaseHeld, Writer

_LOOK: Final = """
    SELECT libra_database.id, pruned_before, counter, at, prunings
    FROM libra_database LEFT JOIN libra_writers ON instance = ?
"""
_COUNT: Final = """
    INSERT INTO libra_writers (instance, counter, at) VALUES (?, ?, ?)
    ON CONFLICT (instance) DO UPDATE SET counter = excluded.counter, at = excluded.at
"""
_CLAIM: Final = """
    INSERT INTO libra_lease (one, instance, life, place, until) VALUES (1, ?, ?, ?, ?)
    ON CONFLICT (one) DO UPDATE SET instance = excluded.instance, life = excluded.life,
        place = excluded.place, until = excluded.until
"""


class SqliteWriterLog:
    """Signs a writer in.

    Attributes:
        known_there: whether a transaction of this life was committed, since the database last went
            back. Until then a lease of a former life on the same data directory counts as ours. After
            that it does not: if somebody ran a copy of that directory, the two would take the lease
            from each other for ever.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self.known_there = False

    def enter(self, connection: sqlite3.Connection, known: History | None) -> History:
        """Take or extend the lease; return the database.

        Raises:
            HistoryLost: it is not the known database. This comes first: whoever has the lease there,
                what this Libra has in memory may be all that is left.
            LeaseHeld: another Libra has the lease.
        """
        found = self.look(connection)
        if found.lacks(known):
            self.known_there = False
        found.require(known)
        self._claim(connection)
        return found

    def _claim(self, connection: sqlite3.Connection) -> None:
        mine, now = self._writer, datetime.now(UTC)
        row = connection.execute("SELECT instance, life, place, until FROM libra_lease").fetchone()
        if row is not None:
            instance, life, place, text = row
            left = (datetime.fromisoformat(text) - now).total_seconds()
            former = instance == mine.instance and not self.known_there
            # No lease lasts that long: the clock was set back.
            nonsense = left > 2 * LEASE
            if life != mine.life and left > 0 and not (former or nonsense):
                raise LeaseHeld(Holder(instance, place, left))
            if life == mine.life and left > LEASE * 2 / 3 and not nonsense:
                return  # a probe does not always write to an idle database
        until = text_of(now + timedelta(seconds=LEASE))
        connection.execute(_CLAIM, (mine.instance, mine.life, mine.place, until))

    def look(self, connection: sqlite3.Connection) -> History:
        """Read which database this is, and how many of our batches it has."""
        row = connection.execute(_LOOK, (self._writer.instance,)).fetchone()
        if row is None:
            raise Unavailable(
                "schema", "libra_database is empty: drop it and run `libra db migrate`"
            )
        database, pruned, counter, at, prunings = row
        return History(database, counter or 0, _time(at), _time(pruned), prunings=prunings)

    def count(self, connection: sqlite3.Connection, found: History) -> History:
        """Count one more of our batches."""
        now = datetime.now(UTC)
        counter = found.counter + 1
        connection.execute(_COUNT, (self._writer.instance, counter, text_of(now)))
        return msgspec.structs.replace(found, counter=counter, at=now)

    def release(self, connection: sqlite3.Connection, _job: Any) -> None:
        """Release the lease, so that another Libra need not wait for its end."""
        connection.execute("DELETE FROM libra_lease WHERE life = ?", (self._writer.life,))


def text_of(moment: datetime) -> str:
    """A time as the lease has it; such texts sort in the order of time."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
