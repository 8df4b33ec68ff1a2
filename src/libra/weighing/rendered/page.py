"""Weighing one page in a real browser."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from libra.ids import new_id
from libra.weighing.findings import Notes
from libra.weighing.options import PLAIN_USER_AGENT, USER_AGENT, Options
from libra.weighing.politeness import retry_after
from libra.weighing.rendered.asked import Asked
from libra.weighing.rendered.browser import Browser, BrowserLost, RenderUnavailable
from libra.weighing.rendered.inspecting import BODY_BYTES, BUFFER_BYTES, inspect, worker_sizes
from libra.weighing.rendered.intercepting import Interceptor
from libra.weighing.rendered.pool import BrowserPool
from libra.weighing.rendered.proxy import Proxy
from libra.weighing.rendered.recording import Entry, Event, Recording, assets_of, sums_of
from libra.weighing.rendered.service_workers import ASKED_BYTES, ServiceWorkers
from libra.weighing.rendered.workers import hear_workers, shared_workers
from libra.weighing.report import Asset, Bytes, Report, Status
from libra.weighing.score import score
from libra.weighing.urls import host_of, origin_of, parse_url
from libra.weighing.weighing import DEADLINE

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page, Request, Worker

QUIET_SECONDS = 1.5
"""The page is done when it is loaded and the network has been silent for so long."""

_TICK_SECONDS = 0.1
"""Between two looks at how far a page is, and between two reports of it."""

MAX_TITLE = 1_000
"""Characters; what is longer is no title."""

_OPEN_SECONDS = 10.0
"""For a new context, which any browser that works has at once."""

_CLOSE_SECONDS = 5.0
"""For leaving a page. One whose scripts never end does not let itself be closed."""

_ASK_SECONDS = 3.0
"""For a question to the page; its main thread may be busy for ever."""

_LOOK_SECONDS = 5.0
"""For looking at bodies and images; what was found by then is reported."""

_SILENCE_SECONDS = 2.0
"""After so long without an event the browser is asked whether it is still there."""

_ASSETS_A_SECOND = 10_000
"""That interim reports are made of."""

_ASKS = "Network.requestWillBeSent"
_SOCKET = "Network.webSocketCreated"
_SHARED_WORKER = "Target.targetCreated"
_BUFFERS = {"maxTotalBufferSize": BUFFER_BYTES, "maxResourceBufferSize": BODY_BYTES}
_HANGS = "browser: it does not answer"
_CRASHED = "browser: it crashed"
_PAGES_OWN = ("http:", "blocked:", "cors:", "aborted:")
"""Failures that belong to the page: the browser did all that it does, and it was measured."""


async def weigh_rendered(
    url: str,
    options: Options | None = None,
    browsers: BrowserPool | None = None,
    *,
    on_change: Callable[[Report], None] | None = None,
) -> Report:
    """Weigh a page in a browser and return its report, finished or failed.

    A page whose browser crashes, hangs or takes too much memory is tried once more, alone: in a new
    browser that no other page gets. So is, in any browser, one whose server asks to be left alone for a
    while that is short enough.

    Args:
        url: Absolute, http or https.
        options: How; the defaults are a desktop browser's.
        browsers: To share browsers among pages; without it one is started and ended again.
        on_change: Called with the report so far while it changes, ten times a second at most.

    Raises:
        InvalidURL: if the URL cannot be weighed.
    """
    options = msgspec.structs.replace(options or Options(), method="rendered")
    url = parse_url(url)
    if browsers is not None:
        return await _weigh(url, options, browsers, on_change)
    async with BrowserPool(size=1) as own:
        return await _weigh(url, options, own, on_change)


async def _weigh(
    url: str,
    options: Options,
    browsers: BrowserPool,
    on_change: Callable[[Report], None] | None,
) -> Report:
    base = Report(
        id=new_id(),
        url=url,
        status="fetching",
        method="rendered",
        viewport=str(options.viewport),
        submitted_at=datetime.now(UTC),
    )
    error, alone = "", False
    for tries_left in (1, 0):
        try:
            async with browsers.browser(alone=alone) as browser:
                visit = _Visit(base, options, browsers, browser, on_change)
                report = await visit.run()
            if not (tries_left and await visit.may_come_again(report)):
                return report
        except BrowserLost as lost:
            error, alone = str(lost), True
        except RenderUnavailable as unavailable:
            error = f"no-browser: {unavailable}"
            break
    return msgspec.structs.replace(
        base, status="failed", error=error, finished_at=datetime.now(UTC), duration_ms=0
    )


class _Visit:
    """One page in one browser."""

    def __init__(
        self,
        base: Report,
        options: Options,
        browsers: BrowserPool,
        browser: Browser,
        on_change: Callable[[Report], None] | None,
    ) -> None:
        self._base = base
        self._options = options
        self._browser = browser
        self._on_change = on_change
        # The page's deadline is the loop's to keep, so all that it waits for goes by the same clock.
        self._clock = asyncio.get_running_loop().time
        self._stopped = asyncio.Event()
        self._recording = Recording(self._clock, options.limits.assets, self._stopped.set)
        self._asked = Asked()
        self._asked.note(base.url)
        self._proxy = Proxy(browsers.gate, browsers.resolver, self._asked)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._politeness = browsers.politeness
        self._workers: ServiceWorkers | None = None
        self._elsewhere: list[Request] = []
        self._notes = Notes()
        self._started = self._clock()
        self._loaded = False
        self._crashed = False
        self._download = False
        self._error: str | None = None
        self._title: str | None = None
        self._reported = 0
        self._next_report = 0.0

    async def run(self) -> Report:
        """See `weigh_rendered`.

        Raises:
            BrowserLost: if the browser crashed or hangs.
        """
        from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

        until = self._clock() + self._options.limits.page_seconds
        async with self._proxy:
            try:
                async with self._context() as context:
                    await self._visit(context, until)
            except Error as error:
                raise BrowserLost(self._why_lost(error)) from error
            except BrowserLost:
                if self._browser.alive:
                    raise
                # It was killed meanwhile: that is why it did not answer.
                raise BrowserLost(self._browser.why_lost) from None
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._report(final=True)

    @contextlib.asynccontextmanager
    async def _context(self) -> Any:
        """A context of its own: no cookies, cache or storage of another page's."""
        options, viewport = self._options, self._options.viewport
        user_agent = options.user_agent
        if user_agent == USER_AGENT:
            user_agent = f"{self._browser.user_agent} {PLAIN_USER_AGENT}"
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                context = await self._browser.playwright.new_context(
                    viewport={"width": viewport.width, "height": viewport.height},
                    device_scale_factor=viewport.dpr,
                    user_agent=user_agent,
                    locale="en-US",
                    accept_downloads=False,
                    proxy={"server": self._proxy.address, "bypass": "<-loopback>"},
                )
        except TimeoutError:
            raise BrowserLost(_HANGS) from None
        try:
            yield context
        finally:
            await self._leave(context)

    async def _leave(self, context: BrowserContext) -> None:
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await context.close()
        except TimeoutError:
            await self._browser.kill()  # the report stands; the pool starts another one

    async def may_come_again(self, report: Report) -> bool:
        """Wait for as long as the server of a failed page asked to be left alone, if that is not long.

        Returns:
            Whether to try the page once more.
        """
        document = self._recording.document()
        if report.status != "failed" or document is None or document.status is None:
            return False
        if retry_after(document.status, document.headers.get("retry-after")) is None:
            return False
        now = asyncio.get_running_loop().time()
        pause = self._politeness.pause(origin_of(document.url), now)
        if pause > self._options.limits.asset_seconds:
            return False
        await asyncio.sleep(pause)
        return True

    async def _visit(self, context: BrowserContext, until: float) -> None:
        try:
            async with asyncio.timeout_at(until):
                workers = shared_workers(self._browser.playwright, self._take, self._spawn)
                async with workers:
                    self._workers = ServiceWorkers(context, self._recording, self._proxy.bodies)
                    page = await context.new_page()
                    session = await context.new_cdp_session(page)
                    await self._listen(context, page, session, until)
                    self._spawn(self._go(page))
                    await self._wait(page, session)
                    self._recording.rest()
                    await self._round_off(page, session)
        except TimeoutError:
            if not self._browser.alive:
                raise BrowserLost(self._browser.why_lost) from None  # that is why it was not done
            self._error = DEADLINE
        self._recording.give_up(self._error, self._options.limits.asset_seconds)

    async def _listen(
        self, context: BrowserContext, page: Page, session: CDPSession, until: float
    ) -> None:
        recording = self._recording
        for name in (*recording.events, _SOCKET):
            session.on(name, lambda event, name=name: self._take(name, event))
        page.on("crash", lambda _: setattr(self, "_crashed", True))
        page.on("load", lambda _: setattr(self, "_loaded", True))
        page.on("download", lambda _: setattr(self, "_download", True))
        page.on("worker", self._started_worker)
        page.on("requestfinished", self._seen_by_playwright)
        page.on("requestfailed", self._failed_by_playwright)
        context.on("request", lambda request: self._asked.note(request.url))
        context.on("page", lambda popup: self._spawn(popup.close()))
        tree = await session.send("Page.getFrameTree")
        recording.main_frame = tree["frameTree"]["frame"]["id"]
        session.on("Page.frameStoppedLoading", self._stopped_loading)
        session.on("Page.frameNavigated", self._navigated)
        await hear_workers(session, self._take, self._spawn)
        await session.send("Page.enable")
        await session.send("Network.enable", _BUFFERS)
        interceptor = Interceptor(
            session,
            self._base.url,
            self._options,
            recording=recording,
            politeness=self._politeness,
            until=until,
            spawn=self._spawn,
        )
        await interceptor.start()

    def _take(self, name: str, event: Event) -> None:
        """An event of the page or of one of its workers."""
        if name == _SHARED_WORKER:
            self._asked.has_workers = True
        if name == _ASKS:
            self._asked.note(event["request"]["url"])
        elif name == _SOCKET:
            self._asked.note(event["url"])
        if name in self._recording.events:
            self._recording.take(name, event)

    def _stopped_loading(self, event: dict[str, Any]) -> None:
        """The end of loading, also of a page that called it off to go to ``mailto:`` or so."""
        recording = self._recording
        document = recording.document()
        if event["frameId"] == recording.main_frame and document and document.answered:
            self._loaded = True

    def _navigated(self, event: dict[str, Any]) -> None:
        frame = event["frame"]
        if frame.get("parentId") is None:
            self._recording.leave(frame["loaderId"])

    def _started_worker(self, worker: Worker) -> None:
        self._asked.has_workers = True
        self._recording.end_unseen(worker.url)

    def _seen_by_playwright(self, request: Request) -> None:
        """What the page's session has not told of by now, a worker has asked for."""
        if self._is_unseen(request) and self._recording.count_unseen():
            self._elsewhere.append(request)

    def _failed_by_playwright(self, request: Request) -> None:
        if self._is_unseen(request):
            self._recording.count_unseen()

    def _is_unseen(self, request: Request) -> bool:
        url = request.url
        return url.startswith(("http://", "https://")) and not self._recording.has_seen(url)

    async def _go(self, page: Page) -> None:
        from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

        try:
            await page.goto(self._base.url, wait_until="commit", timeout=0)
        except Error:
            self._loaded = True  # there will be no page; the events say why

    # Waiting

    async def _wait(self, page: Page, session: CDPSession) -> None:
        """Until the page is loaded and silent, a limit is reached or it failed."""
        asked_manifest = False
        while not self._has_failed():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._stopped.wait()
            if self._crashed or not self._browser.alive:
                raise BrowserLost(_CRASHED)
            self._tell()
            self._cut_too_large()
            self._error = self._limit_reached()
            if self._error is not None:
                # From now on it gets nothing, and what was under way is called by this name.
                self._recording.give_up(self._error, self._options.limits.asset_seconds)
                self._proxy.shut()
                return
            self._recording.end_headless(self._proxy.bodies)
            silent = self._clock() - self._recording.last_event
            if silent > _SILENCE_SECONDS:
                await self._ask_whether_alive()
                self._recording.end_silent_scripts(self._proxy.bodies)
            if self._loaded and not asked_manifest:
                asked_manifest = True
                self._spawn(self._fetch_manifest(page, session))
            if silent >= QUIET_SECONDS and self._is_done():
                return

    def _is_done(self) -> bool:
        recording = self._recording
        if not recording.entries:
            return False
        patience = self._options.limits.asset_seconds
        if recording.in_flight(patience):
            return False
        # A page whose document breaks off, or that waits for something that never comes, is not
        # loaded, but there is nothing more.
        waits = recording.in_flight(float("inf")) > 0
        return self._loaded or recording.stands_still() or waits

    def _has_failed(self) -> bool:
        """Whether there is no page, since its document could not be had."""
        document = self._recording.document()
        return document is not None and document.status is None and not document.pending

    def _limit_reached(self) -> str | None:
        limits = self._options.limits
        if self._proxy.received_bytes > limits.page_bytes:
            return f"page-too-large: more than {limits.page_bytes:,} bytes"
        if self._recording.full:
            return f"too-many-assets: more than {limits.assets:,}"
        return None

    def _cut_too_large(self) -> None:
        """An asset that is too large fails alone: its connection is cut."""
        limits = self._options.limits
        for entry in self._recording.open_entries():
            if entry.arrived_bytes > limits.asset_bytes:
                error = f"too-large: more than {limits.asset_bytes:,} bytes"
            elif entry.resource_bytes > limits.asset_resource_bytes:
                error = f"too-large: decodes to more than {limits.asset_resource_bytes:,} bytes"
            else:
                continue
            self._recording.abandon(entry, error)
            self._proxy.cut(entry.url)

    async def _ask_whether_alive(self) -> None:
        if not await self._browser.answers():
            raise BrowserLost(_HANGS)

    async def _fetch_manifest(self, page: Page, session: CDPSession) -> None:
        """An ordinary window fetches the manifest, one of its own context only when it is asked."""
        if page.url.startswith("https:") or host_of(page.url).startswith(("127.", "localhost")):
            await session.send("Page.getAppManifest")

    def _tell(self) -> None:
        recording, now = self._recording, self._clock()
        if recording.changes == self._reported or now < self._next_report:
            return
        if self._on_change is None:
            return
        self._reported = recording.changes
        # To make one of 10,000 assets takes a while: the more there are, the less often.
        self._next_report = now + len(recording.entries) / _ASSETS_A_SECOND
        self._on_change(self._report(final=False))

    # The end

    async def _round_off(self, page: Page, session: CDPSession) -> None:
        """What only the page can say: its title, and the sizes of what its workers fetched."""
        from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

        with contextlib.suppress(TimeoutError, Error):
            async with asyncio.timeout(_ASK_SECONDS):
                await self._weigh_workers(session)
                if self._workers is not None:
                    await self._workers.measure()
                self._title = _as_title(await page.title())
            async with asyncio.timeout(_LOOK_SECONDS):
                await inspect(session, self._recording.entries, page.url, self._notes)

    async def _weigh_workers(self, session: CDPSession) -> None:
        recording = self._recording
        unseen = {entry.url: entry for entry in recording.entries if entry.unseen}
        if unseen:
            sizes = await worker_sizes(session)
            for url, entry in unseen.items():
                if url in sizes:
                    recording.end(entry, *sizes[url])
        seen = {request.url for request in self._elsewhere if recording.has_seen(request.url)}
        for request in self._elsewhere:
            if request.url in seen:
                continue
            response = await request.response()
            if response is None:
                continue
            transfer = max(0, (await request.sizes())["responseBodySize"])
            encoded = "content-encoding" in response.headers
            asked = encoded and 0 < transfer <= ASKED_BYTES
            resource = len(await response.body()) if asked else transfer
            recording.add(
                request.url,
                request.resource_type.capitalize(),
                response.status,
                transfer,
                resource,
                response.headers,
            )

    def _report(self, *, final: bool) -> Report:
        entries = self._recording.entries
        document = self._recording.document()
        final_url = document.url if document is not None and document.status else None
        host = host_of(final_url or self._base.url)
        assets = assets_of(entries, host, self._proxy.failures)
        total, kinds, hosts = sums_of(assets)
        failed = self._why_failed(document, assets, entries) if final else None
        status: Status = "weighing" if not final else "weighed" if failed is None else "failed"
        weighed = status == "weighed"
        own = assets[entries.index(document)] if weighed and document else None
        if own is not None:
            self._notes.see_document(assets.index(own))
        cut_short = None if own is None or _is_measured(own) else own.error
        complete = weighed and self._error is None and all(map(_is_measured, assets))
        report = msgspec.structs.replace(
            self._base,
            status=status,
            final_url=final_url,
            title=self._title,
            complete=complete,
            body=Bytes(document.transfer_bytes, document.resource_bytes) if document else Bytes(),
            total=total,
            by_kind=kinds,
            by_host=hosts,
            score=score(total.transfer_bytes, whole=complete) if weighed else None,
            assets=assets,
            error=failed or cut_short or self._error,
            findings=(self._notes.findings(assets, self._options.viewport.dpr) if weighed else ()),
        )
        if not final:
            return report
        return msgspec.structs.replace(
            report,
            finished_at=datetime.now(UTC),
            duration_ms=round((self._clock() - self._started) * 1000),
        )

    def _why_failed(
        self, document: Entry | None, assets: tuple[Asset, ...], entries: list[Entry]
    ) -> str | None:
        """Why the page could not be weighed: its document did not come."""
        if document is None:
            return self._error or "browser: it did not ask for the page"
        if self._download and document.cancelled:
            return "download: a browser does not show this but saves it"
        asset = assets[entries.index(document)]
        if document.status is None:
            return asset.error or self._error
        nothing = document.status >= 300 or not document.transfer_bytes
        return asset.error if nothing else None

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        """What these tasks fail with is nothing to anybody: the page has gone on or away."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    def _why_lost(self, error: Exception) -> str:
        if not self._browser.alive:
            return self._browser.why_lost
        return _CRASHED if self._crashed else f"browser: {_first_line(error)}"


def _as_title(text: str) -> str | None:
    """As the static method has it. A script can give a title half of a character."""
    whole = text[: 2 * MAX_TITLE].encode("utf-8", "replace").decode()
    return " ".join(whole.split())[:MAX_TITLE] or None


def _is_measured(asset: Asset) -> bool:
    return asset.error is None or asset.error.startswith(_PAGES_OWN)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
