"""What a person does with a browser, and what the browser complains of meanwhile."""

from __future__ import annotations

import re
from typing import Any

from playwright.async_api import Page

from integration.web.service import Service


def watch(page: Page) -> list[str]:
    """What the browser complains of: script errors and breaches of the security policy."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))

    def heard(message: Any) -> None:
        if message.type == "error":
            complaints.append(message.text)

    page.on("console", heard)
    return complaints


async def submit(page: Page, service: Service, url: str) -> None:
    await page.goto(service.server.url)
    await page.get_by_label("Which page?").fill(url)
    await page.get_by_role("button", name="Weigh").click()
    await page.wait_for_url(re.compile(r"/pages/[0-9a-f-]{36}$"))


async def until_settled(page: Page) -> None:
    """Wait until nothing is to be waited for: the page shown is finished and stored."""
    await page.locator("main:not([data-events]):not([data-changes])").wait_for()
