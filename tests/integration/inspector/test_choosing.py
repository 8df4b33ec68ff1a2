"""A service that chooses the method of a page: without a browser first, in one if scripts build it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest

from libra.app import Libra, Options
from libra.settings import Settings
from libra.testing import (
    PageServer,
    finished,
    pages,
    settled,
    stored,
    until_watch,
    watches_restored,
)

AUTO = Options(auto=True)

SHELL = b"<!doctype html><title>App</title><div id=root></div><script src=/app.js></script>"


@pytest.fixture
async def server() -> AsyncIterator[PageServer]:
    site = {
        "/": pages.html("<p>Enough to read.<img src=/a.png>"),
        "/a.png": pages.Page(b"x" * 1000, "image/png"),
        "/shell": pages.Page(SHELL),
        "/app.js": pages.Page(
            b"document.body.append(Object.assign(new Image(), {src: '/a.png'}))", "text/javascript"
        ),
    }
    async with PageServer(site) as running:
        yield running


async def test_a_browser_goes_on_with_a_page_that_scripts_build(
    chromium: str, server: PageServer, settings: Settings
) -> None:
    async with Libra.open(msgspec.structs.replace(settings, method="auto")) as libra:
        page_id = await libra.weigh(server.url("/shell"))
        versions = [report.version async for report in libra.follow(page_id)]
        built = await stored(libra, page_id)
        plain = await finished(libra, await libra.weigh(server.url("/")))
        watch = await libra.watch(server.url("/shell"), every="day")
        seen = await until_watch(libra, watch.id, lambda seen: seen.last is not None)
    assert versions == sorted(set(versions))
    assert (built.method, built.status, built.complete) == ("rendered", "weighed", True)
    assert server.url("/a.png") in {asset.url for asset in built.assets}
    assert built.chosen is not None
    assert "scripts build" in built.chosen
    assert (plain.method, plain.coverage) == ("static", None)
    assert seen.last is not None
    # What was decided stays so, also for a service that is started without.
    async with Libra.open(settings) as libra:
        await watches_restored(libra)
        assert (await libra.report(page_id)).method == "rendered"
        again = await libra.watch_now(watch.id)
        assert (await finished(libra, again)).method == "rendered"


async def test_without_a_browser_the_page_stays_as_it_was_read_and_says_why(
    server: PageServer, settings: Settings
) -> None:
    without = msgspec.structs.replace(settings, browser="/nowhere/chromium")
    async with Libra.open(without) as libra:
        built = await finished(libra, await libra.weigh(server.url("/shell"), AUTO))
        plain = await finished(libra, await libra.weigh(server.url("/"), AUTO))
        usual = await finished(libra, await libra.weigh(server.url("/shell")))
    assert built.chosen is not None
    assert built.chosen.startswith("Weighed without a browser, because none is available: ")
    assert built.score is not None
    assert (built.method, built.score.bound) == ("static", "at_most")
    assert plain.chosen is not None
    assert "content of its own" in plain.chosen
    assert usual.chosen is None


async def test_a_browser_that_fails_costs_nothing_of_what_was_read(
    server: PageServer, settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broken = tmp_path_factory.mktemp("browser") / "chromium"
    broken.write_text("#!/bin/sh\nexit 1\n")
    broken.chmod(0o755)
    async with Libra.open(msgspec.structs.replace(settings, browser=str(broken))) as libra:
        report = await finished(libra, await libra.weigh(server.url("/shell"), AUTO))
    assert (report.status, report.method, report.total.requests) == ("weighed", "static", 3)
    assert report.chosen is not None
    assert report.chosen.startswith("Weighed without a browser, because the browser failed: ")


async def test_a_page_that_was_left_to_libra_still_is_after_a_restart(
    server: PageServer, settings: Settings
) -> None:
    without = msgspec.structs.replace(settings, browser="/nowhere/chromium", shutdown_grace=0)
    server.site["/held"] = pages.Page(SHELL, held=True)
    async with Libra.open(without) as libra:
        page_id = await libra.weigh(server.url("/held"), AUTO)
        await server.until_held()
    server.gate.set()
    async with Libra.open(without) as libra:
        await settled(libra)
        report = await finished(libra, page_id)
    assert report.chosen is not None
    assert "because none is available" in report.chosen
