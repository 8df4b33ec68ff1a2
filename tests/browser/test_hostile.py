"""A page whose every word wants to be a script."""

from __future__ import annotations

import html
from collections.abc import Iterator

import pytest
from playwright.async_api import Page

from libra.testing.pages import Page as Served
from libra.testing.pages import PageServer
from support.ports import refusing_port
from support.service import Service
from support.visitor import Visitor, until_settled, watch

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVIL = "<script>document.title='owned';window.owned=1</script><img src=x onerror=window.owned=1>"
INNER = "\"'><svg/onload=window.owned=1>"
BODY = (
    f"<!doctype html><title>{html.escape(EVIL)}\u202e\x07</title><link rel=icon href='data:,'>"
    f'<script src="/{html.escape(INNER)}.js"></script>'
    '<img src="javascript:window.owned=1"><img src="/x.png?{{7*7}}&amp;<b>">'
)


@pytest.fixture
def site() -> Iterator[dict[str, Served]]:
    """The page, whose stylesheet is at a port that refuses."""
    with refusing_port() as port:
        sheet = f'//localhost:{port}/"onmouseover=window.owned=1 x.css'
        body = f"{BODY}<link rel=stylesheet href='{sheet}'>"
        yield {"/": Served(body.encode(), f"text/html;{INNER}")}


async def test_a_page_that_is_all_script_runs_nowhere(
    browser: Visitor, service: Service, site: dict[str, Served]
) -> None:
    async with PageServer(site) as server:
        server.site["/x.png?{{7*7}}&%3Cb%3E"] = Served(b"x", INNER)
        first = await service.weighed(f"{server.url('/')}")
        second = await service.weighed(f"{server.url('/')}")
        paths = [
            f"/pages/{second.id}",
            "/",
            f"/?text={EVIL}&host={INNER}&url={EVIL}",
            f"/history?url={server.url('/')}",
            f"/compare?a={first.id}&b={second.id}",
            f"/compare?b={second.id}&choose=1",
            f"/pages/{EVIL}",
            "/observer",
            "/watches",
            f"/watches?url={EVIL}",
        ]
        await service.libra.watch(f"{server.url('/')}?{EVIL}{INNER}", max_weight=1)
        page = await browser.new_page()
        complaints = watch(page)
        for path in paths:
            await page.goto(service.server.url + path)
            if path == paths[0]:
                await until_settled(page)
                assert EVIL in await heading(page)
            await nothing_runs(page)
        await page.goto(f"{service.server.url}/watches")
        await page.locator(".watch-fold > summary").click()
        for label in ("Which page?", "Or your own schedule", "Webhook URL"):
            await page.get_by_label(label).fill(EVIL + INNER)
        await page.keyboard.press("Enter")
        await page.get_by_role("alert").wait_for()
        assert await page.get_by_label("Which page?").input_value() == EVIL + INNER
        await nothing_runs(page)
        # A page that is not there, and the form with mistakes.
        assert [one for one in complaints if "404" not in one and "400" not in one] == []


async def nothing_runs(page: Page) -> None:
    assert await page.evaluate("window.owned") is None
    assert "owned" not in (await page.title()).split("<")[0]
    assert await page.locator("main script, main img, main [onerror], main [onload]").count() == 0


async def heading(page: Page) -> str:
    return await page.get_by_role("heading", level=1).inner_text()
