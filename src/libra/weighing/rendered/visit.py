"""One page in a browser: opens it, follows its requests until it is done, inspects and leaves it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from libra.network.politeness import retry_after
from libra.report import Report
from libra.urls import host_of, origin_of
from libra.weighing.options import PLAIN_USER_AGENT, USER_AGENT, Options
from libra.weighing.rendered.browsers.browser import Browser, BrowserLost
from libra.weighing.rendered.browsers.pool import BrowserPool
from libra.weighing.rendered.completion import Completion
from libra.weighing.rendered.page_probe import BODY_BYTES, BUFFER_BYTES, inspect, title_of
from libra.weighing.rendered.picture import Picture, take_picture
from libra.weighing.rendered.proxy.asked_hosts import AskedHosts
from libra.weighing.rendered.proxy.server import Proxy
from libra.weighing.rendered.requests.interceptor import Interceptor
from libra.weighing.rendered.requests.logged_request import Event
from libra.weighing.rendered.requests.network_log import NetworkLog
from libra.weighing.rendered.requests.service_workers import ServiceWorkers
from libra.weighing.rendered.requests.workers import hear_workers, shared_workers
from libra.weighing.rendered.unseen_requests import UnseenRequests
from libra.weighing.rendered.visit_report import VisitReport
from libra.weighing.static.weighing import DEADLINE

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, CDPSession, Page, Worker

QUIET_SECONDS = 1.5
"""Seconds of network silence after which a loaded page is done."""

_TICK_SECONDS = 0.1
"""Seconds between two checks of the page's progress, and between two reports."""

MAX_TITLE = 1_000
"""Maximum number of characters of a title."""

_OPEN_SECONDS = 10.0
"""Seconds for opening a new context, which any working browser does at once."""

_CLOSE_SECONDS = 5.0
"""Seconds for leaving a page. A page whose scripts never end cannot be closed."""

_ASK_SECONDS = 3.0
"""Seconds for a query to the page, whose main thread may be busy for ever."""

_LOOK_SECONDS = 5.0
"""Seconds for inspecting bodies and images; results up to then are reported."""

_SILENCE_SECONDS = 2.0
"""Seconds without an event after which the browser is checked for life."""

_ASSETS_A_SECOND = 10_000
"""Assets per second for which interim reports are made."""

_ASKS = "Network.requestWillBeSent"
_SOCKET = "Network.webSocketCreated"
_SHARED_WORKER = "Target.targetCreated"
_BUFFERS = {"maxTotalBufferSize": BUFFER_BYTES, "maxResourceBufferSize": BODY_BYTES}
_HANGS = "browser: it does not respond"
_CRASHED = "browser: it crashed"


