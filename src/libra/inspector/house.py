"""Builds the tree of processes of one Libra, starts it and takes it down.

::

    Libra (one_for_one: what fails alone restarts alone)
     ├─ Watchdog       how late the event loop is, and who held it
     ├─ Pauses         how long the program did not run at all
     ├─ Journal        what is acknowledged and not in the database yet, on local disk
     ├─ Backup         the one writer to the database
     ├─ Pages (rest_for_one)
     │   ├─ Registry      page id -> process
     │   ├─ Admission     how many pages are fetched at a time, and how many rendered
     │   ├─ Inspectors    one PageInspector per page (transient), asleep after a start
     │   ├─ Watches       one Watcher per watch (transient)
     │   ├─ Expiry        wakes the pages that are asleep when they expire
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

from libra.inspector.admission import Admission
from libra.inspector.archive import Archive
from libra.inspector.context import Context, utc_now
from libra.inspector.durability import Durability, JournalThenDatabase
from libra.inspector.expiry import Expiry
from libra.inspector.pages import Pages
from libra.inspector.pauses import PauseWatch
from libra.inspector.service import Runnable, Service
from libra.inspector.watching import Watches, Watching
from libra.inspector.weigh_ins import WeighIns
from libra.otp import (
    Child,
    ChildSpec,
    Clock,
    DynamicSupervisor,
    GenServer,
    Key,
    Lag,
    Registry,
    Runtime,
    Supervisor,
    Watchdog,
)
from libra.parsers.pool import Parsers, can_fork
from libra.settings import Settings, parse_limits
from libra.storage import file_of, open_store
from libra.storage.journal import Journal
from libra.storage.recollection import InMemory, OnDisk
from libra.weighing.dialing import OPEN
from libra.weighing.fetch import Fetcher
from libra.weighing.gate import PORTS, Gate
from libra.weighing.options import Limits, Options
from libra.weighing.proxies import proxies_of
from libra.weighing.rendered import BrowserPool
from libra.weighing.trust import trust

log = logging.getLogger("libra")

#: Where an older Libra kept its idempotency keys.
OLD_KEYS = "idempotency.jsonl"


class PageRegistry(Registry):
    """Page id -> process."""

    __slots__ = ()

    def init(self, context: Context) -> None:  # type: ignore[override]  # as an __init__ may
        """Enter itself in the context."""
        super().init(wake=partial(_woken, context))
        context.registry = self


def _woken(context: Context, page_id: Key) -> GenServer | None:
    """The process of a page that was asleep."""
    return context.inspectors.wake_child(page_id)


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


def _local_copy(settings: Settings) -> int:
    """Bytes of the local copy; none where there is nothing that it could be good for.

    A database in the data directory is on the same disk as a copy of it would be. And where nothing
    is to be in memory after a start, nothing needs to be held for it.
    """
    file = file_of(settings.database_url())
    beside = file is not None and file.resolve().is_relative_to(settings.data_dir.resolve())
    return 0 if beside or settings.restore == "off" else settings.local_copy


def _journal_then_database(house: House) -> Durability:
    settings = house.settings
    keep = settings.keep_deletions
    recollection = OnDisk(settings.data_dir, keep) if settings.journal else InMemory(keep)
    return JournalThenDatabase(
        house.context,
        house.store,
        house.journal,
        recollection,
        place=str(settings.data_dir.absolute()),
        migrate=settings.migrate,
        eager=settings.restore == "eager",
        max_pages=settings.max_pages,
    )


def _quarantined(context: Context, child: Child) -> None:
    record = context.records.get(str(child.id))
    if record is not None:
        record.quarantine(str(child.reason))
        context.followers.changed(record.id)


class House:
    """Builds the tree and takes it down.

    Args:
        settings: how it is to run.
        clock: timers go by it; the event loop's by default.
        now: the wall clock.
        durability: makes what keeps pages and watches safe; the journal and the database by default.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        now: Callable[[], datetime] = utc_now,
        durability: Callable[[House], Durability] | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        gate = _gate(settings)
        self.fetcher = Fetcher(
            # Behind a proxy that is the gate, the proxy is all that is connected to.
            gate=OPEN if settings.proxy else gate,
            delay=settings.delay,
            tls=trust(settings.ca),
            proxies=proxies_of({}, settings.proxy or ""),
        )
        self.browsers = BrowserPool(
            executable=settings.browser,
            size=settings.browsers,
            gate=gate,
            politeness=self.fetcher.politeness,
            memory=settings.browser_memory,
        )
        # One of them is always for what is done quickly: so there are two at least.
        count = max(2, settings.parsers or os.cpu_count() or 2)
        self.parsers = Parsers(count, memory=settings.parser_memory) if can_fork() else None
        limits = Limits(page_seconds=settings.page_timeout, asset_seconds=settings.asset_timeout)
        self.context = Context(
            self.fetcher,
            self.browsers,
            self.parsers,
            options=Options(
                method="rendered" if settings.method == "rendered" else "static",
                limits=parse_limits(settings.limits, limits),
                auto=settings.method == "auto",
            ),
            ttl=settings.ttl,
            now=now,
            public_url=settings.public_url,
        )
        self.store = open_store(settings.database_url())
        self.archive = Archive(self.context, self.store)
        self.journal = (
            Journal(settings.data_dir / "journal", local_copy=_local_copy(settings))
            if settings.journal
            else None
        )
        self.durability = (durability or _journal_then_database)(self)
        self.context.durability = self.durability
        self.pages = Pages(
            self.context,
            self.archive,
            max_pages=settings.max_pages,
            recall=settings.restore != "off",
        )
        self.watching = Watching(self.context)
        self.context.weigh_ins = WeighIns(self.context, self.archive, self.pages)
        self.started_at = self.context.now()
        self.closed = False
        self.runtime: Runtime
        self._root: Supervisor

    async def open(self, services: Mapping[str, Callable[[], Runnable]]) -> None:
        """Start everything; nothing here waits for a database or a network."""
        context, settings = self.context, self.settings
        await asyncio.to_thread(self._prepare_disk)
        await self.fetcher.__aenter__()
        await self.browsers.__aenter__()
        if services and self.parsers is not None:
            self._start_parsers(self.parsers)
        context.restore_again = self._restore_again
        self.runtime = Runtime(clock=self._clock)
        pages: list[ChildSpec[Any]] = [
            ChildSpec(PageRegistry, (context,), id="registry"),
            ChildSpec(Admission, (context, "static", settings.concurrency), id="admission"),
            ChildSpec(Admission, (context, "rendered", settings.browsers), id="browsers"),
            ChildSpec(Inspectors, (context,), id="inspectors"),
            ChildSpec(Watches, (context,), id="watches"),
            ChildSpec(Expiry, (context,), id="expiry"),
            self.durability.restorer(),
        ]
        self._root = self.runtime.start(
            Supervisor,
            [
                ChildSpec(Watchdog, id="watchdog"),
                ChildSpec(PauseWatch, (context,), id="pauses"),
                *self.durability.writers(),
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

    def _restore_again(self) -> None:
        """Start the restorer again, which ends when it is done."""
        child = self._root.child("pages")
        if child is not None and isinstance(child.process, Supervisor):
            child.process.restart_child("restorer")

    async def close(self) -> None:
        """Stop in good order: finish what is under way, save, let go of everything.

        What cannot be done in time is left: a page under way is in the database as submitted and
        is weighed again after the next start.
        """
        self.pages.closing = True
        try:
            async with asyncio.timeout(self.settings.shutdown_grace):
                await self.pages.finish()
        except TimeoutError:
            log.warning("stopping with %d pages unfinished", self.pages.unfinished())
        await self.durability.settle()
        self.closed = True
        self.context.followers.wake_all()
        await self.runtime.shutdown()
        await self.store.close()
        self.durability.close()
        if self.parsers is not None:
            await self.parsers.close()
        await self.browsers.__aexit__(None, None, None)
        await self.fetcher.__aexit__(None, None, None)

    def _prepare_disk(self) -> None:
        """Claim the data directory; one that cannot be written is no reason not to start.

        Raises:
            JournalInUse: another Libra works on it.
        """
        try:
            self.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.durability.prepare()
            self.context.records.keys.read_file(self.settings.data_dir / OLD_KEYS)
        except OSError as error:
            log.error("the data directory cannot be used: %s", error)

    def _start_parsers(self, parsers: Parsers) -> None:
        """A service expects pages: the first of them need not wait for the parsers to start."""
        try:
            parsers.start()
        except OSError as error:
            log.error("no parser can be started: %s", error)

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
