"""What people do with what was weighed: sort, filter, look back, compare, delete."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.async_api import Page, expect

from libra.testing.pages import html
from support.service import Service
from support.site import WebSite
from support.visitor import Visitor, submit, until_settled, watch

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHIFTS = """() => {
    window.shifted = 0;
    new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifted += entry.value;
    }).observe({ type: "layout-shift", buffered: true });
}"""


async def sizes(page: Page) -> list[int]:
    cells = page.locator("#s-image td.n:last-child data")
    return [int(await cell.get_attribute("value") or "") for cell in await cells.all()]


async def test_requests_are_sorted_without_loading_the_page_anew(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    page = await browser.new_page()
    complaints = watch(page)
    await page.goto(f"{service.server.url}/pages/{report.id}")
    await page.evaluate("window.neverLoadedAgain = true")
    size = page.locator("#s-image").get_by_role("columnheader", name="Size")
    await expect(size).to_have_attribute("aria-sort", "descending")
    address = page.locator("#s-image").get_by_role("columnheader", name="Address")
    await address.get_by_role("link").focus()
    await page.keyboard.press("Enter")
    await expect(address).to_have_attribute("aria-sort", "ascending")
    urls = await page.locator("#s-image td.url a").all_inner_texts()
    assert urls == sorted(urls)
    # The focus stays where it was, so that one can turn the order round at once.
    await page.keyboard.press("Enter")
    await expect(address).to_have_attribute("aria-sort", "descending")
    assert await page.locator("#s-image td.url a").all_inner_texts() == urls[::-1]
    assert await page.evaluate("window.neverLoadedAgain") is True
    assert complaints == []


async def test_everything_but_the_sorting_on_the_spot_works_without_javascript(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    other = await service.weighed(site.url("/other"))
    first = await service.weighed(site.url())
    second = await service.weighed(site.url())
    await page.goto(f"{service.server.url}/pages/{second.id}")
    await page.locator("#s-image").get_by_role("link", name="Address").click()
    await page.wait_for_url(re.compile("sort=address"))
    await page.get_by_role("link", name="Compare").click()
    await expect(page.get_by_text("No request has changed.")).to_be_visible()
    await expect(page.locator(".side a").first).to_have_attribute("href", f"/pages/{first.id}")
    await page.get_by_role("link", name="History").click()
    await expect(page.locator(".weigh-ins tbody tr")).to_have_count(2)
    await expect(page.get_by_role("link", name="Download CSV")).to_be_visible()
    await page.get_by_role("button", name="Compare").click()
    await page.wait_for_url(lambda url: f"a={first.id}" in url and f"b={second.id}" in url)
    await page.get_by_role("link", name="Libra").click()
    await expect(page.locator(".urls li")).to_have_count(2)
    await page.get_by_role("link", name="Weigh-ins").click()
    await expect(page.locator(".pages li")).to_have_count(3)
    await page.get_by_label("Text").fill("/OTHER")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator(".pages li")).to_have_count(1)
    await page.locator(".pages summary").click()
    await page.get_by_role("button", name="Delete for good").click()
    await expect(page.get_by_text("Nothing found.")).to_be_visible()
    assert "text=%2FOTHER" in page.url
    assert (await service.client.get(f"/pages/{other.id}")).status_code == 404


async def test_a_long_report_is_searched_and_shown_whole_without_javascript(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    images = "".join(f"<img src=/image{number}.png>" for number in range(120))
    site.site["/many"] = html(images, head="<link rel=icon href=data:,>")
    report = await service.weighed(site.url("/many"))
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{service.server.url}/pages/{report.id}")
    rows = page.locator("#s-image tbody tr")
    await expect(rows).to_have_count(100)
    await page.get_by_role("link", name="Show all 120 images").press("Enter")
    await expect(rows).to_have_count(120)
    await expect(rows.last).to_be_visible()
    await page.get_by_label("Find requests").fill("IMAGE11")
    await page.get_by_label("Find requests").press("Enter")
    await expect(rows).to_have_count(11)
    await expect(page.get_by_text("11 of 121 requests have")).to_be_visible()
    await page.get_by_role("link", name="Show all", exact=True).click()
    await expect(rows).to_have_count(120)
    await page.get_by_role("link", name="Show fewer").click()
    await expect(rows).to_have_count(100)


async def test_a_history_grows_while_it_is_looked_at(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    await service.weighed(site.url())
    page = await browser.new_page()
    complaints = watch(page)
    await page.goto(f"{service.server.url}/history?url={site.url()}")
    await expect(page.locator(".weigh-ins tbody tr")).to_have_count(1)
    await service.weighed(site.url())
    await expect(page.locator(".weigh-ins tbody tr")).to_have_count(2)
    await expect(page.get_by_role("img", name="2 weigh-ins")).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_jumps_while_a_page_fills_in(
    browser: Visitor, service: Service, site: WebSite, width: int
) -> None:
    size: Any = {"width": width, "height": 800}
    context = await browser.new_context(viewport=size)
    page = await context.new_page()
    await page.add_init_script(f"({SHIFTS})()")
    await submit(page, service, site.url("/slow-part"))
    await site.until_held()
    await expect(page.locator("#s-image tr.fetched")).to_have_count(3)
    site.gate.set()
    await expect(page.get_by_role("status")).to_have_text("Weighed")
    await until_settled(page)
    # Cumulative layout shift: what is good is below 0.1, says https://web.dev/articles/cls.
    assert await page.evaluate("window.shifted") < 0.03


async def test_an_unfolded_list_stays_unfolded_while_the_list_goes_on(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    page = await browser.new_page()
    await page.goto(f"{service.server.url}/?view=weigh-ins")
    menu = page.locator(f"#p-{report.id} details")
    await menu.locator("summary").click()
    await service.weighed(site.url("/another"))
    await expect(page.locator(".pages li")).to_have_count(2)
    await expect(menu).to_have_attribute("open", "")
    await menu.get_by_role("button").click()
    await expect(page.locator(".pages li")).to_have_count(1)


async def test_many_urls_are_pasted_at_once_and_weighed_as_chosen(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    page = await browser.new_page()
    complaints = watch(page)
    await page.goto(service.server.url)
    await page.get_by_label("Which page?").focus()
    lines = f"{site.url('/one')}\n\n{site.url('/two')}\nnonsense\n"
    await page.evaluate(PASTE, lines)
    many = page.get_by_label("More URLs")
    await expect(many).to_be_focused()
    await page.get_by_label("Window").fill("390x844@3")
    await page.get_by_role("button", name="Weigh", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("2 pages are being weighed")
    await expect(page.get_by_role("alert")).to_contain_text("nonsense")
    # What was refused is there to be mended.
    await expect(page.get_by_label("More URLs")).to_have_value("nonsense")
    await page.get_by_label("More URLs").fill(site.url("/three"))
    await page.get_by_role("button", name="Weigh", exact=True).click()
    await expect(page.locator(".urls li")).to_have_count(3)
    pages = (await service.libra.recent()).pages
    assert {one.viewport for one in pages} == {"390x844@3"}
    # The browser complains that the form was not accepted, and of nothing else.
    assert [one for one in complaints if "400" not in one] == []


PASTE = """(text) => {
    const data = new DataTransfer();
    data.setData("text", text);
    const paste = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
    document.activeElement.dispatchEvent(paste);
}"""


async def test_any_earlier_weigh_in_is_three_clicks_away(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    other = await service.weighed(site.url("/other"))
    first = await service.weighed(site.url())
    await service.weighed(site.url())
    last = await service.weighed(site.url())
    page = await browser.new_page()
    await page.goto(f"{service.server.url}/pages/{last.id}")
    for name in ("Compare", "Compare with another"):
        await page.get_by_role("link", name=name, exact=True).focus()
        await page.keyboard.press("Enter")
    await page.locator(f"a.name[href*='a={first.id}']").focus()
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No request has changed.")).to_be_visible()
    await page.get_by_role("link", name="Compare with another").click()
    await page.get_by_label("Text").fill("/OTHER")
    await page.get_by_label("Text").press("Enter")
    await expect(page.locator(".choices li")).to_have_count(1)
    await page.locator(".choices a").click()
    await expect(page.locator(".side a").first).to_have_attribute("href", f"/pages/{other.id}")
