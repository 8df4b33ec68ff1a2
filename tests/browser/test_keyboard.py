"""Everything with the keyboard alone, and one always sees where one is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from support.service import Service
from support.site import WebSite
from support.visitor import Visitor, until_settled

pytestmark = pytest.mark.asyncio(loop_scope="session")

FOCUS = """() => {
    const here = document.activeElement;
    const style = getComputedStyle(here);
    const box = here.getBoundingClientRect();
    return {
        name: here.getAttribute("aria-label") || here.innerText || here.value || here.id,
        outlined: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
        onScreen: box.width > 0 && box.top >= 0 && box.bottom <= innerHeight,
    };
}"""


async def walk(page: Page) -> AsyncIterator[str]:
    """Tab through the page from its top; yields the name of what has the focus."""
    for _ in range(200):
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement === document.body"):
            return
        focus = await page.evaluate(FOCUS)
        assert focus["outlined"], f"one cannot see that the focus is on {focus['name']!r}"
        assert focus["onScreen"], f"{focus['name']!r} has the focus and is not in sight"
        yield focus["name"]
    raise AssertionError("there is no end to it")


async def go_to(page: Page, name: str) -> None:
    """Tab on until something of this name has the focus."""
    async for focused in walk(page):
        if focused.startswith(name):
            return
    raise AssertionError(f"one cannot get to {name!r}")


async def test_it_can_be_done_with_the_keyboard_alone(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    page = await browser.new_page()
    await page.goto(service.server.url)
    await go_to(page, "Skip to content")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Which page?")).to_be_focused()
    await page.keyboard.type(site.url())
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/pages/"))
    await expect(page.get_by_role("status")).to_have_text("Weighed")
    await until_settled(page)

    await go_to(page, "Weigh again")
    before = page.url
    await page.keyboard.press("Enter")
    await page.wait_for_url(lambda url: url != before)
    await expect(page.get_by_role("status")).to_have_text("Weighed")
    await until_settled(page)

    await go_to(page, "Compare")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="By kind")).to_be_visible()

    await page.goto(f"{service.server.url}/?view=weigh-ins")
    await go_to(page, "Delete")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.locator(".pages li")).to_have_count(1)


async def test_one_comes_to_the_end_of_every_page(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    await service.weighed(site.url())
    page = await browser.new_page()
    for path in ("/", f"/pages/{report.id}", f"/history?url={site.url()}", "/observer", "/login"):
        await page.goto(service.server.url + path)
        names = [name async for name in walk(page)]
        assert names[:3] == ["Skip to content", "Libra", "Pages"]
        assert len(names) > 4
