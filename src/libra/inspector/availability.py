"""What is there and what is not: the database, the local disk, and what they have given back so far."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from libra.ids import moment_of
from libra.neighbours import Neighbours
from libra.storage.recollection import Loss


@dataclass(frozen=True, slots=True)
class Outage:
    """Something cannot be used: since when, and why, in words for people."""

    since: datetime
    reason: str


class Availability:
    """How it stands with what Libra depends on.

    The writers of the journal and of the database say how they find them, the restorer how far it has
    come; everybody else reads.

    Attributes:
        outage: since when and why the database cannot be used; None while it can.
        standby: since when and why this Libra writes nothing to the database; None while it does.
        disk_trouble: since when and why the journal cannot be written; None while it can.
        opened: set once it is known whether the database can be used.
        available_since: when the database was last found to be there; None before that.
        replayed: set once everything that the journal held can be read again.
        recalled: set once everything that the local copy held is in memory.
        keys_known: set once the idempotency keys of the database are known.
        watches_known: set once every watch that there is is in memory.
        restoring: whether pages or watches are being brought back from the database.
        gap: what the database was found to lack, until all of it that is here is saved again.
        losses: everything that databases of this Libra were found to lack, the oldest first.
        neighbours: what is known of others that this Libra works with.
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
        self.losses: tuple[Loss, ...] = ()
        self.neighbours = Neighbours()

    def may_be_lost(self, entry_id: str) -> str | None:
        """What is to be said of a page or a watch that is nowhere: databases may have lost it."""
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
