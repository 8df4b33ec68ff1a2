"""The Store port: what Libra asks of a database.

The database is a backup. Pages live in memory; a store keeps what they were, so that they are there
again after a restart and can be looked up long after they have left memory. An engine is chosen by
its URL (see `libra.storage.engines`), and nothing outside this package can tell which one it is.

Every call has a hard deadline and ends in one of three ways: it succeeds, it raises a `StoreError`
that says what to do about it, or it raises something else, which is a bug and must be seen.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

import msgspec

from libra.storage.history import History, Writer
from libra.storage.schema import SchemaStatus
from libra.storage.snapshot import Entry, Refused, Snapshot, WatchRow
from libra.weighing.report import Status


class Deadlines(msgspec.Struct, frozen=True):
    """How long a call may take, in seconds, whatever state the database is in.

    ``read`` is short because a person waits; ``probe`` is short because the length of the pause
    between a database's return and the first save is this plus one back-off delay.
    """

    connect: float = 3.0
    probe: float = 1.0
    read: float = 0.5
    save: float = 5.0
    restore: float = 10.0


class Store(abc.ABC):
    """A database of pages, and of the watches that have them weighed.

    All calls but `open` may be made concurrently. Saves, reads and restores use separate
    connections, so that none of them ever waits for another. Any call may raise `Unavailable`.

    A store that has a `Writer` (see `libra.storage.history`) counts its batches in the database and
    holds the lease of the one writer: then `open`, `save` and `ping` raise `LeaseHeld` if that is
    another's, and these and every read raise `HistoryLost` if the database is not the `known` one. A
    call that raises either has changed nothing. Without one it is an administrator's, who may write
    beside a Libra.

    Attributes:
        deadlines: how long calls may take; others can be set at any time and hold for later calls.
        known: the database with all that was saved to it, which what is found must not lack. The store
            goes on with it by itself; it is set from what a former program left, and to what was found
            by whoever has done something about a loss. None: whatever is found is right.
    """

    deadlines: Deadlines
    known: History | None = None

    @abc.abstractmethod
    def write_as(self, writer: Writer, known: History | None) -> None:
        """Be a certain writer from here on, to a database that is known as of its last life."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Connect and check the schema. Optional: every other call connects by itself when needed.

        Raises:
            SchemaMismatch: if the schema is not the one that this program knows.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Let go of the lease, of every connection and thread, within a second or so."""

    @abc.abstractmethod
    async def save(self, entries: Sequence[Entry]) -> list[Refused]:
        """Store a batch of entries in one transaction; returns those refused.

        Idempotent and in any order: an entry takes effect only if its version is higher than the
        stored one, and nothing takes effect after a deletion. When the database refuses a row,
        that row is set apart and the rest of the batch is stored.
        """

    @abc.abstractmethod
    async def load(self, page_id: str) -> Snapshot | None:
        """The stored version of a page, or None if there is none (or no longer)."""

    @abc.abstractmethod
    def batches(self, *, now: datetime, size: int = 500) -> AsyncIterator[list[Snapshot]]:
        """Every page that is to be in memory again, ``size`` at a time.

        First those that never expire because they were not finished, then those that expire after
        ``now``; in each group the youngest first, as they are the likeliest to be asked for. Those that
        are finished may be `libra.storage.snapshot.Packed`, unchecked.
        """

    @abc.abstractmethod
    async def recent(
        self,
        *,
        limit: int,
        after: str | None = None,
        url: str | None = None,
        host: str | None = None,
        text: str | None = None,
        status: Status | None = None,
        since: str | None = None,
    ) -> list[Snapshot]:
        """Pages by the time of their submission, newest first, for lists.

        Their reports are without assets, as `libra.weighing.report.without_assets` makes them, or
        without more that no summary has: a hundred whole ones may be more than memory holds.

        Args:
            limit: how many at most.
            after: the id of the last page of the list before, to continue from there.
            url: only pages of exactly this submitted URL.
            host: only pages of this host and of those below it.
            text: only pages with this in their title or URL, whatever the case. Every page may
                have to be looked at, so this can take until the deadline.
            status: only pages that were there in their life when they were stored.
            since: only pages of this id or a newer one.
        """

    async def history(self, url: str, *, limit: int) -> list[Snapshot]:
        """What was stored of a URL over time, newest first."""
        return await self.recent(limit=limit, url=url)

    @abc.abstractmethod
    async def keys(self, *, since: str, limit: int) -> list[tuple[str, str]]:
        """The idempotency keys of pages of this id or a newer one, with their ids, newest first.

        Those of deleted pages too, but without what they were used for.
        """

    @abc.abstractmethod
    async def watches(self) -> list[WatchRow]:
        """Every watch. Unlike pages they are few, and all of them are always in memory."""

    @abc.abstractmethod
    async def delete(self, page_id: str) -> bool:
        """Erase a page for good, also against a save of it that is still under way.

        Returns:
            Whether it was there.
        """

    @abc.abstractmethod
    async def prune(self, *, older_than: datetime) -> int:
        """Remove the pages submitted before a moment, and the marks of deletions older than it.

        Returns:
            How many pages were removed.
        """

    @abc.abstractmethod
    async def schema(self) -> SchemaStatus:
        """Compare the schema of the database with that of this program, without changing it."""

    @abc.abstractmethod
    async def migrate(self) -> SchemaStatus:
        """Bring the schema to that of this program, however long that takes.

        Two programs may do so at once; tables that somebody has dropped are made again, empty.

        Raises:
            SchemaMismatch: if the schema is newer than this program.
        """

    @abc.abstractmethod
    async def ping(self) -> None:
        """Find out, within the deadline of a probe, whether a save would have a chance."""
