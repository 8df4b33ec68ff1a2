"""What is pruned is gone: from the database, from a Libra that runs, and from the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from integration.storage.test_conformance import NOON, page_id, snapshot
from libra.app import InvalidOptions, Libra, PageNotFound, Settings
from libra.storage import Snapshot, Store, WatchRow, migrate, open_store
from libra.storage.history import Writer
from libra.storage.keeping import Watched, thinnings
from libra.storage.rows.page_query import PageQuery
from libra.testing import drained, finished, following, settled, stored, watches_restored
from support.patience import PATIENT
from support.site import WebSite

URL = "https://watched.example/"


@pytest.fixture(autouse=True)
def _all_is_looked_at_often(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ("sqlite", "postgres"):
        monkeypatch.setattr(f"libra.storage.{engine}.writer_log.LEASE", 1e6)
    monkeypatch.setattr("libra.inspector.durability.database_writer.IDLE_PROBE", 0.05)


async def test_each_page_that_is_pruned_leaves_a_mark_with_the_number_of_the_pruning(
    store: Store,
) -> None:
    store.write_as(Writer("a", "one", "/srv/a"), None)
    old, young = snapshot(), snapshot(submitted_at=NOON + timedelta(days=1))
    await store.save([old, young])
    assert await store.pruned(after=(0, ""), limit=9) == []
    assert await store.prune(older_than=NOON + timedelta(hours=1)) == 1
    await store.ping()
    assert store.known is not None
    number = store.known.prunings
    assert await store.pruned(after=(0, ""), limit=9) == [(number, old.id)]
    assert await store.pruned(after=(number, old.id), limit=9) == []
    # A save that comes late does not bring it back.
    await store.save([msgspec.structs.replace(old, version=9)])
    assert await store.load(old.id) is None
    assert await store.prune(older_than=NOON + timedelta(hours=1)) == 0
    assert await store.load(young.id) == young


async def test_of_a_watched_url_the_last_weigh_in_stays_and_others_are_thinned(
    store: Store,
) -> None:
    now = datetime.now(UTC).replace(hour=12)

    def ago(days: int, hour: int, url: str = URL) -> Snapshot:
        moment = (now - timedelta(days=days)).replace(hour=hour)
        return msgspec.structs.replace(snapshot(submitted_at=moment), url=url)

    early, late = ago(100, 3), ago(100, 4)
    yesterday = [ago(1, hour) for hour in range(3)]
    other = ago(100, 5, "https://other.example/")
    await store.save([early, late, *yesterday, other, WatchRow(page_id(), URL, 1, b"{}")])
    watched = thinnings([Watched(URL, None)], 90 * 86_400, now)
    assert await store.prune(older_than=now - timedelta(days=90), watched=watched) == 2
    left = {page.id for page in await store.recent(PageQuery(limit=9))}
    assert left == {page.id for page in (late, *yesterday)}
    # Also where only the watch says how long.
    watched = thinnings([Watched(URL, 86_400 / 2)], None, now)
    assert await store.prune(older_than=None, watched=watched) == 2
    left = {page.id for page in await store.recent(PageQuery(limit=9))}
    assert left == {late.id, yesterday[-1].id}


async def test_a_libra_that_runs_lets_go_of_what_somebody_prunes(
    database: str, settings: Settings, site: WebSite, tmp_path: Path
) -> None:
    await migrate(database)
    settings = msgspec.structs.replace(settings, database=database, data_dir=tmp_path / "data")
    async with Libra.open(settings) as libra, _store(database) as administrator:
        page = await libra.weigh(site.url())
        await finished(libra, page)
        await stored(libra, page)
        await drained(libra)
        with following(libra, page) as changed:
            assert await administrator.prune(older_than=datetime.now(UTC)) == 1
            await changed.wait()
        with pytest.raises(PageNotFound):
            await libra.report(page)
        assert (await libra.recent(limit=9)).pages == ()
        young = await libra.weigh(site.url())
        await finished(libra, young)
        await stored(libra, young)
    # Nor does it come back from the journal.
    async with Libra.open(settings) as libra:
        await settled(libra)
        with pytest.raises(PageNotFound):
            await libra.report(page)
        assert [one.id for one in (await libra.recent(limit=9)).pages] == [young]


async def test_what_is_older_than_it_is_to_be_kept_is_pruned_by_itself(
    database: str, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libra.inspector.retention.FIRST", 0.0)
    monkeypatch.setattr("libra.inspector.retention.RETRY", 0.05)
    now = datetime.now(UTC)
    old = snapshot(expires_at=now + timedelta(days=1), submitted_at=now - timedelta(days=100))
    watched = msgspec.structs.replace(old, id=page_id(), url=URL)
    await migrate(database)
    async with _store(database) as store:
        await store.save([old, watched])
    settings = msgspec.structs.replace(
        settings, database=database, data_dir=tmp_path / "data", keep="90d"
    )
    async with Libra.open(settings) as libra:
        await watches_restored(libra)
        assert (await libra.watch(URL, keep="95d")).keep == 95 * 86_400
        with pytest.raises(InvalidOptions, match="it must be at least"):
            await libra.watch(URL, keep=60)
        with following(libra, old.id) as changed:
            while await _is_there(libra, old.id):
                await changed.wait()
                changed.clear()
        await drained(libra)
    async with _store(database) as store:
        assert await store.load(old.id) is None


async def test_a_file_shrinks_when_half_of_it_is_pruned(tmp_path: Path) -> None:
    path = tmp_path / "libra.db"
    text = "".join(str(number) for number in range(40_000)).encode()  # that zstd cannot make small
    async with _store(f"sqlite:///{path}") as store:
        rows = [
            msgspec.structs.replace(snapshot(submitted_at=NOON), report=b'"%b%d"' % (text, n))
            for n in range(60)
        ]
        await store.save(rows)
    full = path.stat().st_size
    async with _store(f"sqlite:///{path}") as store:
        assert await store.prune(older_than=NOON + timedelta(days=1)) == 60
        freed = await store.give_back()
    assert freed > full / 2
    assert path.stat().st_size < full / 2


async def _is_there(libra: Libra, page: str) -> bool:
    try:
        await libra.report(page)
    except PageNotFound:
        return False
    return True


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[Store]:
    store = open_store(url, deadlines=PATIENT)
    yield store
    await store.close()
