"""Which database this is and how far its history goes: "stored" is checked, not remembered.

The database that answers may not be the one that a page was stored in: after a failover to a standby
that was behind, a restored backup, a new database, or a file that was swapped for an older copy. So a
database has an id, made with its schema, and a row for each writer with a counter that grows in the
transaction of each batch. A writer compares what it knows of its last batch with what it finds, in
the same transaction as each of its other statements. And there is one lease, so that of two Libras on
one database only one writes.

The nodes of a cluster write at the same time. They share the lease, as it belongs to the cluster, but
each has a row of its own. With one counter for all, a save after a failover would count the batch anew
that another node had lost, and that node would find the number that it expects. So each node compares
the rows of all nodes: that of a node which has ended is compared by the others.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

import msgspec

from libra.storage.errors import Unavailable

LEASE: Final = 15.0
"""Seconds that a lease lasts: three times the pause between two probes of an idle Libra."""

MANY: Final = 100
"""The nodes of a cluster, at most, whose rows are compared: those that saved last."""


class Writer(msgspec.Struct, frozen=True):
    """The Libra that writes to a database.

    Attributes:
        instance: the name of this Libra; it stays the same after a restart on the same data
            directory.
        life: the name of this run.
        place: its data directory, shown to people.
        node: the node, if ``instance`` is a cluster; only PostgreSQL counts the batches of each node.
    """

    instance: str
    life: str
    place: str
    node: str | None = None

    @property
    def nodes(self) -> str | None:
        """What the rows of all nodes of a cluster begin with; the name of the node follows."""
        return None if self.node is None else f"{self.instance}/"

    @property
    def row(self) -> str:
        """The row of this writer."""
        return self.instance if self.node is None else f"{self.nodes}{self.node}"


class Saves(msgspec.Struct, frozen=True):
    """The row of a writer: how many batches it has saved, and when it saved the last of them."""

    counter: int
    at: datetime | None


class History(msgspec.Struct, frozen=True):
    """A database as a writer sees it.

    Attributes:
        database: the id that was made with its schema.
        counter: how many batches of this writer it has stored.
        at: when it stored the last of them, by the clock of the writer.
        pruned_before: pages submitted before this were removed on purpose.
        origin: the server, shown to people, if the engine tells: PostgreSQL's system identifier and
            timeline.
        prunings: the number of prunings; each left marks (see `Store.pruned`).
        nodes: the batches of the nodes of a cluster, by their names. Older versions of Libra count the
            batches of all nodes in ``counter``.
    """

    database: str
    counter: int = 0
    at: datetime | None = None
    pruned_before: datetime | None = None
    origin: str | None = None
    prunings: int = 0
    nodes: dict[str, Saves] = msgspec.field(default_factory=dict)

    def lacks(self, known: History | None) -> bool:
        """Whether this is another database than the known one, or the known one at an earlier time."""
        return known is not None and (self.database != known.database or bool(self.behind(known)))

    def behind(self, known: History) -> list[tuple[Saves, Saves]]:
        """The rows that lack batches: as they are here, and as they are known of the same database."""
        rows = [(Saves(self.counter, self.at), Saves(known.counter, known.at))]
        for name, saves in known.nodes.items():
            here = self.nodes.get(name)
            if here is not None or not self._leaves_out(saves):
                rows.append((here or Saves(0, None), saves))
        return [(here, saves) for here, saves in rows if here.counter < saves.counter]

    def _leaves_out(self, saves: Saves) -> bool:
        """Whether the row may be missing here only because so many other nodes saved later."""
        if len(self.nodes) < MANY or saves.at is None:
            return False
        newest = sorted((one.at for one in self.nodes.values() if one.at), reverse=True)
        return len(newest) >= MANY and saves.at < newest[MANY - 1]

    @property
    def newest(self) -> Saves:
        """The row with the last batch of all."""
        rows = [Saves(self.counter, self.at), *self.nodes.values()]
        return max(rows, key=lambda row: (row.at is not None, row.at))

    def joined(self, later: History) -> History:
        """What two looks at the same database found together, neither after the database went back."""
        nodes = dict(later.nodes)
        for name, saves in self.nodes.items():
            if name not in nodes or nodes[name].counter < saves.counter:
                nodes[name] = saves
        most = self if self.counter > later.counter else later
        return msgspec.structs.replace(later, counter=most.counter, at=most.at, nodes=nodes)

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
    """The database that answers is another one than before, or has gone back in time.

    Attributes:
        known: the database as it was.
        found: as it is.
        since: the time of the last batch that it has of a writer that lost some, or else of any; None if
            it has none.
        until: the time of the last batch that is lost.
    """

    def __init__(self, known: History, found: History) -> None:
        if found.database != known.database:
            behind = [(found.newest, known.newest)]
            words = "this is not the database that this Libra saved its pages to"
        else:
            behind = found.behind(known)
            lost = sum(saves.counter - here.counter for here, saves in behind)
            missing = "the last save" if lost == 1 else f"the last {lost} saves"
            words = f"the database has gone back in time: it lacks {missing} of this Libra"
        if found.origin and known.origin and found.origin != known.origin:
            words += f" (it is {found.origin} now, and was {known.origin})"
        super().__init__("history", words)
        self.known = known
        self.found = found
        self.since = min((here.at for here, _ in behind if here.at), default=found.newest.at)
        self.until = max((saves.at for _, saves in behind if saves.at), default=None)


class LeaseHeld(Unavailable):
    """Another Libra writes to this database, so this one must not."""

    def __init__(self, holder: Holder) -> None:
        super().__init__(
            "lease",
            f"another Libra writes to this database (its data directory is {holder.place}): "
            "stop one of the two, or give this one a database of its own",
        )
        self.holder = holder
