"""A steady load of many clients, each call of which is noted in the history.

The load is open: a call starts when its time has come, whether or not those before it have been
answered, so that a service which stands still is seen by all the calls that it should have answered
meanwhile, and not only by those that wait. It is open up to a number of calls that wait, which a
standstill reaches in a moment: on a machine that is too slow for the load, more would only wait longer.
For the same reason nothing is submitted while many wait for the end of what was submitted before.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import aiohttp

from chaos.history import Call, History, Kind, digest
from chaos.results import PROJECT, result
from support.asking import PATIENCE, ticks

# Much more than is allowed, to see how long it takes, and on a busy machine it may take long.
_PATIENCE = aiohttp.ClientTimeout(total=PATIENCE)
_FOLLOWING = aiohttp.ClientTimeout(total=2 * PATIENCE)
_AT_ONCE = 40  # calls of a kind without an answer: of reads, those of a quarter of a second
_BEHIND = 20  # calls that follow a page to its end; a machine that keeps up has two or three


@dataclass(frozen=True, slots=True)
class Rates:
    """Calls per second of each kind; a share of ``submit`` is of slow and of odd pages."""

    submit: float = 10
    push: float = 2
    read: float = 150
    follow: float = 5
    delete: float = 1
    list: float = 2
    unknown: float = 4
    ready: float = 4
    ping: float = 50
    slow: float = 0.25
    odd: float = 0.02


class Load:
    """Clients of one Libra, from entering the block to leaving it."""

    def __init__(
        self,
        libra: str,
        origin: str,
        history: History,
        *,
        rates: Rates | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._libra = libra
        self._origin = origin
        self._history = history
        self._rates = rates or Rates()
        self._rng = rng or random.Random()
        self._stop = asyncio.Event()
        self._answered = asyncio.Condition()
        self._clients: asyncio.Task[None] | None = None
        self._session: aiohttp.ClientSession
        self._number = 0
        self._following = 0
        self._to_follow: deque[str] = deque(maxlen=50)
        self._gone: deque[str] = deque(maxlen=50)
        self.known: list[str] = []
        self.odd: set[str] = set()
        """Pages whose rows a database may have been made to refuse."""

    async def __aenter__(self) -> Self:
        # No limit on connections: a call must wait for Libra and not for another call.
        connector = aiohttp.TCPConnector(limit=0)
        self._session = aiohttp.ClientSession(connector=connector, timeout=_PATIENCE)
        self._history.feel()
        self._clients = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stop.set()
        assert self._clients is not None
        await asyncio.wait({self._clients})
        self._history.feel()
        await self._session.close()
        self._clients.result()

    async def stop(self) -> None:
        """Start no more calls, and wait for the answers to those under way."""
        self._stop.set()
        assert self._clients is not None
        await self._clients
        self._history.feel()

    async def goes_on(self, seconds: float) -> None:
        """Until a read has been answered that started so many seconds from now.

        Raises:
            TimeoutError: if no read is answered any more.
        """
        moment = time.monotonic() + seconds
        async with asyncio.timeout(seconds + PATIENCE), self._answered:
            await self._answered.wait_for(lambda: self._reads_from(moment))

    async def weigh(self, url: str) -> str | None:
        """Submit a page that nobody follows or reads; its id, or None where that was not accepted."""
        call = await self._call("submit", "POST", "/pages", json={"url": url}, url=url)
        return call.page if call.code == 202 else None

    async def forget(self, page: str) -> None:
        """Delete such a page."""
        await self._call("delete", "DELETE", f"/pages/{page}", page=page)

    def _reads_from(self, moment: float) -> bool:
        last = next((c for c in reversed(self._history.calls) if c.kind == "read"), None)
        return last is not None and last.started >= moment

    async def _run(self) -> None:
        rates = self._rates
        async with asyncio.TaskGroup() as clients:
            for rate, act in (
                (rates.submit, self._submit),
                (rates.push, self._push),
                (rates.read, self._read),
                (rates.follow, self._follow),
                (rates.delete, self._delete),
                (rates.list, self._list),
                (rates.unknown, self._unknown),
                (rates.ready, self._ready),
                (rates.ping, self._ping),
            ):
                if rate:
                    clients.create_task(self._at(rate, act))

    async def _at(self, rate: float, act: Callable[[], Awaitable[None]]) -> None:
        calls: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:
            async for _ in ticks(rate, self._stop):
                if len(calls) >= _AT_ONCE:
                    continue
                call = group.create_task(_do(act))
                calls.add(call)
                call.add_done_callback(calls.discard)

    # What clients do

    async def _submit(self) -> None:
        if self._following >= _BEHIND:
            return
        self._number += 1
        odd = self._rng.random() < self._rates.odd
        slow = self._rng.random() < self._rates.slow
        url = f"{self._origin}/{'odd' if odd else 'slow' if slow else 'page'}/{self._number}"
        call = await self._call("submit", "POST", "/pages", json={"url": url}, url=url)
        if call.code == 202 and call.page is not None:
            self.known.append(call.page)
            self._to_follow.append(call.page)

    async def _push(self) -> None:
        """Send the result of a build, and now and then once more, as a job does that had no answer."""
        self._number += 1
        body = result(self._number)
        first = await self._send(body)
        if first is not None and self._rng.random() < 0.3:
            again = await self._send(body)
            if again not in (first, None):
                now = time.monotonic()
                error = f"the same result is page {first} and page {again}"
                self._note(Call("push", now, now, page=again, error=error))
        if first is not None:
            self.known.append(first)

    async def _send(self, body: dict[str, Any]) -> str | None:
        call = await self._call("push", "POST", f"/projects/{PROJECT}/results", json=body)
        return call.page if call.acknowledges else None

    async def _read(self) -> None:
        page = self._some_page()
        if self._gone and self._rng.random() < 0.02:
            page = self._rng.choice(self._gone)
        if page is not None:
            await self._call("read", "GET", f"/pages/{page}", page=page)

    async def _delete(self) -> None:
        if len(self.known) > 30:
            page = self.known.pop(self._rng.randrange(len(self.known)))
            call = await self._call("delete", "DELETE", f"/pages/{page}", page=page)
            if call.code == 204:
                self._gone.append(page)

    async def _list(self) -> None:
        await self._call("list", "GET", "/pages?limit=20")

    async def _unknown(self) -> None:
        page = str(uuid.UUID(int=self._rng.getrandbits(128)))
        await self._call("unknown", "GET", f"/pages/{page}", page=page)

    async def _ready(self) -> None:
        await self._call("ready", "GET", "/health/ready")

    async def _ping(self) -> None:
        self._history.feel()
        await self._call("ping", "GET", "/ping", base=self._origin)

    async def _follow(self) -> None:
        if not self._to_follow:
            return
        page = self._to_follow.popleft()
        started = time.monotonic()
        code: int | None = None
        error: str | None = None
        seen, finished = 0, False
        self._following += 1
        try:
            async with self._session.get(
                f"{self._libra}/pages/{page}/events", timeout=_FOLLOWING
            ) as answer:
                code = answer.status
                after = answer.headers.get("Retry-After")
                async for line in answer.content:
                    if not line.startswith(b"data: "):
                        continue
                    event = _of_report("event", started, json.loads(line[6:]))
                    self._note(event)
                    if (event.version or 0) <= seen:
                        error = f"version {event.version} follows on {seen}"
                    seen, finished = event.version or 0, event.finished
        except (aiohttp.ClientError, OSError) as failure:
            code, after, error = None, None, repr(failure)
        finally:
            self._following -= 1
        if code == 200 and not finished and error is None:
            error = f"ended at version {seen}, which is not finished"
        ended = time.monotonic()
        self._note(Call("follow", started, ended, code, page, error=error, after=after))

    # Calls

    async def _call(
        self,
        kind: Kind,
        method: str,
        path: str,
        *,
        base: str | None = None,
        page: str | None = None,
        url: str | None = None,
        json: Any = None,
    ) -> Call:
        started = time.monotonic()
        try:
            async with self._session.request(
                method, f"{base or self._libra}{path}", json=json
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, OSError) as failure:
            ended = time.monotonic()
            call = Call(kind, started, ended, page=page, url=url, error=repr(failure))
        else:
            ended = time.monotonic()
            after = answer.headers.get("Retry-After")
            call = Call(kind, started, ended, answer.status, page, after=after)
            if answer.status >= 400:
                call = Call(
                    kind,
                    started,
                    ended,
                    answer.status,
                    page,
                    after=after,
                    error=body[:200].decode(),
                )
            elif kind in ("submit", "read"):
                call = _of_report(kind, started, _json(body), ended=ended, code=answer.status)
            elif kind == "push":
                call = Call(kind, started, ended, answer.status, _json(body)["id"])
            elif kind == "list":
                call = self._listed(started, ended, _json(body))
        self._note(call)
        async with self._answered:
            self._answered.notify_all()
        return call

    def _listed(self, started: float, ended: float, body: dict[str, Any]) -> Call:
        pages = body["pages"]
        for summary in pages:
            self._note(_of_report("listed", started, summary, ended=ended, whole=False))
        ids = tuple(summary["id"] for summary in pages)
        return Call("list", started, ended, 200, pages=ids, partial=body["partial"])

    def _note(self, call: Call) -> None:
        self._history.add(call)
        # Also one whose submission got no answer, as Libra was killed, and that is there nevertheless.
        if call.page is not None and call.url is not None and "/odd/" in call.url:
            self.odd.add(call.page)

    def _some_page(self) -> str | None:
        if not self.known:
            return None
        recent = self.known[-50:] if self._rng.random() < 0.5 else self.known
        return self._rng.choice(recent)


async def _do(act: Callable[[], Awaitable[None]]) -> None:
    await act()


def _json(body: bytes) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(body)
    return parsed


def _of_report(
    kind: Kind,
    started: float,
    report: dict[str, Any],
    *,
    ended: float | None = None,
    code: int = 200,
    whole: bool = True,
) -> Call:
    return Call(
        kind,
        started,
        time.monotonic() if ended is None else ended,
        code,
        report["id"],
        report["version"],
        report["backup"],
        report["status"],
        digest(report) if whole else None,
        report["url"],
    )
