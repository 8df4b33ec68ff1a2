"""The Store port: what Libra asks of a database.

The database is a backup. Pages live in memory; a store keeps what they were, so that they are there
again after a restart and can be looked up long after they have left memory. An engine is chosen by
its URL (see `libra.storage.engines`), and nothing outside this package can tell which one it is.

Every call has a hard deadline and ends in one of three ways: it succeeds, it raises a `StoreError`
that says what to do about it, or it raises something else, which is a bug and must be seen.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias

import msgspec

from libra.storage.history import History, Writer
from libra.storage.keeping import NOTHING, Thinning
from libra.storage.rows.entries import Entry, RefusedRow, Snapshot, WatchRow
from libra.storage.rows.page_query import PageQuery
from libra.storage.rows.urls import UrlQuery, UrlRow
from libra.storage.schema import SchemaStatus

Trace: TypeAlias = Literal["stored", "deleted"]
"""What a database has of a page: a version of it, or the mark that it was deleted."""


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
    async def save(self, entries: Sequence[Entry]) -> list[RefusedRow]:
        """Store a batch of entries in one transaction; returns those refused.

        Idempotent and in any order: an entry takes effect only if its version is higher than the
        stored one, and nothing takes effect after a deletion: such a page is refused as
        ``deleted``. When the database refuses a row, that row is set apart and the rest of the batch
        is stored.
        """

    @abc.abstractmethod
    async def load(self, page_id: str) -> Snapshot | None:
        """The stored version of a page, or None if there is none (or no longer)."""

    @abc.abstractmethod
    async def trace(self, page_id: str) -> Trace | None:
        """What there is of a page, without its report; None if there is nothing, or no longer."""

    @abc.abstractmethod
    def batches(self, *, now: datetime, size: int = 500) -> AsyncIterator[list[Snapshot]]:
        """Every page that is to be in memory again, ``size`` at a time.

        First those that never expire because they were not finished, then those that expire after
        ``now``; in each group the youngest first, as they are the likeliest to be asked for. Those that
        are finished may be `libra.storage.rows.entries.Packed`, unchecked.
        """

    @abc.abstractmethod
    async def recent(self, query: PageQuery) -> list[Snapshot]:
        """Pages by the time of their submission, newest first, for lists.

        Their reports are without assets, as `libra.report.without_assets` makes them, or
        without more that no summary has: a hundred whole ones may be more than memory holds.
        """

    @abc.abstractmethod
    async def urls(self, query: UrlQuery) -> list[UrlRow]:
        """One row for each URL that has been submitted, by its newest weigh-in.

        Reports are as `recent` gives them. Of 100,000 pages this takes a tenth of a second or two;
        with a text every title is looked at, so this can take until the deadline.
        """

    @abc.abstractmethod
    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> list[Snapshot]:
        """What was weighed of a URL over a time, newest first, thinned: the heaviest of each span.

        So no peak is lost. Reports are as `recent` gives them.

        Args:
            url: exactly this submitted URL.
            since: where the time begins; None for the first weigh-in.
            until: where it ends.
            spans: into how many it is divided.
        """

    async def history(self, url: str, *, limit: int) -> list[Snapshot]:
        """What was stored of a URL over time, newest first."""
        return await self.recent(PageQuery(limit=limit, url=url))

    @abc.abstractmethod
    async def keep_picture(self, page_id: str, thumbnail: bytes, whole: bytes) -> None:
        """Keep the picture of a page, or another one of it; nothing of a page that is deleted.

        It is in a table of its own, which nothing else reads, and goes when its page goes.
        """

    @abc.abstractmethod
    async def picture(self, page_id: str, *, whole: bool) -> bytes | None:
        """The thumbnail of a page, or the whole picture; None if there is none."""

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
    async def prune(
        self, *, older_than: datetime | None, watched: Mapping[str, Thinning] = NOTHING
    ) -> int:
        """Remove what is older than it is to be kept, as if it had been deleted.

        Each page leaves a mark, so that a Libra which has it in memory lets go of it and no save brings
        it back. Marks that are older, and older than `libra.storage.keeping.MARKS`, are removed.

        Args:
            older_than: pages that were submitted before are removed; None for none.
            watched: the URLs to which that does not apply, and what is kept of each.

        Returns:
            How many pages were removed.
        """

    @abc.abstractmethod
    async def pruned(self, *, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
        """The marks of pages that were pruned: number of the pruning (see `History`) and id.

        In that order, from what follows ``after``.
        """

    @abc.abstractmethod
    async def give_back(self, *, whole: bool = False) -> int:
        """Give the system back the disk space of what is removed; returns how many bytes.

        Args:
            whole: also where that rewrites the database, during which nothing can be saved.
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
