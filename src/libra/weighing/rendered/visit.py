"""A page in a real browser: it is opened, listened to until it is done, looked at and left."""

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
from libra.weighing.rendered.page_probe import BODY_BYTES, BUFFER_BYTES, inspect
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


class Visit:
    """One page in one browser.

    Args:
        base: Its report before anything is known.
        options: How it is weighed.
        browsers: Whose gate, resolver and politeness it goes by.
        browser: The one it is weighed in.
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
        # The page's deadline is the loop's to keep, so all that it waits for goes by the same clock.
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
        """Weigh it and return its report, finished or failed.

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
        return self._reports.make(
            final=True,
            error=self._error,
            title=self._title,
            download=self._download,
            pictured=self._pictured,
        )

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
        while not self._completion.has_failed():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self._stopped.wait()
            self._require_browser()
            if self._clock() - self._recording.last_event > _SILENCE_SECONDS:
                await self._ask_whether_alive()
                self._require_browser()
                self._recording.end_silent_scripts(self._proxy.bodies)
            # Nothing is waited for from here on: else what came meanwhile would be in the report of a
            # page that is done, and judged by no limit.
            self._tell()
            self._completion.cut_too_large()
            self._error = self._completion.limit_reached()
            if self._error is not None:
                # From now on it gets nothing, and what was under way is called by this name.
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
        self._on_change(self._reports.make(final=False, error=self._error))

    # The end

    async def _round_off(self, page: Page, session: CDPSession) -> None:
        """What only the page can say: its title, and the sizes of what its workers fetched."""
        from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

        with contextlib.suppress(TimeoutError, Error):
            async with asyncio.timeout(_ASK_SECONDS):
                await self._unseen.enter(session)
                if self._workers is not None:
                    await self._workers.measure()
                self._title = _as_title(await page.title())
            async with asyncio.timeout(_LOOK_SECONDS):
                await inspect(session, self._recording.entries, page.url, self._reports.notes)
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


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
