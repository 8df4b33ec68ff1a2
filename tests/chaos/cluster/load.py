"""Clients of a cluster: they use both web nodes, and go to the other when one does not answer.

Each try is a call of its own in the history, at the node that was asked. The load is open: a call
starts when its time has come, whether or not those before it have been answered.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from chaos.cluster.history import Call, History
from chaos.history import Kind, digest
from support.asking import ticks
from support.cluster import Node

GIVEN_UP = 20.0
"""Seconds after which a client waits no longer: much more than is allowed, to see how long it takes."""

ELSEWHERE = 1.5
"""Seconds after which it asks the other node too."""

_AT_ONCE = 30


@dataclass(frozen=True, slots=True)
class Rates:
    """Calls per second of each kind; a share of ``submit`` is of slow pages."""

    submit: float = 6
    read: float = 40
    follow: float = 2
    delete: float = 0.7
    list: float = 1
    unknown: float = 1
    ping: float = 10
    slow: float = 0.4


class Load:
    """Clients of some web nodes, from entering the block to leaving it."""

    def __init__(
        self, web: Sequence[Node], origin: str, history: History, rng: random.Random,
        rates: Rates | None = None,
    ) -> None:  # fmt: skip
        self._web = web
        self._origin = origin
        self._history = history
        self._rng = rng
        self._rates = rates or Rates()
        self._stop = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession
        self._number = 0
        self._to_follow: deque[str] = deque(maxlen=20)
        self._versions: dict[tuple[str, str], int] = {}
        self.known: list[str] = []
        self.gone: set[str] = set()

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(GIVEN_UP)
        )
        self._running = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        await self._session.close()

    async def stop(self) -> None:
        """Start no more calls, and wait for the answers to those under way."""
        self._stop.set()
        assert self._running is not None
        await self._running

    async def ask(
        self, node: Node, kind: Kind, method: str, path: str, *, page: str | None = None,
        key: str | None = None, known: int | None = None, body: Any = None,
    ) -> Call:  # fmt: skip
        """One call, which is noted."""
        headers = {}
        if key is not None:
            headers["Idempotency-Key"] = key
        if known is not None:
            headers["If-None-Match"] = f'"{known}"'
        started = time.monotonic()
        try:
            async with self._session.request(
                method, f"{node.url}{path}", json=body, headers=headers
            ) as answer:
                text = await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            call = Call(
                kind, started, time.monotonic(), node=node.name, page=page, key=key, known=known,
                error=repr(error),
            )  # fmt: skip
        else:
            call = _of_answer(node.name, kind, started, answer, text, page, key, known)
            if kind == "list" and answer.status == 200:
                call = self._listed(node.name, started, text)
        self._note(call)
        return call

    async def _run(self) -> None:
        rates = self._rates
        async with asyncio.TaskGroup() as clients:
            for rate, act in (
                (rates.submit, self._submit), (rates.read, self._read), (rates.follow, self._follow),
                (rates.delete, self._delete), (rates.list, self._list),
                (rates.unknown, self._unknown), (rates.ping, self._ping),
            ):  # fmt: skip
                clients.create_task(self._at(rate, act))

    async def _at(self, rate: float, act: Callable[[], Awaitable[None]]) -> None:
        calls: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            async for _ in ticks(rate, self._stop):
                if len(calls) < _AT_ONCE:
                    call = group.create_task(_do(act))
                    calls.add(call)
                    call.add_done_callback(calls.discard)

    async def _either(self, kind: Kind, method: str, path: str, **more: Any) -> Call:
        """At one node, and at the other too if that one does not answer in time or at all."""
        first, second = self._rng.sample(self._web, 2)
        asking = asyncio.ensure_future(self.ask(first, kind, method, path, **more))
        await asyncio.wait({asking}, timeout=ELSEWHERE)
        if asking.done() and asking.result().code not in (None, 503):
            return asking.result()
        other = await self.ask(second, kind, method, path, **more)
        mine = await asking
        return mine if mine.code not in (None, 503) else other

    # What clients do

    async def _submit(self) -> None:
        self._number += 1
        slow = self._rng.random() < self._rates.slow
        url = f"{self._origin}/{'slow' if slow else 'page'}/{self._number}"
        key = f"key-{self._number}"
        call = await self._either("submit", "POST", "/pages", key=key, body={"url": url})
        if call.code == 202 and call.page is not None:
            self.known.append(call.page)
            self._to_follow.append(call.page)

    async def _read(self) -> None:
        if not self.known:
            return
        recent = self.known[-40:] if self._rng.random() < 0.6 else self.known
        page = self._rng.choice(recent)
        if self.gone and self._rng.random() < 0.05:
            page = self._rng.choice(sorted(self.gone))
        node = self._rng.choice(self._web)
        # Of the same node: that a client has seen more at another one is not held against it yet.
        known = self._versions.get((node.name, page)) if self._rng.random() < 0.3 else None
        await self.ask(node, "read", "GET", f"/pages/{page}", page=page, known=known)

    async def _delete(self) -> None:
        if len(self.known) > 30:
            page = self.known.pop(self._rng.randrange(len(self.known)))
            call = await self._either("delete", "DELETE", f"/pages/{page}", page=page)
            if call.code == 204:
                self.gone.add(page)

    async def _list(self) -> None:
        await self.ask(self._rng.choice(self._web), "list", "GET", "/pages?limit=20")

    async def _unknown(self) -> None:
        page = str(uuid.UUID(int=self._rng.getrandbits(128)))
        node = self._rng.choice(self._web)
        await self.ask(node, "unknown", "GET", f"/pages/{page}", page=page)

    async def _ping(self) -> None:
        started = time.monotonic()
        try:
            async with self._session.get(f"{self._origin}/ping") as answer:
                await answer.read()
        except (aiohttp.ClientError, OSError, TimeoutError):
            return
        self._note(Call("ping", started, time.monotonic(), 200, node="origin"))

    async def _follow(self) -> None:
        if not self._to_follow:
            return
        page, node = self._to_follow.popleft(), self._rng.choice(self._web)
        started, code = time.monotonic(), None
        try:
            async with self._session.get(f"{node.url}/pages/{page}/events") as answer:
                code = answer.status
                after = answer.headers.get("Retry-After")
                async for line in answer.content:
                    if line.startswith(b"data: "):
                        self._note(_of_report(node.name, "event", started, json.loads(line[6:])))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._note(
                Call(
                    "follow",
                    started,
                    time.monotonic(),
                    None,
                    page,
                    node=node.name,
                    error=repr(error),
                )
            )
        else:
            self._note(
                Call("follow", started, time.monotonic(), code, page, node=node.name, after=after)
            )

    def _listed(self, node: str, started: float, text: bytes) -> Call:
        body = json.loads(text)
        for summary in body["pages"]:
            self._note(_of_report(node, "listed", started, summary, whole=False))
        ids = tuple(summary["id"] for summary in body["pages"])
        return Call(
            "list", started, time.monotonic(), 200, node=node, pages=ids, partial=body["partial"]
        )

    def _note(self, call: Call) -> None:
        self._history.add(call)
        if call.page is not None and call.version is not None:
            seen = call.node, call.page
            self._versions[seen] = max(call.version, self._versions.get(seen, 0))


async def _do(act: Callable[[], Awaitable[None]]) -> None:
    await act()


def _of_answer(
    node: str, kind: Kind, started: float, answer: aiohttp.ClientResponse, text: bytes,
    page: str | None, key: str | None, known: int | None,
) -> Call:  # fmt: skip
    ended = time.monotonic()
    age = answer.headers.get("Age")
    if kind in ("submit", "read", "retry") and answer.status in (200, 202):
        return _of_report(
            node, kind, started, json.loads(text), ended=ended, code=answer.status, key=key,
            known=known, age=age,
        )  # fmt: skip
    error = text[:200].decode(errors="replace") if answer.status >= 400 else None
    return Call(
        kind, started, ended, answer.status, page, node=node, key=key, known=known,
        backup="journaled" if answer.headers.get("Libra-Backup") == "journaled" else None,
        age=None if age is None else float(age), after=answer.headers.get("Retry-After"), error=error,
    )  # fmt: skip


def _of_report(
    node: str, kind: Kind, started: float, report: dict[str, Any], *, ended: float | None = None,
    code: int = 200, key: str | None = None, known: int | None = None, age: str | None = None,
    whole: bool = True,
) -> Call:  # fmt: skip
    return Call(
        kind, started, time.monotonic() if ended is None else ended, code, report["id"],
        report["version"], report["backup"], report["status"], digest(report) if whole else None,
        node=node, known=known, age=None if age is None else float(age), key=key,
    )  # fmt: skip
