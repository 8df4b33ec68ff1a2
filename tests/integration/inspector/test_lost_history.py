"""A database that has gone back is given what it lacks, and of two Libras on one only one writes."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libra.app import Libra, PageNotFound, PageUnknown, Settings, Watch, WatchUnknown
from libra.ids import new_id
from libra.observability.health import Part
from libra.storage import Snapshot, Unavailable
from libra.storage.sqlite.store import SQLiteStore
from libra.testing import drained, finished, settled, stored, until, until_watch, watches_restored
from support.asking import PATIENCE, eventually
from support.site import WebSite

Sql = Callable[[str], list[tuple[object, ...]]]


@pytest.fixture(autouse=True)
def _others_are_looked_at_often_and_no_lease_ends_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("libra.storage.sqlite.writer_log.LEASE", 1e6)
    monkeypatch.setattr("libra.inspector.durability.database_writer.STANDBY_PROBE", 0.05)
    monkeypatch.setattr("libra.inspector.restorer.RETRY", 0.05)


@pytest.fixture
def sql(tmp_path: Path) -> Sql:
    """Does with the database what an administrator could, or an outage."""

    def run(text: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(tmp_path / "libra.sqlite3", timeout=10)) as connection:
            if text.startswith("SELECT"):
                return connection.execute(text).fetchall()
            connection.executescript(text)
            return []

    return run


GO_BACK = "BEGIN; DELETE FROM pages; DELETE FROM watches; DELETE FROM libra_writers; COMMIT;"
"""As if it were again what it was before anything was stored."""

ALIVE = "SELECT id FROM pages WHERE deleted_at IS NULL ORDER BY id"


def database(libra: Libra) -> Part:
    return libra.health().parts["database"]


async def weighed(libra: Libra, url: str) -> str:
    page_id = await libra.weigh(url)
    await finished(libra, page_id)
    await stored(libra, page_id)
    return page_id


async def weighed_and_watched(libra: Libra, url: str) -> tuple[str, Watch]:
    """A page and a watch of it, with all that the database gets of both."""
    page_id = await weighed(libra, url)
    watch = await libra.watch(url)
    await until_watch(libra, watch.id, lambda w: w.backup == "stored" and w.page is None)
    await drained(libra)
    return page_id, watch


async def test_what_a_database_has_lost_is_stored_again(
    site: WebSite, settings: Settings, sql: Sql
) -> None:
    async with Libra.open(settings) as libra:
        page_id, watch = await weighed_and_watched(libra, site.url())
        before = await libra.report(page_id)
        others = sql(ALIVE)
        sql(GO_BACK)
        with pytest.raises(PageUnknown):  # it notices that by itself
            await libra.report(new_id())
        await until(libra, page_id, lambda report: report.version > before.version)
        after = await stored(libra, page_id)
        assert msgspec.structs.replace(after, version=before.version) == before
        await until_watch(libra, watch.id, lambda w: w.backup == "stored")
        await drained(libra)
        assert sql(ALIVE) == others
        assert sql("SELECT id FROM watches") == [(watch.id,)]
        assert database(libra).status == "ok"
        assert "has gone back" in (database(libra).detail or "")
        with pytest.raises(PageNotFound, match="has lost what it stored before") as caught:
            await libra.report("00000000-0000-7000-8000-000000000000")
        assert caught.value.lost is not None
        with pytest.raises(PageNotFound) as caught:
            await libra.report(new_id())  # newer than the loss
        assert caught.value.lost is None


async def test_what_was_deleted_is_deleted_again_also_after_a_restart(
    site: WebSite, settings: Settings, sql: Sql
) -> None:
    async with Libra.open(settings) as libra:
        page_id = await weighed(libra, site.url())
        row = sql(f"SELECT quote(report) FROM pages WHERE id = '{page_id}'")[0][0]
        await libra.forget(page_id)
        await drained(libra)
    # A copy from before the deletion comes back.
    sql(
        f"UPDATE pages SET deleted_at = NULL, version = 5, status = 'weighed', report = {row};"
        "UPDATE libra_writers SET counter = 1"
    )
    async with Libra.open(settings) as libra:
        await settled(libra)
        with pytest.raises(PageNotFound):
            await libra.report(page_id)
        await drained(libra)
        assert sql(ALIVE) == []
        with pytest.raises(PageNotFound):
            await libra.report(page_id)


def as_before(sql: Sql, page_id: str) -> str:
    """What brings a page back that is deleted, as a copy from before does."""
    report, counter = sql(
        f"SELECT quote(report), max(counter) FROM pages, libra_writers WHERE id = '{page_id}'"
    )[0]
    return (
        "BEGIN; UPDATE pages SET deleted_at = NULL, version = 5, status = 'weighed',"
        f" report = {report} WHERE id = '{page_id}';"
        f" UPDATE libra_writers SET counter = {counter}; COMMIT;"
    )


async def test_what_was_deleted_just_before_a_copy_comes_back_is_deleted_again(
    site: WebSite, settings: Settings, sql: Sql, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database has the deletion, and nothing but memory knows so when that copy comes."""
    writer = "libra.inspector.durability.journal_writer"
    monkeypatch.setattr(f"{writer}.LOOK", 1e6)
    async with Libra.open(settings) as libra:
        kept, page_id = await weighed(libra, site.url()), await weighed(libra, site.url())
        await drained(libra)
        before, copy = await libra.report(kept), as_before(sql, page_id)
        monkeypatch.setattr(f"{writer}.LINGER", 1e6)  # what nobody waits for waits for ever
        await libra.forget(page_id)
        await drained(libra)
        assert sql(ALIVE) == [(kept,)]
        sql(copy)
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        await until(libra, kept, lambda report: report.version > before.version)
        await drained(libra)
        assert sql(ALIVE) == [(kept,)]
        with pytest.raises(PageNotFound):
            await libra.report(page_id)


