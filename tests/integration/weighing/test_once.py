"""A page is weighed once, from its URL to its report."""

import asyncio

import pytest

from libra.report import Report, decode, encode
from libra.testing.pages import (
    Page,
    PageServer,
    compressed,
    css,
    font,
    html,
    image,
    redirect,
    script,
    simple,
    with_images,
)
from libra.weighing import Fetcher, InvalidURL, Limits, Options, weigh_once
from support.hostile_server import MISDEEDS, HostileServer
from support.loop_clock import stopped_clock

SMALL = Options(limits=Limits(assets=300, asset_bytes=5_000_000, asset_resource_bytes=30_000_000))

HANGING = {"/silent", "/silent-body", "/drip"}
"""What ends at a deadline alone; all else ends by itself, or at its size."""

SIZES = {"/large": "/large?6000000", "/many": "/many?301"}
"""Just beyond the limits."""


def sizes(report: Report) -> dict[str, int]:
    return {"/" + asset.url.split("/", 3)[3]: asset.transfer_bytes for asset in report.assets}


def count_fetched(report: Report) -> int:
    return sum(asset.status == "fetched" for asset in report.assets)


async def test_every_part_of_a_simple_page_is_weighed() -> None:
    site = simple()
    async with PageServer(site) as server:
        report = await weigh_once(server.url("/"))
    assert sizes(report) == {
        path: len(page.body) for path, page in site.items() if path != "/absent.png"
    }
    assert {kind: total.requests for kind, total in report.by_kind.items()} == {
        "document": 1, "stylesheet": 1, "script": 1, "image": 3, "font": 1, "media": 1, "other": 1,
    }  # fmt: skip
    assert (report.status, report.complete, report.title, report.error) == (
        "weighed",
        True,
        "Simple",
        None,
    )
    assert report.total.transfer_bytes == sum(sizes(report).values())
    assert report.score is not None
    assert report.finished_at is not None
    assert report.duration_ms is not None


async def test_images_of_a_documents_own_style_are_asked_for_by_the_document_and_not_its_base() -> (
    None
):
    async with PageServer() as server:
        server.site["/"] = html(
            f"<p style='background:url({server.url('/1.png')})'>x",
            head="<base href='http://cdn.example/'>",
        )
        await weigh_once(server.url("/"))
        asked = {request.path: request.headers.get("referer") for request in server.requests}
    assert asked["/1.png"] == server.url("/")


async def test_a_document_in_a_data_url_has_the_images_of_its_style() -> None:
    async with PageServer({"/1.png": image()}) as server:
        inner = f"<style>p{{background:url({server.url('/1.png')})}}</style><p>x"
        server.site["/"] = html(f'<iframe src="data:text/html,{inner}"></iframe>')
        report = await weigh_once(server.url("/"))
    assert sizes(report)["/1.png"] == 1_000


async def test_a_frames_style_may_use_the_fonts_of_the_frames_origin_and_not_the_pages() -> None:
    async with PageServer({"/1.woff2": font(), "/2.woff2": font()}) as server:
        there = f"http://localhost:{server.port}"
        server.site["/"] = html(f"<iframe src='{there}/frame'></iframe>")
        server.site["/frame"] = html(
            "<p style='font-family:one'>x<p style='font-family:two'>x",
            head="<style>@font-face{font-family:one;src:url(/1.woff2)}"
            f"@font-face{{font-family:two;src:url({server.url('/2.woff2')})}}</style>",
        )
        report = await weigh_once(server.url("/"))
        sites = {request.path: request.headers["sec-fetch-site"] for request in server.requests}
    errors = {asset.url: asset.error for asset in report.assets}
    assert errors[f"{there}/1.woff2"] is None
    assert (errors[server.url("/2.woff2")] or "").startswith("cors: ")
    assert (sites["/1.woff2"], sites["/2.woff2"]) == ("same-origin", "cross-site")


async def test_a_bad_url_is_refused_at_once() -> None:
    with pytest.raises(InvalidURL):
        await weigh_once("ftp://example.com/")


