"""What goes wrong with a page or a part of it is named, and takes nothing else along."""

from __future__ import annotations

import asyncio
import math
import socket

import pytest

from libra.report import Report
from libra.testing.pages import Page, PageServer, Request, html, script
from libra.weighing import Limits, Options
from libra.weighing.rendered import BrowserPool, weigh_rendered
from libra.weighing.rendered import visit as page
from libra.weighing.rendered.browsers.browser import Browser
from libra.weighing.rendered.requests.logged_request import Event
from libra.weighing.rendered.requests.network_log import NetworkLog
from support.hostile_server import HostileServer
from support.loop_clock import Clock
from support.visits import (
    by_path,
    check_sums,
    ended,
    image,
    once,
    visit,
    visit_to_its_deadline,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_missing_page_fails_with_its_status(web: PageServer, browsers: BrowserPool) -> None:
    report = await visit(web.url("/nowhere"), browsers)
    assert (report.status, report.error) == ("failed", "http: 404 Not Found")
    assert report.score is None


async def test_a_missing_part_is_named(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = html("<img src=/gone.png><script src=/gone.js></script>")
    report = await visit(web.url(), browsers)
    assert report.status == "weighed"
    for path in ("/gone.png", "/gone.js"):
        assert by_path(report)[path].status == "failed"
        assert by_path(report)[path].error == "http: 404 Not Found"


async def test_a_page_that_nobody_serves_fails_with_the_reason(browsers: BrowserPool) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
        # It stays bound, without listening: nobody else can take it meanwhile.
        report = await visit(f"http://127.0.0.1:{closed}/", browsers)
    assert (report.status, report.error) == ("failed", "refused: nothing listens at that address")
    report = await visit("http://nowhere.invalid/", browsers)
    assert (report.status, report.error) == ("failed", "dns: the name does not resolve")


async def test_what_waits_for_ever_fails_alone(
    web: PageServer, browsers: BrowserPool, clock: Clock
) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)
        await reader.readline()
        asked.set()

    def waits(report: Report) -> bool:
        return ended("/", "/i.png")(report) and "/never.png" in by_path(report)

    async def move() -> None:
        await asked.wait()  # until then the time for connecting would be over, too
        clock.move(1e3)

    asked = asyncio.Event()
    held: list[asyncio.StreamWriter] = []
    moves: list[asyncio.Task[None]] = []
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        web.site["/"] = html(f"<img src=http://127.0.0.1:{port}/never.png><img src=/i.png>")
        web.site["/i.png"] = image(800)
        options = Options(limits=Limits(page_seconds=1e6, asset_seconds=1e3))
        look = once(waits, lambda: moves.append(asyncio.create_task(move())))
        report = await weigh_rendered(web.url(), options, browsers, on_change=look)
        for writer in held:
            writer.close()
    assert report.status == "weighed"
    assert not report.complete
    assert by_path(report)["/i.png"].transfer_bytes == 800
    assert by_path(report)["/never.png"].error == "timeout: no response within 1000 s"


async def test_a_page_whose_scripts_never_end_is_weighed_with_what_came(
    web: PageServer, browsers: BrowserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def note(request: Request) -> Page:
        monkeypatch.setattr(page, "QUIET_SECONDS", 0.2)
        return Page()

    # Not done before its script is at it. Then it answers nothing, however long one waits.
    monkeypatch.setattr(page, "QUIET_SECONDS", math.inf)
    for patience in ("_ASK_SECONDS", "_LOOK_SECONDS", "_CLOSE_SECONDS"):
        monkeypatch.setattr(page, patience, 0.1)
    web.site["/"] = html("<img src=/i.png><script src=/loop.js></script>")
    web.site["/i.png"] = image(800)
    web.site["/loop.js"] = script(
        "onload = () => setTimeout(() => { navigator.sendBeacon('/now'); for (;;) {} })"
    )
    web.site["/now"] = note
    web.site["/ok"] = html("")
    looping, ok = await asyncio.gather(visit(web.url(), browsers), visit(web.url("/ok"), browsers))
    assert "/now" in web.paths()
    assert by_path(looping)["/i.png"].transfer_bytes == 800
    assert ok.complete
    assert (await visit(web.url("/ok"), browsers)).complete


async def test_a_page_that_asks_for_ever_ends_at_its_deadline(
    web: PageServer, browsers: BrowserPool, clock: Clock
) -> None:
    def asks(report: Report) -> bool:
        return ended("/")(report) and report.total.requests > 3

    web.site["/"] = html("<script>setInterval(() => fetch('/' + Math.random()), 50)</script>")
    report = await visit_to_its_deadline(web.url(), browsers, clock, when=asks)
    check_sums(report)
    assert report.status == "weighed"
    assert not report.complete
    assert report.error == "timeout: the page's deadline passed"


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(page_seconds=100, page_bytes=300_000), "page-too-large:"),
        (Limits(page_seconds=100, assets=3), "too-many-assets:"),
    ],
)
async def test_a_limit_that_is_reached_ends_the_page_and_is_reported(
    web: PageServer, browsers: BrowserPool, limits: Limits, error: str
) -> None:
    web.site["/"] = html("".join(f"<img src=/{n}.png>" for n in range(10)))
    for n in range(10):
        web.site[f"/{n}.png"] = image(400_000)
    report = await visit(web.url(), browsers, limits=limits)
    check_sums(report)
    assert not report.complete
    assert (report.error or "").startswith(error)


