"""A real browser on a real Libra.

The system's Chromium is used. Without one these tests are skipped, and say so; where they have to
run (`LIBRA_REQUIRE_BROWSER=1`) they fail instead.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from integration.site import Site
from integration.web.service import Service, running
from libra.settings import Settings

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
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
    for name in NAMES:
        if path := shutil.which(name):
            return path
    missing = f"there is no browser: none of {', '.join(NAMES)} is on the PATH"
    if os.environ.get("LIBRA_REQUIRE_BROWSER") == "1":
        pytest.fail(missing)
    pytest.skip(missing)


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
