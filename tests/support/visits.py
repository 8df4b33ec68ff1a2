"""Visits that take as long as they take, and what their reports say."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

from libra.report import Asset, Report
from libra.testing.pages import Page
from libra.weighing import Limits, Options
from libra.weighing.rendered import BrowserPool, weigh_rendered
from libra.weighing.rendered import visit as page
from support.loop_clock import Clock

INNER = "127.0.0.66"
"""An address that the gate denies."""

ICON = "/favicon.ico"
"""The browser asks for it after the page has been loaded, at a time of its own."""

PATIENT = Limits(page_seconds=100, asset_seconds=100)
ENDLESS = Limits(page_seconds=1e6, asset_seconds=1e6)
"""Of a page that is weighed while the clock is moved."""

GIF = bytes.fromhex(
    "47494638396101000100800000ffffff00000021f90400000000002c00000000010001000002024401003b"
)


def image(size: int = 1_000) -> Page:
    """An image that can be decoded: of one that cannot be, browsers do not read the rest."""
    return Page(GIF.ljust(size, b"\0"), "image/gif")


Wanted = Callable[[Report], bool]


async def visit(
    url: str, browsers: BrowserPool, *, until: Wanted | None = None, **options: Any
) -> Report:
    """Weigh a page.

    Args:
        url: Of the page.
        browsers: To weigh it with.
        until: The page is not taken for done before its report is so. Without it the page is done when
            it is loaded: that is enough where its markup says what it needs, and too little where it is
            scripts that ask, or the browser by itself.
        options: Of the page.
    """
    wishes = Options(**{"limits": PATIENT, **options})
    if until is None:
        return await weigh_rendered(url, wishes, browsers)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "QUIET_SECONDS", math.inf)
        look = once(until, patch.undo)
        return await weigh_rendered(url, wishes, browsers, on_change=look)


async def visit_to_its_deadline(
    url: str, browsers: BrowserPool, clock: Clock, *, when: Wanted
) -> Report:
    """Weigh a page that never ends, and move the clock to its deadline when its report is as wanted.

    However long the browser takes from one request to the next, it is not taken for silence.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "QUIET_SECONDS", math.inf)
        look = once(when, lambda: clock.move_soon(ENDLESS.page_seconds))
        return await weigh_rendered(url, Options(limits=ENDLESS), browsers, on_change=look)


def once(wanted: Wanted, then: Callable[[], object]) -> Callable[[Report], None]:
    """Looks at reports, and does something when the first has come that is as wanted."""
    waiting = True

    def look(report: Report) -> None:
        nonlocal waiting
        if waiting and wanted(report):
            waiting = False
            then()

    return look


def ended(*paths: str) -> Wanted:
    """Whether these have come, or it is known that they will not."""

    def wanted(report: Report) -> bool:
        assets = by_path(report)
        return all(path in assets and assets[path].status != "pending" for path in paths)

    return wanted


def by_path(report: Report) -> dict[str, Asset]:
    return {"/" + asset.url.split("/", 3)[3]: asset for asset in report.assets}


def check_sums(report: Report) -> None:
    for sums in (report.by_kind.values(), report.by_host.values()):
        assert sum(each.requests for each in sums) == report.total.requests
        assert sum(each.transfer_bytes for each in sums) == report.total.transfer_bytes
        assert sum(each.resource_bytes for each in sums) == report.total.resource_bytes
    assert sum(a.transfer_bytes for a in report.assets) == report.total.transfer_bytes
    assert sum(a.status != "skipped" for a in report.assets) == report.total.requests
