"""Libra as its users run it: `libra serve` in a process of its own, driven over HTTP."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp

from chaos.history import History
from support.asking import PATIENCE, eventually
from support.ports import ReservedPort


class Service:
    """One Libra that can be killed and started again on the same port and data directory.

    Args:
        directory: for its data and its log.
        database: the URL of its database.
        history: where it is noted when it dies and serves.
        flags: further flags of `libra serve`.
        within: a command that it is run by.
    """

    def __init__(
        self,
        directory: Path,
        database: str,
        history: History,
        *flags: str,
        within: Sequence[str] = (),
    ) -> None:
        self.log = directory / "libra.log"
        self.data = directory / "data"
        self._reserved = ReservedPort()
        self.port = self._reserved.number
        self.url = f"http://127.0.0.1:{self.port}"
        self._history = history
        self._process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._command = [
            *within,
            *(sys.executable, "-m", "libra", "serve", "--port", str(self.port)),
            *("--data-dir", str(self.data), "--database", database),
            *("--allow", "127.0.0.0/8", "--shutdown-grace", "3s", *flags),
        ]

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(self.url, timeout=aiohttp.ClientTimeout(PATIENCE))
        try:
            await self.start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._session is not None:
            await self._session.close()
        self._reserved.release()

    @property
    def session(self) -> aiohttp.ClientSession:
        """A client of it."""
        assert self._session is not None
        return self._session

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and return when it has said that it accepts work.

        Raises:
            RuntimeError: if it ends instead.
        """
        self._process = await self.spawn()
        self._history.libra = self._process.pid
        await eventually(self._ready, "Libra accepts work", within=PATIENCE)
        self._history.mark("serving")

    async def spawn(self) -> asyncio.subprocess.Process:
        """Start the program and wait for nothing."""
        with self.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *self._command, stdout=log, stderr=log, cwd=self.log.parent
            )

    async def kill(self) -> None:
        """SIGKILL, and return when the process has ended."""
        assert self._process is not None
        self._history.mark("killing")
        os.kill(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self._history.mark("dead")

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self._process is not None
        self._history.mark("killing")
        self._process.terminate()
        code = await self._process.wait()
        self._history.mark("dead")
        return code

    async def health(self) -> dict[str, Any]:
        """What it says of itself.

        Raises:
            RuntimeError: if it has gone, with the end of its log.
        """
        try:
            async with self.session.get("/health") as answer:
                health: dict[str, Any] = await answer.json()
                return health
        except aiohttp.ClientConnectionError as error:
            assert self._process is not None
            code = self._process.returncode
            raise RuntimeError(f"Libra has gone ({code}, {error}):\n{self.tail(100)}") from None

    async def drained(self) -> None:
        """Until every page is finished and stored."""

        async def nothing_waits() -> bool:
            health = await self.health()
            unfinished = sum(health["pages"][s] for s in ("queued", "fetching", "weighing"))
            return not unfinished and not health["waiting_to_be_stored"]

        await eventually(nothing_waits, "nothing waits to be stored", within=PATIENCE)

    async def _ready(self) -> bool:
        assert self._process is not None
        if self._process.returncode is not None:
            raise RuntimeError(f"Libra ended with {self._process.returncode}:\n{self.tail()}")
        try:
            async with self.session.get("/health/ready") as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def times_said(self, words: str) -> int:
        """In how many lines of its log these words are."""
        return sum(words in line for line in self.log.read_text(errors="replace").splitlines())

    def tail(self, lines: int = 40) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
