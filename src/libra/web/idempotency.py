"""Idempotency keys: a submission that is sent again, because its answer was lost, is done once.

After the IETF draft ``draft-ietf-httpapi-idempotency-key-header``: the same key with the same body
leads to the same page, with another body it is refused with 422. A key belongs to the client that
sent it and is known for a day.

Keys survive a restart of the program and ``kill -9``: each is appended to a file in the data
directory before its submission is acknowledged. The file is not forced to the disk, so a power cut
may forget the last of them; a page that was submitted again then exists twice, which is harmless.
A disk that fails or hangs keeps nobody waiting: keys are then remembered in memory alone.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from libra.decoding import Undecodable, decode_json_as
from libra.web.problems import Refused

log = logging.getLogger("libra.http")

KNOWN = 24 * 3600.0
"""Seconds that a key is known."""

KEYS = 50_000
"""Keys that are known at a time, some 20 MB; the oldest is forgotten first."""

PATIENCE = 0.5
"""Seconds that a submission waits for the disk."""

_LONGEST = 255
_KEY = re.compile(rf"[!-~]{{1,{_LONGEST}}}")


class Used(msgspec.Struct, array_like=True):
    """A key that was used: for what, and which page came of it. ``page`` is empty meanwhile."""

    key: str
    fingerprint: str
    page: str
    at: float


class Keys:
    """The keys of one program.

    Args:
        path: the file that they are kept in; None keeps them in memory.
        size: how many are known at a time.
        now: Unix time.
    """

    def __init__(
        self, path: Path | None, *, size: int = KEYS, now: Callable[[], float] = time.time
    ) -> None:
        self._path = path
        self._size = size
        self._now = now
        self._used: OrderedDict[str, Used] = OrderedDict()
        self._under_way: dict[str, asyncio.Future[None]] = {}
        self._unwritten: list[Used] = []
        self._writing: asyncio.Task[None] | None = None
        self._lines = 0
        self._load()

    def __len__(self) -> int:
        return len(self._used)

    async def once(
        self, client: str, key: str, body: object, submit: Callable[[], Awaitable[str]]
    ) -> tuple[str, bool]:
        """Submit, unless this key has done so already.

        Args:
            client: whose key it is.
            key: as the client sent it.
            body: what is submitted; it is compared as JSON.
            submit: does it and returns the page's id. What it raises leaves the key unused.

        Returns:
            The id of the page, and whether it was submitted before.

        Raises:
            Refused: 400 for what is no key, 422 for a key that was used for something else.
        """
        require_key(key)
        name = _digest(client.encode() + b"\0" + key.encode())
        fingerprint = _digest(msgspec.json.encode(body))
        while (waiting := self._under_way.get(name)) is not None:
            # The same submission at the same time: its outcome is ours.
            await asyncio.shield(waiting)
        used = self._find(name)
        if used is not None:
            if used.fingerprint != fingerprint:
                raise Refused(
                    422,
                    "idempotency-key-reused",
                    "This Idempotency-Key was sent before with another body.",
                )
            return used.page, True
        done = self._under_way[name] = asyncio.get_running_loop().create_future()
        try:
            page = await submit()
            self._remember(Used(name, fingerprint, page, self._now()))
            await self._write()
        finally:
            del self._under_way[name]
            done.set_result(None)
        return page, False

    def _find(self, name: str) -> Used | None:
        used = self._used.get(name)
        if used is not None and used.at + KNOWN <= self._now():
            del self._used[name]
            return None
        return used

    def _remember(self, used: Used) -> None:
        self._used[used.key] = used
        while len(self._used) > self._size:
            self._used.popitem(last=False)
        if self._path is not None:
            self._unwritten.append(used)
            # A disk that has hung for long must not fill the memory.
            del self._unwritten[: -self._size]

    async def _write(self) -> None:
        if self._path is None:
            return
        if self._writing is None or self._writing.done():
            self._writing = asyncio.ensure_future(self._work(self._path))
        # What comes while the disk is busy goes into its next write, which the task does itself.
        await asyncio.wait([self._writing], timeout=PATIENCE)

    async def _work(self, path: Path) -> None:
        while self._unwritten:
            batch, self._unwritten = self._unwritten, []
            self._lines += len(batch)
            whole = self._lines > 2 * self._size
            if whole:
                batch = list(self._used.values())
                self._lines = len(batch)
            try:
                await asyncio.to_thread(_replace if whole else _append, path, batch)
            except OSError as error:
                log.warning("idempotency keys are only in memory: %s", error)
                return

    def _load(self) -> None:
        """What a former program knew; a line that is none, as after a crash, is passed over."""
        if self._path is None:
            return
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return
        for line in lines[-self._size :]:
            with suppress(Undecodable):
                used = decode_json_as(line, Used)
                if used.at + KNOWN > self._now():
                    self._used[used.key] = used
        with suppress(OSError):  # it can be read and not written: then it stays as it is
            _replace(self._path, list(self._used.values()))
        self._lines = len(self._used)


def require_key(key: str | None) -> None:
    """Refuse what is no key; none at all is fine.

    Raises:
        Refused: 400.
    """
    if key is not None and _KEY.fullmatch(key) is None:
        raise Refused(
            400, None, f"Idempotency-Key takes 1 to {_LONGEST} letters, digits and signs of ASCII."
        )


def _append(path: Path, batch: list[Used]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(_encode(batch))


def _replace(path: Path, batch: list[Used]) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_bytes(_encode(batch))
    fresh.replace(path)


def _encode(batch: list[Used]) -> bytes:
    # A line break before as well: what a crash has cut off must not spoil the next line.
    return b"\n" + b"".join(msgspec.json.encode(used) + b"\n" for used in batch)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:32]
