"""Watching a page: with and without scripts, by keyboard, and live."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Page, expect

from browser.everybody import flaws
from browser.test_keyboard import go_to, walk
from libra.app import WatchChanges
from support.ports import refusing_port
from support.service import Service
from support.site import WebSite
from support.visitor import Visitor, watch


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address that takes no alerts."""
    with refusing_port() as port:
        yield f"http://127.0.0.1:{port}/"


pytestmark = pytest.mark.asyncio(loop_scope="session")


async def unfold(page: Page) -> None:
    await page.get_by_text("Watch this page", exact=True).click()


@pytest.mark.parametrize("scripts", [True, False])
async def test_a_page_is_watched_from_its_report_and_no_longer(
    browser: Visitor, service: Service, site: WebSite, *, scripts: bool
) -> None:
    report = await service.weighed(site.url())
    context = await browser.new_context(java_script_enabled=scripts)
    page = await context.new_page()
    complaints = watch(page)
    await page.goto(f"{service.server.url}/pages/{report.id}")
    await unfold(page)
    await page.get_by_label("How often?").select_option("Every hour")
    await page.get_by_label("Weight limit").fill("1 kB")
    await page.get_by_role("button", name="Watch", exact=True).click()
    await page.wait_for_url(re.compile(r"/history\?url="))
    await expect(page.locator(".watch")).to_contain_text("Every hour, next")

    await page.get_by_role("link", name="Watches").click()
    card = page.locator(".watch")
    await expect(card).to_have_count(1)
    if scripts:
        # Weighed meanwhile, and shown without anybody asking.
        await expect(card).to_contain_text("Over its budget")
    before = page.url
    await card.get_by_role("button", name="Weigh now").click()
    await page.wait_for_url(re.compile(r"/pages/[0-9a-f-]{36}$"))
    await expect(page.locator("#watched")).to_contain_text("Watched: every hour")

    await page.goto(before)
    await card.get_by_label("Delete the watch").click()
    await card.get_by_role("button", name="Delete watch").click()
    await page.wait_for_url(before)
    await expect(page.get_by_text("No watches.")).to_be_visible()
    assert complaints == []


async def test_mistakes_are_said_where_they_are_and_nothing_written_is_lost(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    page = await browser.new_page()
    await page.goto(f"{service.server.url}/history?url={site.url()}")
    await unfold(page)
    await page.get_by_label("Or your own schedule").fill("soon")
    await page.get_by_label("Webhook URL").fill("slack")
    await page.get_by_label("Weight limit").fill("500 kB")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("alert")).to_have_text(
        "Not watched yet: please correct 2 fields."
    )
    own = page.get_by_label("Or your own schedule")
    await expect(own).to_be_focused()
    await expect(own).to_have_value("soon")
    await expect(own).to_have_accessible_description(re.compile("'soon' is not a schedule.*30m"))
    hook = page.get_by_label("Webhook URL")
    await expect(hook).to_have_accessible_description(re.compile("Write it as https://slack"))
    await expect(page.get_by_label("Weight limit")).to_have_value("500 kB")
    await own.fill("0 6 * * *")
    await hook.fill("")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"/history\?url="))
    await expect(page.locator(".watch")).to_contain_text("At 06:00 every day (UTC)")


async def test_a_page_is_watched_with_the_keyboard_alone(
    browser: Visitor, service: Service, site: WebSite, nobody: str
) -> None:
    page = await browser.new_page()
    await page.goto(f"{service.server.url}/watches")
    await go_to(page, "Watch a page")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await expect(page.get_by_label("Which page?")).to_be_focused()
    await page.keyboard.type(site.url())
    for label in (
        "How often?",
        "Or your own schedule",
        "Weight limit",
        "Percent",
        "Size",
    ):
        await page.keyboard.press("Tab")
        await expect(page.get_by_label(label, exact=True)).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.type(nobody)
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Copy it now")).to_be_visible()
    await expect(page.locator(".secret code")).to_have_text(re.compile(r"whsec_\S{20,}"))

    await page.goto(f"{service.server.url}/watches")
    await expect(page.locator(".watch")).to_contain_text("weighed just now")
    await go_to(page, "Delete the watch")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("No watches.")).to_be_visible()


async def test_what_is_written_stays_while_the_page_fills_in(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    page = await browser.new_page()
    await page.goto(f"{service.server.url}/watches")
    await page.get_by_text("Watch a page", exact=True).click()
    await page.get_by_label("Which page?").fill("http://half.example/writ")
    await service.libra.watch(site.url())
    await expect(page.locator(".watch")).to_contain_text("weighed just now")
    await expect(page.get_by_label("Which page?")).to_have_value("http://half.example/writ")
    await expect(page.get_by_label("Which page?")).to_be_visible()


async def test_the_pages_of_watches_are_for_everybody(
    browser: Visitor, service: Service, site: WebSite, nobody: str
) -> None:
    report = await service.weighed(site.url())
    made = await service.libra.watch(
        report.url, every="0 6 * * mon-fri", max_weight=1, webhook=nobody
    )
    await service.libra.watch(site.url(f"/{'long/' * 60}missing"), jump=None)
    page = await browser.new_page(viewport={"width": 320, "height": 700})
    complaints = watch(page)
    wrong: dict[str, list[str]] = {}

    async def look(name: str) -> None:
        found = await flaws(page)
        # The form with its mistakes is an answer of 400, which the browser calls an error.
        found += [one for one in complaints if "400" not in one]
        complaints.clear()
        if found:
            wrong[name] = found

    own = service.server.url
    await page.goto(f"{own}/watches")
    await page.locator(".watch-fold > summary").click()
    await page.get_by_label("Delete the watch").first.click()
    await look("the list, unfolded")
    await page.get_by_role("button", name="Watch", exact=True).click()
    await page.get_by_role("alert").wait_for()
    await look("the form with a mistake")
    await page.get_by_label("Which page?").fill(report.url)
    await page.get_by_label("Webhook URL").fill(nobody)
    await page.keyboard.press("Enter")
    await page.locator(".secret").wait_for()
    await look("the secret")
    for name, path in {
        "a watch": f"/watches/{made.id}",
        "a history that is watched": f"/history?url={report.url}",
        "a report that is watched": f"/pages/{report.id}",
    }.items():
        await page.goto(own + path)
        if await page.locator(".watch-fold").count():
            await page.locator(".watch-fold > summary").click()
        await look(name)
    assert wrong == {}


async def test_who_is_in_a_list_stays_there_when_a_line_above_it_goes(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    made = await service.libra.watch(site.url())
    page = await browser.new_page()
    await page.goto(f"{service.server.url}/watches")
    await expect(page.locator(".watch")).to_contain_text("weighed just now")
    # As while the database has not been read yet.
    note = "'beforebegin', '<p class=note>There may be more.</p>'"
    await page.evaluate(f"document.querySelector('.watches').insertAdjacentHTML({note})")
    await page.locator(".watch a").first.focus()
    await service.libra.change_watch(made.id, WatchChanges(name="Front page"))
    await expect(page.locator(".watch")).to_contain_text("Front page")
    await expect(page.locator("#watches .note")).to_have_count(0)
    assert await page.evaluate("document.activeElement.closest('.watch') !== null")


async def test_one_comes_to_the_end_of_the_list(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    await service.libra.watch(site.url())
    page = await browser.new_page()
    await page.goto(f"{service.server.url}/watches")
    await expect(page.locator(".watch")).to_contain_text("weighed just now")
    names = [name async for name in walk(page)]
    assert names[:4] == ["Skip to content", "Libra", "Pages", "Watches"]
    assert names[-1].startswith("Delete the watch")
