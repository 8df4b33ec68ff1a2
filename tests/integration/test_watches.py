"""Watches: weighed when due, kept through restarts and outages, heard when something is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from integration.site import Site
from libra.app import Libra, Watch
from libra.otp.testing import FakeClock
from libra.settings import Settings

START = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Time:
    """Timers and the wall clock, moved by hand."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.start = self.clock.time()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.clock.time() - self.start)

    async def pass_by(self, **time: float) -> None:
        await self.clock.advance(timedelta(**time).total_seconds())


@pytest.fixture
def time() -> Time:
    return Time()


@asynccontextmanager
async def opened(settings: Settings, time: Time) -> AsyncIterator[Libra]:
    async with Libra.open(settings, clock=time.clock, now=time.now) as libra:
        yield libra


async def until(libra: Libra, watch_id: str, wanted: Callable[[Watch], bool]) -> Watch:
    """The watch once it is as wanted."""
    with libra._context.followers.subscribe(watch_id) as change:
        while not wanted(watch := libra.watch_of(watch_id)):
            await change.wait()
            change.clear()
        return watch


async def test_a_watch_is_weighed_at_once_and_whenever_it_is_due(
    site: Site, settings: Settings, time: Time
) -> None:
    async with opened(settings, time) as libra:
        made = await libra.watch(site.url, every="hour")
        assert (made.url, made.every, made.status) == (f"{site.url}/", "hour", "new")
        first = await until(libra, made.id, lambda watch: watch.last is not None)
        assert first.last is not None
        report = await libra.report(first.last.page)
        assert (report.url, report.status) == (made.url, "weighed")
        assert (first.status, first.last.total) == ("ok", report.total.transfer_bytes)
        assert timedelta(hours=1) <= first.next_at - START < timedelta(hours=1.1)
        await time.pass_by(minutes=59)
        assert libra.watch_of(made.id).page is None
        await time.pass_by(minutes=8)
        again = await until(
            libra, made.id, lambda w: w.last is not None and w.last.page != report.id
        )
        assert again.last is not None
        assert again.last.change == 0
        assert again.next_at == first.next_at + timedelta(hours=1)
        assert [watch.id for watch in libra.watches().watches] == [made.id]
        history = await libra.history(site.url)
        assert {page.id for page in history.pages} == {report.id, again.last.page}