class Visit:
    """One page in one browser.

    Args:
        base: The page's report before anything is known.
        options: The options of the page.
        browsers: The pool with the gate, the resolver and the politeness to use.
        browser: The browser that renders the page.
        on_change: See `weigh_rendered`.
        on_picture: See `weigh_rendered`.
    """

    def __init__(
        self,
        base: Report,
        options: Options,
        browsers: BrowserPool,
        browser: Browser,
        on_change: Callable[[Report], None] | None,
        on_picture: Callable[[Picture], None] | None,
    ) -> None:
        self._base = base
        self._options = options
        self._browser = browser
        self._on_change = on_change
        self._on_picture = on_picture
        self._pictured = False
        # The event loop enforces the page's deadline, so all waiting uses its clock.
        self._clock = asyncio.get_running_loop().time
        self._stopped = asyncio.Event()
        self._recording = NetworkLog(self._clock, options.limits.assets, self._stopped.set)
        self._asked = AskedHosts()
        self._asked.note(base.url)
        self._proxy = Proxy(browsers.gate, browsers.resolver, self._asked)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._politeness = browsers.politeness
        self._workers: ServiceWorkers | None = None
        self._unseen = UnseenRequests(self._recording)
        self._reports = VisitReport(
            base, self._recording, self._proxy.failures, options.viewport.dpr, self._clock
        )
        self._completion = Completion(self._recording, self._proxy, options.limits)
        self._loaded = False
        self._crashed = False
        self._download = False
        self._error: str | None = None
        self._title: str | None = None
        self._reported = 0
        self._next_report = 0.0

    async def run(self) -> Report:
        """Weigh the page and return its report, finished or failed.

        Raises:
            BrowserLost: The browser crashed or hangs.
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
                # It was killed meanwhile, which explains why it did not answer.
                raise BrowserLost(self._browser.why_lost) from None
            finally:
                for task in self._tasks:
                    task.cancel()
                await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._reports.make(
            final=True,
            error=self._error,
            title=self._title,
            download=self._download,
            pictured=self._pictured,
        )

    @contextlib.asynccontextmanager
    async def _context(self) -> Any:
        """A context of its own, without cookies, cache or storage of another page."""
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
            await self._browser.kill()  # the report is still valid; the pool starts another browser

    async def may_come_again(self, report: Report) -> bool:
        """If the server of a failed page asked for a short pause, wait for it.

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
                raise BrowserLost(self._browser.why_lost) from None  # this explains the timeout
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
        page.on("requestfinished", self._unseen.finished)
        page.on("requestfailed", self._unseen.failed)
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
        """Process an event of the page or one of its workers."""
        if name == _SHARED_WORKER:
            self._asked.has_workers = True
        if name == _ASKS:
            self._asked.note(event["request"]["url"])
        elif name == _SOCKET:
            self._asked.note(event["url"])
        if name in self._recording.events:
            self._recording.take(name, event)

    def _stopped_loading(self, event: dict[str, Any]) -> None:
        """Handle the end of loading, also if the page cancelled it to open ``mailto:`` or similar."""
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

    async def _go(self, page: Page) -> None:
        from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

        try:
            await page.goto(self._base.url, wait_until="commit", timeout=0)
        except Error:
            self._loaded = True  # there will be no page; the events say why

    # Waiting

    async def _wait(self, page: Page, session: CDPSession) -> None:
        """Wait until the page is loaded and silent, has reached a limit, or has failed."""
        asked_manifest = False
        while not self._completion.has_failed():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._stopped.wait()
            self._require_browser()
            if self._clock() - self._recording.last_event > _SILENCE_SECONDS:
                await self._ask_whether_alive()
                self._require_browser()
                self._recording.end_silent_scripts(self._proxy.bodies)
            # Do not await anything below. Otherwise later events would enter the report of a page that
            # is done, and no limit would apply to them.
            self._tell()
            self._completion.cut_too_large()
            self._error = self._completion.limit_reached()
            if self._error is not None:
                # The page receives nothing more, and its open requests get this error.
                self._recording.give_up(self._error, self._options.limits.asset_seconds)
                self._proxy.shut()
                return
            self._recording.end_headless(self._proxy.bodies)
            silent = self._clock() - self._recording.last_event
            if self._loaded and not asked_manifest:
                asked_manifest = True
                self._spawn(self._fetch_manifest(page, session))
            if silent >= QUIET_SECONDS and self._completion.is_done(loaded=self._loaded):
                return

    def _require_browser(self) -> None:
        if self._crashed or not self._browser.alive:
            raise BrowserLost(_CRASHED)

    async def _ask_whether_alive(self) -> None:
        if not await self._browser.answers():
            raise BrowserLost(_HANGS)

    async def _fetch_manifest(self, page: Page, session: CDPSession) -> None:
        """Request the manifest, which a window in a context of its own does not do by itself."""
        if page.url.startswith("https:") or host_of(page.url).startswith(("127.", "localhost")):
            await session.send("Page.getAppManifest")

    def _tell(self) -> None:
        recording, now = self._recording, self._clock()
        if recording.changes == self._reported or now < self._next_report:
            return
        if self._on_change is None:
            return
        self._reported = recording.changes
        # A report with 10,000 assets takes a while to make: the more assets, the fewer reports.
        self._next_report = now + len(recording.entries) / _ASSETS_A_SECOND
        self._on_change(self._reports.make(final=False, error=self._error))

    # The end

    async def _round_off(self, page: Page, session: CDPSession) -> None:
        """Read what only the page knows: its title, and the sizes of its workers' requests."""
        from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

        frame = self._recording.main_frame or ""
        with contextlib.suppress(TimeoutError, Error):
            async with asyncio.timeout(_ASK_SECONDS):
                await self._unseen.enter(session, frame)
                if self._workers is not None:
                    await self._workers.measure()
                self._title = _as_title(await title_of(session, frame, 2 * MAX_TITLE))
            async with asyncio.timeout(_LOOK_SECONDS):
                notes = self._reports.notes
                await inspect(session, frame, self._recording.entries, page.url, notes)
            if self._on_picture is not None:
                async with asyncio.timeout(_LOOK_SECONDS):
                    picture = await take_picture(session, self._options.viewport)
                if picture is not None:
                    self._pictured = True
                    self._on_picture(picture)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        """Ignore a background task's failure: the page has moved on or is gone."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()

    def _why_lost(self, error: Exception) -> str:
        if not self._browser.alive:
            return self._browser.why_lost
        return _CRASHED if self._crashed else f"browser: {_first_line(error)}"


def _as_title(text: str) -> str | None:
    """Format a title as the static method does. A script can set lone surrogates."""
    whole = text[: 2 * MAX_TITLE].encode("utf-8", "replace").decode()
    return " ".join(whole.split())[:MAX_TITLE] or None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
