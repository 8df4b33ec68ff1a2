"""The database goes away while somebody looks, and comes back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from support.planted import CRASHING, HANDLERS, Planted
from support.service import Service
from support.site import WebSite
from support.visitor import Visitor, submit, until_settled, watch

pytestmark = pytest.mark.asyncio(loop_scope="session")


def take_away(folder: Path) -> None:
    (folder / "libra.sqlite3").rename(folder / "away")
    (folder / "libra.sqlite3").mkdir()


def bring_back(folder: Path) -> None:
    (folder / "libra.sqlite3").rmdir()
    (folder / "away").rename(folder / "libra.sqlite3")


async def banner_of(page: Page, text: str) -> None:
    await expect(page.locator("#outage")).to_contain_text(text)


async def test_an_outage_is_told_and_everything_goes_on(
    browser: Visitor, service: Service, site: WebSite, tmp_path: Path
) -> None:
    before = await service.weighed(site.url("/before"))
    watching = await browser.new_page()
    complaints = watch(watching)
    await watching.goto(f"{service.server.url}/pages/{before.id}")
    await watching.evaluate("window.neverLoadedAgain = true")
    take_away(tmp_path)

    working = await browser.new_page()
    await submit(working, service, site.url())
    await expect(working.get_by_role("status")).to_have_text("Weighed")
    await banner_of(working, "The database has been down since")
    await expect(working.locator("#outage")).to_contain_text("1 page is waiting to be saved")
    await expect(working.locator("#backup")).to_contain_text("the database, which is down")
    await banner_of(watching, "You can keep working")
    assert await watching.evaluate("window.neverLoadedAgain") is True

    bring_back(tmp_path)
    await expect(working.locator("#backup")).to_contain_text("Stored")
    for page in (watching, working):
        await expect(page.locator("#outage .banner")).to_have_count(0)
    await until_settled(working)
    assert complaints == []


async def test_a_libra_that_does_not_answer_is_told_too(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    report = await service.weighed(site.url())
    page = await browser.new_page()
    await page.goto(f"{service.server.url}/pages/{report.id}")
    await service.server.stop(1)
    await expect(page.locator("#away")).to_be_visible()
    await expect(page.get_by_role("heading", level=1)).to_have_text("A page")


async def test_a_quarantined_page_is_told_with_its_reason_and_retried(
    browser: Visitor, service: Service, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    Planted(monkeypatch, times=4).on(*HANDLERS["the turn to be fetched"])
    page, observer = await browser.new_page(), await browser.new_page()
    complaints = watch(page)
    await observer.goto(f"{service.server.url}/observer")
    await submit(page, service, site.url(f"/{CRASHING}"))
    await expect(page.get_by_role("status")).to_have_text("Could not be weighed")
    # Also where it was open before.
    await expect(observer.locator("#quarantine")).to_contain_text("Bug: planted")
    await page.get_by_role("link", name="System").click()
    await expect(page.locator("#quarantine")).to_contain_text("Bug: planted")
    await page.get_by_role("button", name="Retry").click()
    await expect(page.locator(".sick")).to_have_count(0)
    await expect(page.locator("#states tr").filter(has_text="weighed")).to_contain_text("1")
    assert complaints == []
