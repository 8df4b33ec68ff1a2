"""Pages weighed in a real browser: right sizes, no way around the gate, no page takes the others down.

These tests need Chromium or Chrome.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from hostile_server import HostileServer
from libra.testing.pages import Page, PageServer, Request, compressed, css, html, redirect, script
from libra.weighing import Limits, Options, Viewport
from libra.weighing.gate import ADDRESS_DENIED, Gate
from libra.weighing.politeness import Politeness
from libra.weighing.rendered import (
    BrowserPool,
    RenderUnavailable,
    browser,
    find_browser,
    page,
    weigh_rendered,
)
from libra.weighing.report import Asset, Report, decode, encode
from support.needs import needs

pytestmark = needs("a browser")

GIF = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b"
)


def image(size: int = 1_000) -> Page:
    """An image that can be decoded: of one that cannot be, browsers do not read the rest."""
    return Page(GIF.ljust(size, b"\0"), "image/gif")


GATE = Gate(allow=[ip_network("127.0.0.1/32")])
INNER = "127.0.0.66"


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of a test are on the same machine and come at once."""
    monkeypatch.setattr(page, "QUIET_SECONDS", 0.4)


@pytest.fixture
async def browsers() -> AsyncIterator[BrowserPool]:
    async with BrowserPool(gate=GATE, size=2) as pool:
        yield pool


@pytest.fixture
async def web() -> AsyncIterator[PageServer]:
    async with PageServer({"/favicon.ico": image(100)}) as server:
        yield server


def by_path(report: Report) -> dict[str, Asset]:
    return {"/" + asset.url.split("/", 3)[3]: asset for asset in report.assets}


def check_sums(report: Report) -> None:
    for sums in (report.by_kind.values(), report.by_host.values()):
        assert sum(each.requests for each in sums) == report.total.requests
        assert sum(each.transfer_bytes for each in sums) == report.total.transfer_bytes
        assert sum(each.resource_bytes for each in sums) == report.total.resource_bytes
    assert sum(a.transfer_bytes for a in report.assets) == report.total.transfer_bytes
    assert sum(a.status != "skipped" for a in report.assets) == report.total.requests


