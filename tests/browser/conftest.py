"""A real browser on a real Libra.

The browser takes a second or more of a processor to start and runs for all tests of a process, on one
event loop. What a test does in it stays in contexts of the test's own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect

from libra.parsers import forking
from libra.settings import Settings
from support.nursery import Nursery
from support.service import Service, running
from support.site import WebSite
from support.visitor import PATIENCE, Visitor

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(autouse=True)
def _templates_are_ready(monkeypatch: pytest.MonkeyPatch, nursery: Nursery) -> None:
    monkeypatch.setattr(forking, "start", nursery.template)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def _shared(engine: str) -> AsyncIterator[Browser]:
    expect.set_options(timeout=PATIENCE)
    async with async_playwright() as driver:
        shared = await driver.chromium.launch(executable_path=engine, args=FLAGS, timeout=PATIENCE)
        yield shared
        await shared.close()


@pytest_asyncio.fixture(loop_scope="session")
async def browser(_shared: Browser, service: Service) -> AsyncIterator[Visitor]:
    """Somebody with a browser, who leaves nothing open, and before the service ends."""
    async with Visitor(_shared) as visitor:
        yield visitor


@pytest_asyncio.fixture(loop_scope="session")
async def site() -> AsyncIterator[WebSite]:
    async with WebSite() as up:
        yield up


@pytest_asyncio.fixture(loop_scope="session")
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    settings = Settings(
        data_dir=tmp_path,
        shutdown_grace=5,
        allow=("127.0.0.0/8",),
        # What a test holds back is not given up, however long the browser takes.
        page_timeout=PATIENCE / 1000,
        asset_timeout=PATIENCE / 1000,
    )
    async with running(settings) as up:
        yield up
