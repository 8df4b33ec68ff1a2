"""Builds the supervision tree of one Libra, starts it and stops it.

::

    Libra (one_for_one: a child that fails alone restarts alone)
     ├─ Watchdog       measures how late the event loop is, and which code held it
     ├─ Pauses         measures how long the program did not run
     ├─ Journal        writes acknowledged entries that are not stored yet to the local disk
     ├─ Backup         the only process that writes to the database
     ├─ Pages (rest_for_one)
     │   ├─ Registry      page id -> process
     │   ├─ Admission     limits how many pages are fetched at a time
     │   ├─ Browsers      a second Admission: limits how many pages are rendered at a time
     │   ├─ Inspectors    one PageInspector per page (transient), asleep after a start
     │   ├─ Watches       one Watcher per watch (transient)
     │   ├─ Expiry        wakes sleeping pages when they expire
     │   └─ Restorer      restores pages and watches
     ├─ Retention      prunes what is older than ``--keep``
     ├─ Pictures       with ``--screenshots``: saves the pictures of rendered pages
     └─ services, such as the web server
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from functools import partial
from ipaddress import ip_network
from typing import Any

from libra.inspector.admission import Admission
from libra.inspector.context import Context
from libra.inspector.durability.database_reader import DatabaseReader
from libra.inspector.durability.durability import JournalThenDatabase
from libra.inspector.durability.picture_writer import PictureWriter
from libra.inspector.pages.expiry import Expiry
from libra.inspector.pages.pages import Pages
from libra.inspector.pause_watch import PauseWatch
from libra.inspector.records.ports import Durability
from libra.inspector.restorer import Restorer
from libra.inspector.retention import Retention
from libra.inspector.services import Services, utc_now
from libra.inspector.supervised_service import Runnable, SupervisedService
from libra.inspector.watches.courier import AppriseCourier
from libra.inspector.watches.watches import Watchers, Watches
from libra.inspector.watches.weigh_ins import PageWeighIns
from libra.network.addresses.dialing import OPEN
from libra.network.addresses.gate import PORTS, Gate
from libra.network.libcurl.trust import trust
from libra.network.proxies import proxies_of
from libra.observability.health import Node
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
from libra.storage.journal.journal import Journal
from libra.storage.recollection import InMemory, OnDisk
from libra.weighing.options import Limits, Options
from libra.weighing.rendered import BrowserPool
from libra.weighing.static.fetcher import Fetcher

log = logging.getLogger("libra")

#: Where an older Libra kept its idempotency keys.
OLD_KEYS = "idempotency.jsonl"


class PageRegistry(Registry):
    """Page id -> process."""

    __slots__ = ()

    def init(self, context: Context) -> None:  # type: ignore[override]  # as an __init__ may
        """Add itself to the context."""
        super().init(wake=partial(_woken, context))
        context.processes.registry = self


def _woken(context: Context, page_id: Key) -> GenServer | None:
    """The process of a page that was asleep."""
    return context.processes.inspectors.wake_child(page_id)


class Inspectors(DynamicSupervisor):
    """The supervisor of the pages: each page has its own restart budget."""

    __slots__ = ()

    def init(self, context: Context) -> None:  # type: ignore[override]  # as an __init__ may
        """Add itself to the context."""
        super().init(on_quarantine=partial(_quarantined, context))
        context.processes.inspectors = self


def _gate(settings: Settings) -> Gate:
    """The gate for the pages: it allows public addresses, and those that the settings open."""
    return Gate(
        allow=[ip_network(network) for network in settings.allow],
        ports=PORTS | set(settings.allow_port),
    )


def _local_copy(settings: Settings) -> int:
    """Bytes of the local copy; 0 where it would be of no use.

    A database in the data directory is on the same disk as the local copy would be. And if no page comes
    back after a start, the journal need not keep any for that.
    """
    file = file_of(settings.database_url())
    beside = file is not None and file.resolve().is_relative_to(settings.data_dir.resolve())
    return 0 if beside or settings.restore == "off" else settings.local_copy


def _journal_then_database(tree: SupervisionTree) -> Durability:
    settings = tree.settings
    keep = settings.keep_deletions
    recollection = OnDisk(settings.data_dir, keep) if settings.journal else InMemory(keep)
    return JournalThenDatabase(
        tree.context,
        tree.store,
        tree.journal,
        recollection,
        place=str(settings.data_dir.absolute()),
        migrate=settings.migrate,
        eager=settings.restore == "eager",
        max_pages=settings.max_pages,
        restorer=Restorer,
    )


def _database(tree: SupervisionTree) -> DatabaseReader:
    return DatabaseReader(tree.context, tree.store)


def _pages(tree: SupervisionTree) -> Pages:
    settings = tree.settings
    return Pages(
        tree.context,
        tree.reader,
        max_pages=settings.max_pages,
        recall=settings.restore != "off",
    )


async def _no_trees() -> dict[str, Node | None]:
    return {}


def _quarantined(context: Context, child: Child) -> None:
    record = context.records.pages.get(str(child.id))
    if record is not None:
        record.quarantine(str(child.reason))
        context.records.followers.changed(record.id)


class SupervisionTree:
    """Builds the tree and stops it.

    Args:
        settings: the settings of this Libra.
        clock: the clock of the timers; the event loop's by default.
        now: the wall clock.
        durability: makes the durability; the journal and the database by default.
        reader: makes the reader of pages that are not in memory; from the database by default.
        pages: makes the `Pages`; for one node by default.
        watches: makes the `Watches`; for one node by default.

    Attributes:
        trees: gives the trees of other nodes, of which there are none by default.

    Raises:
        SettingsError: a destination for alerts is unusable.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        now: Callable[[], datetime] = utc_now,
        durability: Callable[[SupervisionTree], Durability] | None = None,
        reader: Callable[[SupervisionTree], DatabaseReader] | None = None,
        pages: Callable[[SupervisionTree], Pages] | None = None,
        watches: Callable[[SupervisionTree], Watches] | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        gate = self.gate = _gate(settings)
        self.fetcher = Fetcher(
            # If the proxy acts as the gate, Libra connects only to the proxy.
            gate=OPEN if settings.proxy and settings.proxy_is_the_gate else gate,
            delay=settings.delay,
            trust=trust(settings.ca),
            http3=settings.http3,
            proxies=proxies_of({}, settings.proxy or ""),
            # Any other proxy is asked for tunnels to addresses that the gate has checked.
            tunnels=not settings.proxy_is_the_gate,
        )
        self.browsers = BrowserPool(
            executable=settings.browser,
            size=settings.browsers,
            gate=gate,
            politeness=self.fetcher.politeness,
            memory=settings.browser_memory,
        )
        # One parser always serves short orders, so there are at least two.
        count = max(2, settings.parsers or os.cpu_count() or 2)
        self.parsers = Parsers(count, memory=settings.parser_memory) if can_fork() else None
        limits = Limits(page_seconds=settings.page_timeout, asset_seconds=settings.asset_timeout)
        services = Services(
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
        self.context = Context(services)
        self.store = open_store(settings.database_url())
        self.reader = (reader or _database)(self)
        self.journal = (
            Journal(settings.data_dir / "journal", local_copy=_local_copy(settings))
            if settings.journal
            else None
        )
        self.durability = (durability or _journal_then_database)(self)
        self.context.processes.durability = self.durability
        self.trees: Callable[[], Awaitable[dict[str, Node | None]]] = _no_trees
        pictures = self.pictures = PictureWriter(self.context, self.store)
        if settings.screenshots:
            self.context.records.pictures = pictures
        self.pages = (pages or _pages)(self)
        self.watches = Watches(self.context) if watches is None else watches(self)
        courier = AppriseCourier(settings.alerts, settings.proxy)
        courier.check()
        self.context.processes.courier = courier
        self.context.processes.weigh_ins = PageWeighIns(self.context, self.reader, self.pages)
        self.started_at = self.context.services.now()
        self.closed = False
        self.runtime: Runtime
        self._root: Supervisor

    async def open(self, services: Mapping[str, Callable[[], Runnable]]) -> None:
        """Start everything; this waits for no database and no network."""
        context, settings = self.context, self.settings
        await asyncio.to_thread(self._prepare_disk)
        await self.fetcher.__aenter__()
        await self.browsers.__aenter__()
        if services and self.parsers is not None:
            self._start_parsers(self.parsers)
        context.processes.restore_again = self._restore_again
        self.runtime = Runtime(clock=self._clock)
        pages: list[ChildSpec[Any]] = [
            ChildSpec(PageRegistry, (context,), id="registry"),
            ChildSpec(
                Admission,
                (context.processes.admission, "static", settings.concurrency),
                id="admission",
            ),
            ChildSpec(
                Admission,
                (context.processes.admission, "rendered", settings.browsers),
                id="browsers",
            ),
            ChildSpec(Inspectors, (context,), id="inspectors"),
            ChildSpec(Watchers, (context,), id="watches"),
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
                ChildSpec(Retention, (context, self.store, settings.keep), id="retention"),
                *(
                    [ChildSpec(SupervisedService, (lambda: self.pictures,), id="pictures")]
                    if settings.screenshots
                    else []
                ),
                *(
                    ChildSpec(
                        SupervisedService, (make,), id=name, shutdown=settings.shutdown_grace + 5
                    )
                    for name, make in services.items()
                ),
            ],
        )

    def _restore_again(self) -> None:
        """Start the restorer again; it ends when it is done."""
        child = self._root.child("pages")
        if child is not None and isinstance(child.process, Supervisor):
            child.process.restart_child("restorer")

    async def close(self) -> None:
        """Stop cleanly: finish what is under way, save, and release all resources.

        What does not finish in time is left: an unfinished page is in the database as submitted, and
        Libra weighs it again after the next start.
        """
        async with AsyncExitStack() as last:
            # From the last to the first. A cancelled call still closes the rest.
            last.push_async_exit(self.fetcher)
            last.push_async_exit(self.browsers)
            if self.parsers is not None:
                last.push_async_callback(self.parsers.close)
            last.callback(self.durability.close)
            last.push_async_callback(self.store.close)
            last.push_async_callback(self.durability.closed)
            last.push_async_callback(self._stop_processes)
            self.pages.closing = True
            try:
                async with asyncio.timeout(self.settings.shutdown_grace):
                    await self.pages.finish()
            except TimeoutError:
                log.warning("stopping with %d pages unfinished", self.pages.unfinished())
            await self.durability.settle()

    async def _stop_processes(self) -> None:
        self.closed = True
        self.context.records.followers.wake_all()
        await self.runtime.shutdown()

    def _prepare_disk(self) -> None:
        """Claim the data directory; Libra starts even if it is not writable.

        Raises:
            JournalInUse: another Libra uses it.
        """
        try:
            self.settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.durability.prepare()
            self.context.records.pages.keys.read_file(self.settings.data_dir / OLD_KEYS)
        except OSError as error:
            log.error("the data directory cannot be used: %s", error)

    def _start_parsers(self, parsers: Parsers) -> None:
        """Start the parsers now, so that the first page does not wait for that."""
        try:
            parsers.start()
        except OSError as error:
            log.error("no parser can be started: %s", error)

    async def wait_down(self) -> str:
        """Wait until the tree has ended, by `close` or after repeated failures; return the reason."""
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
