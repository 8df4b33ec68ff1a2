"""One browser: found on the system, started without network access, killed when it hangs.

Playwright (the extra ``libra-weigh[render]``) starts it and speaks the DevTools protocol. The browser is
the system's own Chromium or Chrome. Browsers share nothing: each has its own driver, process group and
temporary folder, which end with it. It also has no network access of its own. Its proxy is a port where
nobody listens, names do not resolve, and QUIC and WebRTC are disabled
(`libra.weighing.rendered.browsers.flags`). Only a page's context has a working proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from libra.weighing.rendered.browsers.driver import Driver, start_driver
from libra.weighing.rendered.browsers.flags import FLAGS
from libra.weighing.rendered.browsers.folders import BrowserFolder, end_users
from libra.weighing.rendered.browsers.warden import Tree

if TYPE_CHECKING:
    from playwright.async_api import Browser as PlaywrightBrowser
    from playwright.async_api import Playwright

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
)
"""The names to look for on PATH, in order of preference."""

_MAC = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

LAUNCH_SECONDS = 30.0
_DRIVER_SECONDS = 2.0
_TEMPORARY_LENGTH = 55
"""Maximum length of a ``TMPDIR`` path. The browser's socket in it has a path of at most 107."""

_CLEANUPS = 100
ANSWER_SECONDS = 10.0
"""Seconds after which a browser that does not answer a trivial request counts as hung."""


class RenderUnavailable(Exception):
    """Pages cannot be rendered on this system; the message says what to install."""


class BrowserLost(Exception):
    """The browser crashed, was killed or hangs, as a named error. Another browser may succeed."""


def find_browser(given: str | os.PathLike[str] | None = None) -> str:
    """The path of the browser to use.

    Args:
        given: A path or a name on PATH; by default the first of `NAMES` that exists.

    Raises:
        RenderUnavailable: There is no such browser.
    """
    if given is not None:
        found = shutil.which(given)
        if found is None:
            raise RenderUnavailable(
                f"There is no browser at {os.fspath(given)!r}. Name the executable of Chromium or"
                " Google Chrome."
            )
        return found
    for name in NAMES:
        if found := shutil.which(name):
            return found
    for path in _MAC:
        if Path(path).exists():
            return path
    raise RenderUnavailable(
        "No browser was found on PATH. Install Chromium or Google Chrome (on Debian and Ubuntu:"
        " apt-get install chromium), or name its executable with --browser."
    )


def require_playwright() -> None:
    """Raise `RenderUnavailable` unless Playwright is installed."""
    try:
        import playwright.async_api  # noqa: F401, PLC0415 - an extra, and slow to import
    except ImportError:
        raise RenderUnavailable(
            "Rendering needs Playwright. Install it with: pip install 'libra-weigh[render]'"
        ) from None


class Browser:
    """A running browser. Made by `launch`.

    Attributes:
        process_id: The id of its main process.
        tree: Its processes, with their memory.
        version: For instance ``138.0.7204.49``.
        pages: Number of pages it has rendered.
        out_of_memory: Whether it was killed because a page made it use too much memory.
    """

    def __init__(
        self,
        playwright: PlaywrightBrowser,
        driver: Driver,
        folder: BrowserFolder,
        process_id: int,
        user_agent: str,
    ) -> None:
        self.playwright = playwright
        self.process_id = process_id
        self.tree = Tree((process_id, driver.process_id))
        self.version = playwright.version
        self.user_agent = user_agent
        self.pages = 0
        self.out_of_memory = False
        self._driver = driver
        self._folder = folder
        self._ended_for: str | None = None
        self._leads_group = hasattr(os, "killpg") and os.getpgid(process_id) == process_id

    @property
    def alive(self) -> bool:
        """Whether its process is still connected. The driver reports its end with some delay."""
        return self._ended_for is None and self._driver.alive and self.playwright.is_connected()

    @property
    def why_lost(self) -> str:
        """The named error for a page that lost this browser."""
        return self._ended_for or f"browser: {self._driver.why_ended or 'it crashed'}"

    async def answers(self) -> bool:
        """Whether it answers at all. A stopped or hung browser does not."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                session = await self.playwright.new_browser_cdp_session()
                await session.send("Browser.getVersion")
                await session.detach()
        except (TimeoutError, _error_type()):
            return False
        return True

    def end(self, error: str) -> None:
        """Kill it because its page does harm; `kill` also cleans up.

        Args:
            error: The named error of its page.
        """
        if self._ended_for is None:  # the system may reuse the id of an ended process
            self._ended_for = error
            _kill(self.process_id, group=self._leads_group)
            self._driver.kill()

    async def close(self) -> None:
        """End it: gracefully if it responds, by force if not."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS / 2):
                await self.playwright.close()
        except (TimeoutError, _error_type()):
            pass
        finally:
            await self.kill()

    async def kill(self) -> None:
        """Kill it with all its children and its driver, and remove its folder."""
        self.end(self.why_lost)
        await _tidy(self._driver, self._folder)