async def test_what_is_deleted_while_a_loss_is_made_good_is_deleted_again_after_another(
    site: WebSite, settings: Settings, sql: Sql
) -> None:
    async with Libra.open(settings) as libra:
        kept, page_id = await weighed(libra, site.url()), await weighed(libra, site.url())
        await drained(libra)
        copy = as_before(sql, page_id)
        sql(GO_BACK)
        await libra.forget(page_id)  # it is this that finds the loss
        await drained(libra)
        assert sql(ALIVE) == [(kept,)]
    sql(f"{copy} DELETE FROM libra_writers;")
    async with Libra.open(settings) as libra:
        await settled(libra)
        await drained(libra)
        assert sql(ALIVE) == [(kept,)]
        with pytest.raises(PageNotFound):
            await libra.report(page_id)


async def test_what_was_removed_on_purpose_is_not_stored_again(
    site: WebSite, settings: Settings, sql: Sql
) -> None:
    async with Libra.open(settings) as libra:
        await weighed(libra, site.url())
        sql("DELETE FROM pages; UPDATE libra_database SET pruned_before = '2999-01-01T00:00:00Z'")
        page_id = await weighed(libra, site.url())
        await drained(libra)  # else it may still wait, and what waits is stored
        sql(f"{GO_BACK} UPDATE libra_database SET pruned_before = NULL")
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        await drained(libra)
        assert sql(ALIVE) == []
        assert (await libra.report(page_id)).status == "weighed"


async def test_a_watch_is_stored_again_although_pages_of_its_age_were_pruned(
    site: WebSite, settings: Settings, sql: Sql
) -> None:
    async with Libra.open(settings) as libra:
        _, watch = await weighed_and_watched(libra, site.url())
        sql("UPDATE libra_database SET pruned_before = strftime('%Y-%m-%dT%H:%M:%fZ')")
        page_id = await weighed(libra, site.url())
        await drained(libra)
        before = await libra.report(page_id)
        sql(GO_BACK)
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        await until(libra, page_id, lambda report: report.version > before.version)
        await drained(libra)
        assert sql(ALIVE) == [(page_id,)]
        assert sql("SELECT id FROM watches") == [(watch.id,)]


