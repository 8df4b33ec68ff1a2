"""Pages that are weighed by a browser, as processes like all others."""

from __future__ import annotations

import asyncio
import os
import sys

import msgspec
import pytest

from integration.site import ASSETS, Site
from integration.waiting import finished, stored
from libra.app import CannotRender, Libra, Options
from libra.settings import Settings
from libra.weighing.rendered import find_browser
from libra.weighing.report import decode
from support.needs import require

RENDERED = Options(method="rendered")


@pytest.fixture
def browser() -> str:
    require("a browser")
    return find_browser()


async def test_a_browser_weighs_a_page_to_the_same_report(
    browser: str, site: Site, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url, RENDERED)
        versions = [report.version async for report in libra.follow(page_id)]
        rendered = await stored(libra, page_id)
        plain = await finished(libra, await libra.weigh(site.url))
    assert versions == sorted(set(versions))
    assert (rendered.status, rendered.method, rendered.complete) == ("weighed", "rendered", True)
    assert rendered.total.requests == ASSETS
    assert rendered.total.resource_bytes == plain.total.resource_bytes
    assert rendered.total.transfer_bytes == plain.total.transfer_bytes


async def test_a_browser_that_is_killed_costs_its_page_one_retry(
    browser: str, site: Site, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(f"{site.url}/slow-part", RENDERED)
        await site.until_held()
        for process in libra._house.browsers.processes:
            os.kill(process, 9)
        await site.until_held()
        site.gate.set()
        report = await finished(libra, page_id)
    assert (report.status, report.complete) == ("weighed", True)


async def test_a_page_that_was_to_be_rendered_still_is_after_a_restart(
    browser: str, site: Site, settings: Settings
) -> None:
    async with Libra.open(msgspec.structs.replace(settings, shutdown_grace=0)) as libra:
        page_id = await libra.weigh(f"{site.url}/held", RENDERED)
        await site.until_held()
    site.gate.set()
    async with Libra.open(settings) as libra:
        await libra._context.replayed.wait()
        report = await finished(libra, page_id)
    assert (report.status, report.method) == ("weighed", "rendered")


async def test_without_a_browser_a_submission_is_told_what_to_install(
    settings: Settings,
) -> None:
    without = msgspec.structs.replace(settings, browser="/nowhere/chromium")
    async with Libra.open(without) as libra:
        with pytest.raises(CannotRender, match="Name the executable"):
            await libra.weigh("https://example.com/", RENDERED)


async def test_the_command_renders_too(browser: str, site: Site) -> None:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libra", "weigh", site.url, "--method", "rendered"),
        *("--format", "json", "--browser", browser),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await command.communicate()
    assert command.returncode == 0
    report = decode(out)
    assert (report.method, report.total.requests) == ("rendered", ASSETS)


async def test_the_command_says_what_to_install_without_a_browser() -> None:
    command = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "libra", "weigh", "https://example.com/"),
        *("--method", "rendered", "--browser", "/nowhere/chromium"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, error = await command.communicate()
    assert command.returncode == 2
    assert b"Name the executable" in error
