"""A server that says it is busy is asked again when it said, or left alone."""

from __future__ import annotations

from libra.testing.pages import Page, PageServer, Request, html, image
from libra.weighing import Fetcher, Limits, Options, weigh_once


def busy_once(header: str, answer: Page) -> tuple[list[str], object]:
    asked: list[str] = []

    def serve(request: Request) -> Page:
        asked.append(request.path)
        if len(asked) == 1:
            return Page(b"busy", "text/plain", 429, {"Retry-After": header})
        return answer

    return asked, serve


async def test_a_busy_server_is_asked_again_when_it_said() -> None:
    asked, serve = busy_once("0", image(500))
    async with PageServer({"/": html("<img src=/i.png>"), "/i.png": serve}) as server:  # type: ignore[dict-item]
        report = await weigh_once(server.url())
    assert len(asked) == 2
    assert report.complete
    assert report.by_kind["image"].transfer_bytes >= 500


async def test_a_server_that_stays_busy_is_asked_twice_and_no_more() -> None:
    busy = Page(b"busy", "text/plain", 503, {"Retry-After": "0"})
    async with PageServer({"/": html("<img src=/i.png>"), "/i.png": busy}) as server:
        report = await weigh_once(server.url())
        assert server.paths().count("/i.png") == 2
    assert report.assets[1].error == "http: 503 Service Unavailable"


async def test_a_server_that_is_busy_for_long_is_not_asked_again() -> None:
    site = {
        "/": html("".join(f"<img src=/{n}.png>" for n in range(30))),
        "/0.png": Page(b"busy", "text/plain", 429, {"Retry-After": "600"}),
    }
    options = Options(limits=Limits(asset_seconds=5))
    async with PageServer(site) as server, Fetcher(per_host=1) as fetcher:
        report = await weigh_once(server.url(), options, fetcher=fetcher)
        assert server.paths() == ["/", "/0.png"]
    errors = [asset.error for asset in report.assets]
    assert errors[1] == "http: 429 Too Many Requests"
    assert set(errors[2:]) == {"busy: the server asked for a pause of 600 s"}
    assert not report.complete
