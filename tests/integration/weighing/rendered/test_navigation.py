"""Pages that go elsewhere, or want to: what is weighed is the page that is there in the end."""

from __future__ import annotations

import pytest

from libra.testing.pages import Page, PageServer, html
from libra.weighing.rendered import BrowserPool
from support.loop_clock import Clock
from support.visits import (
    by_path,
    check_sums,
    ended,
    image,
    visit,
    visit_to_its_deadline,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")


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
    report = await visit(web.url(), browsers)
    assert report.status == "weighed"
    assert "/i.png" in by_path(report)
    assert report.final_url == web.url()


async def test_a_download_is_no_page(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = Page(
        b"x" * 1000, "application/zip", headers={"Content-Disposition": "attachment"}
    )
    report = await visit(web.url(), browsers)
    assert report.status == "failed"
    assert report.error == "download: a browser saves this file instead of showing it"


async def test_a_navigation_that_comes_to_nothing_leaves_the_page_what_it_was(
    web: PageServer, browsers: BrowserPool
) -> None:
    file = Page(b"z" * 500, "application/zip", headers={"Content-Disposition": "attachment"})
    web.site |= {"/file.zip": file, "/empty": Page(status=204), "/i.png": image()}
    for address in ("/file.zip", "/empty"):
        web.site["/"] = html(f"<img src=/i.png><script>location = '{address}'</script>")
        report = await visit(web.url(), browsers, until=ended(address))
        assert (report.status, report.error, report.title) == ("weighed", None, "A page"), address
        assert report.final_url == web.url()


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
    report = await visit(web.url(), browsers)
    assert (report.status, report.complete, report.error) == ("weighed", True, None)
    assert report.final_url == web.url()


async def test_a_page_that_goes_on_for_ever_is_weighed_at_its_deadline(
    web: PageServer, browsers: BrowserPool, clock: Clock
) -> None:
    web.site["/"] = html("<img src=/i.png>", head="<meta http-equiv=refresh content='0;url=/next'>")
    web.site["/next"] = html("<img src=/i.png>", head="<meta http-equiv=refresh content='0;url=/'>")
    web.site["/i.png"] = image()
    report = await visit_to_its_deadline(web.url(), browsers, clock, when=ended("/", "/next"))
    check_sums(report)
    assert (report.status, report.complete) == ("weighed", False)
    assert report.error == "timeout: the page's deadline passed"
