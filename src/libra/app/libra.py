"""One Libra: opening, closing, and the state of its parts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial

from libra.app.listing import ListCalls
from libra.app.pages import PageCalls
from libra.app.watches import WatchCalls
from libra.errors import DataDirInUse, PageNotFound
from libra.failures import name_of
from libra.inspector.health_report import health, process_tree, quarantined
from libra.inspector.services import utc_now
from libra.inspector.supervised_service import Runnable
from libra.neighbours import Neighbours
from libra.observability.health import Health, Node
from libra.observability.tally import Tally
from libra.otp import Clock
from libra.report import Report
from libra.settings import Settings
from libra.storage.journal.journal import JournalInUse

REFUSALS = 5
"""How many reasons for refused parts of a page are reported at a time."""


class Libra(PageCalls, ListCalls, WatchCalls):
    """Weighs pages, holds them in memory, and answers for them.

    Open it with `Libra.open`; one program may open several, one after the other or side by side.
    """

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        settings: Settings | None = None,
        *,
        services: Mapping[str, Callable[[Libra], Runnable]] | None = None,
        clock: Clock | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> AsyncIterator[Libra]:
        """Start a Libra in the running event loop and stop it at the end of the block.

        At the end, Libra accepts no more pages and gives those under way ``settings.shutdown_grace``
        seconds. It saves what is not in the database yet, if that is possible, and leaves no task,
        thread, file or socket behind.

        Args:
            settings: how it runs; `Settings()` if not given.
            services: services to supervise while it runs, such as the web server.
            clock: for tests, a clock that the test moves: timers go by it.
            now: for tests, the wall clock.

        Raises:
            SettingsError: a setting that cannot work.
            DataDirInUse: another Libra works on the same data directory.
        """
        settings = settings or Settings()
        settings.check()
        libra = cls(settings, clock=clock, now=now)
        makers = services or {}
        try:
            await libra._tree.open({name: partial(make, libra) for name, make in makers.items()})
        except JournalInUse as error:
            raise DataDirInUse(str(error)) from None
        try:
            yield libra
        finally:
            await libra._tree.close()

    def refused(self, report: Report) -> tuple[str, ...]:
        """Why the gate refused some requests of a page, and which setting would allow them.

        Show this only to whoever runs this Libra: it contains the addresses behind names, which may be
        private.

        Returns:
            Sentences such as ``192.168.1.5 is a private address: start with `--allow 192.168.1.0/24```;
            none if nothing was refused.
        """
        urls = [one.url for one in report.assets if name_of(one.error) == "denied"]
        if name_of(report.error) == "denied" and not urls:
            urls.append(report.final_url or report.url)
        return tuple(dict.fromkeys(map(self._tree.gate.refusals.words, urls)))[:REFUSALS]

    async def wait_down(self) -> str:
        """Wait until this Libra has ended, and return why.

        It ends with the `open` block, unless a bug crashes it faster than its supervisors may
        restart it.
        """
        return await self._tree.wait_down()

    def health(self) -> Health:
        """The state of each part."""
        return health(self._tree)

    @property
    def changes(self) -> int:
        """How many changes of pages there were: a caller that has seen this number has missed none."""
        return self._context.records.followers.changes

    @property
    def neighbours(self) -> Neighbours:
        """The state of the other nodes; a single Libra has none."""
        return self._context.availability.neighbours

    @property
    def tally(self) -> Tally:
        """The counts of events since the start."""
        return self._context.services.tally

    def tree(self) -> Node:
        """The tree of processes that run now."""
        return process_tree(self._tree)

    def title_of(self, entry_id: str) -> str | None:
        """The title or URL of a page in memory, or of a watch; None if it is neither."""
        page = self._context.records.pages.get(entry_id)
        if page is not None:
            return (page.summary().title if page.finished else None) or page.url
        watch = self._context.records.watches.get(entry_id)
        return None if watch is None else watch.state.url

    async def trees(self) -> dict[str, Node | None]:
        """The trees of the other nodes of a cluster, by name; None for a node that does not answer."""
        return await self._tree.trees()

    def quarantined(self) -> dict[str, str]:
        """The pages and watches that stay stopped until they are retried, and why."""
        return quarantined(self._tree)

    async def retry(self, page_id: str) -> None:
        """Give a quarantined page, or watch, another chance.

        Raises:
            PageNotFound: no page and no watch of this id is quarantined.
            EngineUnavailable: the engine of the cluster cannot be read, or cannot be written.
        """
        if not self._tree.watches.retry(page_id) and not await self._pages.retry(page_id):
            raise PageNotFound(page_id)
