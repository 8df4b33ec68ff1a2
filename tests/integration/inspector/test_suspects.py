"""A page that kills the program is not weighed for ever, and no other page pays for it."""

from __future__ import annotations

import asyncio
import shutil

import msgspec
import pytest

from libra.app import Libra
from libra.inspector.pages import page_inspector
from libra.inspector.pauses import Pauses
from libra.settings import Settings
from libra.testing import finished, settled, until
from support.journal import begun_in, left_behind
from support.loop_clock import Clock
from support.patience import FOR_EVER
from support.site import WebSite


async def test_a_page_under_which_the_program_died_three_times_is_left_to_people(
    site: WebSite, settings: Settings
) -> None:
    page_id = left_behind(settings, site.url("/killer"), 3)
    innocent = left_behind(settings, site.url("/innocent"), 2)
    async with Libra.open(settings) as libra:
        await settled(libra)
        await finished(libra, innocent)
        report = await until(libra, page_id, lambda report: report.error is not None)
        assert report.status == "failed"
        assert report.error is not None
        assert "the program died 3 times while this page was being weighed" in report.error
        assert libra.health().quarantined == 1
        # Nobody answers for it, and how safe it is is known all the same.
        await until(libra, page_id, lambda report: report.backup == "stored")
        assert site.hits["/killer"] == 0
        # Whoever follows it learns that, and is not left waiting for what may never come.
        assert [report.status async for report in libra.follow(page_id)] == ["failed"]
    async with Libra.open(settings) as libra:
        await settled(libra)
        await until(libra, page_id, lambda report: report.error is not None)
        await libra.retry(page_id)
        assert (await until(libra, page_id, lambda r: r.status == "weighed")).error is None
        assert site.hits["/killer"] == 1
        assert site.hits["/innocent"] == 1


async def test_suspects_are_weighed_one_at_a_time(site: WebSite, settings: Settings) -> None:
    suspects = [left_behind(settings, site.url(f"/held/{n}"), 2) for n in range(2)]
    async with Libra.open(settings) as libra:
        await site.until_held()
        other = await libra.weigh(site.url("/other"))
        states = [(await libra.report(page)).status for page in suspects]
        assert sorted(states) == ["fetching", "queued"]
        assert (await libra.report(other)).status == "queued"
        assert site.held == 1
        site.gate.set()
        for page in (*suspects, other):
            assert (await finished(libra, page)).status == "weighed"
    for page in (*suspects, other):
        assert begun_in(settings, page) is None


@pytest.mark.parametrize("deaths", [0, 1])
async def test_that_a_life_began_is_in_the_journal_and_a_polite_stop_is_no_death(
    deaths: int,
    site: WebSite,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # On a busy machine the page would otherwise begin while its note is still on its way.
    monkeypatch.setattr(page_inspector, "PATIENCE", 60.0)
    settings = msgspec.structs.replace(settings, shutdown_grace=0)
    page_id = left_behind(settings, site.url("/held"), deaths)
    async with Libra.open(settings):
        await site.until_held()
        # What a kill would leave.
        copy = msgspec.structs.replace(settings, data_dir=tmp_path_factory.mktemp("copy"))
        shutil.copytree(settings.data_dir / "journal", copy.data_dir / "journal")
        noted = begun_in(copy, page_id)
        assert noted is not None
        assert noted.times == deaths + 1
    assert begun_in(settings, page_id) == noted._replace(times=deaths)


async def test_a_page_whose_time_passed_while_the_program_was_stopped_is_weighed_again(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = msgspec.structs.replace(settings, asset_timeout=FOR_EVER / 4)
    stopped = 0.0
    monkeypatch.setattr(Pauses, "seconds", lambda _: stopped)
    async with Libra.open(settings) as libra:
        clock = Clock(asyncio.get_running_loop())
        page_id = await libra.weigh(site.url("/held"))
        await site.requested(1)
        stopped = 40.0
        clock.move(FOR_EVER / 4)
        # Nothing stops the program while it is weighed again.
        await site.requested(2)
        clock.move(FOR_EVER / 4)
        report = await finished(libra, page_id)
        assert report.status == "failed"
        assert site.hits["/held"] == 2
