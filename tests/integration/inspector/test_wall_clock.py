"""The wall clock may be set: what is due by it is due by what it says now, and ids go on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from libra.app import Libra
from libra.ids import Ids, new_id
from libra.otp.testing import FakeClock
from libra.settings import Settings
from libra.storage import open_store
from libra.testing import (
    finished,
    following,
    process_of,
    run_until,
    stored,
    until_watch,
    watches_restored,
)
from support.site import WebSite


class Wall:
    """A wall clock that goes with the other one and can be set."""

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.ahead = timedelta()

    def now(self) -> datetime:
        """What it says."""
        seconds = timedelta(seconds=self._clock.time())
        return datetime(2026, 11, 23, 12, tzinfo=UTC) + seconds + self.ahead


async def gone(libra: Libra, page_id: str) -> None:
    """Wait until a page has left memory."""
    with following(libra, page_id) as change:
        while process_of(libra, page_id) is not None:
            change.clear()
            await change.wait()


async def test_a_page_expires_by_the_wall_clock_however_that_is_set(
    site: WebSite, settings: Settings
) -> None:
    clock = FakeClock()
    wall = Wall(clock)
    settings = msgspec.structs.replace(settings, ttl=100)
    async with Libra.open(settings, clock=clock, now=wall.now) as libra:
        page_id = await libra.weigh(site.url())
        await run_until(libra, finished(libra, page_id))
        await run_until(libra, stored(libra, page_id))
        wall.ahead = -timedelta(hours=1)
        for _ in range(20):
            await clock.advance(10)
        assert process_of(libra, page_id) is not None
        wall.ahead = timedelta()
        before = clock.time()
        await run_until(libra, gone(libra, page_id))
        assert clock.time() - before <= 60


@pytest.mark.parametrize("days", [-1, 1, -3_650, 3_650])
async def test_a_watch_goes_on_within_two_minutes_however_the_clock_is_set(
    site: WebSite, settings: Settings, days: int
) -> None:
    clock = FakeClock()
    wall = Wall(clock)
    async with Libra.open(settings, clock=clock, now=wall.now) as libra:
        made = await libra.watch(site.url(), every="* * * * *")
        first = await run_until(libra, until_watch(libra, made.id, lambda w: w.last is not None))
        wall.ahead = timedelta(days=days)
        before = clock.time()
        await run_until(libra, until_watch(libra, made.id, lambda w: w.last != first.last))
        # One minute until it is looked at, and one until the next minute begins.
        assert clock.time() - before <= 125


async def test_ids_go_on_above_those_that_the_database_has(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(new_id, "_last", 0)  # and back again afterwards, for the other tests
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url())
        await stored(libra, page_id)
    # As a program leaves it behind whose clock was ten years on.
    store = open_store(settings.database_url())
    row = await store.load(page_id)
    assert row is not None
    later = Ids()(int((datetime.now(UTC) + timedelta(days=3_650)).timestamp() * 1e9))
    report = row.report.replace(row.id.encode(), later.encode())
    await store.save([msgspec.structs.replace(row, id=later, report=report)])
    await store.close()
    async with Libra.open(settings) as libra:
        await watches_restored(libra)
        fresh = await libra.weigh(site.url())
        assert fresh > later
        assert (await libra.recent(limit=1)).pages[0].id == fresh