async def test_each_change_is_told() -> None:
    reports: list[Report] = []
    async with PageServer(simple()) as server:
        last = await weigh_once(server.url("/"), on_change=reports.append)
    assert len(reports) == last.total.requests
    assert [report.total.transfer_bytes for report in reports] == sorted(
        report.total.transfer_bytes for report in reports
    )
    assert reports[-1].assets == last.assets


async def test_redirects_weigh_and_references_are_relative_to_where_they_lead() -> None:
    site = {
        "/": redirect("/a/b/", body=b"moved"),
        "/a/b/": html("<img src=c.png>", head="<link rel=icon href=data:,>"),
        "/a/b/c.png": redirect("/d.png"),
        "/d.png": image(77),
    }
    async with PageServer(site) as server:
        report = await weigh_once(server.url("/"))
        assert server.paths() == ["/", "/a/b/", "/a/b/c.png", "/d.png"]
        assert report.final_url == server.url("/a/b/")
    assert report.total.transfer_bytes == sum(len(page.body) for page in site.values())
    assert report.complete


async def test_imports_frames_and_modules_are_followed() -> None:
    site = {
        "/": html(
            "<iframe src=/frame.html></iframe>",
            head="<link rel=icon href=data:,><link rel=stylesheet href=/a.css>"
            "<script type=module src=/m.js></script>",
        ),
        "/a.css": css("@import 'b.css';"),
        "/b.css": css("@import url(a.css); body{background:url(back.png)}"),
        "/back.png": image(10),
        "/m.js": script("import './n.js'"),
        "/n.js": script("import './m.js'; export {}"),
        "/frame.html": html("<img src=/in-frame.png><iframe src=/frame.html></iframe>"),
        "/in-frame.png": image(20),
    }
    async with PageServer(site) as server:
        report = await weigh_once(server.url("/"))
        assert sorted(server.paths()) == sorted(site)
    assert report.complete
    assert report.by_kind["document"].requests == 2


async def test_what_is_lazy_is_fetched_if_it_is_near_and_shown() -> None:
    site = {
        "/": html(
            "<img src=near.png loading=lazy width=9 height=9>"
            "<p class=gone><img src=hidden.png loading=lazy width=9 height=9></p>"
            "<iframe src=frame.html loading=lazy></iframe>"
            "<div style='height:5000px'></div><img src=far.png loading=lazy>",
            head="<link rel=icon href=data:,><link rel=stylesheet href=/a.css>",
        ),
        "/a.css": css(".gone{display:none}"),
        "/near.png": image(10),
        "/frame.html": html("<img src=/in-frame.png>"),
        "/in-frame.png": image(20),
    }
    async with PageServer(site) as server:
        report = await weigh_once(server.url("/"))
        assert sorted(server.paths()) == sorted(site)
    assert report.complete
    lazy = {asset.url[asset.url.rindex("/") :] for asset in report.assets if asset.lazy}
    assert lazy == {"/hidden.png", "/far.png"}


async def test_compressed_pages_have_two_sizes() -> None:
    page = html("<p>hello</p>" * 10_000, head="<link rel=icon href=data:,>")
    async with PageServer({"/": compressed(page)}) as server:
        report = await weigh_once(server.url("/"))
    assert report.body.resource_bytes == len(page.body)
    assert report.body.transfer_bytes < len(page.body) / 10
    assert report.assets[0].encoding == "gzip"


async def test_a_page_that_names_no_icon_asks_for_the_implied_one() -> None:
    async with PageServer({"/": html("x")}) as server:
        report = await weigh_once(server.url("/"))
    assert [(asset.http_status, asset.status) for asset in report.assets] == [
        (200, "fetched"),
        (404, "failed"),
    ]
    assert report.complete, "an answer of 404 is an answer"


async def test_what_is_no_page_is_weighed_as_one_body() -> None:
    async with PageServer({"/": Page(b"%PDF-1.7" * 100, "application/pdf")}) as server:
        report = await weigh_once(server.url("/"))
        assert server.paths() == ["/"]
    assert (report.status, report.total.transfer_bytes, report.total.requests) == (
        "weighed",
        800,
        1,
    )


