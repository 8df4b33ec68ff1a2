"""Pages weighed in a real browser: right sizes of everything that a page makes it fetch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from integration.weighing.rendered.conftest import GATE
from libra.report import Bytes, Report, decode, encode
from libra.testing.pages import Page, PageServer, compressed, css, html, redirect, script
from libra.weighing import Viewport
from libra.weighing.rendered import BrowserPool
from libra.weighing.rendered import visit as page
from support.memory import descendants
from support.visits import (
    GIF,
    ICON,
    by_path,
    check_sums,
    ended,
    image,
    visit,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
    report = await visit(web.url(), browsers, until=ended(ICON))
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
        ICON: "image",
    }
    document = by_path(report)["/"]
    assert report.body == Bytes(document.transfer_bytes, document.resource_bytes)
    assert report.score is not None


async def test_a_page_takes_one_process_of_its_browser_and_nothing_else_takes_one(
    web: PageServer, chromium: str
) -> None:
    web.site["/"] = html("<img src=/held.png>")
    web.site["/held.png"] = Page(image().body, "image/gif", held=True)
    # In one that has shown other pages, what is left of them may not have ended yet.
    async with BrowserPool(executable=chromium, gate=GATE) as new:
        weighing = asyncio.create_task(visit(web.url(), new))
        await web.until_held()
        assert sum(map(renderers, new.processes)) == 1
        web.gate.set()
        assert (await weighing).complete


def renderers(browser: int) -> int:
    """How many processes show something in a browser: pages, or what its own windows are made of."""
    commands = (Path(f"/proc/{process}/cmdline").read_bytes() for process in descendants(browser))
    return sum(b"--type=renderer" in command for command in commands)


async def test_what_scripts_and_workers_fetch_is_weighed(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<script src=/app.js></script>")
    web.site["/app.js"] = script(
        "fetch('/data.json').then(r => r.text());"
        "let i = new Image(); i.src = '/late.png'; document.body.append(i);"
        "let worker = new Worker('/worker.js'); worker.onmessage = () => fetch('/done');"
        "new SharedWorker('/shared.js');"
    )
    web.site["/shared.js"] = script("onconnect = () => 0")
    web.site["/data.json"] = Page(b"[1, 2, 3]", "application/json")
    web.site["/late.png"] = image(700)
    web.site["/worker.js"] = compressed(
        script("importScripts('/part.js'); postMessage(1);" + "//" * 200)
    )
    web.site["/part.js"] = compressed(script("self.x = 1;" * 100))
    web.site["/done"] = Page(b"done", "text/plain")
    until = ended("/data.json", "/late.png", "/shared.js", "/done", ICON)
    report = await visit(web.url(), browsers, until=until)
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
    report = await visit(web.url(), browsers, until=ended(*web.site, "/gone.js"))
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
        "let shown = ['/through.png', '/made.png'].map(path => new Promise(done => {"
        "  let i = new Image(); i.onload = i.onerror = done; i.src = path; document.body.append(i) }));"
        "await Promise.all(shown); fetch('/done')</script>"
    )
    web.site["/sw.js"] = script(
        "onactivate = e => e.waitUntil(clients.claim());"
        "onfetch = e => e.respondWith(e.request.url.endsWith('/made.png')"
        " ? new Response('x'.repeat(500)) : fetch(e.request))"
    )
    web.site["/through.png"] = image(900)
    web.site["/done"] = Page(b"done", "text/plain")
    report = await visit(web.url(), browsers, until=ended(*web.site))
    paths = [asset.url.rpartition("/")[2] for asset in report.assets]
    assert sorted(paths) == ["", "done", "favicon.ico", "sw.js", "through.png"]
    through = by_path(report)["/through.png"]
    assert (through.transfer_bytes, through.resource_bytes, through.kind) == (900, 900, "image")


async def test_frames_are_weighed_with_what_is_in_them(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = html("<iframe src=/frame></iframe>", title="Outer")
    web.site["/frame"] = html("<img src=/in.png>", title="Inner")
    web.site["/in.png"] = image(900)
    report = await visit(web.url(), browsers)
    assert by_path(report)["/in.png"].transfer_bytes == 900
    assert report.by_kind["document"].requests == 2
    assert report.title == "Outer"
    assert report.body.transfer_bytes == by_path(report)["/"].transfer_bytes


async def test_redirects_are_assets_of_their_own(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = redirect("/there", 301, b"moved")
    web.site["/there"] = html("<img src=/a.png>")
    web.site["/a.png"] = redirect("/b.png")
    web.site["/b.png"] = image(500)
    report = await visit(web.url(), browsers)
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
        report = await visit(web.url(), browsers, viewport=viewport)
        assert {path for path in by_path(report) if path.endswith(".png")} == {chosen}


async def test_no_page_sees_what_another_left_behind(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/"] = Page(
        html("<img src=/i.png>").body,
        headers={"Set-Cookie": "seen=1; Path=/", "Cache-Control": "max-age=1000"},
    )
    web.site["/i.png"] = Page(image().body, "image/gif", headers={"Cache-Control": "max-age=1000"})
    first = await visit(web.url(), browsers, until=ended(ICON))
    seen = len(web.requests)
    second = await visit(web.url(), browsers, until=ended(ICON))
    assert first.total == second.total
    assert web.requests[seen].path == "/"
    assert "cookie" not in web.requests[seen].headers


async def test_libra_says_who_it_is(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = html("")
    await visit(web.url(), browsers)
    assert "Libra/" in web.requests[0].headers["user-agent"]
    assert "Chrome/" in web.requests[0].headers["user-agent"]
    await visit(web.url(), browsers, user_agent="Mine/1.0")
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
        headers = (("Authorization", "Bearer secret"), ("X-Key", "k"))
        report = await visit(web.url(), browsers, headers=headers)
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

    def look(report: Report) -> bool:
        reports.append(report)
        return ended(ICON)(report)

    final = await visit(web.url(), browsers, until=look)
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
    report = await visit(web.url(), browsers)
    found = {finding.code: finding for finding in report.findings}
    assert found["uncompressed-text"].assets == (web.url(),)
    assert (found["uncompressed-text"].saves_bytes or 0) > 4_000
    assert set(found["identical-bodies"].assets) == {web.url("/1.gif"), web.url("/2.gif")}
    assert found["identical-bodies"].saves_bytes == 3_000
    assert found["oversized-images"].assets == (web.url("/l.gif"),)
    assert found["not-found"].assets == (web.url("/gone.gif"),)
    assert found["redirect-chain"].assets == tuple(map(web.url, ("/hop", "/hop2", "/1.gif?")))
    assert found["no-cache-headers"].assets[0] == web.url("/1.gif?")


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
    report = await visit(web.url(), browsers, until=ended("/data.json"))
    assert decode(encode(report)) == report
    assert len(report.title or "") == page.MAX_TITLE
    assert by_path(report)["/data.json"].initiator is None
    assert report.complete
