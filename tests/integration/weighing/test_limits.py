"""Every limit holds, is reported by name, and leaves the rest of the page as it is."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped]  # it ships no types
import pytest

from libra.report import Report, decode, encode
from libra.testing.pages import Page, PageServer, Request, Site, css, html, image, redirect, script
from libra.weighing import Limits, Options, weigh_once
from support.work import assert_linear_async, cost

try:
    from compression import zstd  # type: ignore[import-not-found, unused-ignore]
except ImportError:
    from backports import zstd


async def weigh(site: Site, limits: Limits | None = None) -> Report:
    async with PageServer(site) as server:
        return await weigh_once(server.url(), Options(limits=limits or Limits()))


Parts = dict[str, Page | Callable[[Request], Page]]


def errors(report: Report) -> dict[str, str | None]:
    return {"/" + asset.url.split("/", 3)[3]: asset.error for asset in report.assets}


def packed(body: bytes, *encodings: str) -> Page:
    for encoding in encodings:
        if encoding == "gzip":
            body = gzip.compress(body, 9)
        elif encoding == "br":
            body = brotli.compress(body, quality=5)
        elif encoding == "zstd":
            body = zstd.compress(body, 3)
        else:
            body = zlib.compress(body, 9)
    return Page(body, "text/css", headers={"Content-Encoding": ", ".join(encodings)})


SMALL = Limits(asset_resource_bytes=5_000_000)


@pytest.mark.parametrize(
    "encodings",
    [
        ("gzip",),
        ("br",),
        ("zstd",),
        ("deflate",),
        ("gzip", "gzip"),
        ("gzip", "br", "zstd", "deflate"),
    ],
    ids="+".join,
)
async def test_a_bomb_in_any_encoding_is_stopped_at_the_size_limit(
    encodings: tuple[str, ...],
) -> None:
    site = {"/": html("<link rel=stylesheet href=/b.css><img src=/i.png>")}
    report = await weigh(
        {**site, "/b.css": packed(bytes(30_000_000), *encodings), "/i.png": image()}, SMALL
    )
    assert (errors(report)["/b.css"] or "").startswith("too-large: decodes to ")
    assert errors(report)["/i.png"] is None
    bomb = next(asset for asset in report.assets if asset.url.endswith("b.css"))
    assert bomb.resource_bytes < 6_000_000
    assert not report.complete


async def test_a_bomb_that_stays_below_the_size_limit_is_stopped_by_its_ratio() -> None:
    limits = Limits(decode_ratio=100, decode_grace=1_000_000)
    site = {
        "/": html("<link rel=stylesheet href=/b.css>"),
        "/b.css": packed(bytes(9_000_000), "br"),
    }
    assert (
        errors(await weigh(site, limits))["/b.css"]
        == "too-large: decodes to over 100 times its size"
    )


async def test_more_encodings_than_any_server_stacks_are_refused() -> None:
    site = {"/": html("<link rel=stylesheet href=/b.css>"), "/b.css": packed(b"a", *["gzip"] * 5)}
    assert errors(await weigh(site))["/b.css"] == "decode: 5 nested content encodings"


async def test_a_large_body_under_every_limit_is_whole() -> None:
    body = b"x { y: z }" * 200_000
    site = {"/": html("<link rel=stylesheet href=/b.css>"), "/b.css": packed(body, "gzip", "br")}
    report = await weigh(site)
    assert report.assets[1].resource_bytes == len(body)
    assert report.assets[1].error is None


async def test_a_page_stops_at_its_bytes() -> None:
    site = {"/": html("".join(f"<img src=/{n}>" for n in range(600)))}
    site |= {f"/{n}": image(50_000) for n in range(600)}
    report = await weigh(site, Limits(page_bytes=1_000_000))
    assert report.total.transfer_bytes > 1_000_000
    assert report.status == "weighed"


async def test_a_page_stops_at_its_assets_and_says_how_many_were_left_out() -> None:
    site = {"/": html("".join(f"<img src=/{n}>" for n in range(50)))}
    report = await weigh({**site, **{f"/{n}": image() for n in range(50)}}, Limits(assets=10))
    assert report.total.requests == 10
    assert report.error == "too-many-assets: more than 10; 42 were left out"


async def test_redirects_end_at_their_limit_and_where_they_have_been() -> None:
    def onward(request: Request) -> Page:
        return redirect(request.path + "x")

    site: Parts = {"/": html("<img src=/a><img src=/b>")}
    site |= {"/b": redirect("/c"), "/c": redirect("/b")}
    site |= {"/a" + "x" * n: onward for n in range(20)}
    found = errors(await weigh(site, Limits(redirects=3)))
    assert found["/axxx"] == "redirect-loop: 4 redirects"
    assert "/axxxx" not in found
    assert (found["/c"] or "").startswith("redirect-loop: ")


async def test_frames_that_hold_themselves_end() -> None:
    def frame(request: Request) -> Page:
        return html(f"<iframe src={request.path}x></iframe><img src=/i.png>")

    site: Parts = {"/": frame, "/i.png": image()}
    site |= {"/" + "x" * n: frame for n in range(1, 30)}
    report = await weigh(site, Limits(frame_depth=3))
    assert [path for path in errors(report) if path.strip("/x") == ""] == ["/", "/x", "/xx", "/xxx"]
    assert report.error == "too-deep: frames or imports nest too deeply"


async def test_a_frame_of_the_page_itself_is_no_loop() -> None:
    report = await weigh({"/": html("<iframe src=/></iframe><iframe src=/#x></iframe>")})
    assert report.total.requests == 2  # the page and its icon
    assert report.complete


async def test_imports_that_never_end_do() -> None:
    def sheet(request: Request) -> Page:
        return css(f'@import "{request.path}x";')

    def module(request: Request) -> Page:
        return script(f'import "{request.path}y";')

    site: Parts = {"/": html("<link rel=stylesheet href=/x><script type=module src=/y></script>")}
    site |= {"/" + "x" * n: sheet for n in range(1, 40)}
    site |= {"/" + "y" * n: module for n in range(1, 40)}
    report = await weigh(site, Limits(import_depth=5))
    assert sum(set(path) == {"/", "x"} for path in errors(report)) == 6
    assert sum(set(path) == {"/", "y"} for path in errors(report)) == 6
    assert report.error == "too-deep: frames or imports nest too deeply"


async def test_imports_in_a_circle_are_fetched_once_each() -> None:
    site = {
        "/": html("<link rel=stylesheet href=/a.css><script type=module src=/a.js></script>"),
        "/a.css": css('@import "b.css";'),
        "/b.css": css('@import "a.css"; @import "b.css";'),
        "/a.js": script('import "./b.js"; import "./a.js";'),
        "/b.js": script('export * from "./a.js";'),
    }
    async with PageServer(site) as server:
        report = await weigh_once(server.url())
        assert sorted(server.paths()) == ["/", "/a.css", "/a.js", "/b.css", "/b.js", "/favicon.ico"]
    assert report.complete


async def test_one_header_field_may_be_as_long_as_its_limit() -> None:
    site = {"/": Page(b"<p>", headers={"X-Long": "x" * 5_000})}
    assert (await weigh(site, Limits(header_bytes=10_000))).status == "weighed"
    report = await weigh(site, Limits(header_bytes=4_000))
    assert (report.error or "").startswith("headers-too-large: ")
    assert "(X-Long alone has 5,0" in (report.error or "")
    assert report.assets[0].http_status == 200


WORST: dict[str, Callable[[int], str]] = {
    "tags": lambda n: "<p>" * (n // 3),
    "nested tags": lambda n: "<div>" * (n // 5) + "<img src=/i.png>",
    "images": lambda n: "".join(f"<img src=/i.png?{k}>" for k in range(n // 20)),
    "a long attribute": lambda n: f"<p title='{'x' * n}'>",
    "a long class": lambda n: (
        f"<p class='{'x ' * (n // 2)}'><style>.x{{background:url(/i.png)}}</style>"
    ),
    "a long style": lambda n: f"<p style='{'background: url(/i.png);' * (n // 24)}'>",
    "a long srcset": lambda n: (
        f"<img srcset='{', '.join(f'/{k} {k}w' for k in range(1, n // 16))}'>"
    ),
    "commas in a srcset": lambda n: f"<img srcset='{',' * n}'>",
    "brackets in a srcset": lambda n: f"<img srcset='a {'(' * n}'>",
    "brackets in CSS": lambda n: f"<style>{'a{' * (n // 2)}</style>",
    "quotes in CSS": lambda n: f"<style>{chr(34) * n}</style>",
    "comments in CSS": lambda n: f"<style>{'/*' * (n // 2)}</style>",
    "selectors in CSS": lambda n: f"<style>{':is(' * (n // 4)}</style>",
    "a long reference": lambda n: f"<img src='/{'x' * n}'>",
    "escaped references": lambda n: f"<p title='{'&amp;' * (n // 5)}'>",
    "frames in one another": lambda n: '<iframe srcdoc="' * (n // 16),
}


@pytest.mark.parametrize("body", WORST.values(), ids=WORST)
async def test_the_worst_is_weighed_in_linear_time(body: Callable[[int], str]) -> None:
    async def spend(size: int) -> float:
        site = {"/": html(body(size)), "/i.png": image()}
        with cost() as spent:
            report = await weigh(site, Limits(assets=50))
            seconds = spent()
        assert report.status == "weighed"
        assert decode(encode(report)) == report
        return seconds

    await assert_linear_async(spend, 200_000)


NAMES = {
    "NUL": "a\0b",
    "bidi": "\u202etxt.exe\u2066x\u2069",
    "a script": "<script>alert(1)</script>\"'&",
    "lone surrogates": "&#xD800;&#xDFFF;",
    "line ends": "a\r\nSet-Cookie: x=1\n\nb",
    "escapes": "\x1b[31mred\x1b]0;title\x07",
    "emoji": "👩‍👩‍👧‍👦" * 300,
    "noncharacters": "\ufffe\uffff",
}


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
async def test_strange_titles_and_addresses_make_a_sound_report(name: str) -> None:
    quoted = name.replace('"', "&quot;")
    page = Page(f'<!doctype html><title>{name}</title><img src="/{quoted}">'.encode())
    report = await weigh({"/": page})
    assert report.status == "weighed"
    assert decode(encode(report)) == report
    for asset in report.assets:
        assert asset.url.isascii()
        assert asset.url.isprintable()
        assert not set(asset.url) & set(' <>"')
    assert len(report.title or "") <= 1_000
