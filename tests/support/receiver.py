"""A receiver of webhooks on 127.0.0.1 that answers as a test says.

async with Receiver(503, 200) as receiver:
    ...  # something is sent to receiver.url, and sent again
    first, second = await receiver.until_received(2)
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Self

import msgspec
from aiohttp import web


@dataclass(frozen=True)
class Delivery:
    """A request: its path with query, its headers with lower-case names, its body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return msgspec.json.decode(self.body)


class Receiver:
    """Answers each request with the next of its statuses, then with 200; None is never answered."""

    def __init__(self, *statuses: int | None) -> None:
        self.statuses = list(statuses)
        self.received: list[Delivery] = []
        self.url = ""
        self._over = asyncio.Event()
        self._news = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/hook?key=1"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._over.set()
        await self._runner.cleanup()

    async def until_received(self, count: int) -> list[Delivery]:
        """Everything, once that much has come."""
        async with self._news:
            await self._news.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def _answer(self, request: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = Delivery(request.path_qs, headers, await request.read())
        status = self.statuses.pop(0) if self.statuses else 200
        async with self._news:
            self.received.append(delivery)
            self._news.notify_all()
        if status is None:
            await self._over.wait()
            return web.Response()
        return web.Response(status=status, headers={"Location": "/elsewhere"})
