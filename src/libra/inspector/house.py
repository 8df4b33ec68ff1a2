"""The tree of processes of one Libra, and what stands around it.

::

    Libra (one_for_one: what fails alone restarts alone)
     ├─ Journal        what is acknowledged and not in the database yet, on local disk
 ├─ Backup         the one writer to the database
     ├─ Pages (rest_for_one)
     │   ├─ Registry      page id -> process
     │   ├─ Admission     how many pages are fetched at a time, and how many rendered
     │   ├─ Inspectors    one PageInspector per page (transient)
     │   ├─ Watches       one Watcher per watch (transient)
     │   └─ Restorer      brings pages and watches back
     └─ services, such as the web server
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from ipaddress import ip_network
from typing import Any

from libra.inspector import backup
from libra.inspector.admission import Admission
from libra.inspector.archive import Archive
from libra.inspector.backup import Backup
from libra.inspector.context import Context, utc_now
from libra.inspector.departures import Departure
from libra.inspector.disk import DiskThread
from libra.inspector.keeper import Keeper
from libra.inspector.messages import Delete, Keep, Read, Settle
from libra.inspector.page import PageInspector
from libra.inspector.record import PageRecord
from libra.inspector.restorer import Restorer
from libra.inspector.service import Runnable, Service
from libra.inspector.watching import Watches, Watching
from libra.inspector.weigh_ins import WeighIns
from libra.otp import (
    Child,
    ChildSpec,
    Clock,
    DynamicSupervisor,
    Lag,
    NotFound,
    ProcessException,
    ProcessExited,
    Registry,
    Runtime,
    StartError,
    Supervisor,
    Watchdog,
)
from libra.parsers.pool import Parsers, can_fork
from libra.settings import Settings, parse_limits
from libra.storage import open_store
from libra.storage.journal import Journal
from libra.weighing.fetch import Fetcher
from libra.weighing.gate import PORTS, Gate
from libra.weighing.options import Limits, Options
from libra.weighing.rendered import BrowserPool

log = logging.getLogger("libra")


#: Seconds that an acknowledgement waits for a keeper that has not even answered.
PATIENCE = 0.8

#: Seconds that a disk which hangs is waited for at the end.
DISK_PATIENCE = 1.0

#: Seconds that the last save may take at shutdown.
LAST_SAVE = 10.0


class PageRegistry(Registry):
    """Page id -> process."""

    __slots__ = ()

    def init(self, context: Context) -> None:  # type: ignore[override]  # as an __init__ may
        """Enter itself in the context."""
        super().init()
        context.registry = self


class Inspectors(DynamicSupervisor):
    """The supervisor of the pages: each has a restart budget of its own."""

    __slots__ = ()

    def init(self, context: Context) -> None:  # type: ignore[override]  # as an __init__ may
        """Enter itself in the context."""
        super().init(on_quarantine=partial(_quarantined, context))
        context.inspectors = self


def _gate(settings: Settings) -> Gate:
    """What the pages may fetch from: what is public, and what the settings open."""
    return Gate(
        allow=[ip_network(network) for network in settings.allow],
        ports=PORTS | set(settings.allow_port),
    )


def _quarantined(context: Context, child: Child) -> None:
    record = context.records.get(str(child.id))
    if record is not None:
        record.quarantine(str(child.reason))
        context.followers.changed(record.id)


class House:
    """Builds the tree, takes it down, and finds the processes in it."""

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self._clock = clock
        gate = _gate(settings)
        self.fetcher = Fetcher(gate=gate, delay=settings.delay)
        self.browsers = BrowserPool(
            executable=settings.browser,
            size=settings.browsers,
            gate=gate,
            politeness=self.fetcher.politeness,
        )
        # One of them is always for what is done quickly: so there are two at least.
        count = max(2, settings.parsers or os.cpu_count() or 2)
        self.parsers = Parsers(count, memory=settings.parser_memory) if can_fork() else None
        limits = Limits(page_seconds=settings.page_timeout, asset_seconds=settings.asset_timeout)
        self.context = Context(
            self.fetcher,
            self.browsers,
            self.parsers,
            options=Options(limits=parse_limits(settings.limits, limits)),
            ttl=settings.ttl,
            now=now,
            public_url=settings.public_url,
        )
        self.store = open_store(settings.database_url())
        self.archive = Archive(self.context, self.store)
        self.watching = Watching(self.context, self.keep)
        self.context.weigh_ins = WeighIns(
            self.context,
            self.archive,
            has_room=self._has_room,
            bring_up=self.bring_up,
            keep=self.keep,
        )
        self.journal = Journal(settings.data_dir / "journal") if settings.journal else None
        self._journal_thread = DiskThread("libra-journal")
        self.started_at = self.context.now()
        self.closing = False
        self.closed = False
        self.runtime: Runtime
        self._root: Supervisor

    async def open(self, services: Mapping[str, Callable[[], Runnable]]) -> None:
        """Start everything; nothing here waits for a database or a network."""
        context, settings = self.context, self.settings
        await asyncio.to_thread(self._prepare_disk)
        await self.fetcher.__aenter__()
        if services and self.parsers is not None:
            self._start_parsers(self.parsers)
        self.runtime = Runtime(clock=self._clock)
        pages: list[ChildSpec[Any]] = [
            ChildSpec(PageRegistry, (context,), id="registry"),
            ChildSpec(Admission, (context, "static", settings.concurrency), id="admission"),
            ChildSpec(Admission, (context, "rendered", settings.browsers), id="browsers"),
            ChildSpec(Inspectors, (context,), id="inspectors"),
            ChildSpec(Watches, (context,), id="watches"),
            ChildSpec(
                Restorer,
                (context, self.store, self.journal, self._journal_thread),
                {"eager": settings.restore == "eager", "max_pages": settings.max_pages},
                id="restorer",
                restart="transient",
            ),
        ]
        self._root = self.runtime.start(
            Supervisor,
            [
                ChildSpec(Watchdog, id="watchdog"),
                ChildSpec(Keeper, (context, self.journal, self._journal_thread), id="journal"),
                ChildSpec(
                    Backup, (context, self.store), {"migrate": settings.migrate}, id="backup"
                ),
                ChildSpec(
                    Supervisor,
                    (pages,),
                    {"strategy": "rest_for_one"},
                    id="pages",
                ),
                *(
                    ChildSpec(Service, (make,), id=name, shutdown=settings.shutdown_grace + 5)
                    for name, make in services.items()
                ),
            ],
        )

    async def close(self) -> None:
        """Stop in good order: finish what is under way, save, let go of everything.

        What cannot be done in time is left: a page under way is in the database as submitted and
        is weighed again after the next start.
        """
        self.closing = True
        try:
            async with asyncio.timeout(self.settings.shutdown_grace):
                await self._finish_pages()
        except TimeoutError:
            log.warning("stopping with %d pages unfinished", self._unfinished())
        try:
            await self.context.backup.call(backup.Ask.DRAIN, timeout=LAST_SAVE)
            await self.context.keeper.call(Settle(), timeout=LAST_SAVE)
        except ProcessException as error:
            log.warning("stopping without a last save: %s", error)
        self.closed = True
        self.context.followers.wake_all()
        await self.runtime.shutdown()
        await self.store.close()
        # A disk that hangs is left to itself, and its lock ends with the program.
        if self._journal_thread.close(DISK_PATIENCE) and self.journal is not None:
            self.journal.close()
        if self.parsers is not None:
            await self.parsers.close()
        await self.browsers.__aexit__(None, None, None)
        await self.fetcher.__aexit__(None, None, None)

    async def keep(self, page_id: str) -> bool:
        """Wait until a page, or its deletion, is on the local disk; False if that cannot be now."""
        try:
            kept: bool = await self.context.keeper.call(Keep(page_id), timeout=PATIENCE)
        except ProcessException as error:
            log.debug("page %s is not journaled yet: %s", page_id, error)
            return False
        return kept

    def _prepare_disk(self) -> None:
        """Claim the data directory; one that cannot be written is no reason not to start.

        Raises:
            JournalInUse: another Libra works on it.
        """
        try:
            self.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self.journal is not None:
                self.journal.lock()
                self.journal.scan()
        except OSError as error:
            log.error("the data directory cannot be used: %s", error)

    def _start_parsers(self, parsers: Parsers) -> None:
        """A service expects pages: the first of them need not wait for the parsers to start."""
        try:
            parsers.start()
        except OSError as error:
            log.error("no parser can be started: %s", error)

    async def ask(self, page_id: str) -> tuple[int, bytes, bool] | None:
        """The version of a page in memory, its report as JSON, and whether it is finished."""
        try:
            process = self.context.registry.whereis(page_id)
            if process is not None:
                answer: tuple[int, bytes, bool] = await process.call(Read.REPORT)
                return answer
        except ProcessException as error:
            # It died over this or just before, or the registry did. Its record did not.
            log.debug("page %s did not answer: %s", page_id, error)
        record = self.context.records.get(page_id)
        if record is None:
            return None
        return record.version, record.encoded(), record.finished

    async def make_room(self) -> bool:
        """Let the page leave memory that would expire first; False if none may leave."""
        departures = self.context.departures
        stay: list[Departure] = []
        try:
            while (departure := departures.next()) is not None:
                if await self._ask_to_leave(departure.page_id):
                    return True
                stay.append(departure)  # somebody follows it
        finally:
            for departure in stay:
                departures.note(departure.page_id, departure.expires_at)
        return False

    async def _ask_to_leave(self, page_id: str) -> bool:
        try:
            process = self.context.registry.whereis(page_id)
            left: bool = process is not None and await process.call(Read.LEAVE)
        except ProcessException:
            return False
        return left

    def bring_up(self, record: PageRecord) -> None:
        """Enter a page and start its process.

        Raises:
            StartError: the process could not start; the page is not there then.
        """
        # The record is there before the process: a page can be read whatever its start comes to.
        self.context.records.add(record)
        try:
            self.context.inspectors.start_child(PageInspector.child_spec(self.context, record))
        except StartError:
            self.context.records.discard(record.id)
            raise
        except ProcessExited as error:
            # The supervisor is between two lives. When it is back, the restorer, which starts
            # after it, finds the record.
            log.debug("page %s is started later: %s", record.id, error)

    async def remove(self, page_id: str) -> None:
        """Forget a page: its process, its record, and what the database has of it."""
        context = self.context
        # In this order: nobody finds it any more, then it ends, then the backup learns of it.
        context.forgotten.add(page_id)
        context.records.discard(page_id)
        context.followers.changed(page_id)
        context.tally.delete(page_id)
        try:
            await context.inspectors.terminate_child(page_id)
        except (NotFound, ProcessExited):
            log.debug("page %s had no process", page_id)
        await self.keep(page_id)
        context.backup.cast(Delete(page_id))

    async def wait_down(self) -> str:
        """Wait until the tree has ended, by `close` or because nothing helped; returns why."""
        return str(await self._root.wait_down())

    @property
    def root(self) -> Supervisor:
        """The root of the tree."""
        return self._root

    def lag(self) -> Lag:
        """How late the event loop runs."""
        child = self._root.child("watchdog")
        if child is None or not isinstance(child.process, Watchdog):
            return Lag(0.0, 0.0, 0.0, 0, None)
        return child.process.lag()

    def retry(self, page_id: str) -> bool:
        """Give a quarantined page, or watch, another chance; False if there is none of that id."""
        if self.watching.retry(page_id):
            return True
        record = self.context.records.get(page_id)
        child = self.context.inspectors.child(page_id)
        if record is None or child is None or child.state != "quarantined":
            return False
        record.revive()
        self.context.inspectors.retry_child(page_id)
        return True

    async def _has_room(self) -> bool:
        while len(self.context.records) >= self.settings.max_pages:
            if not await self.make_room():
                return False
        return not self.closing

    async def _finish_pages(self) -> None:
        while page_id := next(
            (r.id for r in self.context.records.newest() if self._will_finish(r.id)), None
        ):
            with self.context.followers.subscribe(page_id) as change:
                if self._will_finish(page_id):
                    await change.wait()

    def _will_finish(self, page_id: str) -> bool:
        record = self.context.records.get(page_id)
        return record is not None and not record.finished and record.error is None

    def _unfinished(self) -> int:
        return sum(not record.finished for record in self.context.records)
