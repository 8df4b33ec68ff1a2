"""A browser, too, leaves servers the time that they wish."""

from __future__ import annotations

import asyncio

import pytest

from libra.network.politeness import Politeness
from libra.testing.pages import Page, PageServer, Request, html
from libra.weighing.rendered import BrowserPool
from support.visits import ICON, by_path, ended, image, visit

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_requests_to_one_origin_keep_the_pause_that_is_wished(
    web: PageServer, browsers: BrowserPool
) -> None:
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

    web.site |= dict.fromkeys((f"/{n}.png" for n in range(4)), note)
    web.site["/"] = html("".join(f"<img src=/{n}.png>" for n in range(4)))
    browsers.politeness = diary = Diary()
    report = await visit(web.url(), browsers, until=ended(ICON), headers=(("X-Key", "k"),))
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
    report = await visit(web.url(), browsers)
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
        report = await visit(web.url(), browsers)
        assert by_path(report)["/busy.js"].error == "http: 429 Too Many Requests"
        report = await visit(web.url("/next"), browsers)
        assets = by_path(report)
        assert (assets["/next.png"].error or "").startswith("busy: ")
        assert assets["/i.png"].status == "fetched"
        assert (report.status, report.complete) == ("weighed", False)
        again = await visit(other.url("/"), browsers)
        assert (again.status, (again.error or "")[:6]) == ("failed", "busy: ")
        assert other.paths() == ["/busy.js"]