async def test_what_arrives_while_a_silent_browser_is_asked_whether_it_lives_counts(
    web: PageServer, browsers: BrowserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a page comes while that is asked: it is done when the answer is there."""
    whole = asyncio.Event()

    class Log(NetworkLog):
        def take(self, name: str, event: Event) -> None:
            super().take(name, event)
            if any(entry.url == web.url("/loaded") and not entry.pending for entry in self.entries):
                whole.set()

    async def answers(_: Browser) -> bool:
        await whole.wait()
        return True

    monkeypatch.setattr(page, "NetworkLog", Log)
    monkeypatch.setattr(Browser, "answers", answers)
    monkeypatch.setattr(page, "_SILENCE_SECONDS", -1.0)
    monkeypatch.setattr(page, "QUIET_SECONDS", -1.0)
    web.site["/"] = html(
        "<link rel=icon href=data:,><img src=/i.png><script>onload = () => fetch('/loaded')</script>"
    )
    web.site["/i.png"] = image(400_000)
    web.site["/loaded"] = Page()
    limits = Limits(page_seconds=100, page_bytes=300_000)
    report = await visit(web.url(), browsers, limits=limits)
    check_sums(report)
    assert not report.complete
    assert (report.error or "").startswith("page-too-large:")


async def test_an_asset_that_is_too_large_fails_alone(
    web: PageServer, browsers: BrowserPool
) -> None:
    limits = Limits(
        page_seconds=100,
        asset_seconds=100,
        asset_bytes=3_000_000,
        asset_resource_bytes=3_000_000,
    )
    async with HostileServer() as server:
        for misdeed in ("/endless", "/bomb?br"):
            web.site["/"] = html(f"<iframe src={server.url(misdeed)}></iframe><img src=/i.png>")
            web.site["/i.png"] = image()
            report = await visit(web.url(), browsers, limits=limits)
            check_sums(report)
            assets = by_path(report)
            assert (assets[misdeed].error or "").startswith("too-large: "), misdeed
            assert assets[misdeed].status == "failed"
            assert assets["/i.png"].status == "fetched"
            assert (report.status, report.complete, report.error) == ("weighed", False, None)
            await server.deserted()


@pytest.mark.parametrize(
    ("misdeed", "status", "error"),
    [
        ("/hangs-up", "failed", "disconnected"),
        ("/garbage", "failed", "bad-answer"),
        ("/endless-headers", "failed", "headers-too-large"),
        ("/redirects-to-itself", "failed", "redirect-loop"),
        ("/not-gzip", "failed", "decode"),
        ("/lying-length", "weighed", "cut-short"),
        ("/cut-chunks", "weighed", "cut-short"),
        ("/bomb?br", "failed", "too-large"),
    ],
)
async def test_a_document_that_goes_wrong_ends_soon_with_the_name_of_it(
    browsers: BrowserPool, misdeed: str, status: str, error: str
) -> None:
    limits = Limits(page_seconds=100, asset_seconds=100, asset_resource_bytes=20_000_000)
    async with HostileServer() as server:
        report = await visit(server.url(misdeed), browsers, limits=limits)
    check_sums(report)
    assert (report.status, (report.error or "").partition(":")[0]) == (status, error)
    assert not report.complete
