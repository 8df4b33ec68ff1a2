"""The public API, on a real site, a real database and the real clock."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import msgspec
import pytest

from libra.app import Full, InvalidURL, Libra, PageNotFound
from libra.inspector.durability.database_reader import DatabaseReader
from libra.report import FINISHED, KINDS
from libra.settings import Settings
from libra.storage import PageQuery, Snapshot
from libra.testing import finished, following, process_of, settled, stored
from support.loop_clock import Clock
from support.patience import FOR_EVER
from support.ports import refusing_port
from support.site import ASSETS, IMAGE, PAGE, SCRIPT, STYLE, WebSite


async def test_a_page_is_weighed_with_everything_that_it_pulls_in(
    site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url())
        report = await finished(libra, page_id)
    assert report.status == "weighed"
    assert report.complete
    assert report.title == "A page"
    assert report.total.requests == ASSETS
    assert report.total.resource_bytes == len(PAGE) + len(STYLE) + len(SCRIPT) + 3 * len(IMAGE)
    assert report.total.transfer_bytes < report.total.resource_bytes
    assert report.total.transfer_bytes == sum(report.by_kind[kind].transfer_bytes for kind in KINDS)
    assert report.score is not None
    assert report.score.teledrin == 100


async def test_followers_see_versions_rise_until_the_page_is_finished(
    site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url())
        reports = [report async for report in libra.follow(page_id)]
    versions = [report.version for report in reports]
    assert versions == sorted(set(versions))
    assert [report.status in FINISHED for report in reports].count(True) == 1
    assert reports[-1].status == "weighed"


async def test_a_page_can_be_read_while_one_of_its_assets_hangs(
    site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url("/slow-part"))
        await site.until_held()
        async for report in libra.follow(page_id):
            if report.total.transfer_bytes > len(IMAGE):
                break
        assert report.status == "weighing"
        assert not report.complete
        pending = [asset.url for asset in report.assets if asset.status == "pending"]
        assert site.url("/held.png") in pending
        site.gate.set()
        assert (await finished(libra, page_id)).complete


async def weighed_but_for_one(site: WebSite, libra: Libra) -> str:
    """A page of which everything has arrived except an image that never does."""
    page_id = await libra.weigh(site.url("/slow-part"))
    await site.until_held()
    async for report in libra.follow(page_id):
        pending = [asset.url for asset in report.assets if asset.status == "pending"]
        if len(report.assets) == ASSETS + 1 and pending == [site.url("/held.png")]:
            break
    return page_id


async def test_a_hung_asset_fails_alone(site: WebSite, settings: Settings) -> None:
    settings = msgspec.structs.replace(settings, asset_timeout=FOR_EVER / 2)
    async with Libra.open(settings) as libra:
        page_id = await weighed_but_for_one(site, libra)
        Clock(asyncio.get_running_loop()).move(FOR_EVER / 2)
        report = await finished(libra, page_id)
    assert report.status == "weighed"
    assert not report.complete
    failed = [asset for asset in report.assets if asset.status == "failed"]
    assert [asset.url for asset in failed] == [site.url("/held.png")]
    assert failed[0].error is not None
    assert failed[0].error.startswith("timeout:")


async def test_a_page_past_its_deadline_is_weighed_with_what_arrived(
    site: WebSite, settings: Settings
) -> None:
    settings = msgspec.structs.replace(settings, page_timeout=FOR_EVER / 2)
    async with Libra.open(settings) as libra:
        page_id = await weighed_but_for_one(site, libra)
        Clock(asyncio.get_running_loop()).move(FOR_EVER / 2)
        report = await finished(libra, page_id)
    assert report.status == "weighed"
    assert not report.complete
    assert report.total.transfer_bytes > len(IMAGE)
    assert report.error is not None
    assert report.error.startswith("timeout:")


async def test_a_page_that_cannot_be_fetched_fails_with_its_reason(settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        with refusing_port() as port:
            report = await finished(libra, await libra.weigh(f"http://127.0.0.1:{port}/"))
    assert report.status == "failed"
    assert report.error is not None
    assert report.error.startswith("refused:")


async def test_a_bad_url_is_refused_and_nothing_is_started(settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        with pytest.raises(InvalidURL):
            await libra.weigh("ftp://a.test/")
        assert (await libra.recent()).pages == ()


async def test_an_unknown_page_is_not_found(settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        await settled(libra)
        for page_id in ("0199c0de-0000-7000-8000-000000000000", "../etc/passwd", ""):
            with pytest.raises(PageNotFound):
                await libra.report(page_id)


async def test_a_weighed_page_is_there_again_after_a_restart(
    site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url())
        await finished(libra, page_id)
        before = await stored(libra, page_id)
    for restore in ("eager", "lazy", "off"):
        again = msgspec.structs.replace(settings, restore=restore)
        async with Libra.open(again) as libra:
            await settled(libra)
            assert await libra.report(page_id) == before
            assert [page.id for page in (await libra.recent()).pages] == [page_id]
    assert site.hits["/"] == 1


async def test_an_unfinished_page_is_weighed_again_after_a_restart(
    site: WebSite, settings: Settings
) -> None:
    settings = msgspec.structs.replace(settings, shutdown_grace=0)
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url("/held"))
        await site.until_held()
        seen = (await stored(libra, page_id)).version
    site.gate.set()
    async with Libra.open(settings) as libra:
        report = await libra.report(page_id)
        if report.status not in FINISHED:
            report = await finished(libra, page_id)
    assert report.status == "weighed"
    assert report.version > seen


async def test_a_shutdown_lets_pages_under_way_finish(site: WebSite, settings: Settings) -> None:
    settings = msgspec.structs.replace(settings, shutdown_grace=FOR_EVER)
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url("/held"))
        await site.until_held()
        asyncio.get_running_loop().call_soon(site.gate.set)
    async with Libra.open(settings) as libra:
        assert (await libra.report(page_id)).status == "weighed"
    assert site.hits["/held"] == 1


async def test_only_so_many_pages_are_fetched_at_a_time(site: WebSite, settings: Settings) -> None:
    settings = msgspec.structs.replace(settings, concurrency=2)
    async with Libra.open(settings) as libra:
        ids = [await libra.weigh(site.url(f"/held/{n}")) for n in range(5)]
        await site.until_held(2)
        statuses = [(await libra.report(page_id)).status for page_id in ids]
        assert statuses == ["fetching", "fetching", "queued", "queued", "queued"]
        site.gate.set()
        for page_id in ids:
            assert (await finished(libra, page_id)).status == "weighed"


def in_memory(libra: Libra) -> int:
    """How many pages are in memory."""
    return sum(libra.health().pages.values())


async def test_a_full_memory_lets_the_stored_page_go_that_would_expire_first(
    site: WebSite, settings: Settings
) -> None:
    settings = msgspec.structs.replace(settings, max_pages=2)
    async with Libra.open(settings) as libra:
        ids = []
        for number in range(4):
            ids.append(await libra.weigh(site.url(f"/{number}")))
            await finished(libra, ids[-1])
            await stored(libra, ids[-1])
        assert in_memory(libra) == 2
        # Out of memory is not out of reach.
        for page_id in ids:
            assert (await libra.report(page_id)).status == "weighed"


async def test_a_page_that_is_followed_stays_and_may_leave_later(
    site: WebSite, settings: Settings
) -> None:
    settings = msgspec.structs.replace(settings, max_pages=1)
    async with Libra.open(settings) as libra:
        first = await libra.weigh(site.url())
        await finished(libra, first)
        await stored(libra, first)
        with following(libra, first), pytest.raises(Full):
            await libra.weigh(site.url())
        second = await libra.weigh(site.url())
        assert in_memory(libra) == 1
        await finished(libra, second)


async def test_a_memory_full_of_unfinished_pages_refuses_and_says_when_to_come_again(
    site: WebSite, settings: Settings
) -> None:
    settings = msgspec.structs.replace(settings, max_pages=2)
    async with Libra.open(settings) as libra:
        for number in range(2):
            await libra.weigh(site.url(f"/held/{number}"))
        with pytest.raises(Full) as refused:
            await libra.weigh(site.url())
        assert refused.value.retry_after > 0
        site.gate.set()


async def test_a_finished_page_leaves_memory_when_its_time_is_over_and_stays_in_the_database(
    site: WebSite, settings: Settings
) -> None:
    settings = msgspec.structs.replace(settings, ttl=1)
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url())
        with following(libra, page_id) as change:
            while in_memory(libra):
                await change.wait()
                change.clear()
        assert process_of(libra, page_id) is None
        assert (await libra.report(page_id)).status == "weighed"


async def test_a_forgotten_page_is_gone_from_memory_and_from_the_database(
    site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        kept, forgotten, early = [await libra.weigh(site.url(f"/{n}")) for n in range(3)]
        await libra.forget(early)
        for page_id in (kept, forgotten):
            await finished(libra, page_id)
            await stored(libra, page_id)
        await libra.forget(forgotten)
        for page_id in (forgotten, early):
            with pytest.raises(PageNotFound):
                await libra.report(page_id)
            with pytest.raises(PageNotFound):
                await libra.forget(page_id)
        assert [page.id for page in (await libra.recent()).pages] == [kept]
    async with Libra.open(settings) as libra:
        await settled(libra)
        with pytest.raises(PageNotFound):
            await libra.report(forgotten)
        assert [page.id for page in (await libra.recent()).pages] == [kept]


async def test_what_the_database_had_of_a_page_is_not_shown_after_it_was_deleted_meanwhile(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row may arrive after the deletion of its page, and is older than what was seen of it."""
    async with Libra.open(settings) as libra:
        kept, forgotten = [await libra.weigh(site.url(f"/{n}")) for n in range(2)]
        for page_id in (kept, forgotten):
            await stored(libra, page_id)
        real = DatabaseReader.recent

        async def read_and_then_delete(self: DatabaseReader, query: PageQuery) -> list[Snapshot]:
            rows = await real(self, query)
            await libra.forget(forgotten)
            return rows

        monkeypatch.setattr(DatabaseReader, "recent", read_and_then_delete)
        assert [page.id for page in (await libra.recent()).pages] == [kept]


