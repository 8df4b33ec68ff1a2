"""The Store port: the operations that Libra needs from a database.

The database is a backup: pages live in memory. A store keeps their states, so that they come back
after a restart and can be looked up long after they have left memory. The URL of a database chooses
its engine (see `libra.storage.engines`), and only this package knows which one it is.

Every call has a hard deadline and ends in one of three ways: it succeeds, it raises a `StoreError`,
which is expected, or it raises something else, which is a bug and must be seen.
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
"""The state of a page in the database: a version of it, or the mark of its deletion."""


class Deadlines(msgspec.Struct, frozen=True):
    """The time limits of calls in seconds, independent of the state of the database.

    ``read`` is short because a person waits; ``probe`` is short because the pause between a
    database's return and the first save is this plus one back-off delay.
    """

    connect: float = 3.0
    probe: float = 1.0
    read: float = 0.5
    save: float = 5.0
    restore: float = 10.0


class Store(abc.ABC):
    """A database of pages, and of their watches.

    All calls but `open` may be made concurrently. Saves, reads and restores use separate connections,
    so that none ever waits for another. Any call may raise `Unavailable`.

    A store with a `Writer` (see `libra.storage.history`) counts its batches in the database and holds
    the lease of the one writer. Then `open`, `save` and `ping` raise `LeaseHeld` if another Libra
    holds the lease, and these and every read raise `HistoryLost` if the database is not the `known`
    one. A call that raises either has changed nothing. A store without a writer is for an
    administrator, who may write beside a Libra.

    Attributes:
        deadlines: the time limits of calls; they can be changed at any time for later calls.
        known: the database with everything that was saved to it, which a database must not lack. The
            store updates it. The caller sets it from the notes of a former program, and after a loss
            to the database that was found. None accepts any database.
        unreadable: the ids of pages and watches whose rows could not be read. Lists and restores
            leave such rows out, and nothing changes them.
    """

    deadlines: Deadlines
    known: History | None = None
    unreadable: set[str]

    @abc.abstractmethod
    def write_as(self, writer: Writer, known: History | None) -> None:
        """Set the writer of this store, and the database as it was known in the writer's last life."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Connect and check the schema. Optional: every other call connects when needed.

        Raises:
            SchemaMismatch: the schema is not the one that this program knows.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Release the lease, and close every connection and thread, within a second or so."""

    @abc.abstractmethod
    async def save(self, entries: Sequence[Entry]) -> list[RefusedRow]:
        """Store a batch of entries in one transaction; return the refused entries.

        Saves are idempotent and may come in any order: an entry takes effect only if its version is
        higher than the stored one. Nothing takes effect after a deletion: such a page is refused as
        ``deleted``. When the database refuses a row, that row is left out and the rest of the batch
        is stored.
        """

    @abc.abstractmethod
    async def load(self, page_id: str) -> Snapshot | None:
        """The stored version of a page, or None if there is none (any more).

        Raises:
            UnreadableRow: there is one and it cannot be read.
        """

    @abc.abstractmethod
    async def trace(self, page_id: str) -> Trace | None:
        """The state of a page without its report; None if the database has none (any more)."""

    @abc.abstractmethod
    def batches(self, *, now: datetime, size: int = 500) -> AsyncIterator[list[Snapshot]]:
        """Every page that should come back to memory, ``size`` at a time.

        Pages that never expire, because they were not finished, come first, then those that expire
        after ``now``; in each group the newest come first, because callers are most likely to ask for
        them. Finished pages may be `libra.storage.rows.entries.Packed` and unchecked.
        """

    @abc.abstractmethod
    async def recent(self, query: PageQuery) -> list[Snapshot]:
        """Pages by the time of their submission, newest first, for lists.

        Their reports lack assets, as `libra.report.without_assets` makes them, or also other parts
        that no summary has: a hundred whole reports may be more than memory holds.
        """

    @abc.abstractmethod
    async def urls(self, query: UrlQuery) -> list[UrlRow]:
        """One row for each submitted URL, with its newest weigh-in.

        Reports are as in `recent`. For 100,000 pages this takes one or two tenths of a second; with a
        text it looks at every title, so it can take until the deadline.
        """

    @abc.abstractmethod
    async def timeline(
        self, url: str, *, since: datetime | None, until: datetime, spans: int
    ) -> list[Snapshot]:
        """The weigh-ins of a URL over a time, newest first, thinned: the heaviest of each span.

        So no peak is lost. Reports are as in `recent`.

        Args:
            url: exactly this submitted URL.
            since: the beginning of the time; None for the first weigh-in.
            until: the end of the time.
            spans: the number of spans.
        """

    async def history(self, url: str, *, limit: int) -> list[Snapshot]:
        """The stored pages of a URL, newest first."""
        return await self.recent(PageQuery(limit=limit, url=url))

    @abc.abstractmethod
    async def keep_picture(self, page_id: str, thumbnail: bytes, whole: bytes) -> None:
        """Keep or replace the picture of a page, unless the page is deleted.

        Pictures have their own table, which no other call reads. Deleting a page deletes its picture.
        """

    @abc.abstractmethod
    async def picture(self, page_id: str, *, whole: bool) -> bytes | None:
        """The thumbnail of a page, or the whole picture; None if there is none."""

    @abc.abstractmethod
    async def keys(self, *, since: str, limit: int) -> list[tuple[str, str]]:
        """The idempotency keys of pages with this id or a newer one, with their ids, newest first.

        Keys of deleted pages are included, without the hash of their content.
        """

    @abc.abstractmethod
    async def watches(self) -> list[WatchRow]:
        """Every watch. Unlike pages, watches are few, and all of them are always in memory."""

    @abc.abstractmethod
    async def delete(self, page_id: str) -> bool:
        """Delete a page for good, also against a save of it that is still under way.

        Returns:
            Whether it existed.
        """

    @abc.abstractmethod
    async def prune(
        self, *, older_than: datetime | None, watched: Mapping[str, Thinning] = NOTHING
    ) -> int:
        """Remove pages that are older than the retention, as if they had been deleted.

        Each page leaves a mark, so that a Libra that has it in memory drops it and no save brings it
        back. Marks that are older than this, and older than `libra.storage.keeping.MARKS`, are
        removed.

        Args:
            older_than: pages that were submitted before this are removed; None for none.
            watched: the URLs to which that does not apply, and what is kept of each.

        Returns:
            How many pages were removed.
        """

    @abc.abstractmethod
    async def pruned(self, *, after: tuple[int, str], limit: int) -> list[tuple[int, str]]:
        """The marks of pruned pages: number of the pruning (see `History`) and id.

        They come in that order, after ``after``.
        """

    @abc.abstractmethod
    async def give_back(self, *, whole: bool = False) -> int:
        """Give the disk space of removed data back to the system; return the bytes.

        Args:
            whole: also if that rewrites the database, during which nothing can be saved.
        """

    @abc.abstractmethod
    async def schema(self) -> SchemaStatus:
        """Compare the schema of the database with that of this program, without changing it."""

    @abc.abstractmethod
    async def migrate(self) -> SchemaStatus:
        """Migrate the schema to that of this program, however long that takes.

        Two programs may do so at once; dropped tables are made again, empty.

        Raises:
            SchemaMismatch: the schema is newer than this program.
        """

    @abc.abstractmethod
    async def ping(self) -> None:
        """Find out, within the deadline of a probe, whether a save may succeed."""
