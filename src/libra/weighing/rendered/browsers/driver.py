"""Playwright's driver: a Node.js program that controls one browser and dies with it.

Libra does not start it with Playwright's own `async_playwright()`, for three reasons. First, a page's
output reaches the driver, and from there this program, in messages of any length. A message longer than
`MESSAGE_BYTES` ends the driver instead of delaying everybody. Second, the driver's output when a page
makes it fail does not belong in Libra's log. Third, its temporary files go into the browser's folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright._impl.connection import Connection
    from playwright.async_api import Playwright

log = logging.getLogger(__name__)

MESSAGE_BYTES = 32_000_000
"""Larger than any message Libra needs. Parsing one blocks the event loop for a tenth of a second."""


class Driver:
    """A running driver. Made by `start_driver`.

    Attributes:
        playwright: The Playwright object that uses it.
        process_id: Its process id; it leads its own process group.
        why_ended: Why it ended; None while it runs.
    """

    def __init__(self, process: asyncio.subprocess.Process, connection: Connection) -> None:
        self.playwright: Playwright
        self.process_id = process.pid
        self.why_ended: str | None = None
        self._process = process
        self._connection = connection
        self._failed = False
        self._reading = asyncio.create_task(self._read())
        connection.onmessage = self._send

    @property
    def alive(self) -> bool:
        """Whether it is still running."""
        return self.why_ended is None

    def kill(self) -> None:
        """Kill it at once. It has nothing to clean up, since its folder belongs to Libra."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process_id, signal.SIGKILL)
            else:
                self._process.kill()

    async def end(self) -> None:
        """Kill it and wait until it has ended."""
        self.kill()
        await asyncio.wait([self._reading])

    def _send(self, message: dict[str, Any]) -> None:
        pipe = self._process.stdin
        if pipe is not None and not pipe.is_closing():
            data = json.dumps(message).encode()
            pipe.write(len(data).to_bytes(4, "little") + data)

    async def _read(self) -> None:
        pipe = self._process.stdout
        try:
            while pipe is not None:
                length = int.from_bytes(await pipe.readexactly(4), "little")
                if length > MESSAGE_BYTES:
                    self.why_ended = f"the browser sent a message of {length:,} bytes"
                    break
                self._take(json.loads(await pipe.readexactly(length)))
                await asyncio.sleep(0)  # give other tasks their turn, however fast a page sends
        except (OSError, EOFError):
            pass
        finally:
            self.why_ended = self.why_ended or "its driver ended"
            self.kill()
            self._connection.close()  # pending requests fail
            if self._process.stdin is not None:
                self._process.stdin.close()
            if pipe is not None:
                await _read_to_its_end(pipe)
            await self._process.wait()

    def _take(self, message: dict[str, Any]) -> None:
        try:
            self._connection.dispatch(message)
        except Exception:  # as in Node.js, an error in one listener does not affect the next
            if not self._failed:
                self._failed = True
                log.exception("cannot handle a message from the browser driver")


async def _read_to_its_end(pipe: asyncio.StreamReader) -> None:
    """Discard the last output of a killed driver.

    asyncio considers a process ended only when its pipes have ended, and stops reading from a pipe that
    nobody consumes. Then `wait()` would wait for ever
    (https://docs.python.org/3/library/asyncio-subprocess.html).
    """
    with contextlib.suppress(OSError):
        while await pipe.read(1_000_000):
            pass


async def start_driver(environment: dict[str, str]) -> Driver:
    """Start a driver.

    Args:
        environment: The environment variables for it and its browser.

    Raises:
        OSError: It cannot be started.
        playwright.async_api.Error: It ends at once, or the Playwright package has no driver.
    """
    from playwright._impl._driver import compute_driver_executable  # noqa: PLC0415 - no public way
    from playwright._impl.connection import Connection  # noqa: PLC0415 - likewise
    from playwright.async_api import Playwright  # noqa: PLC0415 - an extra, and slow to import

    process = await asyncio.create_subprocess_exec(
        *compute_driver_executable(),
        "run-driver",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**environment, "PW_LANG_NAME": "python"},
        start_new_session=True,
    )
    driver = Driver(process, Connection(asyncio.get_running_loop()))
    try:
        driver.playwright = Playwright(await driver._connection.initialize_playwright())  # noqa: SLF001 - one unit
    except BaseException:
        await driver.end()
        raise
    return driver
