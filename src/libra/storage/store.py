"""The Store port: what Libra asks of a database, and how a database may fail it.

The database is a backup. Pages live in memory; a store keeps what they were, so that they are there
again after a restart and can be looked up long after they have left memory. An engine is chosen by
the URL given to `open_store`, and nothing outside this package can tell which one it is.

Every call has a hard deadline and ends in one of three ways: it succeeds, it raises a `StoreError`
that says what to do about it, or it raises something else, which is a bug and must be seen.
"""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

import msgspec

from libra.storage.snapshot import Entry, Refused, Snapshot

Fault: TypeAlias = Literal[
    "unreachable",  # no connection, or it was lost: refused, reset, DNS, shutting down, too many
    "timeout",  # no answer within the deadline: slow, frozen or cut off
    "contention",  # a lock or a serialization conflict: worth another try at once
    "read-only",  # reachable, but it takes no writes: a standby, a read-only file
    "full",  # no space or memory left
    "corrupt",  # it answers with nonsense: not a database, a damaged file
    "config",  # it refuses us: password, database name, privilege. Only a person can mend it
    "schema",  # its tables are missing or belong to another version of Libra
]
"""What kind of unavailable, in one word for `/health` and the metrics."""


class StoreError(Exception):
    """What every expected failure of a store derives from."""


class Unavailable(StoreError):
    """The database cannot do this now; nothing is wrong with what it was asked. Try again later.

    The outcome of a save that ended so is *unknown*: it may have been stored. That is harmless,
    because saves can be repeated.
    """

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(f"{fault}: {reason}")
        self.fault: Fault = fault
        self.reason = reason


class Rejected(StoreError):
    """The database will never take this row (it does not fit, it is not valid); others are fine."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class SchemaMismatch(Unavailable):
    """The schema is missing, older or newer than this program; the message says what to do."""

    def __init__(self, reason: str) -> None:
        super().__init__("schema", reason)


class Deadlines(msgspec.Struct, frozen=True):
    """How long a call may take, in seconds, whatever state the database is in.

    ``read`` is short because a person waits; ``probe`` is short because the length of the pause
    between a database's return and the first save is this plus one back-off delay.
    """

    connect: float = 3.0
    probe: float = 1.0
    read: float = 0.8
    save: float = 5.0
    restore: float = 10.0


class Store(abc.ABC):
    """A database of pages.

    All calls but `open` may be made concurrently. Saves, reads and restores use separate
    connections, so that none of them ever waits for another. Any call may raise `Unavailable`.
    """

    @abc.abstractmethod
    async def open(self) -> None:
        """Connect and check the schema. Optional: every other call connects by itself when needed.

        Raises:
            SchemaMismatch: if the schema is not the one that this program knows.
        """

    @abc.abstractmethod
    async def close(self) -> None:
        """Let go of every connection and thread, within a second or so, whatever is under way."""

    @abc.abstractmethod
    async def save(self, entries: Sequence[Entry]) -> list[Refused]:
        """Store a batch of snapshots and deletions in one transaction; returns those refused.

        Idempotent and in any order: an entry takes effect only if its version is higher than the
        stored one, and nothing takes effect after a deletion. When the database refuses a row,
        that row is set apart and the rest of the batch is stored.
        """

    @abc.abstractmethod
    async def load(self, page_id: str) -> Snapshot | None:
        """The stored version of a page, or None if there is none (or no longer)."""

    @abc.abstractmethod
    def batches(self, *, now: datetime, size: int = 500) -> AsyncIterator[list[Snapshot]]:
        """Every page that is to be in memory again, ``size`` at a time: see `due_for_restore`.

        First those that never expire because they were not finished, then those that expire after
        ``now``; in each group the youngest first, as they are the likeliest to be asked for.
        """

    @abc.abstractmethod
    async def recent(
        self, *, limit: int, after: str | None = None, url: str | None = None
    ) -> list[Snapshot]:
        """Pages by the time of their submission, newest first.

        Args:
            limit: how many at most.
            after: the id of the last page of the list before, to continue from there.
            url: only pages of exactly this submitted URL.
        """

    async def history(self, url: str, *, limit: int) -> list[Snapshot]:
        """What was stored of a URL over time, newest first."""
        return await self.recent(limit=limit, url=url)

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
    async def ping(self) -> None:
        """Find out, within the deadline of a probe, whether a save would have a chance."""


def open_store(url: str, *, deadlines: Deadlines | None = None) -> Store:
    """The engine for a database URL, not opened yet: ``sqlite:///path`` or ``postgresql://...``.

    Raises:
        ValueError: if no engine goes by that URL.
    """
    # The engines are imported here so that a program pays only for the driver that it uses.
    deadlines = deadlines or Deadlines()
    if engine_of(url) == "sqlite":
        from libra.storage.sqlite import SQLiteStore, path_of  # noqa: PLC0415 - see above

        return SQLiteStore(path_of(url), deadlines=deadlines)
    raise ValueError("PostgreSQL is not built yet")


Engine: TypeAlias = Literal["sqlite", "postgres"]


def engine_of(url: str) -> Engine:
    """Which engine a database URL asks for.

    Raises:
        ValueError: if it is neither of the two.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return "sqlite"
    if scheme in {"postgresql", "postgres"}:
        return "postgres"
    raise ValueError(
        f"no database engine for {scheme or 'a URL without a scheme'!r}: "
        "use sqlite:///path/to/libra.db or postgresql://user@host/name"
    )