async def test_another_database_is_noticed_at_the_start(
    site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    async with Libra.open(settings) as libra:
        page_id = await weighed(libra, site.url())
    (tmp_path / "libra.sqlite3").unlink()
    async with Libra.open(settings) as libra:
        await settled(libra)
        await drained(libra)
        with pytest.raises(PageNotFound, match="has lost what it stored before"):
            await libra.report(page_id)
        assert "not the database" in (database(libra).detail or "")
    async with Libra.open(settings) as libra:
        await settled(libra)
        with pytest.raises(PageNotFound, match="has lost what it stored before"):
            await libra.report(page_id)  # it remembers that


@pytest.fixture
def second(settings: Settings, tmp_path: Path) -> Settings:
    """Settings of another Libra with a data directory of its own and the same database."""
    (tmp_path / "second").mkdir()
    return msgspec.structs.replace(
        settings,
        data_dir=tmp_path / "second",
        database=f"sqlite:///{tmp_path}/libra.sqlite3",
        shutdown_grace=1,
    )


async def test_the_second_libra_on_a_database_serves_and_writes_nothing_until_it_may(
    site: WebSite, settings: Settings, second: Settings, sql: Sql
) -> None:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(Libra.open(settings))
        held, page_id = await first.weigh(site.url("/held")), await weighed(first, site.url())
        watch = await first.watch(site.url())
        await until_watch(first, watch.id, lambda w: w.backup == "stored" and w.page is None)
        await drained(first)
        async with Libra.open(second) as libra:
            await settled(libra)
            assert database(libra).status == "degraded"
            assert str(settings.data_dir) in (database(libra).detail or "")
            assert (await libra.report(page_id)).status == "weighed"
            assert (await libra.report(held)).status in ("queued", "fetching")
            with pytest.raises(WatchUnknown):
                libra.watch_of(watch.id)
            await first.forget(page_id)
            await drained(first)
            with pytest.raises(PageNotFound):
                await libra.report(page_id)
            mine = await libra.weigh(site.url())
            await finished(libra, mine)
            await until(libra, mine, lambda report: report.backup == "journaled")
            assert (mine,) not in sql(ALIVE)
            assert site.hits["/held"] == 1
            site.gate.set()
            await stack.aclose()  # it lets go of the lease
            await stored(libra, mine)
            await watches_restored(libra)
            assert libra.watch_of(watch.id).id == watch.id
            assert database(libra).status == "ok"
            assert (await finished(libra, held)).status == "weighed"
            assert site.hits["/held"] == 1


@pytest.mark.parametrize("cut_off", [True, False])
async def test_watches_come_back_after_a_takeover_in_the_middle_of_a_restore(
    site: WebSite, settings: Settings, sql: Sql, monkeypatch: pytest.MonkeyPatch, *, cut_off: bool
) -> None:
    async with Libra.open(settings) as libra:
        _, watch = await weighed_and_watched(libra, site.url())
    read, go_on = asyncio.Event(), asyncio.Event()
    batches = SQLiteStore.batches

    async def held(store: SQLiteStore, **arguments: Any) -> AsyncIterator[list[Snapshot]]:
        if not read.is_set():
            read.set()
            await go_on.wait()
            if cut_off:
                raise Unavailable("unreachable", "cut off")
        async for batch in batches(store, **arguments):
            yield batch

    monkeypatch.setattr(SQLiteStore, "batches", held)
    async with Libra.open(settings) as libra:
        await read.wait()
        assert libra.watch_of(watch.id).id == watch.id
        sql("UPDATE libra_lease SET life = 'x', instance = 'x', place = '/srv/other'")

        async def the_watch_has_left() -> bool:
            return libra.watches().watches == ()

        mine = await libra.weigh(site.url())
        await eventually(the_watch_has_left, "the other Libra has the watch", within=PATIENCE)
        if cut_off:
            go_on.set()
        sql("DELETE FROM libra_lease")
        await stored(libra, mine)
        go_on.set()
        await watches_restored(libra)
        assert libra.watch_of(watch.id).id == watch.id


async def test_a_libra_that_was_held_up_yields_to_the_one_that_took_over(
    site: WebSite, settings: Settings, sql: Sql
) -> None:
    async with Libra.open(settings) as libra:
        page_id, watch = await weighed_and_watched(libra, site.url())
        # As if it had been stopped for a minute, and another had come.
        sql("UPDATE libra_lease SET life = 'x', instance = 'x', place = '/srv/other'")
        mine = await libra.weigh(site.url())
        await until(libra, page_id, lambda _: database(libra).status == "degraded")
        assert "/srv/other" in (database(libra).detail or "")
        await finished(libra, mine)
        await until(libra, mine, lambda report: report.backup == "journaled")
        assert libra.report_at_hand(page_id) is None  # the database answers for it now
        assert (await libra.report(page_id)).backup == "stored"
        with pytest.raises(WatchUnknown):
            libra.watch_of(watch.id)
        sql("DELETE FROM libra_lease")
        await stored(libra, mine)
        await watches_restored(libra)
        assert libra.watch_of(watch.id).id == watch.id


async def test_what_a_database_has_lost_stays_here_although_another_libra_writes_to_it(
    site: WebSite, settings: Settings, sql: Sql
) -> None:
    """As after a failover to a standby that is behind, to which another Libra was faster."""
    async with Libra.open(settings) as libra:
        page_id, watch = await weighed_and_watched(libra, site.url())
        await drained(libra)
        taken = "UPDATE libra_lease SET life = 'x', instance = 'x', place = '/srv/other'; COMMIT;"
        sql(GO_BACK.replace("COMMIT;", taken))
        await until(libra, page_id, lambda report: report.backup == "journaled")
        await eventually(partial(_stands_by, libra), "the other Libra writes", within=PATIENCE)
        assert libra.report_at_hand(page_id) is not None
        assert libra.watch_of(watch.id).id == watch.id
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        sql("DELETE FROM libra_lease")
        await stored(libra, page_id)
        await drained(libra)
        assert (page_id,) in sql(ALIVE)


@pytest.mark.parametrize(("keep", "losses"), [(0, 1), (86_400, 2)])
async def test_a_second_libra_that_has_nothing_of_what_the_database_lost_takes_it_as_it_is(
    site: WebSite,
    settings: Settings,
    second: Settings,
    sql: Sql,
    caplog: pytest.LogCaptureFixture,
    keep: float,
    losses: int,
) -> None:
    second = msgspec.structs.replace(second, keep_deletions=keep)
    async with Libra.open(second) as libra:
        page_id = await weighed(libra, site.url())
        await stored(libra, page_id)
        await libra.forget(page_id)
        await drained(libra)

    async def the_first_writes() -> bool:
        return (str(settings.data_dir),) in sql("SELECT place FROM libra_lease")

    async with Libra.open(settings):
        await eventually(the_first_writes, "the first has the lease", within=PATIENCE)
        sql("BEGIN; DELETE FROM pages; UPDATE libra_writers SET counter = 1; COMMIT;")
        for _ in range(2):
            async with Libra.open(second) as libra:
                await settled(libra)
                await eventually(partial(_is_unknown_no_more, libra), "it knows", within=PATIENCE)
                assert str(settings.data_dir) in (database(libra).detail or "")
    # With a deletion to repeat, it finds the loss again after a restart.
    assert sum("has gone back" in record.getMessage() for record in caplog.records) == losses


async def _stands_by(libra: Libra) -> bool:
    return "/srv/other" in (database(libra).detail or "")


async def _is_unknown_no_more(libra: Libra) -> bool:
    try:
        await libra.report(new_id())
    except PageNotFound:
        return True
    except PageUnknown:
        return False
    raise AssertionError("there is no such page")