async def test_a_page_that_is_not_there_fails_and_says_why() -> None:
    async with PageServer() as server:
        report = await weigh_once(server.url("/"))
    assert (report.status, report.error) == ("failed", "http: 404 Not Found")
    assert report.total.transfer_bytes == len(b"nothing here")
    assert report.score is None


async def test_the_pages_deadline_holds_whatever_its_parts_do() -> None:
    limits = Limits(page_seconds=5, asset_seconds=30)
    async with HostileServer() as server:
        with stopped_clock() as move:
            report = await weigh_once(
                server.url("/page-with?/silent"),
                Options(limits=limits),
                on_change=lambda report: move(5) if count_fetched(report) == 3 else None,
            )
    assert (report.status, report.complete) == ("weighed", False)
    hung = report.assets[-1]
    assert (hung.status, (hung.error or "").split(":")[0]) == ("failed", "timeout")
    assert report.total.transfer_bytes > 1_234


@pytest.mark.parametrize("misdeed", MISDEEDS)
async def test_the_worst_pages_end_with_a_true_report(misdeed: str) -> None:
    async with HostileServer() as server, Fetcher() as fetcher:
        with stopped_clock() as move:
            url = server.url(SIZES.get(misdeed, misdeed))
            weighing = asyncio.ensure_future(weigh_once(url, SMALL, fetcher=fetcher))
            if misdeed in HANGING:
                await server.requested(1)
                move(SMALL.limits.asset_seconds)
            report = await weighing
        good = await weigh_once(server.url("/page-with?/good.png"), fetcher=fetcher)
    assert report.status in {"weighed", "failed"}
    assert report.complete == (report.error is None)
    assert report.total.transfer_bytes == sum(asset.transfer_bytes for asset in report.assets)
    if report.error is not None:
        code, colon, explanation = report.error.partition(": ")
        assert colon
        assert explanation
        assert " " not in code
    assert decode(encode(report)) == report
    assert good.complete


@pytest.mark.parametrize("misdeed", [m for m in MISDEEDS if m not in {"/large", "/many", "/deep"}])
async def test_the_worst_parts_fail_alone(misdeed: str) -> None:
    async with HostileServer() as server:
        with stopped_clock() as move:

            def pass_deadline(report: Report) -> None:
                if misdeed in HANGING and count_fetched(report) == 3:
                    move(SMALL.limits.asset_seconds)

            url = server.url(f"/page-with?{misdeed}")
            report = await weigh_once(url, SMALL, on_change=pass_deadline)
    assert (report.status, report.title) == ("weighed", "With")
    fetched = {asset.url.rsplit("/", 1)[1] for asset in report.assets if asset.status == "fetched"}
    assert {"good.png", "good.css"} <= fetched
    assert decode(encode(report)) == report


async def test_five_thousand_assets_are_weighed_each() -> None:
    async with PageServer(with_images(5_000, size=10)) as server:
        report = await weigh_once(server.url("/"))
    assert (report.complete, report.total.requests) == (True, 5_001)
    assert report.by_kind["image"].transfer_bytes == 50_000


async def test_a_shared_fetcher_stays_open() -> None:
    async with PageServer(simple()) as server, Fetcher() as fetcher:
        first = await weigh_once(server.url("/"), fetcher=fetcher)
        second = await weigh_once(server.url("/"), fetcher=fetcher)
        assert first.total == second.total
        assert server.connections <= 6


async def test_a_bug_in_an_observer_is_not_swallowed() -> None:
    def broken(report: Report) -> None:
        raise ZeroDivisionError

    async with PageServer(simple()) as server:
        with pytest.raises(ZeroDivisionError):
            await weigh_once(server.url("/"), on_change=broken)


async def test_cancelling_a_weighing_leaves_no_task() -> None:
    async with HostileServer() as server, Fetcher() as fetcher:
        task = asyncio.ensure_future(weigh_once(server.url("/page-with?/silent"), fetcher=fetcher))
        await server.requested(4)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not [t for t in asyncio.all_tasks() if "fetch" in repr(t.get_coro())]
