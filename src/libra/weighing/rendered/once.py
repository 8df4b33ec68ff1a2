"""Weighs a page in a browser, and retries once if the browser fails or the server asks to wait."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec

from libra.ids import new_id
from libra.report import Report
from libra.urls import parse_url
from libra.weighing.options import Options
from libra.weighing.rendered.browsers.browser import BrowserLost, RenderUnavailable
from libra.weighing.rendered.browsers.pool import BrowserPool
from libra.weighing.rendered.picture import Picture
from libra.weighing.rendered.visit import Visit


async def weigh_rendered(
    url: str,
    options: Options | None = None,
    browsers: BrowserPool | None = None,
    *,
    on_change: Callable[[Report], None] | None = None,
    on_picture: Callable[[Picture], None] | None = None,
) -> Report:
    """Weigh a page in a browser and return its report, finished or failed.

    If the browser crashes, hangs or uses too much memory, the page is tried once more in a new browser
    that no other page gets. If the server asks Libra to wait for a short time, the page is tried once
    more in any browser.

    Args:
        url: Absolute, http or https.
        options: The options; by default those of a desktop browser.
        browsers: A pool to share among pages; without it a browser is started and closed again.
        on_change: Called with the interim report when it changes, at most ten times a second.
        on_picture: Called with a picture of the finished page. Not called for a page requested with
            headers, whose content may be private.

    Raises:
        InvalidURL: The URL cannot be weighed.
    """
    options = msgspec.structs.replace(options or Options(), method="rendered")
    url = parse_url(url)
    if browsers is not None:
        return await _weigh_anew(url, options, browsers, on_change, on_picture)
    async with BrowserPool(size=1) as own:
        return await _weigh_anew(url, options, own, on_change, on_picture)


async def _weigh_anew(
    url: str,
    options: Options,
    browsers: BrowserPool,
    on_change: Callable[[Report], None] | None,
    on_picture: Callable[[Picture], None] | None,
) -> Report:
    if options.headers:
        on_picture = None
    base = Report(
        id=new_id(),
        url=url,
        status="fetching",
        method="rendered",
        viewport=str(options.viewport),
        with_headers=bool(options.headers),
        submitted_at=datetime.now(UTC),
    )
    error, alone = "", False
    for tries_left in (1, 0):
        try:
            async with browsers.browser(alone=alone) as browser:
                visit = Visit(base, options, browsers, browser, on_change, on_picture)
                report = await visit.run()
            if not (tries_left and await visit.may_come_again(report)):
                return report
        except BrowserLost as lost:
            error, alone = str(lost), True
        except RenderUnavailable as unavailable:
            error = f"no-browser: {unavailable}"
            break
    return msgspec.structs.replace(
        base, status="failed", error=error, finished_at=datetime.now(UTC), duration_ms=0
    )
