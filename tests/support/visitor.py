"""What a person does with a browser, and what the browser complains of meanwhile."""

from __future__ import annotations

import re
from types import TracebackType
from typing import Any, Self

from playwright.async_api import Browser, BrowserContext, Page

from support.service import Service

PATIENCE = 100_000
"""Milliseconds for whatever is waited for: a busy machine takes long, and a test has 600 s."""


class Visitor:
    """Opens pages in a browser that others use too, and closes them in the end."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for context in self._contexts:
            await context.close()

    async def new_context(self, **wishes: Any) -> BrowserContext:
        """A context as Playwright makes them, but a patient one."""
        context = await self._browser.new_context(**wishes)
        context.set_default_timeout(PATIENCE)
        self._contexts.append(context)
        return context

    async def new_page(self, **wishes: Any) -> Page:
        """A page in a context of its own."""
        return await (await self.new_context(**wishes)).new_page()


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