async def launch(executable: str) -> Browser:
    """Start a browser with its own driver and an empty folder.

    Raises:
        RenderUnavailable: It does not start.
        BrowserLost: It starts and disappears, or its driver hangs.
    """
    folder, driver = BrowserFolder(), None
    environment = _environment(folder)
    try:
        # Playwright's own timeout runs in its driver, which may be the part that hangs.
        async with asyncio.timeout(LAUNCH_SECONDS + _DRIVER_SECONDS):
            driver = await start_driver(environment)
            started = await _launch(driver.playwright, executable, folder, environment)
        process_id, user_agent = await _identify(started)
        return Browser(started, driver, folder, process_id, user_agent)
    except BaseException as error:
        end_users(folder.path)
        await _tidy(driver, folder)
        if isinstance(error, TimeoutError):
            raise BrowserLost("browser: its driver does not respond") from None
        if isinstance(error, OSError):
            raise RenderUnavailable(f"The browser driver does not start: {error}") from error
        if isinstance(error, _error_type()):
            raise BrowserLost("browser: it ended while it was starting") from error
        raise


async def _launch(
    playwright: Playwright, executable: str, folder: BrowserFolder, environment: dict[str, str]
) -> PlaywrightBrowser:
    flags = [*FLAGS, f"--user-data-dir={folder.profile}", "--no-startup-window"]
    if not has_sandbox():
        flags.insert(0, "--no-sandbox")
    try:
        return await playwright.chromium.launch(
            executable_path=executable,
            ignore_default_args=True,
            args=flags,
            headless=True,
            handle_sigint=False,
            handle_sigterm=False,
            handle_sighup=False,
            timeout=LAUNCH_SECONDS * 1000,
            env={**environment},
        )
    except _error_type() as error:
        raise RenderUnavailable(
            f"The browser {executable} does not start: {_first_line(error)}"
        ) from error


async def _identify(started: PlaywrightBrowser) -> tuple[int, str]:
    async with asyncio.timeout(ANSWER_SECONDS):
        session = await started.new_browser_cdp_session()
        processes = await session.send("SystemInfo.getProcessInfo")
        version = await session.send("Browser.getVersion")
        await session.detach()
    main = [p["id"] for p in processes["processInfo"] if p["type"] == "browser"]
    return int(main[0]), str(version["userAgent"]).replace("HeadlessChrome", "Chrome")


async def _tidy(driver: Driver | None, folder: BrowserFolder) -> None:
    """End a driver and remove a folder, after or while its browser ends."""
    if driver is not None:
        await driver.end()
    for _ in range(_CLEANUPS):
        if await asyncio.to_thread(folder.remove):
            break
        await asyncio.sleep(0.02)  # a child is not dead yet and still writes


def _kill(process_id: int, *, group: bool) -> None:
    """Kill a browser; if it leads a process group, kill the rest of the group, too."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if group:
            os.killpg(process_id, signal.SIGKILL)
        else:
            os.kill(process_id, getattr(signal, "SIGKILL", signal.SIGTERM))


def _environment(folder: BrowserFolder) -> dict[str, str]:
    """The environment without proxies, which a browser would use, and with a folder for its files."""
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("LIBRA_")
    }
    if len(str(folder.temporary)) <= _TEMPORARY_LENGTH:
        environment["TMPDIR"] = str(folder.temporary)
    return environment


def has_sandbox() -> bool:
    """Whether the browser's sandbox works; for root it does not."""
    return sys.platform == "win32" or os.geteuid() != 0


def _error_type() -> type[Exception]:
    from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

    return Error


def _first_line(error: Any) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line in lines:
        if "sandbox" in line.lower():
            return (
                "the system does not let it create its sandbox. Allow unprivileged user namespaces,"
                " or run Libra in a container as root."
            )
    return lines[0][:200] if lines else type(error).__name__
