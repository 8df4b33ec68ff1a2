"""Pages that are weighed by a browser, as processes like all others."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from libra.app import CannotRender, Libra, Options, PageNotFound
from libra.report import decode
from libra.settings import Settings
from libra.testing import browser_processes, finished, settled, stored
from libra.weighing.rendered import visit as page
from libra.weighing.rendered.picture import MOST_THUMBNAIL, MOST_WHOLE, is_webp
from support.asking import PATIENCE, eventually
from support.site import ASSETS, WebSite

RENDERED = Options(method="rendered")


async def until_kept(database: Path) -> None:
    """Wait until a picture is in the database: nobody else is told of that."""
    with closing(sqlite3.connect(database)) as connection:

        async def first() -> object:
            return connection.execute("SELECT 1 FROM screenshots").fetchone()

        await eventually(first, "a picture is kept", within=PATIENCE)


async def test_a_browser_weighs_a_page_to_the_same_report(
    chromium: str, site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A browser asks for the icon when it likes; the page is not done before.
    monkeypatch.setattr(page, "QUIET_SECONDS", math.inf)
    versions: list[int] = []
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url(), RENDERED)
        async for report in libra.follow(page_id):
            versions.append(report.version)
            if report.total.requests == ASSETS:
                monkeypatch.setattr(page, "QUIET_SECONDS", 0.2)
        rendered = await stored(libra, page_id)
        plain = await finished(libra, await libra.weigh(site.url()))
    assert versions == sorted(set(versions))
    assert (rendered.status, rendered.method, rendered.complete) == ("weighed", "rendered", True)
    assert rendered.total.requests == ASSETS
    assert rendered.total.resource_bytes == plain.total.resource_bytes
    assert rendered.total.transfer_bytes == plain.total.transfer_bytes


async def test_a_picture_is_kept_of_a_page_but_not_of_one_that_is_asked_for_with_headers(
    chromium: str, site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    settings = msgspec.structs.replace(settings, screenshots=True)
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url(), RENDERED)
        assert (await finished(libra, page_id)).screenshot
        thumbnail = await libra.picture(page_id)
        whole = await libra.picture(page_id, whole=True)
        assert is_webp(thumbnail)
        assert is_webp(whole)
        assert len(thumbnail) <= MOST_THUMBNAIL
        assert len(whole) <= MOST_WHOLE
        with_headers = msgspec.structs.replace(RENDERED, headers=(("X-Secret", "secret"),))
        other = await libra.weigh(site.url(), with_headers)
        assert not (await finished(libra, other)).screenshot
        with pytest.raises(PageNotFound):
            await libra.picture(other)
        await stored(libra, page_id)
        await until_kept(tmp_path / "libra.sqlite3")
    async with Libra.open(settings) as libra:
        assert await libra.picture(page_id, whole=True) == whole
        await libra.forget(page_id)
        with pytest.raises(PageNotFound):
            await libra.picture(page_id)


async def test_a_browser_that_is_killed_costs_its_page_one_retry(
    chromium: str, site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url("/slow-part"), RENDERED)
        await site.until_held()
        for process in browser_processes(libra):
            os.kill(process, 9)
        await site.until_held()
        site.gate.set()
        report = await finished(libra, page_id)
    assert (report.status, report.complete) == ("weighed", True)


async def test_a_page_that_was_to_be_rendered_still_is_after_a_restart(
    chromium: str, site: WebSite, settings: Settings
) -> None:
    async with Libra.open(msgspec.structs.replace(settings, shutdown_grace=0)) as libra:
        page_id = await libra.weigh(site.url("/held"), RENDERED)
        await site.until_held()
    site.gate.set()
    async with Libra.open(settings) as libra:
        await settled(libra)
        report = await finished(libra, page_id)
    assert (report.status, report.method) == ("weighed", "rendered")


async def test_without_a_browser_a_submission_is_told_what_to_install(
    settings: Settings,
) -> None:
    without = msgspec.structs.replace(settings, browser="/nowhere/chromium")
    async with Libra.open(without) as libra:
        with pytest.raises(CannotRender, match="Name the executable"):
            await libra.weigh("https://example.com/", RENDERED)


async def test_the_command_renders_too(chromium: str, site: WebSite) -> None:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libra", "weigh", site.url(), "--method", "rendered"),
        *("--format", "json", "--browser", chromium),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await command.communicate()
    assert command.returncode == 0
    report = decode(out)
    assert (report.method, report.status) == ("rendered", "weighed")
    # All that the page waits for. When it asks for the icon is the browser's affair.
    paths = {asset.url.removeprefix(site.url("")) for asset in report.assets}
    assert paths - {"/icon.png"} == {"/", "/style.css", "/script.js", "/image.png", "/back.png"}


async def test_the_command_says_what_to_install_without_a_browser() -> None:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libra", "weigh", "https://example.com/"),
        *("--method", "rendered", "--browser", "/nowhere/chromium"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await command.communicate()
    assert command.returncode == 2
    assert b"Name the executable" in error
