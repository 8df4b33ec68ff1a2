"""A pool of browsers for pages: started on demand, replaced when they fail.

Each browser renders one page at a time and shares no process with another. So a crash costs one page,
and a page that makes its browser slow or large affects no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from libra.network.addresses.dialing import OPEN, LookUp, Resolver
from libra.network.addresses.gate import Gate
from libra.network.politeness import Politeness
from libra.weighing.rendered.browsers.browser import (
    Browser,
    BrowserLost,
    RenderUnavailable,
    find_browser,
    has_sandbox,
    launch,
    require_playwright,
)
from libra.weighing.rendered.browsers.folders import sweep
from libra.weighing.rendered.browsers.warden import MEMORY, can_watch, watch

log = logging.getLogger(__name__)

PAGES_PER_BROWSER = 50
"""Number of pages after which a browser is replaced, since it grows with every page."""

IDLE_SECONDS = 60.0
"""Seconds for which an idle browser is kept. It takes about 290 MB."""


@dataclass(slots=True)
class BrowserEnds:
    """How many browsers ended because of a page, by cause."""

    out_of_memory: int = 0
    other: int = 0


class BrowserPool:
    """At most `size` browsers, started on demand. Use it as an asynchronous context manager.

    Args:
        executable: The browser; by default the first one found on PATH.
        size: Number of pages rendered at the same time; others wait in line.
        gate: Judges every address that a browser wants to reach.
        politeness: When each server may be asked again; pass a `Fetcher`'s to share it.
        memory: Memory limit in bytes of each browser with all its processes, including its driver.
        look_up: For tests: resolves names instead of the system.

    Attributes:
        size: See the arguments.
        memory: See the arguments.
        ends: How many browsers ended because of a page.
    """

    def __init__(
        self,
        *,
        executable: str | os.PathLike[str] | None = None,
        size: int = 2,
        gate: Gate = OPEN,
        politeness: Politeness | None = None,
        memory: int = MEMORY,
        look_up: LookUp | None = None,
    ) -> None:
        self.gate = gate
        self.politeness = politeness or Politeness()
        self.resolver = Resolver(gate, look_up)
        self.size = size
        self.memory = memory
        self.ends = BrowserEnds()
        self._executable = executable
        self._free = asyncio.Semaphore(size)
        self._idle: list[Browser] = []
        self._used: set[Browser] = set()
        self._reaper: asyncio.TimerHandle | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._warned = False

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(sweep)
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
        await self.resolver.close()

    def check(self) -> str:
        """The browser that would be used. Call this to find out early that there is none.

        Raises:
            RenderUnavailable: Playwright or a browser is missing; the message says what to install.
        """
        require_playwright()
        return find_browser(self._executable)

    @property
    def processes(self) -> list[int]:
        """The process ids of the running browsers."""
        return [browser.process_id for browser in (*self._idle, *self._used)]

    @property
    def shortcomings(self) -> tuple[str, ...]:
        """The protections that browsers lack on this system, in words."""
        found = []
        if not has_sandbox():
            found.append("without their sandbox, because Libra runs as root")
        if not can_watch():
            found.append("without a memory limit, because this system has no /proc")
        return tuple(found)

    @contextlib.asynccontextmanager
    async def browser(self, *, alone: bool = False) -> AsyncIterator[Browser]:
        """A browser for one page. Waits for its turn.

        Args:
            alone: For a page that has lost its browser: use a new browser and retire it afterwards.

        Raises:
            RenderUnavailable: No browser can be started.
            BrowserLost: Raised by the caller's block if the page loses its browser, which is then
                replaced.
        """
        async with self._free:
            browser = await self._take(alone=alone)
            self._used.add(browser)
            warden = asyncio.create_task(self._watch(browser))
            sound = False
            try:
                yield browser
                sound = True
            except asyncio.CancelledError:
                sound = True  # not the browser's fault
                raise
            except BrowserLost:
                self.ends.other += not browser.out_of_memory
                raise
            finally:
                warden.cancel()
                self._used.discard(browser)
                browser.pages += 1
                if not sound:
                    await browser.kill()
                elif alone or not browser.alive or browser.pages >= PAGES_PER_BROWSER:
                    self._retire(browser)
                else:
                    self._idle.append(browser)
                    self._let_rest(IDLE_SECONDS)

    async def _watch(self, browser: Browser) -> None:
        """Kill a browser that uses too much memory."""

        def end(used: int) -> None:
            self.ends.out_of_memory += 1
            log.info("killed a browser: its page used %d bytes of memory", used)
            browser.out_of_memory = True
            browser.end(
                f"out-of-memory: the page makes its browser use more than {self.memory:,} bytes"
            )

        await watch(browser.tree, self.memory, end)

    async def _take(self, *, alone: bool) -> Browser:
        while self._idle and not alone:
            browser = self._idle.pop()
            if browser.alive:
                return browser
            await browser.kill()
        executable = self.check()
        if self.shortcomings and not self._warned:
            self._warned = True
            log.warning("browsers run %s", " and ".join(self.shortcomings))
        try:
            return await launch(executable)
        except (RenderUnavailable, BrowserLost):
            return await launch(executable)  # the machine may have been busy

    def _retire(self, browser: Browser) -> None:
        task = asyncio.create_task(browser.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def _let_rest(self, seconds: float | None) -> None:
        """Close idle browsers after this many seconds without a new page; None cancels that."""
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        if seconds is not None:
            self._reaper = asyncio.get_running_loop().call_later(seconds, self._reap)

    def _reap(self) -> None:
        self._reaper = None
        while self._idle:
            self._retire(self._idle.pop())
