"""What pages and watches ask of those who keep them safe, and of those who weigh for a watch.

The processes that stand behind these import what pages and watches share; so that it can name them, this
says what they can do and not what they are.
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

    The process of a page or a watch hears of it by `Safe` and `Unsafe`; it sends nothing on itself.
    """

    def keep(self, entry_id: str) -> None:
        """Make what is in a record safe, as far as it is not; returns at once."""

    async def kept(self, entry_id: str) -> bool:
        """As `keep`, and wait for the first step: False if that cannot be done now."""

    async def forget(self, entry_id: str) -> None:
        """Make a deletion safe, that `Context` knows of; waits for the first step as `kept` does."""

    def release(self, entry_id: str, version: int) -> None:
        """A page or a watch has left memory in this version: nothing needs to be held for a restart."""

    def begin(self, page_id: str) -> None:
        """Write down that a page's life begins, before it does; the page is told `MayBegin`."""

    def end(self, page_id: str) -> None:
        """A page's life has ended, and not because the program did."""

    async def was_deleted(self, page_id: str) -> bool:
        """Whether it is remembered here that a page was deleted: the database cannot be asked."""

    def next_life(self, row: Snapshot) -> int:
        """The life that a page begins which comes back from this row."""

    def deaths(self, page_id: str) -> int:
        """How often in a row the program died while this page was being weighed."""

    def pass_on(self, page_id: str, read: Report) -> bool:
        """Have a page that needs a browser go on elsewhere, where there is one; False if there is none.

        On True its process has nothing more to do, and is ended.
        """

    def steps(self, level: Level) -> int:
        """How many times a page that is this safe is told of another level until it is stored."""

    def state(self) -> DatabaseBacklog:
        """How much is not stored yet; to be read from outside, without a message."""

    def prepare(self) -> None:
        """Claim what belongs to one program alone; on a thread, as it may wait for a disk.

        Raises:
            JournalInUse: another Libra works on it.
            OSError: it cannot be claimed. Nothing is safe then until it can be.
        """

    def writers(self) -> list[ChildSpec[Any]]:
        """The processes that it needs, which are to live before the first page does."""

    def restorer(self) -> ChildSpec[Any]:
        """The process that brings back what was kept."""

    async def settle(self) -> None:
        """Save what is not safe, as far as that can be done in a few seconds."""

    async def closed(self) -> None:
        """The processes have ended: what they spoke through ends, too."""

    def close(self) -> None:
        """Let go of everything, after the processes have ended."""

    def nodes(self) -> tuple[NodeHealth, ...]:
        """The nodes that there are; none where there is no cluster."""

    def parts(self) -> dict[str, Part]:
        """What `/health` says of it beside the database and the journal."""


class JournalWriterPort(GenServer):
    """The process that writes the journal, as others see it."""

    __slots__ = ()

    def keep(self, entry_id: str) -> None:
        """A page or a watch has a state that the journal has not."""
        self.cast(Keep(entry_id))

    async def kept(self, entry_id: str, *, seconds: float) -> bool:
        """As `keep`, and wait until it is on the disk: False if the disk cannot keep it now.

        Raises:
            ProcessException: there was no answer in so many seconds.
        """
        kept: bool = await self.call(Keep(entry_id), timeout=seconds)
        return kept

    def begin(self, page_id: str, begun: Begun | None) -> None:
        """A page begins a life, or (None) has ended it well."""
        self.cast(Begin(page_id, begun))

    def drop(self, stored: list[tuple[str, int]], known: History | None = None) -> None:
        """The database has these, each as of a version, or they have left memory: see `Dropped`."""
        self.cast(Dropped(stored, known))

    async def settle(self, *, seconds: float) -> None:
        """Wait until the disk has all that the process was told, or fails.

        Raises:
            ProcessException: there was no answer in so many seconds.
        """
        await self.call(Settle(), timeout=seconds)

    def waiting(self) -> set[str]:
        """What is not on the disk yet; to be read from outside, like a Registry."""
        raise NotImplementedError


class DatabaseWriterPort(GenServer):
    """The process that writes to the database, as others see it."""

    __slots__ = ()

    def offer(self, entry_id: str) -> None:
        """A page or a watch has a state that the database has not."""
        self.cast(Offer(entry_id))

    def delete(self, entry_id: str) -> None:
        """A page or a watch is to be forgotten in the database too."""
        self.cast(Delete(entry_id))

    def unavailable(self, error: Unavailable) -> None:
        """Somebody found the database unavailable."""
        self.cast(Lost(error))

    async def drain(self, *, seconds: float = 5.0) -> None:
        """Wait until nothing waits any more, or cannot be written now.

        Raises:
            ProcessException: there was no answer in so many seconds.
        """
        await self.call(Drain(), timeout=seconds)

    def state(self, *, also: AbstractSet[str] = frozenset()) -> DatabaseBacklog:
        """How much waits now; to be read from outside, like a Registry, without a message.

        Args:
            also: what will be offered later, such as a result on its way to the journal.
        """
        raise NotImplementedError

    @property
    def breaker(self) -> str:
        """How the breaker stands, in words: ``open, 12 attempts failed``. To be read from outside."""
        raise NotImplementedError


class Pictures(Protocol):
    """Keeps pictures of rendered pages, as well as that can be."""

    def keep(self, page_id: str, picture: Picture) -> None:
        """Have a picture stored as soon as that can be."""

    def forget(self, page_id: str) -> None:
        """The page was deleted."""

    def waiting(self, page_id: str) -> Picture | None:
        """The picture of a page that is not stored yet."""


class WeighIns(Protocol):
    """How a watch has its page weighed, and its alerts delivered."""

    async def submit(self, page_id: str, state: WatchState) -> bool:
        """Have its page weighed under an id that the watch chose; False if that cannot be now."""

    async def resume(self, page_id: str, state: WatchState) -> bool | None:
        """As `submit`, for a page that a former life of the watch may have submitted."""

    async def outcome(self, page_id: str) -> Report | None:
        """The report of a page once it is finished; None if somebody deletes the page before."""

    async def deliver(self, state: WatchState, undelivered: Alert) -> str | None:
        """Try to deliver an alert; None if the receiver took it, else the named error."""


class Courier(Protocol):
    """How alerts reach the destinations that the operator has set up."""

    @property
    def destinations(self) -> Mapping[str, object]:
        """Those that there are, by their names."""
        raise NotImplementedError

    async def deliver(self, name: str, title: str, text: str) -> str | None:
        """Try to deliver a message; None if the service took it, else the named error."""
