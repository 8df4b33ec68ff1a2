"""Playwright's driver: a program of Node.js that speaks to one browser, and dies with it.

Playwright's own `async_playwright()` is not used to start it, for three reasons. What a page says gets
to the driver and from there to this program, in messages of any length: a longer one than
`MESSAGE_BYTES` ends the driver instead of holding up everybody. What the driver writes when a page makes
it fail is not for Libra's log. And its temporary files go where the browser's go.
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
"""More than anything that Libra asks for. To read it takes a tenth of a second, of everybody's."""


class Driver:
    """A running driver. Made by `start_driver`.

    Attributes:
        playwright: What it is spoken to with.
        process_id: It leads a process group of its own.
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
        """Whether it still answers."""
        return self.why_ended is None

    def kill(self) -> None:
        """End it at once. There is nothing that it could tidy up: its folder is Libra's."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(self.process_id, signal.SIGKILL)
            else:
                self._process.kill()

    async def end(self) -> None:
        """End it, and wait for that."""
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
                    self.why_ended = f"the browser said {length:,} bytes at once"
                    break
                self._take(json.loads(await pipe.readexactly(length)))
                await asyncio.sleep(0)  # however fast a page talks, others have their turn
        except (OSError, EOFError):
            pass
        finally:
            self.why_ended = self.why_ended or "its driver ended"
            self.kill()
            self._connection.close()  # what waits for an answer fails
            if self._process.stdin is not None:
                self._process.stdin.close()
            if pipe is not None:
                await _read_to_its_end(pipe)
            await self._process.wait()

    def _take(self, message: dict[str, Any]) -> None:
        try:
            self._connection.dispatch(message)
        except Exception:  # as Node.js would: what one listener does wrong is not the next one's
            if not self._failed:
                self._failed = True
                log.exception("a message of the browser's driver was not understood")


async def _read_to_its_end(pipe: asyncio.StreamReader) -> None:
    """Let go of what a killed driver said last.

    asyncio counts a process as ended once its pipes are, and stops reading a pipe that nobody takes
    anything from: `wait()` would wait for ever (https://docs.python.org/3/library/asyncio-subprocess.html).
    """
    with contextlib.suppress(OSError):
        while await pipe.read(1_000_000):
            pass


async def start_driver(environment: dict[str, str]) -> Driver:
    """Start a driver.

    Args:
        environment: What it and its browser get to see.

    Raises:
        OSError: if it cannot be started.
        playwright.async_api.Error: if it ends at once, or Playwright came without it.
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