async def test_a_follower_of_a_forgotten_page_is_told(site: WebSite, settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url("/held"))
        following = asyncio.create_task(finished(libra, page_id))
        await site.until_held()
        await libra.forget(page_id)
        with pytest.raises(PageNotFound):
            await following
        site.gate.set()


async def test_lists_are_newest_first_and_go_on_where_the_last_one_ended(
    site: WebSite, settings: Settings
) -> None:
    settings = msgspec.structs.replace(settings, max_pages=3)
    async with Libra.open(settings) as libra:
        ids = []
        for number in range(7):
            ids.append(await libra.weigh(site.url(f"/{number % 2}")))
            await finished(libra, ids[-1])
            await stored(libra, ids[-1])
        listed: list[str] = []
        after = None
        while True:
            page = await libra.recent(limit=2, after=after)
            listed += [summary.id for summary in page.pages]
            assert not page.partial
            after = page.next
            if after is None:
                break
        assert listed == ids[::-1]
        odd = await libra.history(site.url("/1"))
        assert [summary.id for summary in odd.pages] == ids[1::2][::-1]


async def test_lists_are_searched_by_host_and_text_in_memory_and_in_the_database(
    site: WebSite, settings: Settings
) -> None:
    async with Libra.open(msgspec.structs.replace(settings, max_pages=2)) as libra:
        ids = []
        for path in ("one", "two", "held"):
            ids.append(await libra.weigh(site.url(f"/{path}")))
            if path != "held":
                await finished(libra, ids[-1])
                await stored(libra, ids[-1])
        await site.until_held()

        async def found(**wanted: str) -> list[str]:
            return [page.id for page in (await libra.recent(**wanted)).pages]  # type: ignore[arg-type]

        assert await found(text="/ONE") == [ids[0]]  # which has left memory
        assert await found(text="a page") == [ids[1], ids[0]]
        assert await found(text="/held", host="127.0.0.1") == [ids[2]]  # which has no title yet
        assert await found(host="0.0.1") == ids[::-1]
        assert await found(host="example.com") == []
        site.gate.set()


