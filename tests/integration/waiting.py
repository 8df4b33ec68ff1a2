"""Waiting for what a page comes to, by its events."""

from __future__ import annotations

from collections.abc import Callable

from libra.app import Libra
from libra.weighing.report import FINISHED, Report


async def settled(libra: Libra) -> None:
    """Once it is known whether there is a database, and what the journal adds to it."""
    await libra._context.opened.wait()
    await libra._context.replayed.wait()


async def finished(libra: Libra, page_id: str) -> Report:
    """The report of a page once it is weighed or has failed."""
    reports = [report async for report in libra.follow(page_id)]
    assert reports[-1].status in FINISHED
    return reports[-1]


async def until(libra: Libra, page_id: str, wanted: Callable[[Report], bool]) -> Report:
    """The report of a page once it is as wanted."""
    with libra._context.followers.subscribe(page_id) as change:
        while not wanted(report := await libra.report(page_id)):
            await change.wait()
            change.clear()
        return report


async def stored(libra: Libra, page_id: str) -> Report:
    """The report of a page once the database has its newest state."""
    return await until(libra, page_id, lambda report: report.backup == "stored")
