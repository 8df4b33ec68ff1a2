"""What is wrong with a page for somebody: WCAG 2.2 AA as far as axe can tell, and every screen."""

from __future__ import annotations

from typing import Literal

from axe_playwright_python.base import AXE_SCRIPT  # type: ignore[import-untyped]  # it ships no types
from playwright.async_api import Page

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

RUN = """async (rules) => (await axe.run({runOnly: rules, resultTypes: ["violations"]})).violations
    .map((found) => `${found.id}: ${found.nodes.map((node) => node.html).join(", ")}`)"""

SCREENS = {320: 700, 768: 900, 1280: 700, 2560: 1300}

_THEMES: tuple[tuple[Literal["light", "dark"], int], ...] = (("dark", 1280), ("light", 320))
"""Each theme on a screen of its own; the last is how a page is left."""


async def flaws(page: Page) -> list[str]:
    """What is wrong with a page as it stands, in words."""
    found: list[str] = []
    await page.evaluate(AXE_SCRIPT)
    for width, height in SCREENS.items():
        await page.set_viewport_size({"width": width, "height": height})
        if await page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"it is wider than a screen of {width} px")
    for theme, width in _THEMES:
        await page.emulate_media(color_scheme=theme)
        await page.set_viewport_size({"width": width, "height": SCREENS[width]})
        found += [f"{theme}, {width} px: {one}" for one in await page.evaluate(RUN, RULES)]
    return found
