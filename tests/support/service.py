"""A running Libra with its server, and a client of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from libra.app import Libra
from libra.report import FINISHED, Report
from libra.settings import Settings
from libra.testing import until
from libra.web import Application, create_app
from libra.web.serving.server import WebServer

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
MISSING = "0199aaaa-aaaa-7aaa-8aaa-aaaaaaaaaaaa"


@dataclass
class Service:
    libra: Libra
    app: Application
    server: WebServer
    client: httpx.AsyncClient

    async def weighed(self, url: str) -> Report:
        """Submit a page and wait until it is finished and stored: its version stands from then on."""
        answer = await self.client.post("/pages", json={"url": url})
        assert answer.status_code == 202
        return await self.settled(answer.json()["id"])

    async def settled(self, page_id: str) -> Report:
        return await until(
            self.libra,
            page_id,
            lambda report: report.status in FINISHED and report.backup == "stored",
        )

    async def raw(self, request: bytes, *, count: int = 1) -> list[tuple[bytes, bytes]]:
        """Send bytes on a connection of their own and read that many answers: (head, body)."""
        reader, writer = await asyncio.open_connection(*self.server.address)
        try:
            writer.write(request)
            return [await read_answer(reader) for _ in range(count)]
        finally:
            writer.close()
            await writer.wait_closed()


async def read_answer(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            return head, await reader.readexactly(int(line.partition(b":")[2]))
    return head, b""


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[Service]:
    async with Libra.open(settings) as libra:
        app = create_app(libra, settings)
        server = WebServer(app, "127.0.0.1", 0)
        await server.start()
        try:
            async with httpx.AsyncClient(base_url=server.url, timeout=None, verify=False) as client:
                yield Service(libra, app, server, client)
        finally:
            await server.stop(1)