async def test_a_page_weighs_what_its_bodies_weigh(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = compressed(
        html(
            "<p>hello" * 500 + "<img src=/i.png><script src=/s.js></script>",
            head="<link rel=stylesheet href=/s.css>",
        )
    )
    web.site["/i.png"] = image(5_000)
    web.site["/s.js"] = compressed(script("let x = 1;" * 300))
    web.site["/s.css"] = css("p { color: red }")
    report = await weigh_rendered(web.url(), Options(), browsers)
    check_sums(report)
    assert (report.status, report.complete, report.error) == ("weighed", True, None)
    assert (report.method, report.title, report.final_url) == ("rendered", "A page", web.url())
    assert report.assets[0].url == web.url()
    for path, asset in by_path(report).items():
        sent = web.site[path]
        assert isinstance(sent, Page)
        assert asset.transfer_bytes == len(sent.body)
        assert asset.status == "fetched"
    assert by_path(report)["/s.js"].resource_bytes == 3_000
    assert by_path(report)["/s.js"].encoding == "gzip"
    kinds = {path: asset.kind for path, asset in by_path(report).items()}
    assert kinds == {
        "/": "document",
        "/s.css": "stylesheet",
        "/i.png": "image",
        "/s.js": "script",
        "/favicon.ico": "image",
    }
    assert report.body == by_path_bytes(report, "/")
    assert report.score is not None


def by_path_bytes(report: Report, path: str) -> Any:
    asset = by_path(report)[path]
    return type(report.body)(asset.transfer_bytes, asset.resource_bytes)


async def test_what_scripts_and_workers_fetch_is_weighed(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<script src=/app.js></script>")
    web.site["/app.js"] = script(
        "fetch('/data.json').then(r => r.text());"
        "let i = new Image(); i.src = '/late.png'; document.body.append(i);"
        "new Worker('/worker.js'); new SharedWorker('/shared.js');"
    )
    web.site["/shared.js"] = script("onconnect = () => 0")
    web.site["/data.json"] = Page(b"[1, 2, 3]", "application/json")
    web.site["/late.png"] = image(700)
    web.site["/worker.js"] = compressed(script("importScripts('/part.js');" + "//" * 200))
    web.site["/part.js"] = compressed(script("self.x = 1;" * 100))
    report = await weigh_rendered(web.url(), Options(), browsers)
    check_sums(report)
    assets = by_path(report)
    for path, sent in web.site.items():
        assert isinstance(sent, Page)
        assert assets[path].transfer_bytes == len(sent.body), path
    assert assets["/data.json"].initiator == web.url("/app.js")
    assert assets["/part.js"].resource_bytes == 1_100
    assert report.complete


async def test_what_a_service_worker_fetches_for_later_is_weighed(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<script>navigator.serviceWorker.register('/sw.js')</script>")
    web.site["/sw.js"] = script(
        "importScripts('/part.js');"
        "oninstall = e => e.waitUntil(caches.open('v').then(async c => {"
        "  await c.addAll(['/later.css', '/later.js']); await fetch('/gone.js') }))"
    )
    web.site["/part.js"] = compressed(script("self.x = 1;" * 100))
    web.site["/later.css"] = css("a { color: red }" * 100)
    web.site["/later.js"] = compressed(script("let x = 1;" * 300))
    report = await weigh_rendered(web.url(), Options(), browsers)
    check_sums(report)
    assets = by_path(report)
    for path, sent in web.site.items():
        assert isinstance(sent, Page)
        assert assets[path].transfer_bytes == len(sent.body), path
    assert assets["/part.js"].resource_bytes == 1_100
    assert assets["/later.js"].resource_bytes == 3_000
    assert assets["/later.js"].initiator == web.url("/sw.js")
    assert (assets["/sw.js"].kind, assets["/part.js"].kind) == ("script", "script")
    assert assets["/gone.js"].error == "http: 404 Not Found"
    assert report.complete


async def test_what_comes_through_a_service_worker_weighs_once(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html(
        "<script type=module>navigator.serviceWorker.register('/sw.js');"
        "await navigator.serviceWorker.ready;"
        "if (!navigator.serviceWorker.controller)"
        "  await new Promise(r => navigator.serviceWorker.oncontrollerchange = r);"
        "for (let path of ['/through.png', '/made.png']) {"
        "  let i = new Image(); i.src = path; document.body.append(i) }</script>"
    )
    web.site["/sw.js"] = script(
        "onactivate = e => e.waitUntil(clients.claim());"
        "onfetch = e => e.respondWith(e.request.url.endsWith('/made.png')"
        " ? new Response('x'.repeat(500)) : fetch(e.request))"
    )
    web.site["/through.png"] = image(900)
    report = await weigh_rendered(web.url(), Options(), browsers)
    paths = [asset.url.rpartition("/")[2] for asset in report.assets]
    assert sorted(paths) == ["", "favicon.ico", "sw.js", "through.png"]
    through = by_path(report)["/through.png"]
    assert (through.transfer_bytes, through.resource_bytes, through.kind) == (900, 900, "image")


async def test_frames_are_weighed_with_what_is_in_them(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<iframe src=/frame></iframe>", title="Outer")
    web.site["/frame"] = html("<img src=/in.png>", title="Inner")
    web.site["/in.png"] = image(900)
    report = await weigh_rendered(web.url(), Options(), browsers)
    assert by_path(report)["/in.png"].transfer_bytes == 900
    assert report.by_kind["document"].requests == 2
    assert report.title == "Outer"
    assert report.body.transfer_bytes == by_path(report)["/"].transfer_bytes


async def test_redirects_are_assets_of_their_own(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = redirect("/there", 301, b"moved")
    web.site["/there"] = html("<img src=/a.png>")
    web.site["/a.png"] = redirect("/b.png")
    web.site["/b.png"] = image(500)
    report = await weigh_rendered(web.url(), Options(), browsers)
    check_sums(report)
    found = {path: (asset.http_status, asset.kind) for path, asset in by_path(report).items()}
    assert found["/"] == (301, "document")
    assert found["/a.png"] == (302, "image")
    assert found["/b.png"] == (200, "image")
    assert by_path(report)["/b.png"].transfer_bytes == 500
    assert report.final_url == web.url("/there")


async def test_candidates_are_chosen_for_the_viewport(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<img srcset='/s.png 400w, /m.png 800w, /l.png 2400w' sizes=100vw>")
    for size in "sml":
        web.site[f"/{size}.png"] = image()
    for viewport, chosen in ((Viewport(390, 800, 1), "/s.png"), (Viewport(390, 800, 2), "/m.png")):
        report = await weigh_rendered(web.url(), Options(viewport=viewport), browsers)
        assert {path for path in by_path(report) if path.endswith(".png")} == {chosen}


async def test_no_page_sees_what_another_left_behind(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = Page(
        html("<img src=/i.png>").body,
        headers={"Set-Cookie": "seen=1; Path=/", "Cache-Control": "max-age=1000"},
    )
    web.site["/i.png"] = Page(image().body, "image/gif", headers={"Cache-Control": "max-age=1000"})
    first = await weigh_rendered(web.url(), Options(), browsers)
    seen = len(web.requests)
    second = await weigh_rendered(web.url(), Options(), browsers)
    assert first.total == second.total
    assert web.requests[seen].path == "/"
    assert "cookie" not in web.requests[seen].headers


async def test_libra_says_who_it_is(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = html("")
    await weigh_rendered(web.url(), Options(), browsers)
    assert "Libra/" in web.requests[0].headers["user-agent"]
    assert "Chrome/" in web.requests[0].headers["user-agent"]
    await weigh_rendered(web.url(), Options(user_agent="Mine/1.0"), browsers)
    assert web.requests[-1].headers["user-agent"] == "Mine/1.0"


async def test_the_submissions_headers_go_to_its_own_origin_only(
    web: PageServer, browsers: BrowserPool
) -> None:
    async with PageServer() as other:
        web.site["/"] = html(
            f"<img src=/own.png><img src=/away.png><img src={other.url('/direct.png')}>"
        )
        web.site["/own.png"] = image(321)
        web.site["/away.png"] = redirect(other.url("/redirected.png"))
        options = Options(headers=(("Authorization", "Bearer secret"), ("X-Key", "k")))
        report = await weigh_rendered(web.url(), options, browsers)
        own = {request.path: request.headers for request in web.requests}
        assert own["/"]["authorization"] == own["/own.png"]["authorization"] == "Bearer secret"
        assert sorted(other.paths()) == ["/direct.png", "/redirected.png"]
        for request in other.requests:
            assert not {"authorization", "x-key"} & set(request.headers)
        assert by_path(report)["/own.png"].transfer_bytes == 321


async def test_progress_is_told_while_the_page_loads(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<img src=/i.png>")
    web.site["/i.png"] = image()
    reports: list[Report] = []
    final = await weigh_rendered(web.url(), Options(), browsers, on_change=reports.append)
    assert reports
    for report in reports:
        check_sums(report)
        assert report.status == "weighing"
        assert report.score is None
    assert len(reports[-1].assets) == len(final.assets)


async def test_what_could_be_better_is_found(web: PageServer, browsers: BrowserPool) -> None:
    words = "All work and no play makes Jack a dull boy. " * 100
    large = GIF[:6] + (400).to_bytes(2, "little") + (300).to_bytes(2, "little") + GIF[10:]
    fresh = {"Cache-Control": "max-age=60"}
    web.site["/"] = html(
        f"<p>{words}<img src=/1.gif><img src=/2.gif><img src=/l.gif width=40 height=30>"
        "<img src=/gone.gif><img src=/hop><script>window.eval = document.querySelectorAll = 0</script>"
    )
    for path in ("/1.gif", "/2.gif"):
        web.site[path] = Page(image(3_000).body, "image/gif", headers=fresh)
    web.site["/l.gif"] = Page(large.ljust(9_000, b"x"), "image/gif", headers=fresh)
    web.site["/hop"], web.site["/hop2"] = redirect("/hop2"), redirect("/1.gif?")
    web.site["/1.gif?"] = image(5_000)
    report = await weigh_rendered(web.url(), Options(), browsers)
    found = {finding.code: finding for finding in report.findings}
    assert found["uncompressed-text"].assets == (web.url(),)
    assert found["uncompressed-text"].saves_bytes or 0 > 4_000
    assert set(found["identical-bodies"].assets) == {web.url("/1.gif"), web.url("/2.gif")}
    assert found["identical-bodies"].saves_bytes == 3_000
    assert found["oversized-images"].assets == (web.url("/l.gif"),)
    assert found["not-found"].assets == (web.url("/gone.gif"),)
    assert found["redirect-chain"].assets == tuple(map(web.url, ("/hop", "/hop2", "/1.gif?")))
    assert found["no-cache-headers"].assets[0] == web.url("/1.gif?")


# What fails


async def test_a_missing_page_fails_with_its_status(web: PageServer, browsers: BrowserPool) -> None:
    report = await weigh_rendered(web.url("/nowhere"), Options(), browsers)
    assert (report.status, report.error) == ("failed", "http: 404 Not Found")
    assert report.score is None


async def test_a_missing_part_is_named(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = html("<img src=/gone.png><script src=/gone.js></script>")
    report = await weigh_rendered(web.url(), Options(), browsers)
    assert report.status == "weighed"
    for path in ("/gone.png", "/gone.js"):
        assert by_path(report)[path].status == "failed"
        assert by_path(report)[path].error == "http: 404 Not Found"


async def test_a_page_that_nobody_serves_fails_with_the_reason(browsers: BrowserPool) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        closed = probe.getsockname()[1]
        # It stays bound, without listening: nobody else can take it meanwhile.
        report = await weigh_rendered(f"http://127.0.0.1:{closed}/", Options(), browsers)
    assert (report.status, report.error) == ("failed", "refused: nothing listens at that address")
    report = await weigh_rendered("http://nowhere.invalid/", Options(), browsers)
    assert (report.status, report.error) == ("failed", "dns: the name does not resolve")


async def test_what_waits_for_ever_fails_alone(web: PageServer, browsers: BrowserPool) -> None:
    async def silent(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.append(writer)

    held: list[asyncio.StreamWriter] = []
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        web.site["/"] = html(f"<img src=http://127.0.0.1:{port}/never.png><img src=/i.png>")
        web.site["/i.png"] = image(800)
        options = Options(limits=Limits(asset_seconds=1.0))
        report = await weigh_rendered(web.url(), options, browsers)
        for writer in held:
            writer.close()
    assert report.status == "weighed"
    assert not report.complete
    assert by_path(report)["/i.png"].transfer_bytes == 800
    assert by_path(report)["/never.png"].error == "timeout: no answer within 1 s"


async def test_a_page_that_never_rests_is_weighed_with_what_came(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<img src=/i.png><script src=/loop.js></script>")
    web.site["/i.png"] = image(800)
    web.site["/loop.js"] = script("setTimeout(() => { for (;;) {} }, 300)")
    web.site["/ok"] = html("")
    options = Options(limits=Limits(page_seconds=6.0))
    looping, ok = await asyncio.gather(
        weigh_rendered(web.url(), options, browsers),
        weigh_rendered(web.url("/ok"), Options(), browsers),
    )
    assert by_path(looping)["/i.png"].transfer_bytes == 800
    assert ok.complete
    assert (await weigh_rendered(web.url("/ok"), Options(), browsers)).complete


async def test_a_page_that_asks_for_ever_ends_at_its_deadline(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<script>setInterval(() => fetch('/' + Math.random()), 50)</script>")
    options = Options(limits=Limits(page_seconds=2.0))
    report = await weigh_rendered(web.url(), options, browsers)
    check_sums(report)
    assert report.status == "weighed"
    assert not report.complete
    assert report.error == "timeout: the page's deadline passed"


@pytest.mark.parametrize(
    ("limits", "error"),
    [
        (Limits(page_bytes=300_000), "page-too-large:"),
        (Limits(assets=3), "too-many-assets:"),
    ],
)
async def test_a_limit_that_is_reached_ends_the_page_and_is_reported(
    web: PageServer, browsers: BrowserPool, limits: Limits, error: str
) -> None:
    web.site["/"] = html("".join(f"<img src=/{n}.png>" for n in range(10)))
    for n in range(10):
        web.site[f"/{n}.png"] = image(400_000)
    report = await weigh_rendered(web.url(), Options(limits=limits), browsers)
    check_sums(report)
    assert not report.complete
    assert (report.error or "").startswith(error)


async def test_an_asset_that_is_too_large_fails_alone(
    web: PageServer, browsers: BrowserPool
) -> None:
    limits = Limits(asset_bytes=3_000_000, asset_resource_bytes=3_000_000)
    async with HostileServer() as server:
        for misdeed in ("/endless", "/bomb?br"):
            web.site["/"] = html(f"<iframe src={server.url(misdeed)}></iframe><img src=/i.png>")
            web.site["/i.png"] = image()
            report = await weigh_rendered(web.url(), Options(limits=limits), browsers)
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
    async with HostileServer() as server:
        report = await weigh_rendered(server.url(misdeed), Options(), browsers)
    check_sums(report)
    assert (report.status, (report.error or "").partition(":")[0]) == (status, error)
    assert not report.complete


async def test_what_a_page_does_to_its_user_holds_nothing_up(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html(
        "<img src=/i.png><script>"
        "alert(1); confirm(2); prompt(3); window.open('/popup');"
        "window.onbeforeunload = () => 'stay'; window.eval = null;"
        "Object.prototype.toString = null; Notification.requestPermission();"
        "history.pushState({}, '', '/elsewhere');"
        "</script>"
    )
    web.site["/i.png"] = image()
    web.site["/popup"] = html("popup")
    report = await weigh_rendered(web.url(), Options(), browsers)
    assert report.status == "weighed"
    assert "/i.png" in by_path(report)
    assert report.final_url == web.url()


async def test_a_download_is_no_page(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = Page(
        b"x" * 1000, "application/zip", headers={"Content-Disposition": "attachment"}
    )
    report = await weigh_rendered(web.url(), Options(), browsers)
    assert report.status == "failed"
    assert report.error == "download: a browser does not show this but saves it"


# Politeness


async def test_requests_to_one_origin_keep_the_pause_that_is_wished(web: PageServer) -> None:
    class Diary(Politeness):
        """Notes from when on each request may be sent."""

        def __init__(self) -> None:
            super().__init__(0.1)
            self.starts: list[float] = []

        def pause(self, origin: str, now: float) -> float:
            seconds = super().pause(origin, now)
            self.starts.append(now + seconds)
            return seconds

    came: list[float] = []

    def note(request: Request) -> Page:
        came.append(asyncio.get_running_loop().time())
        return image()

    web.site = dict.fromkeys((f"/{n}.png" for n in range(4)), note)
    web.site["/"] = html("".join(f"<img src=/{n}.png>" for n in range(4)))
    diary = Diary()
    async with BrowserPool(gate=GATE, politeness=diary) as browsers:
        options = Options(headers=(("X-Key", "k"),))
        report = await weigh_rendered(web.url(), options, browsers)
    assert report.complete
    assert len(diary.starts) == report.total.requests == 6
    assert all(at >= start for at, start in zip(came, diary.starts[1:], strict=False))
    assert all(request.headers.get("x-key") == "k" for request in web.requests[:5])


async def test_a_page_whose_server_is_busy_is_asked_again_when_it_says(
    web: PageServer, browsers: BrowserPool
) -> None:
    answers = [Page(b"busy", "text/plain", 503, {"Retry-After": "1"}), html("<img src=/i.png>")]
    web.site["/"] = lambda request: answers.pop(0)
    web.site["/i.png"] = image()
    report = await weigh_rendered(web.url(), Options(), browsers)
    assert (report.status, report.complete, answers) == ("weighed", True, [])
    assert web.paths().count("/") == 2


async def test_a_server_that_is_busy_for_long_is_left_alone_by_page_and_parts(
    web: PageServer, browsers: BrowserPool
) -> None:
    async with PageServer() as other:
        busy = Page(b"busy", "text/plain", 429, {"Retry-After": "3000"})
        other.site["/busy.js"] = busy
        web.site["/"] = html(f"<script src={other.url('/busy.js')}></script>")
        web.site["/next"] = html(f"<img src={other.url('/next.png')}><img src=/i.png>")
        web.site["/i.png"] = image()
        report = await weigh_rendered(web.url(), Options(), browsers)
        assert by_path(report)["/busy.js"].error == "http: 429 Too Many Requests"
        report = await weigh_rendered(web.url("/next"), Options(), browsers)
        assets = by_path(report)
        assert (assets["/next.png"].error or "").startswith("busy: ")
        assert assets["/i.png"].status == "fetched"
        assert (report.status, report.complete) == ("weighed", False)
        again = await weigh_rendered(other.url("/"), Options(), browsers)
        assert (again.status, (again.error or "")[:6]) == ("failed", "busy: ")
        assert other.paths() == ["/busy.js"]


async def test_a_navigation_that_comes_to_nothing_leaves_the_page_what_it_was(
    web: PageServer, browsers: BrowserPool
) -> None:
    file = Page(b"z" * 500, "application/zip", headers={"Content-Disposition": "attachment"})
    web.site |= {"/file.zip": file, "/empty": Page(status=204), "/i.png": image()}
    for address in ("/file.zip", "/empty"):
        web.site["/"] = html(f"<img src=/i.png><script>location = '{address}'</script>")
        report = await weigh_rendered(web.url(), Options(), browsers)
        assert (report.status, report.error, report.title) == ("weighed", None, "A page"), address
        assert report.final_url == web.url()
        assert address in by_path(report)


@pytest.mark.parametrize(
    "address",
    ["mailto:a@b.example", "app:open", "blob:", "javascript:void(0)", "file:///etc/passwd"],
)
async def test_a_page_that_goes_where_nothing_is_to_be_weighed_holds_nothing_up(
    web: PageServer, browsers: BrowserPool, address: str
) -> None:
    web.site["/"] = html(
        f"<img src=/i.png><script>let to = '{address}';"
        "if (to == 'blob:') to = URL.createObjectURL(new Blob(['x'], {type: 'text/html'}));"
        "location = to</script>"
    )
    web.site["/i.png"] = image()
    report = await weigh_rendered(web.url(), Options(), browsers)
    assert (report.status, report.complete, report.error) == ("weighed", True, None)
    assert report.final_url == web.url()


async def test_a_page_that_goes_on_for_ever_is_weighed_at_its_deadline(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<img src=/i.png>", head="<meta http-equiv=refresh content='0;url=/next'>")
    web.site["/next"] = html("<img src=/i.png>", head="<meta http-equiv=refresh content='0;url=/'>")
    web.site["/i.png"] = image()
    options = Options(limits=Limits(page_seconds=3))
    report = await weigh_rendered(web.url(), options, browsers)
    check_sums(report)
    assert (report.status, report.complete) == ("weighed", False)
    assert report.error == "timeout: the page's deadline passed"


async def test_a_password_that_a_part_asks_for_is_a_401(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<img src=/a.png><img src=/i.png>")
    challenge = {"WWW-Authenticate": 'Basic realm="x"'}
    web.site["/a.png"] = Page(b"who are you?", "text/plain", 401, challenge)
    web.site["/i.png"] = image()
    report = await weigh_rendered(web.url(), Options(), browsers)
    refused = by_path(report)["/a.png"]
    assert (refused.error, refused.transfer_bytes) == ("http: 401 Unauthorized", 12)
    assert report.complete


async def test_what_a_script_gives_as_its_name_fits_into_a_report(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html(
        "<script src=/named.js></script><script>"
        "document.title = 'a\\ud800\\u0000\\n b' + 'x'.repeat(9000);"
        "let m = document.createElement('meta'); m.httpEquiv = 'refresh';"
        "m.content = '900;url=/\\ud800'; document.head.append(m)</script>"
    )
    web.site["/named.js"] = script(
        "eval(`fetch('/data.json')//# sourceURL=http://\\ud800${'y'.repeat(99999)}`)"
    )
    web.site["/data.json"] = Page(b"{}", "application/json")
    report = await weigh_rendered(web.url(), Options(), browsers)
    assert decode(encode(report)) == report
    assert len(report.title or "") == page.MAX_TITLE
    assert by_path(report)["/data.json"].initiator is None
    assert report.complete


# The gate


class Victim:
    def __init__(self) -> None:
        self.visits = 0

    def visit(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        writer.close()


@pytest.fixture
async def victim(web: PageServer) -> AsyncIterator[Victim]:
    victim = Victim()
    async with await asyncio.start_server(victim.visit, INNER, web.port):
        yield victim
    assert victim.visits == 0


async def test_nothing_in_a_page_reaches_the_inner_network(
    web: PageServer, browsers: BrowserPool, victim: Victim
) -> None:
    inner = f"{INNER}:{web.port}"
    web.site["/"] = html(
        f"<img src=http://{inner}/1.png><iframe src=http://{inner}/2></iframe>"
        f"<img src=/r.png><video src=http://{inner}/3.mp4></video>"
        f"<link rel=prefetch href=http://{inner}/4><link rel=preconnect href=http://{inner}>"
        "<script>"
        f"fetch('http://{inner}/5', {{mode: 'no-cors'}}).catch(() => 0);"
        f"fetch('http://{inner}/6', {{method: 'POST', body: 'x'}}).catch(() => 0);"
        f"navigator.sendBeacon('http://{inner}/7', 'x');"
        f"new WebSocket('ws://{inner}/8'); new EventSource('http://{inner}/9');"
        f"fetch('https://{inner}/10').catch(() => 0); new WebSocket('wss://{inner}/11');"
        f"new Worker(URL.createObjectURL(new Blob([`fetch('http://{inner}/12')`])));"
        "</script>"
    )
    web.site["/r.png"] = redirect(f"http://{inner}/redirected.png")
    report = await weigh_rendered(web.url(), Options(), browsers)
    check_sums(report)
    denied = {a.url.rpartition("/")[2]: a for a in report.assets if a.url.find(INNER) >= 0}
    assert {"1.png", "2", "5", "6", "10", "redirected.png"} <= set(denied)
    assert {(a.status, a.error) for a in denied.values()} == {("skipped", ADDRESS_DENIED)}
    assert report.status == "weighed"
    assert not report.complete


async def test_a_service_worker_does_not_reach_the_inner_network(
    web: PageServer, browsers: BrowserPool, victim: Victim
) -> None:
    inner = f"http://{INNER}:{web.port}"
    web.site["/"] = html("<script>navigator.serviceWorker.register('/sw.js')</script>")
    web.site["/sw.js"] = script(
        f"oninstall = e => e.waitUntil(Promise.allSettled(['/1', '/2'].map("
        f"path => fetch('{inner}' + path, {{mode: 'no-cors'}}))))"
    )
    report = await weigh_rendered(web.url(), Options(), browsers)
    denied = [asset for asset in report.assets if INNER in asset.url]
    assert [(a.status, a.error) for a in denied] == [("skipped", ADDRESS_DENIED)] * 2
    check_sums(report)


async def test_a_page_in_the_inner_network_fails_with_the_reason(
    web: PageServer, browsers: BrowserPool, victim: Victim
) -> None:
    for url in (
        f"http://{INNER}:{web.port}/",
        f"https://{INNER}:{web.port}/",
        f"http://[::ffff:{INNER}]:{web.port}/",
        "http://169.254.169.254/latest/meta-data/",
        f"http://localhost:{web.port}/",
    ):
        report = await weigh_rendered(url, Options(), browsers)
        if "localhost" in url:  # which may be 127.0.0.1, and that is open in these tests
            continue
        assert (report.status, report.error) == ("failed", ADDRESS_DENIED), url


async def test_a_page_that_sends_itself_into_the_inner_network_is_stopped(
    web: PageServer, browsers: BrowserPool, victim: Victim
) -> None:
    for leaving in (
        html(f"<meta http-equiv=refresh content='0;url=http://{INNER}:{web.port}/'>"),
        html(f"<script>location = 'http://{INNER}:{web.port}/'</script>"),
        redirect(f"http://{INNER}:{web.port}/"),
    ):
        web.site["/"] = leaving
        report = await weigh_rendered(web.url(), Options(), browsers)
        assert (report.status, report.error) == ("failed", ADDRESS_DENIED)


async def test_a_name_server_that_changes_its_answer_achieves_nothing(
    web: PageServer, victim: Victim
) -> None:
    asked = 0

    def look_up(host: str, port: int, family: int) -> Sequence[tuple[Any, ...]]:
        nonlocal asked
        asked += 1
        return [(2, 1, 6, "", ("127.0.0.1" if asked == 1 else INNER, port))]

    web.site["/"] = Page(
        html(
            "<script>const again = () => fetch('/secret').catch(() => 0);"
            "again().then(again).then(again).then(again)</script>"
        ).body,
        headers={"Connection": "close"},
    )
    async with BrowserPool(gate=GATE, look_up=look_up) as browsers:
        report = await weigh_rendered(f"http://rebind.example:{web.port}/", Options(), browsers)
    assert report.status == "weighed"
    assert web.requests[0].headers["host"] == f"rebind.example:{web.port}"


async def test_no_packet_leaves_by_another_way(web: PageServer, browsers: BrowserPool) -> None:
    class Ear(asyncio.DatagramProtocol):
        def __init__(self) -> None:
            self.heard: list[bytes] = []

        def datagram_received(self, data: bytes, addr: Any) -> None:
            self.heard.append(data)

    loop = asyncio.get_running_loop()
    transport, ear = await loop.create_datagram_endpoint(Ear, local_addr=("127.0.0.1", 0))
    port = transport.get_extra_info("sockname")[1]
    web.site["/"] = html(
        f"""<script>
        const peer = new RTCPeerConnection({{iceServers: [
            {{urls: 'stun:127.0.0.1:{port}'}},
            {{urls: 'turn:127.0.0.1:{port}', username: 'u', credential: 'p'}}]}});
        peer.createDataChannel('x');
        peer.createOffer().then(offer => peer.setLocalDescription(offer));
        try {{ new WebTransport('https://127.0.0.1:{port}/').ready.catch(() => 0) }} catch {{}}
        setTimeout(() => fetch('/done'), 1500);
        </script>"""
    )
    web.site["/done"] = Page(b"", "text/plain")
    report = await weigh_rendered(web.url(), Options(limits=Limits(page_seconds=10)), browsers)
    transport.close()
    assert report.status == "weighed"
    assert ear.heard == []


# Browsers that fail


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(browser, "ANSWER_SECONDS", 3.0)
    monkeypatch.setattr(page, "_SILENCE_SECONDS", 1.0)


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
@pytest.mark.usefixtures("_impatient")
async def test_a_browser_that_dies_or_hangs_costs_its_page_one_more_try(
    web: PageServer, browsers: BrowserPool, blow: signal.Signals
) -> None:
    struck: list[int] = []

    def strike(request: Request) -> Page:
        if not struck:
            struck.extend(browsers.processes)
            os.kill(struck[0], blow)
        return image(444)

    web.site["/"] = html("<img src=/i.png>")
    web.site["/i.png"] = strike
    report = await weigh_rendered(web.url(), Options(), browsers)
    assert struck
    assert (report.status, report.complete) == ("weighed", True)
    assert by_path(report)["/i.png"].transfer_bytes == 444
    assert web.paths().count("/") == 2
    assert struck[0] not in browsers.processes
    assert not _runs(struck[0])


async def test_a_page_that_always_kills_its_browser_fails_and_no_other(
    web: PageServer, browsers: BrowserPool
) -> None:
    def strike(request: Request) -> Page:
        os.kill(browsers.processes[-1], signal.SIGKILL)
        return image()

    web.site["/"] = html("<img src=/i.png>")
    web.site["/i.png"] = strike
    web.site["/ok"] = html("")
    report = await weigh_rendered(web.url(), Options(), browsers)
    assert report.status == "failed"
    # A busy machine may take longer to notice its end than one waits for its answer here.
    assert report.error in {"browser: it crashed", "browser: it does not answer"}
    assert (await weigh_rendered(web.url("/ok"), Options(), browsers)).complete


async def test_a_page_that_crashes_fails_and_no_other(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = redirect("chrome://crash/")
    web.site["/ok"] = html("")
    assert (await weigh_rendered(web.url(), Options(), browsers)).status == "failed"
    assert (await weigh_rendered(web.url("/ok"), Options(), browsers)).complete


async def test_a_browser_found_dead_is_replaced(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = html("")
    assert (await weigh_rendered(web.url(), Options(), browsers)).complete
    (process,) = browsers.processes
    os.kill(process, signal.SIGKILL)
    assert (await weigh_rendered(web.url(), Options(), browsers)).complete
    assert browsers.processes != [process]


async def test_one_browser_serves_page_after_page_and_is_replaced_in_time(
    web: PageServer, browsers: BrowserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libra.weighing.rendered.pool.PAGES_PER_BROWSER", 2)
    web.site["/"] = html("")
    processes = []
    for _ in range(3):
        async with browsers.browser() as taken:
            processes.append(taken.process_id)
    assert processes[0] == processes[1] != processes[2]


async def test_no_more_browsers_run_than_the_pool_may_have(web: PageServer) -> None:
    together = most = 0
    both = asyncio.Barrier(2)

    async def use(pool: BrowserPool) -> None:
        nonlocal together, most
        async with pool.browser() as taken:
            together += 1
            most = max(most, together)
            await both.wait()
            assert await taken.answers()
            together -= 1

    async with BrowserPool(size=2) as pool:
        await asyncio.gather(*(use(pool) for _ in range(6)))
        assert len(pool.processes) <= 2
    assert most == 2


async def test_a_cancelled_page_gives_its_browser_back(
    web: PageServer, browsers: BrowserPool
) -> None:
    asked = asyncio.Event()

    def note(request: Request) -> Page:
        asked.set()
        return html("<script>setInterval(() => fetch('/x'), 100)</script>")

    web.site["/"] = note
    web.site["/ok"] = html("")
    task = asyncio.create_task(weigh_rendered(web.url(), Options(), browsers))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await weigh_rendered(web.url("/ok"), Options(), browsers)).complete


async def test_nothing_is_left_when_the_pool_closes(
    web: PageServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    web.site["/"] = html("")
    async with BrowserPool(gate=GATE) as pool:
        await weigh_rendered(web.url(), Options(), pool)
        processes = pool.processes
        assert len(_profiles(tmp_path)) == 1
    assert processes
    assert not any(map(_runs, processes))
    assert _profiles(tmp_path) == []


# What is missing


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


def _profiles(folder: Path) -> list[Path]:
    return list(folder.glob("libra-browser-*"))


def _runs(process: int) -> bool:
    """Whether a process is more than a dead one that nobody has asked for yet."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
