"""What only the browser knows of a page that is done: no page makes it too long, or lost for another."""

from __future__ import annotations

import pytest

from libra.testing.pages import Page, PageServer, compressed, html, script
from libra.weighing.rendered import BrowserPool
from libra.weighing.rendered import visit as page
from libra.weighing.rendered.browsers import driver
from support.visits import ICON, by_path, ended, image, visit

pytestmark = pytest.mark.asyncio(loop_scope="session")

LONG = """
<!doctype html><body><img src=/seen.png width=9 height=9><script>
const text = 'x'.repeat(1e5);
for (let i = 0; i < 40; i++) {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><!--${i}${text}--></svg>`;
  const shown = new Image();
  shown.width = 9;
  shown.src = 'data:image/svg+xml,' + encodeURIComponent(svg);
  const frame = document.createElement('iframe');
  frame.src = 'data:text/html,' + text;
  document.body.append(shown, frame);
}
document.title = 'z'.repeat(4e6);
</script>"""


async def test_long_texts_in_a_page_do_not_end_its_driver(
    web: PageServer, browsers: BrowserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "MESSAGE_BYTES", 2_000_000)
    web.site["/long"] = html(LONG)
    web.site["/seen.png"] = image(500)
    report = await visit(web.url("/long"), browsers, until=ended("/seen.png", ICON))
    assert (report.error, report.complete) == (None, True)
    assert report.title == "z" * page.MAX_TITLE


async def test_a_request_of_a_worker_without_a_body_does_not_cost_the_page_its_title(
    web: PageServer, browsers: BrowserPool
) -> None:
    web.site["/working"] = html("<script>new Worker('/worker.js')</script>", title="Working")
    web.site["/worker.js"] = script(
        "fetch('/hop').then(() => fetch('/data')).then(() => fetch('/end'))"
    )
    headers = {"Location": "/there", "Content-Encoding": "gzip"}
    web.site["/hop"] = Page(b"moved", "text/plain", 302, headers)
    web.site["/there"] = Page(b"there", "text/plain")
    web.site["/data"] = compressed(Page(b"1" * 9_000, "text/plain"))
    web.site["/end"] = Page(b"end", "text/plain")
    report = await visit(web.url("/working"), browsers, until=ended("/worker.js", ICON))
    assert report.title == "Working"
    assert by_path(report)["/data"].resource_bytes == 9_000
