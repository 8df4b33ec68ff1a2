"""Browsers for pages: a few, started when they are needed, replaced when they fail.

Each browser renders one page at a time. A crash therefore costs one page, and a page that makes its
browser slow or large does so to no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from libra.weighing.dialing import OPEN, LookUp, Resolver
from libra.weighing.gate import Gate
from libra.weighing.politeness import Politeness
from libra.weighing.rendered.browser import (
    Browser,
    BrowserLost,
    RenderUnavailable,
    find_browser,
    launch,
    require_playwright,
)

if TYPE_CHECKING:
    from playwright.async_api import Playwright

PAGES_PER_BROWSER = 50
"""A browser grows with every page; after so many a new one takes its place."""

IDLE_SECONDS = 60.0
"""For how long a browser that nobody needs is kept. It takes some 150 MB."""

_STOP_SECONDS = 5.0


class BrowserPool:
    """At most `size` browsers. Use it as an asynchronous context manager; nothing starts before it must.

    Args:
        executable: The browser; by default the first that is found on PATH.
        size: How many pages are rendered at a time; the others wait in line.
        gate: Judges every address that a browser wants to reach.
        politeness: When which server may be asked; to share it with a `Fetcher`.
        look_up: For tests, what resolves names instead of the system.
    """

    def __init__(
        self,
        *,
        executable: str | os.PathLike[str] | None = None,
        size: int = 2,
        gate: Gate = OPEN,
        politeness: Politeness | None = None,
        look_up: LookUp | None = None,
    ) -> None:
        self.gate = gate
        self.politeness = politeness or Politeness()
        self.resolver = Resolver(gate, look_up)
        self._executable = executable
        self._free = asyncio.Semaphore(size)
        self._idle: list[Browser] = []
        self._used: set[Browser] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._driver: Playwright | None = None
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._let_rest(None)
        browsers = [*self._idle, *self._used]
        self._idle.clear()
        await asyncio.gather(*(browser.close() for browser in browsers))
        if self._closing:
            await asyncio.wait(self._closing)
        await self._stop_driver()
        await self.resolver.close()

    def check(self) -> str:
        """The browser that would be used, to find out early that there is none.

        Raises:
            RenderUnavailable: if Playwright or a browser is missing; the message says what to install.
        """
        require_playwright()
        return find_browser(self._executable)

    @property
    def processes(self) -> list[int]:
        """The process ids of the browsers that run."""
        return [browser.process_id for browser in (*self._idle, *self._used)]

    @contextlib.asynccontextmanager
    async def browser(self) -> AsyncIterator[Browser]:
        """A browser for one page; waits for its turn.

        Raises:
            RenderUnavailable: if no browser can be started.
            BrowserLost: from within, if the page loses its browser; it is then replaced.
        """
        async with self._free:
            browser = await self._take()
            self._used.add(browser)
            sound = False
            try:
                yield browser
                sound = True
            except asyncio.CancelledError:
                sound = True  # it is not the browser's fault
                raise
            finally:
                self._used.discard(browser)
                browser.pages += 1
                if not sound:
                    await browser.kill()
                elif not browser.alive or browser.pages >= PAGES_PER_BROWSER:
                    self._retire(browser)
                else:
                    self._idle.append(browser)
                    self._let_rest(IDLE_SECONDS)

    async def _take(self) -> Browser:
        while self._idle:
            browser = self._idle.pop()
            if browser.alive:
                return browser
            await browser.kill()
        try:
            return await self._launch()
        except (RenderUnavailable, BrowserLost):
            # The driver itself may be what is broken, so once more with another one.
            await self._stop_driver()
            return await self._launch()

    async def _launch(self) -> Browser:
        executable = self.check()
        async with self._starting:
            if self._driver is None:
                from playwright.async_api import async_playwright  # noqa: PLC0415 - an extra

                self._driver = await async_playwright().start()
            driver = self._driver
        return await launch(driver, executable)

    async def _stop_driver(self) -> None:
        driver, self._driver = self._driver, None
        if driver is None or self._used:
            return  # other pages may be at work with it; it ends with this process
        from playwright.async_api import Error  # noqa: PLC0415 - an extra

        with contextlib.suppress(TimeoutError, Error):
            async with asyncio.timeout(_STOP_SECONDS):
                await driver.stop()

    def _retire(self, browser: Browser) -> None:
        task = asyncio.create_task(browser.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _let_rest(self, seconds: float | None) -> None:
        """Close what is idle after so many seconds in which nobody came; None calls it off."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        if seconds is not None:
            self._reaper = asyncio.get_running_loop().call_later(seconds, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        while self._idle:
            self._retire(self._idle.pop())
