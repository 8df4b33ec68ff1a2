"""A real browser on a real Libra.

The system's Chromium is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from integration.site import Site
from integration.web.service import Service, running
from libra.settings import Settings
from libra.weighing.rendered.browser import find_browser
from support.needs import require

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


@pytest.fixture
def chromium() -> str:
    require("a browser")
    return find_browser()


@pytest.fixture
async def browser(chromium: str) -> AsyncIterator[Browser]:
    async with async_playwright() as driver:
        running_browser = await driver.chromium.launch(executable_path=chromium, args=FLAGS)
        yield running_browser
        await running_browser.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with Site() as up:
        yield up


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    settings = Settings(data_dir=tmp_path, shutdown_grace=5, allow=("127.0.0.0/8",))
    async with running(settings) as up:
        yield up
