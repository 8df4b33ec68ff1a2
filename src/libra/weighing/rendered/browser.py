"""One browser process: found on the system, started without a way to the network, killed when it hangs.

Playwright (the extra ``libra-weigh[render]``) starts it and speaks the DevTools protocol. The browser
is the system's own Chromium or Chrome. It is given no route of its own: its proxy is a port where
nobody listens, names do not resolve, QUIC and WebRTC are shut. Only a page's context has a proxy that
works.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
"""What is looked for on PATH, the first first."""

_MAC = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)

LAUNCH_SECONDS = 30.0
_DRIVER_SECONDS = 2.0
_CLEANUPS = 100
ANSWER_SECONDS = 10.0
"""A browser that does not answer the simplest question for so long hangs."""

NOWHERE = "http://127.0.0.1:9"
"""The discard port: a proxy for the browser's own errands, which therefore come to nothing."""

_NO_FEATURES = (
    "IsolateOrigins",
    "site-per-process",
    "Translate",
    "OptimizationHints",
    "MediaRouter",
    "DialMediaRouteProvider",
    "CertificateTransparencyComponentUpdater",
)
_FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-sync",
    "--disable-breakpad",
    "--no-pings",
    "--metrics-recording-only",
    "--mute-audio",
    "--password-store=basic",
    "--use-mock-keychain",
    "--disable-dev-shm-usage",  # containers have 64 MB there, and pages crash
    # A window that nobody looks at is not to be slowed down.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
    # One DevTools session sees all frames of a page only if they share its process. A context lives
    # for one page and holds no secret of another site that isolation could keep from a frame.
    "--disable-site-isolation-trials",
    f"--disable-features={','.join(_NO_FEATURES)}",
    # No way to the network but a page's proxy, loopback included.
    f"--proxy-server={NOWHERE}",
    "--proxy-bypass-list=<-loopback>",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",  # its name in older versions
)


class RenderUnavailable(Exception):
    """Pages cannot be rendered here; the message says what to install."""


class BrowserLost(Exception):
    """The browser crashed, was killed or hangs. Another one may do."""


def find_browser(given: str | os.PathLike[str] | None = None) -> str:
    """The path of the browser to use.

    Args:
        given: A path or a name on PATH; by default the first of `NAMES` that is there.

    Raises:
        RenderUnavailable: if there is none.
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
        process_id: Of its main process.
        version: For instance ``138.0.7204.49``.
        pages: How many pages it has rendered.
    """

    def __init__(
        self,
        playwright: PlaywrightBrowser,
        process_id: int,
        profile: str,
        user_agent: str,
    ) -> None:
        self.playwright = playwright
        self.process_id = process_id
        self.version = playwright.version
        self.user_agent = user_agent
        self.pages = 0
        self._profile = profile
        self._killed = False

    @property
    def alive(self) -> bool:
        """Whether its process is still connected. The driver tells of its end only some time after."""
        return not self._killed and self.playwright.is_connected()

    async def answers(self) -> bool:
        """Whether it answers at all. One that was stopped or hangs does not."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                session = await self.playwright.new_browser_cdp_session()
                await session.send("Browser.getVersion")
                await session.detach()
        except (TimeoutError, _error_type()):
            return False
        return True

    async def close(self) -> None:
        """End it: politely where it listens, by force where it does not."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS / 2):
                await self.playwright.close()
        except (TimeoutError, _error_type()):
            pass
        finally:
            await self.kill()

    async def kill(self) -> None:
        """End it by force with all its children, and remove its profile."""
        self._killed = True
        _kill(self.process_id)
        for _ in range(_CLEANUPS):
            if await asyncio.to_thread(_remove, self._profile):
                break
            await asyncio.sleep(0.02)  # a child has not noticed yet that it is dead, and writes


async def launch(playwright: Playwright, executable: str) -> Browser:
    """Start a browser with an empty profile.

    Raises:
        RenderUnavailable: if it does not start.
    """
    profile = tempfile.mkdtemp(prefix="libra-browser-")
    flags = [*_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    if _is_root():
        flags.insert(0, "--no-sandbox")  # the sandbox does not work for root
    try:
        # Playwright's own limit is kept by its driver, which may be what hangs.
        async with asyncio.timeout(LAUNCH_SECONDS + _DRIVER_SECONDS):
            started = await playwright.chromium.launch(
                executable_path=executable,
                ignore_default_args=True,
                args=flags,
                headless=True,
                handle_sigint=False,
                handle_sigterm=False,
                handle_sighup=False,
                timeout=LAUNCH_SECONDS * 1000,
                env=_environment(),
            )
    except TimeoutError:
        shutil.rmtree(profile, ignore_errors=True)
        raise BrowserLost("the driver of the browsers does not answer") from None
    except _error_type() as error:
        shutil.rmtree(profile, ignore_errors=True)
        raise RenderUnavailable(
            f"The browser {executable} does not start: {_first_line(error)}"
        ) from error
    try:
        process_id, user_agent = await _identify(started)
    except (TimeoutError, _error_type()) as error:
        shutil.rmtree(profile, ignore_errors=True)
        raise BrowserLost("the browser went away while starting") from error
    return Browser(started, process_id, profile, user_agent)


async def _identify(started: PlaywrightBrowser) -> tuple[int, str]:
    async with asyncio.timeout(ANSWER_SECONDS):
        session = await started.new_browser_cdp_session()
        processes = await session.send("SystemInfo.getProcessInfo")
        version = await session.send("Browser.getVersion")
        await session.detach()
    main = [p["id"] for p in processes["processInfo"] if p["type"] == "browser"]
    return int(main[0]), str(version["userAgent"]).replace("HeadlessChrome", "Chrome")


def _remove(profile: str) -> bool:
    """Whether a profile is gone."""
    shutil.rmtree(profile, ignore_errors=True)
    return not Path(profile).exists()


def _kill(process_id: int) -> None:
    """Kill a browser; where it leads a group of its own, with all of the group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if hasattr(os, "killpg") and os.getpgid(process_id) == process_id:
            os.killpg(process_id, signal.SIGKILL)
        else:
            os.kill(process_id, getattr(signal, "SIGKILL", signal.SIGTERM))


def _environment() -> dict[str, str | float | bool]:
    """The environment without proxies, which a browser would honour."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.lower().endswith("_proxy") and not name.startswith("LIBRA_")
    }


def _is_root() -> bool:
    return sys.platform != "win32" and os.geteuid() == 0


def _error_type() -> type[Exception]:
    from playwright.async_api import Error  # noqa: PLC0415 - an extra, and slow to import

    return Error


def _first_line(error: Any) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    for line in lines:
        if "sandbox" in line.lower():
            return (
                "the system does not let it make its sandbox. Allow unprivileged user namespaces,"
                " or run Libra in a container as root."
            )
    return lines[0][:200] if lines else type(error).__name__
