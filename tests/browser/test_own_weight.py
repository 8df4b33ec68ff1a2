"""Libra on its own scale."""

from __future__ import annotations

from playwright.async_api import Browser

from integration.site import Site
from integration.web.service import Service

FIRST_VIEW = """() => {
    const parts = performance.getEntriesByType("resource")
        .filter((one) => one.initiatorType !== "other");
    const page = performance.getEntriesByType("navigation")[0];
    return {
        bytes: parts.reduce((sum, one) => sum + one.transferSize, page.transferSize),
        done: page.loadEventEnd,
    };
}"""


async def test_the_first_view_is_light_and_fast(
    browser: Browser, service: Service, site: Site
) -> None:
    reports = [await service.weighed(f"{site.url}/{number}") for number in range(20)]
    for path in ("/", f"/pages/{reports[0].id}", "/observer"):
        page = await browser.new_page()
        await page.goto(service.server.url + path, wait_until="load")
        view = await page.evaluate(FIRST_VIEW)
        assert 5_000 < view["bytes"] < 50_000
        assert 0 < view["done"] < 1_000
        await page.close()


async def test_its_own_pages_score_a_hundred(service: Service, site: Site) -> None:
    report = await service.weighed(site.url)
    own = service.server.url
    for path in ("/", f"/pages/{report.id}", f"/history?url={site.url}/", "/observer", "/docs"):
        weighed = await service.weighed(own + path)
        assert weighed.complete
        assert weighed.score is not None
        assert weighed.score.teledrin == 100
        assert weighed.total.transfer_bytes < 50_000
        assert weighed.findings == ()
        assert all(asset.status == "fetched" for asset in weighed.assets)
        assert not any(asset.third_party for asset in weighed.assets)
