"""Libra: the public API and the root of the supervision tree.

::

    async with Libra.open() as libra:
        page_id = await libra.weigh("https://example.com")
        async for report in libra.follow(page_id):
            print(report.status, report.total.transfer_bytes)

Nothing outside this module imports a process, a registry or a store.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from functools import partial

import msgspec

from libra.errors import (
    CannotRender,
    DataDirInUse,
    Full,
    LibraError,
    NotConverted,
    PageNotFound,
    PageUnknown,
    Restoring,
    Stopping,
    TooManyWatches,
    WatchNotFound,
    WatchUnknown,
)
from libra.formats.converting import convert
from libra.health import Health, Node
from libra.inspector.context import utc_now
from libra.inspector.house import House
from libra.inspector.reading import Reading
from libra.inspector.record import is_page_id
from libra.inspector.schedule import InvalidSchedule, parse_schedule, schedule_words
from libra.inspector.service import Runnable
from libra.inspector.status import health, tree
from libra.inspector.submission_keys import Key as IdempotencyKey
from libra.inspector.submission_keys import Used as KeyUse
from libra.inspector.watches import Watch, WeighIn
from libra.inspector.webhook import parse_webhook, parse_webhook_headers
from libra.otp import Clock
from libra.parsers.converting import convert_in
from libra.parsers.once import weigh_once
from libra.parsers.pool import Refused
from libra.settings import Settings, parse_size
from libra.storage.journal import JournalInUse
from libra.tally import Tally
from libra.weighing.alarm import Jump, Terms
from libra.weighing.budget import Budget
from libra.weighing.options import InvalidOptions, Options
from libra.weighing.report import Report, Status, Summary, decode
from libra.weighing.urls import InvalidURL, parse_url

__all__ = [
    "CannotRender",
    "DataDirInUse",
    "Full",
    "IdempotencyKey",
    "InvalidOptions",
    "InvalidSchedule",
    "InvalidURL",
    "Jump",
    "KeyUse",
    "Libra",
    "LibraError",
    "NotConverted",
    "Options",
    "PageList",
    "PageNotFound",
    "PageUnknown",
    "Report",
    "Restoring",
    "Settings",
    "Stopping",
    "Summary",
    "TooManyWatches",
    "Watch",
    "WatchList",
    "WatchNotFound",
    "WatchUnknown",
    "WeighIn",
    "parse_schedule",
    "parse_webhook",
    "parse_webhook_headers",
    "schedule_words",
    "weigh_once",
]

log = logging.getLogger("libra")

#: Seconds between two reports of a growing page that one follower is given.
FOLLOW_INTERVAL = 0.05

#: Bytes of reports that one follower is given in a second. Each change of a large page is megabytes.
FOLLOW_RATE = 10_000_000

#: Seconds between two looks at a page that another Libra weighs.
LOOK = 1.0


#: What counts as a jump of a watched page's weight if nobody says.
JUMP = Jump()


class PageList(msgspec.Struct, frozen=True):
    """A page of a list, newest first.

    ``next`` is the cursor to pass as ``after`` for what follows, None at the end. ``partial`` is
    true when the database could not be asked and the list is from memory alone.
    """

    pages: tuple[Summary, ...]
    next: str | None = None
    partial: bool = False


class WatchList(msgspec.Struct, frozen=True):
    """A page of a list of watches, newest first.

    ``next`` is the cursor to pass as ``after`` for what follows, None at the end. ``partial`` is
    true while those of the database could not be read since the start.
    """

    watches: tuple[Watch, ...]
    next: str | None = None
    partial: bool = False


class Libra:
    """Weighs pages, holds them in memory, and answers for them.

    Open it with `Libra.open`; one program may open several, one after the other or side by side.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        clock: Clock | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.settings = settings
        self._house = House(settings, clock=clock, now=now)
        self._context = self._house.context
        self._pages = self._house.pages
        self._reading = Reading(self._context, self._house.archive, self._pages)

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

        At the end no page is accepted any more, those under way get ``settings.shutdown_grace``
        seconds, what is not in the database is saved if that is possible, and no task, thread,
        file or socket is left behind.

        Args:
            settings: how it is to run; `Settings()` if not given.
            services: what shall run under supervision as long as it does, such as the web server.
            clock: for tests, one that is moved by hand: timers go by it.
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
            await libra._house.open({name: partial(make, libra) for name, make in makers.items()})
        except JournalInUse as error:
            raise DataDirInUse(str(error)) from None
        try:
            yield libra
        finally:
            await libra._house.close()

    async def submitted(self, name: str) -> KeyUse | None:
        """What came of a submission with the idempotency key of this name, if one is known.

        Raises:
            Restoring: this Libra has just started and cannot tell yet.
        """
        return await self._pages.submitted(name)

    async def weigh(
        self, url: str, options: Options | None = None, *, key: IdempotencyKey | None = None
    ) -> str:
        """Submit a page and return its id; the page is weighed in the background.

        A key is kept with the page for a day; whether it is known already is for the caller to ask
        (`submitted`).

        When this returns the submission is on the local disk, or its report says ``memory``: a disk
        that fails or hangs is waited for half a second at most.

        Raises:
            InvalidURL: saying what is wrong with the URL.
            Full: as many pages as may be are in memory and none may leave yet.
            Stopping: the program is about to end.
            CannotRender: the options ask for a browser and there is none.
        """
        return await self._pages.submit(parse_url(url), options, None if key is None else str(key))

    @property
    def options(self) -> Options:
        """How a page is weighed whose submission chooses nothing; the limits are the settings'."""
        return self._context.options

    async def report(self, page_id: str) -> Report:
        """All that is known of a page now.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: it is not in memory and the database cannot be asked.
        """
        return decode((await self.report_bytes(page_id))[1])

    async def report_bytes(self, page_id: str) -> tuple[int, bytes]:
        """The version of a page and its report as JSON, as they are kept: the fastest way to serve.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: it is not in memory and the database cannot be asked.
        """
        version, data, _ = await self._reading.read(page_id)
        return version, data

    def report_at_hand(self, page_id: str) -> tuple[int, bytes] | None:
        """As `report_bytes`, at once, for a finished page in memory; None for any other.

        This is what a server does thousands of times a second.
        """
        return self._reading.at_hand(page_id)

    async def convert(self, data: bytes, form: str) -> bytes:
        """A report in another format, made by a parser: of a large one it takes a second and 100 MB.

        Args:
            data: the report's JSON.
            form: ``csv`` or ``har``.

        Raises:
            NotConverted: it takes more than a parser may have, or its parsers died.
        """
        parsers = self._context.parsers
        if parsers is None:
            return await asyncio.to_thread(convert, data, form)
        try:
            return await convert_in(parsers, data, form)
        except Refused as refused:
            raise NotConverted(str(refused)) from None

    async def follow(self, page_id: str) -> AsyncIterator[Report]:
        """The report now and after every change, until the page is finished.

        Who reads slowly, or follows a page that changes fast, gets the newest report and skips
        those between.

        Raises:
            PageNotFound: there is no such page, or it was deleted meanwhile.
            PageUnknown: it is not in memory and the database cannot be asked.
        """
        async for _, data in self.follow_bytes(page_id):
            yield decode(data)

    async def follow_bytes(self, page_id: str) -> AsyncIterator[tuple[int, bytes]]:
        """As `follow`, but each report as its version and its JSON."""
        with self._context.followers.subscribe(page_id) as change:
            seen = 0
            while True:
                change.clear()
                version, data, finished = await self._reading.read(page_id)
                if version > seen:
                    seen = version
                    yield version, data
                if finished:
                    return
                with suppress(TimeoutError):
                    # What another Libra weighs changes unheard.
                    async with asyncio.timeout(None if self._context.standby is None else LOOK):
                        await change.wait()
                if self._house.closed:
                    return
                # A page of thousands of assets changes thousands of times in a second, and is large.
                await asyncio.sleep(max(FOLLOW_INTERVAL, len(data) / FOLLOW_RATE))

    async def recent(
        self,
        *,
        limit: int = 20,
        after: str | None = None,
        url: str | None = None,
        host: str | None = None,
        text: str | None = None,
        status: Status | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> PageList:
        """Pages by the time of their submission, newest first.

        Args:
            limit: how many, from 1 to 1,000.
            after: the ``next`` of the list before this one.
            url: only pages of this URL.
            host: only pages of this host and of those below it.
            text: only pages with this in their title or URL, whatever the case.
            status: only pages that are there in their life; what is not finished is in memory.
            since: only pages submitted at this time or later, to the millisecond.
            until: only pages submitted before this time.
        """
        pages, more, partial = await self._reading.newest(
            limit=max(1, min(limit, 1_000)),
            after=after,
            url=url,
            host=host,
            text=text,
            status=status,
            since=since,
            until=until,
        )
        return PageList(pages, more, partial)

    async def history(self, url: str, *, limit: int = 100) -> PageList:
        """All weigh-ins of a URL, newest first.

        Raises:
            InvalidURL: saying what is wrong with the URL.
        """
        return await self.recent(limit=limit, url=parse_url(url))

    async def forget(self, page_id: str) -> None:
        """Delete a page, from memory at once and from the database as soon as it can be.

        Raises:
            PageNotFound: there is no such page.
            PageUnknown: it is not in memory and the database cannot be asked.
        """
        await self._pages.remove(page_id)

    async def watch(
        self,
        url: str,
        *,
        every: str = "day",
        budgets: Sequence[Budget] = (),
        max_weight: int | str | None = None,
        jump: Jump | None = JUMP,
        webhook: str | None = None,
        webhook_headers: Mapping[str, str] | None = None,
    ) -> Watch:
        """Have a URL weighed now and again and again, and alert somebody when something is wrong.

        Args:
            url: what is to be weighed.
            every: ``hour``, ``day``, ``week`` or a cron expression of five fields, in UTC.
            budgets: what the page must keep to; the last that matches its path counts.
            max_weight: transfer size that it may have in all: bytes, or a size such as ``"500kB"``.
            jump: what counts as a jump of its weight; None for nothing.
            webhook: where alerts are sent to, with credentials where it asks for them.
            webhook_headers: what is sent with them, such as ``Authorization``.

        Returns:
            The watch, with the secret that its alerts are signed with: nobody is told it again.

        Raises:
            InvalidURL: saying what is wrong with the URL or the webhook.
            InvalidOptions: saying what is wrong with the limits or the headers of the webhook.
            InvalidSchedule: saying what is wrong with the schedule.
            TooManyWatches: there are as many as there may be.
            Stopping: the program is about to end.
        """
        url, every = parse_url(url), parse_schedule(every)
        max_weight = _size(max_weight)
        if not all(isinstance(budget, Budget) for budget in budgets):
            raise InvalidOptions("budgets takes Budget objects, as `parse_budgets` reads them")
        if jump is not None and not isinstance(jump, Jump):
            raise InvalidOptions(f"jump takes a Jump or None, not {jump!r}")
        if webhook is not None:
            try:
                webhook = parse_webhook(webhook)
            except InvalidURL as error:
                raise InvalidURL(f"The webhook is not valid. {error}") from None
        elif webhook_headers:
            raise InvalidOptions("headers of a webhook are of no use without one")
        if self._pages.closing:
            raise Stopping
        if self._house.watching.full():
            raise TooManyWatches("there are as many watches as there may be")
        terms = Terms(tuple(budgets), max_weight, jump)
        record, secret = await self._house.watching.add(
            url,
            every=every,
            terms=terms,
            webhook=webhook,
            webhook_headers=parse_webhook_headers(webhook_headers or {}),
        )
        return msgspec.structs.replace(record.shown(), secret=secret)

    def watches(
        self, *, limit: int = 100, after: str | None = None, url: str | None = None
    ) -> WatchList:
        """The watches, newest first.

        Args:
            limit: how many, from 1 to 1,000.
            after: the ``next`` of the list before this one.
            url: only watches of this URL.
        """
        limit = max(1, min(limit, 1_000))
        found = sorted(
            record.id
            for record in self._context.watches
            if url in (None, record.state.url) and (after is None or record.id < after)
        )[: -limit - 2 : -1]
        records = (self._context.watches.get(watch_id) for watch_id in found[:limit])
        watches = tuple(record.shown() for record in records if record is not None)
        more = found[limit - 1] if len(found) > limit else None
        return WatchList(watches, more, not self._context.watches_known.is_set())

    def watch_of(self, watch_id: str) -> Watch:
        """A watch as it is now.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which could not be asked since the start.
        """
        record = self._context.watches.get(watch_id)
        if record is not None:
            return record.shown()
        deleted = not is_page_id(watch_id) or watch_id in self._context.unwatched
        if deleted:
            raise WatchNotFound(watch_id)
        if not self._context.watches_known.is_set() or self._context.gap is not None:
            raise WatchUnknown(watch_id)
        raise WatchNotFound(watch_id, self._context.may_be_lost(watch_id))

    async def unwatch(self, watch_id: str) -> None:
        """Forget a watch; what was weighed for it stays.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which could not be asked since the start.
        """
        self.watch_of(watch_id)
        await self._house.watching.remove(watch_id)

    async def watch_now(self, watch_id: str) -> str:
        """Have the page of a watch weighed now, whenever it is due, and return the page's id.

        If it is being weighed already that is the page. A watch that is quarantined gets another
        chance.

        Raises:
            WatchNotFound: there is no such watch.
            WatchUnknown: it may be in the database, which could not be asked since the start.
            Full: there is no room for another page now; the watch tries again by itself.
        """
        self.watch_of(watch_id)
        page_id = await self._house.watching.run(watch_id)
        if page_id is None:
            raise Full
        return page_id

    async def wait_down(self) -> str:
        """Wait until this Libra has ended, and return why.

        Without a bug that crashes it faster than its supervisors may restart it, that is at the
        end of the `open` block.
        """
        return await self._house.wait_down()

    def health(self) -> Health:
        """The truth about each part."""
        return health(self._house)

    @property
    def changes(self) -> int:
        """How many changes of pages there were: who has seen this number has missed nothing."""
        return self._context.followers.changes

    @property
    def tally(self) -> Tally:
        """What has happened since the start, counted."""
        return self._context.tally

    def tree(self) -> Node:
        """The living tree of processes."""
        return tree(self._house)

    def retry(self, page_id: str) -> None:
        """Give a quarantined page, or watch, another chance.

        Raises:
            PageNotFound: no page and no watch of this id is quarantined.
        """
        if not self._house.watching.retry(page_id) and not self._pages.retry(page_id):
            raise PageNotFound(page_id)


def _size(most: int | str | None) -> int | None:
    if isinstance(most, str):
        try:
            return parse_size(most)
        except ValueError as error:
            raise InvalidOptions(f"max_weight: {error}") from None
    if most is not None and (type(most) is not int or most < 0):
        raise InvalidOptions(f"max_weight takes bytes or a size such as '500kB', not {most!r}")
    return most
