"""Every page for everybody: WCAG 2.2 AA as far as axe can tell, on every screen, in both themes."""

from __future__ import annotations

import pytest

from browser.everybody import flaws
from libra.app import WatchChanges
from libra.testing import until_watch
from libra.testing.pages import html
from support.service import MISSING, Service
from support.site import WebSite
from support.visitor import Visitor, watch

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_every_page_is_for_everybody(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    first = await service.weighed(site.url(f"/{'long/' * 60}"))
    second = await service.weighed(site.url(f"/{'long/' * 60}"))
    held = (await service.client.post("/pages", json={"url": site.url("/slow-part")})).json()["id"]
    await site.until_held()
    await service.client.post("/pages", json={"url": "http://nobody.invalid/"})
    made = await service.libra.make_watch(WatchChanges(url=second.url, public=True))
    await until_watch(service.libra, made.id, lambda one: one.last is not None)
    paths = {
        "the start page": "/",
        "a list that was narrowed": "/?host=127.0.0.1&text=page&sort=heaviest",
        "single weigh-ins": "/?view=weigh-ins",
        "a list without pages": "/?text=nothing+like+it",
        "a report": f"/pages/{second.id}",
        "a report that fills in": f"/pages/{held}",
        "a history": f"/history?url={second.url}",
        "a comparison": f"/compare?a={first.id}&b={second.id}",
        "the choice of what to compare with": f"/compare?b={second.id}&choose=1",
        "the observer": "/observer",
        "the tokens": "/tokens",
        "a public page": f"/public/{made.public}",
        "an error": f"/pages/{MISSING}",
        "the login": "/login",
    }
    assert await flaws_of(browser, service, paths) == {}
    site.gate.set()


async def test_a_long_report_is_for_everybody_as_are_its_parts(
    browser: Visitor, service: Service, site: WebSite
) -> None:
    site.site["/many"] = html("".join(f"<img src=/image{number}.png>" for number in range(105)))
    many = f"/pages/{(await service.weighed(site.url('/many'))).id}"
    paths = {
        "all of it": many,
        "some of the images": f"{many}?show=image&find=image10",
        "nothing": f"{many}?find=nothing+like+it",
    }
    assert await flaws_of(browser, service, paths) == {}


async def test_the_reference_is_for_everybody(browser: Visitor, service: Service) -> None:
    """It is by far the longest page, and takes axe as long as all the others."""
    assert await flaws_of(browser, service, {"the reference": "/docs"}) == {}


async def test_trying_the_api_is_for_everybody(browser: Visitor, service: Service) -> None:
    page = await browser.new_page()
    complaints = watch(page)
    await page.goto(f"{service.server.url}/docs/try")
    await page.get_by_role("button", name="/pages Weigh a page").click()
    await page.get_by_role("button", name="Try it out").click()
    await page.get_by_role("textbox", name="Request body").wait_for()
    assert await flaws(page) == []
    assert complaints == []


async def flaws_of(
    browser: Visitor, service: Service, paths: dict[str, str]
) -> dict[str, list[str]]:
    page = await browser.new_page(viewport={"width": 320, "height": 700})
    complaints = watch(page)
    wrong: dict[str, list[str]] = {}
    for name, path in paths.items():
        await page.goto(service.server.url + path)
        if name == "the start page":
            await page.get_by_role("main").get_by_label("Delete").first.click()
        found = await flaws(page)
        # A page that is not there is an error to the browser, and the only one.
        found += [one for one in complaints if "404" not in one]
        complaints.clear()
        if found:
            wrong[name] = found
    return wrong
