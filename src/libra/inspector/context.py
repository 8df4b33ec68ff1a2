"""What the processes of one Libra share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from libra.inspector.departures import Departures
from libra.inspector.followers import Followers
from libra.inspector.pauses import Pauses
from libra.inspector.record import PageRecord, Records, moment_of
from libra.inspector.watches import WatchRecord, WatchRecords
from libra.otp import DynamicSupervisor, GenServer, ProcessExited, Registry
from libra.parsers.pool import Parsers
from libra.parsers.reader import ParserReader
from libra.storage import Deleted
from libra.storage.recollection import Loss
from libra.tally import Tally
from libra.weighing.fetch import Fetcher
from libra.weighing.options import Options, Viewport
from libra.weighing.reader import InPlaceReader, Reader
from libra.weighing.rendered import BrowserPool
from libra.weighing.report import Method

if TYPE_CHECKING:
    from libra.inspector.admission import Admission
    from libra.inspector.backup import Backup
    from libra.inspector.durability import Durability
    from libra.inspector.keeper import Keeper
    from libra.inspector.weigh_ins import WeighIns


#: Bytes of reports from which on a write takes no more of them, as each is in memory several times.
BATCH_BYTES: Final = 16_000_000


def _nothing() -> None:
    """To be replaced."""


def utc_now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Outage:
    """The database cannot be used: since when, and why, in words for people."""

    since: datetime
    reason: str


class Context:
    """The surroundings of a page, and of a watch.

    Plain data and services are given at the start. The processes (``registry``, ``admission``,
    ``inspectors``, ``watchers``, ``backup``, ``keeper``) enter themselves in their ``init``, so that
    after a restart everybody finds the new one: as with Erlang's registered names, nobody keeps hold
    of an old handle.

    Attributes:
        fetcher: the one way to the network.
        browsers: for pages that are to be rendered.
        parsers: who reads what strangers wrote; None where the system has no such processes.
        admission: how many pages are weighed at a time, by method.
        options: how a page is weighed whose submission chose nothing.
        ttl: seconds that a finished page rests in memory.
        records: what outlives a crash.
        departures: which page leaves first when memory is full.
        followers: who wants to know of changes.
        durability: makes safe what a page or a watch has to keep.
        pauses: how long the program did not run.
        tally: what has happened since the start.
        now: the wall clock; tests move it by hand.
        outage: since when and why the database cannot be used; None while it can.
        replayed: set once everything that the journal held can be read again.
        keys_known: set once the idempotency keys of the database are known.
        recalled: set once everything that the local copy held is in memory.
        standby: since when and why this Libra writes nothing to the database; None while it does.
        gap: what the database was found to lack, until all of it that is here is saved again.
        losses: everything that databases of this Libra were found to lack, the oldest first.
        restore_again: has pages and watches brought back as after a start.
        opened: set once it is known whether the database can be used.
        available_since: when the database was last found to be there; None before that.
        disk_trouble: since when and why the journal cannot be written; None while it can.
        forgotten: pages whose deletion has not reached the database yet.
        erased: those of both kinds whose deletion has, but which the restorer may still have in hand.
        restoring: whether pages or watches are being brought back from the database.
        public_url: where people reach the service; None if nobody said.
        weigh_ins: how a watch has its page weighed.
        watches: what outlives a crash of the process of a watch.
        unwatched: watches whose deletion has not reached the database yet.
        watches_known: set once every watch that there is is in memory.
    """

    registry: Registry
    inspectors: DynamicSupervisor
    watchers: DynamicSupervisor
    weigh_ins: WeighIns
    durability: Durability
    backup: Backup
    keeper: Keeper

    def __init__(
        self,
        fetcher: Fetcher,
        browsers: BrowserPool,
        parsers: Parsers | None = None,
        *,
        options: Options,
        ttl: float,
        now: Callable[[], datetime] = utc_now,
        public_url: str | None = None,
    ) -> None:
        self.fetcher = fetcher
        self.options = options
        self.ttl = ttl
        self.now = now
        self.browsers = browsers
        self.parsers = parsers
        self.records = Records()
        self.admission: dict[Method, Admission] = {}
        self.departures = Departures(self.records)
        self.replayed = asyncio.Event()
        self.recalled = asyncio.Event()
        self.keys_known = asyncio.Event()
        self.opened = asyncio.Event()
        self.outage: Outage | None = None
        self.available_since: datetime | None = None
        self.standby: Outage | None = None
        self.gap: Loss | None = None
        self.losses: tuple[Loss, ...] = ()
        self.restore_again: Callable[[], None] = _nothing
        self.disk_trouble: Outage | None = None
        self.forgotten: set[str] = set()
        self.followers = Followers()
        self.tally = Tally()
        self.public_url = public_url
        self.watches = WatchRecords()
        self.unwatched: set[str] = set()
        self.erased: set[str] = set()
        self.restoring = True
        self.pauses = Pauses()
        self.watches_known = asyncio.Event()
        self._noting: dict[int, set[str]] = {}

    def options_for(self, method: Method, viewport: Viewport) -> Options:
        """How a page is weighed that chose nothing but these, or of which nothing else is known."""
        return msgspec.structs.replace(self.options, method=method, viewport=viewport, auto=False)

    def options_of_its_own(self) -> Options | None:
        """The options of a page whose submission chose nothing, where these are not as usual.

        A page remembers how it is to be weighed; most need not, as it is without a browser.
        """
        usual = self.options.method == "static" and not self.options.auto
        return None if usual else self.options

    def reader_for(self, options: Options) -> Reader:
        """Who reads the documents and style sheets of one page."""
        if self.parsers is None:
            return InPlaceReader(self.fetcher.in_thread, options)
        return ParserReader(self.parsers, self.fetcher.in_thread, options)

    def find(self, entry_id: str) -> PageRecord | WatchRecord | None:
        """The record of a page or a watch, or None: their ids are of one kind."""
        return self.records.get(entry_id) or self.watches.get(entry_id)

    def batch(self, entry_ids: Iterable[str], most: int) -> list[str]:
        """The first of these ids, so many at most and of no more bytes than one write should have."""
        chosen: list[str] = []
        size = 0
        for entry_id in islice(entry_ids, most):
            record = self.records.get(entry_id)
            size += 0 if record is None else record.report_bytes
            if chosen and size > BATCH_BYTES:
                break
            chosen.append(entry_id)
        return chosen

    def everything(self) -> Iterator[PageRecord | WatchRecord]:
        """Every record of a page or a watch, as they are now."""
        yield from self.records
        yield from self.watches

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

    def deletion(self, entry_id: str) -> Deleted | None:
        """The deletion of a page or a watch that the database does not know of yet, or None."""
        if entry_id in self.forgotten:
            return Deleted(entry_id, self.now())
        return Deleted(entry_id, self.now(), "watch") if entry_id in self.unwatched else None

    def forget(self, page_id: str) -> None:
        """A page is deleted: from now on nobody finds it any more, whatever the database still has."""
        self.forgotten.add(page_id)
        self.records.discard(page_id)
        for deleted in self._noting.values():
            deleted.add(page_id)

    @contextmanager
    def deletions(self) -> Iterator[set[str]]:
        """The pages that are deleted while the block lasts, growing.

        What the database was asked for before a deletion may arrive after it, and by then the
        deletion may be done with and forgotten.
        """
        deleted: set[str] = set()
        self._noting[id(deleted)] = deleted
        try:
            yield deleted
        finally:
            del self._noting[id(deleted)]

    def forget_deletions(self) -> None:
        """Nobody can bring back any more what was erased: it needs to be remembered no longer."""
        self.forgotten -= self.erased
        self.unwatched -= self.erased
        self.erased.clear()

    def tell(self, entry_id: str, message: object) -> bool:
        """Send the process of a page or a watch a message; whether it has one at the moment."""
        try:
            process: GenServer | None = self.registry.whereis(entry_id)
            if process is None and (child := self.watchers.child(entry_id)) is not None:
                process = child.process
        except ProcessExited:
            return False
        if process is not None:
            process.send(message)
        return process is not None