async def test_lists_are_of_a_status_and_of_a_time(site: WebSite, settings: Settings) -> None:
    async with Libra.open(msgspec.structs.replace(settings, max_pages=2)) as libra:
        ids, times = [], []
        for path in ("one", "two", "held"):
            ids.append(await libra.weigh(site.url(f"/{path}")))
            submitted_at = (await libra.report(ids[-1])).submitted_at
            assert submitted_at is not None
            times.append(submitted_at)
            if path != "held":
                await finished(libra, ids[-1])
                await stored(libra, ids[-1])
        await site.until_held()

        async def found(**wanted: object) -> list[str]:
            return [page.id for page in (await libra.recent(**wanted)).pages]  # type: ignore[arg-type]

        assert await found(status="weighed") == [ids[1], ids[0]]  # one of which has left memory
        assert await found(status="fetching") == [ids[2]]
        assert await found(status="failed") == []
        assert await found(since=times[1]) == [ids[2], ids[1]]
        assert await found(until=times[1]) == [ids[0]]
        assert await found(since=times[1], until=times[2]) == [ids[1]]
        assert await found(since=times[1], after=ids[1]) == []
        first = await libra.recent(until=times[2], limit=1)
        assert [page.id for page in first.pages] == [ids[1]]
        assert await found(until=times[2], after=first.next) == [ids[0]]
        site.gate.set()


