"""Protocols of the processes and services that pages and watches use.

The implementations import what pages and watches share. So that the shared state can name them, this
module describes what they do, without importing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from libra.inspector.records.messages import (
    Begin,
    DatabaseBacklog,
    Delete,
    Drain,
    Dropped,
    Keep,
    Lost,
    Offer,
    Settle,
)
from libra.inspector.records.watches.alerts import Alert
from libra.inspector.records.watches.watch_record import WatchState
from libra.observability.health import NodeHealth, Part
from libra.otp import ChildSpec, GenServer
from libra.report import Backup as Level
from libra.report import Report
from libra.storage import Snapshot, Unavailable
from libra.storage.history import History
from libra.storage.journal.journal import Begun
from libra.weighing.rendered.picture import Picture


class Durability(Protocol):
    """Makes pages, watches and their deletions safe.

    The process of a page or a watch learns the level by `Safe` and `Unsafe`; it passes nothing on.
    """

    def keep(self, entry_id: str) -> None:
        """Make the state of a record safe, as far as it is not yet; returns at once."""

    async def kept(self, entry_id: str) -> bool:
        """Like `keep`, and wait for the first step: False if that cannot be done now."""

    async def forget(self, entry_id: str) -> None:
        """Make a deletion safe that `Context` has noted; waits for the first step as `kept` does."""

    def release(self, entry_id: str, version: int) -> None:
        """Let go of a page or a watch that has left memory in this version."""

    def begin(self, page_id: str) -> None:
        """Write down that a page's life begins, before it does; the page gets `MayBegin`."""

    def end(self, page_id: str) -> None:
        """Note that a page's life has ended, and not because the program did."""

    async def was_deleted(self, page_id: str) -> bool:
        """Whether this Libra remembers the deletion of a page while the database cannot be asked."""

    def next_life(self, row: Snapshot) -> int:
        """The life to begin for a page that comes back from this row."""

    def deaths(self, page_id: str) -> int:
        """How many times in a row the program died while this page was being weighed."""

    def pass_on(self, page_id: str, read: Report) -> bool:
        """Pass a page that needs a browser to a node that has one; False if there is none.

        If True, the page's process has nothing more to do and is ended.
        """

    def steps(self, level: Level) -> int:
        """How many more times a page at this level is told of a new level until it is stored."""

    def state(self) -> DatabaseBacklog:
        """How much is not stored yet; callers read it from outside, without a message."""

    def prepare(self) -> None:
        """Claim what only one program may use; call this on a thread, because it may wait for a disk.

        Raises:
            JournalInUse: another Libra uses it.
            OSError: it cannot be claimed. Until it can be, nothing is safe.
        """

    def writers(self) -> list[ChildSpec[Any]]:
        """The processes that it needs; they start before the first page."""

    def restorer(self) -> ChildSpec[Any]:
        """The process that brings back the kept pages and watches."""

    async def settle(self) -> None:
        """Save what is not safe yet, as far as a few seconds allow."""

    async def closed(self) -> None:
        """Close connections after the processes have ended."""

    def close(self) -> None:
        """Release all resources after the processes have ended."""

    def nodes(self) -> tuple[NodeHealth, ...]:
        """The nodes of the cluster; empty without a cluster."""

    def parts(self) -> dict[str, Part]:
        """Further parts for `/health`, beside the database and the journal."""


class JournalWriterPort(GenServer):
    """The process that writes the journal, as others see it."""

    __slots__ = ()

    def keep(self, entry_id: str) -> None:
        """Take a page or a watch that has a state that the journal lacks."""
        self.cast(Keep(entry_id))

    async def kept(self, entry_id: str, *, seconds: float) -> bool:
        """Like `keep`, and wait until it is on the disk: False if the disk cannot keep it now.

        Raises:
            ProcessException: there was no answer in ``seconds``.
        """
        kept: bool = await self.call(Keep(entry_id), timeout=seconds)
        return kept

    def begin(self, page_id: str, begun: Begun | None) -> None:
        """Note that a page begins a life, or (None) has ended it well."""
        self.cast(Begin(page_id, begun))

    def drop(self, stored: list[tuple[str, int]], known: History | None = None) -> None:
        """Drop entries, each as of a version, that are stored or left memory: see `Dropped`."""
        self.cast(Dropped(stored, known))

    async def settle(self, *, seconds: float) -> None:
        """Wait until everything is on the disk, or the disk fails.

        Raises:
            ProcessException: there was no answer in ``seconds``.
        """
        await self.call(Settle(), timeout=seconds)

    def waiting(self) -> set[str]:
        """The ids that are not on the disk yet; callers read them from outside, like a Registry."""
        raise NotImplementedError


class DatabaseWriterPort(GenServer):
    """The process that writes to the database, as others see it."""

    __slots__ = ()

    def offer(self, entry_id: str) -> None:
        """Take a page or a watch that has a state that the database lacks."""
        self.cast(Offer(entry_id))

    def delete(self, entry_id: str) -> None:
        """Delete a page or a watch from the database too."""
        self.cast(Delete(entry_id))

    def unavailable(self, error: Unavailable) -> None:
        """Take the news that a caller found the database unavailable."""
        self.cast(Lost(error))

    async def drain(self, *, seconds: float = 5.0) -> None:
        """Wait until nothing waits any more, or nothing can be written now.

        Raises:
            ProcessException: there was no answer in ``seconds``.
        """
        await self.call(Drain(), timeout=seconds)

    def state(self, *, also: AbstractSet[str] = frozenset()) -> DatabaseBacklog:
        """How much waits now; callers read it from outside, like a Registry, without a message.

        Args:
            also: entries that will be offered later, such as a result on its way to the journal.
        """
        raise NotImplementedError

    @property
    def breaker(self) -> str:
        """The state of the breaker, read from outside, in words: ``open, 12 attempts failed``."""
        raise NotImplementedError


class Pictures(Protocol):
    """Keeps pictures of rendered pages; without a guarantee."""

    def keep(self, page_id: str, picture: Picture) -> None:
        """Store a picture as soon as possible."""

    def forget(self, page_id: str) -> None:
        """Drop the waiting picture of a page that was deleted."""

    def waiting(self, page_id: str) -> Picture | None:
        """The picture of a page that is not stored yet."""


class WeighIns(Protocol):
    """Lets a watch have its page weighed and its alerts delivered."""

    async def submit(self, page_id: str, state: WatchState) -> bool:
        """Have the watch's page weighed under an id that the watch chose; False if impossible now."""

    async def resume(self, page_id: str, state: WatchState) -> bool | None:
        """Like `submit`, for a page that a former life of the watch may have submitted."""

    async def outcome(self, page_id: str) -> Report | None:
        """The report of a page once it is finished; None if somebody deletes the page first."""

    async def deliver(self, state: WatchState, undelivered: Alert) -> str | None:
        """Try to deliver an alert; None if the receiver accepted it, otherwise the named error."""


class Courier(Protocol):
    """Delivers alerts to the operator's destinations."""

    @property
    def destinations(self) -> Mapping[str, object]:
        """The configured destinations, by their names."""
        raise NotImplementedError

    async def deliver(self, name: str, title: str, text: str) -> str | None:
        """Try to deliver a message; None if the service accepted it, otherwise the named error."""
