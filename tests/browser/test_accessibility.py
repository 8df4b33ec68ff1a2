"""Every page for everybody: WCAG 2.2 AA as far as axe can tell, on every screen, in both themes."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # it ships no types
from playwright.async_api import Browser, Page

from browser.visitor import watch
from integration.site import Site
from integration.web.service import MISSING, Service

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

RUN = """async (rules) => (await axe.run({runOnly: rules, resultTypes: ["violations"]})).violations
    .map((found) => `${found.id}: ${found.nodes.map((node) => node.html).join(", ")}`)"""


async def violations(page: Page) -> list[str]:
    """What axe finds wrong, in words."""
    await page.evaluate(AXE_SCRIPT)
    found: list[str] = await page.evaluate(RUN, RULES)
    return found


WIDTHS = {320: 700, 768: 900, 1280: 700, 2560: 1300}


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("dark", 1280)])
async def test_every_page_is_for_everybody(
    browser: Browser, service: Service, site: Site, scheme: Literal["light", "dark"], width: int
) -> None:
    first = await service.weighed(f"{site.url}/{'long/' * 60}")
    second = await service.weighed(f"{site.url}/{'long/' * 60}")
    held = (await service.client.post("/pages", json={"url": f"{site.url}/slow-part"})).json()["id"]
    await site.until_held()
    await service.client.post("/pages", json={"url": "http://nobody.invalid/"})
    paths = {
        "the start page": "/",
        "a list that was narrowed": "/?host=127.0.0.1&text=page",
        "a list without pages": "/?text=nothing+like+it",
        "a report": f"/pages/{second.id}",
        "a report that fills in": f"/pages/{held}",
        "a history": f"/history?url={second.url}",
        "a comparison": f"/compare?a={first.id}&b={second.id}",
        "the choice of what to compare with": f"/compare?b={second.id}&choose=1",
        "the observer": "/observer",
        "the reference": "/docs",
        "an error": f"/pages/{MISSING}",
        "the login": "/login",
    }
    size: Any = {"width": width, "height": 700}
    context = await browser.new_context(viewport=size, color_scheme=scheme)
    page = await context.new_page()
    complaints = watch(page)
    wrong = {}
    for name, path in paths.items():
        await page.goto(service.server.url + path)
        if name == "the start page":
            await page.get_by_role("main").get_by_label("Delete").first.click()
        found = await violations(page)
        for wide, high in WIDTHS.items():
            await page.set_viewport_size({"width": wide, "height": high})
            if await page.evaluate("document.documentElement.scrollWidth") > wide:
                found.append(f"it is wider than a screen of {wide} px")
        await page.set_viewport_size(size)
        # A page that is not there is an error to the browser, and the only one.
        found += [one for one in complaints if "404" not in one]
        complaints.clear()
        if found:
            wrong[name] = found
    assert wrong == {}
    site.gate.set()
    await context.close()
