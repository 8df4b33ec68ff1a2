"""Libra on its own scale."""

from __future__ import annotations

import pytest

from support.service import Service
from support.site import WebSite
from support.visitor import Visitor

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIRST_VIEW = """() => {
    const parts = performance.getEntriesByType("resource")
        .filter((one) => one.initiatorType !== "other");
    const page = performance.getEntriesByType("navigation")[0];
    return {
        bytes: parts.reduce((sum, one) => sum + one.transferSize, page.transferSize),
        parts: parts.map((one) => new URL(one.name).pathname),
    };
}"""


async def test_the_first_view_is_light_and_asks_for_little(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    reports = [await service.weighed(site.url(f"/{number}")) for number in range(20)]
    for number in range(20):
        await service.libra.watch(site.url(f"/{number}"), max_weight=10_000)
    for path in ("/", f"/pages/{reports[0].id}", "/watches", "/observer"):
        # By a browser that was never there.
        page = await browser.new_page()
        await page.goto(service.server.url + path, wait_until="load")
        view = await page.evaluate(FIRST_VIEW)
        assert 5_000 < view["bytes"] < 50_000
        assert view["parts"] == ["/static/style.css", "/static/live.js"]


async def test_its_own_pages_score_a_hundred(service: Service, site: WebSite) -> None:
    report = await service.weighed(site.url())
    await service.libra.watch(report.url)
    own, history = service.server.url, f"/history?url={report.url}"
    for path in ("/", f"/pages/{report.id}", history, "/watches", "/observer", "/docs"):
        weighed = await service.weighed(own + path)
        assert weighed.complete
        assert weighed.score is not None
        assert weighed.score.teledrin == 100
        assert weighed.total.transfer_bytes < 50_000
        assert weighed.findings == ()
        assert all(asset.status == "fetched" for asset in weighed.assets)
        assert not any(asset.third_party for asset in weighed.assets)
