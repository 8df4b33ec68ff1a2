"""Weighing a page in a browser: the way people use Libra."""

from __future__ import annotations

import pytest
from playwright.async_api import expect

from support.service import Service
from support.site import ASSETS, WebSite
from support.visitor import Visitor, submit, watch

pytestmark = pytest.mark.asyncio(loop_scope="session")

HOSTILE = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"


async def test_a_submitted_page_fills_in_while_it_is_weighed(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    page = await browser.new_page()
    complaints = watch(page)
    await submit(page, service, site.url("/slow-part"))
    await site.until_held()
    await expect(page.get_by_role("status")).to_have_text("Weighing")
    await expect(page.locator(".count")).to_have_text(f"{ASSETS} of {ASSETS + 1}")
    await page.evaluate("window.neverLoadedAgain = true")
    site.gate.set()
    await expect(page.get_by_role("status")).to_have_text("Weighed")
    await expect(page.get_by_role("heading", level=1)).to_have_text("A page")
    await expect(page.locator("#sections tr").filter(has_text="held.png")).to_contain_text("200")
    await expect(page.locator(".dial .number")).to_contain_text("100")
    assert await page.evaluate("window.neverLoadedAgain") is True
    assert await page.locator("#main").get_attribute("data-events") is None
    assert complaints == []


async def test_it_works_without_javascript(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    context = await browser.new_context(java_script_enabled=False)
    page = await context.new_page()
    await submit(page, service, site.url("/slow-part"))
    await site.until_held()
    await expect(page.locator(".count")).to_have_text(f"{ASSETS} of {ASSETS + 1}")
    site.gate.set()
    # The page renews itself by a `meta refresh`, every two seconds until it is finished.
    await expect(page.locator(".what .state")).to_contain_text("Weighed")
    await page.get_by_role("link", name="Libra").click()
    await expect(page.get_by_role("link", name="/slow-part", exact=True)).to_be_visible()


@pytest.mark.parametrize("scripts", [True, False])
async def test_an_address_is_taken_as_people_type_it(
    browser: Visitor, service: Service, site: WebSite, scripts: bool
) -> None:
    context = await browser.new_context(java_script_enabled=scripts)
    page = await context.new_page()
    await submit(page, service, site.url("/typed").removeprefix("http://"))
    await expect(page.get_by_role("link", name=site.url("/typed"), exact=True)).to_be_visible()


async def test_what_is_wrong_with_a_url_is_said_beside_it(
    browser: Visitor, service: Service
) -> None:
    page = await browser.new_page()
    await page.goto(service.server.url)
    await page.get_by_label("Which page?").fill(f"javascript:{HOSTILE}")
    await page.get_by_role("button", name="Weigh").click()
    await expect(page.get_by_role("alert")).to_contain_text("javascript")
    await expect(page.get_by_label("Which page?")).to_have_value(f"javascript:{HOSTILE}")
    assert "owned" not in await page.title()


async def test_the_start_page_fills_in_too(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    answer = await service.client.post("/pages", json={"url": site.url("/held")})
    await site.until_held()
    page = await browser.new_page()
    complaints = watch(page)
    await page.goto(service.server.url)
    row = page.locator(".urls li")
    await expect(row).to_contain_text("Fetching")
    site.gate.set()
    await expect(row).to_contain_text("A page")
    await expect(row.locator(".name")).to_have_attribute("href", answer.headers["location"])
    assert complaints == []