def left_behind() -> tuple[set[str], int]:
    threads = {thread.name for thread in threading.enumerate()}
    return threads, len(list(Path("/proc/self/fd").iterdir()))


async def test_it_opens_twice_in_a_row_and_leaves_nothing_behind(
    site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    async with Libra.open(settings) as libra:  # whatever a first use loads for good
        await finished(libra, await libra.weigh(site.url()))
    before, tasks = left_behind(), asyncio.all_tasks()
    of_others = set(threading.enumerate())
    for number in range(2):
        other = msgspec.structs.replace(settings, data_dir=tmp_path / str(number))
        async with Libra.open(other) as libra:
            await finished(libra, await libra.weigh(site.url()))
    for thread in set(threading.enumerate()) - of_others:
        if thread.name.startswith("libra-"):
            thread.join()  # one with a slow disk may be about to end
    threads, files = left_behind()
    # The default executor of the loop belongs to the program, not to Libra.
    assert {name for name in threads - before[0] if not name.startswith("asyncio_")} == set()
    ours = {task for task in asyncio.all_tasks() - tasks if "RawServer" not in repr(task)}
    assert ours == set()  # the site has tasks of its own
    assert files <= before[1] + 1


async def test_whoever_is_cancelled_while_it_stops_leaves_nothing_behind_either(
    site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:  # whatever a first use loads for good
        await finished(libra, await libra.weigh(site.url()))
    patient = msgspec.structs.replace(settings, shutdown_grace=FOR_EVER)
    tasks, stops = asyncio.all_tasks(), asyncio.Event()

    async def open_and_stop() -> None:
        async with Libra.open(patient) as libra:
            await libra.weigh(site.url("/held"))
            await site.until_held()
            stops.set()

    stopping = asyncio.create_task(open_and_stop())
    await stops.wait()  # it waits for the page that is under way
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping
    ours = {task for task in asyncio.all_tasks() - tasks if "RawServer" not in repr(task)}
    assert ours == set()
    async with Libra.open(settings) as libra:  # nothing is still claimed
        assert libra.health().parts["journal"].status == "ok"


async def test_two_open_side_by_side_in_one_program(
    site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    other = msgspec.structs.replace(settings, data_dir=tmp_path / "other")
    async with Libra.open(settings) as one, Libra.open(other) as two:
        page_id = await one.weigh(site.url())
        await finished(one, page_id)
        await settled(two)
        with pytest.raises(PageNotFound):
            await two.report(page_id)
