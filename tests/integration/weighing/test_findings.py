"""What could be better about a page, found while it is weighed without a browser."""

from __future__ import annotations

from libra.testing.pages import Page, PageServer, compressed, css, html, image, redirect
from libra.weighing import Fetcher, weigh_once

FRESH = {"Cache-Control": "max-age=60"}


def gif(width: int, height: int, size: int = 9_000) -> Page:
    head = b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little")
    return Page(head.ljust(size, b"x"), "image/gif", headers=FRESH)


async def test_what_could_be_better_is_found() -> None:
    style = "p { color: red } " * 400
    site = {
        "/": html(
            "<img src=/1.png><img src=/2.png><img src=/l.gif width=40 height=30>"
            "<img src=/gone.png><img src=/hop>" + "words " * 500,
            head="<link rel=stylesheet href=/plain.css><link rel=stylesheet href=/packed.css>"
            "<meta http-equiv=refresh content='9; url=/next'>",
        ),
        "/plain.css": css(style),
        "/packed.css": compressed(css(style)),
        "/1.png": Page(image(3_000).body, "image/png", headers=FRESH),
        "/2.png": Page(image(3_000).body, "image/png", headers=FRESH),
        "/l.gif": gif(400, 300),
        "/hop": redirect("/hop2"),
        "/hop2": redirect("/end.png"),
        "/end.png": image(5_000),
    }
    async with PageServer(site) as server:
        report = await weigh_once(server.url())
        found = {finding.code: finding for finding in report.findings}
        assert set(found) == {
            "uncompressed-text",
            "identical-bodies",
            "oversized-images",
            "not-found",
            "redirect-chain",
            "no-cache-headers",
            "meta-refresh",
        }
        text = found["uncompressed-text"]
        assert set(text.assets) == {server.url("/"), server.url("/plain.css")}
        assert 8_000 < (text.saves_bytes or 0) < len(style) + 4_000
        assert set(found["identical-bodies"].assets) == {server.url("/1.png"), server.url("/2.png")}
        assert found["oversized-images"].assets == (server.url("/l.gif"),)
        assert found["not-found"].assets == (server.url("/gone.png"), server.url("/favicon.ico"))
        assert found["redirect-chain"].assets == tuple(
            map(server.url, ("/hop", "/hop2", "/end.png"))
        )
        assert set(found["no-cache-headers"].assets) == {
            server.url("/plain.css"),
            server.url("/packed.css"),
            server.url("/end.png"),
        }
        assert found["meta-refresh"].assets == (server.url("/next"),)
        assert report.coverage is None


async def test_a_body_that_was_weighed_before_is_not_compressed_again() -> None:
    async with PageServer({"/": html("words " * 1_000)}) as server, Fetcher() as fetcher:
        first = await weigh_once(server.url(), fetcher=fetcher)
        again = await weigh_once(server.url(), fetcher=fetcher)
        assert first.findings == again.findings
        assert first.findings[0].code == "uncompressed-text"


async def test_there_are_no_findings_on_a_page_that_failed() -> None:
    async with PageServer() as server:
        report = await weigh_once(server.url())
    assert report.status == "failed"
    assert report.findings == ()


async def test_a_page_that_scripts_build_says_so() -> None:
    async with PageServer(
        {"/": html("<div id=root></div><script src=/app.js></script>")}
    ) as server:
        report = await weigh_once(server.url())
    assert (report.coverage or "").startswith("built by scripts: ")
