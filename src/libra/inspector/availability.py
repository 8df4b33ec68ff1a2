"""What Libra can use at the moment: the database, the local disk, and what they have restored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from libra.ids import moment_of
from libra.neighbours import Neighbours
from libra.storage.recollection import Loss


@dataclass(frozen=True, slots=True)
class Outage:
    """Something that cannot be used: since when, and the reason in words for people."""

    since: datetime
    reason: str


class Availability:
    """The state of the services that Libra depends on.

    The journal writer and the database writer report whether they can write, and the restorer reports
    its progress. All others only read.

    Attributes:
        outage: since when and why the database cannot be used; None while it can.
        standby: since when and why this Libra does not write to the database; None while it writes.
        disk_trouble: since when and why the journal cannot be written; None while it can.
        opened: set once Libra knows whether the database can be used.
        available_since: when the database last became available; None before that.
        replayed: set once all that the journal held can be read again.
        recalled: set once all that the local copy held is in memory.
        keys_known: set once the idempotency keys of the database are known.
        watches_known: set once all watches are in memory.
        restoring: whether the restorer is bringing back pages or watches from the database.
        gap: what the database was found to lack, until Libra has saved again all of it that is in
            memory.
        owed: whether pages or watches are among that, and not only deletions. Until they are saved, no
            caller is told that something does not exist.
        losses: everything that databases of this Libra were found to lack, oldest first.
        neighbours: what is known of the other Libras that this one works with.
    """

    def __init__(self) -> None:
        self.outage: Outage | None = None
        self.standby: Outage | None = None
        self.disk_trouble: Outage | None = None
        self.opened = asyncio.Event()
        self.available_since: datetime | None = None
        self.replayed = asyncio.Event()
        self.recalled = asyncio.Event()
        self.keys_known = asyncio.Event()
        self.watches_known = asyncio.Event()
        self.restoring = True
        self.gap: Loss | None = None
        self.owed = False
        self.losses: tuple[Loss, ...] = ()
        self.neighbours = Neighbours()

    def may_be_lost(self, entry_id: str) -> str | None:
        """A note on an entry that cannot be found, if the database may have lost it; else None."""
        submitted = moment_of(entry_id)
        spans = [
            loss.span
            for loss in self.losses
            if submitted is None or submitted <= (loss.until or loss.noticed_at)
        ]
        if not spans:
            return None
        return (
            f"The database has lost what it stored {' and '.join(spans)}: "
            "if this was stored then, it is gone."
        )
