"""Without Playwright or a browser one is told what to install."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from libra.weighing import Options
from libra.weighing.rendered import BrowserPool, RenderUnavailable, find_browser, weigh_rendered


def test_without_a_browser_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RenderUnavailable, match=r"Install Chromium or Google Chrome"):
        find_browser()
    with pytest.raises(RenderUnavailable, match=r"no browser at 'firefox'"):
        find_browser("firefox")


async def test_without_playwright_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    async with BrowserPool() as pool:
        with pytest.raises(RenderUnavailable, match=r"pip install 'libra-weigh\[render\]'"):
            pool.check()
        report = await weigh_rendered("http://127.0.0.1/", Options(), pool)
    assert report.status == "failed"
    assert (report.error or "").startswith("no-browser: Rendering needs Playwright")


async def test_a_browser_that_does_not_start_is_reported(tmp_path: Path) -> None:
    broken = tmp_path / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    async with BrowserPool(executable=broken) as pool:
        report = await weigh_rendered("http://127.0.0.1/", Options(), pool)
    assert report.status == "failed"
    assert (report.error or "").startswith(f"no-browser: The browser {broken} does not start")
