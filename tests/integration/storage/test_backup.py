"""A backup of each engine, restored to each, and while a Libra runs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import msgspec
import pytest

from integration.storage.conftest import SHARED
from integration.storage.test_conformance import NOON, page_id, snapshot
from libra.app import Libra, PageNotFound, PageUnknown, Settings
from libra.ids import new_id
from libra.report import Report
from libra.storage import Deleted, Snapshot, Store, Unavailable, WatchRow, migrate, open_store
from libra.storage.backup_file import Contents, NoBackup
from libra.storage.engines import back_up, restore
from libra.storage.history import HistoryLost, Writer
from libra.storage.schema import VERSION_TABLE
from libra.testing import drained, finished, stored, until, until_watch
from support.patience import PATIENT
from support.postgres import Postgres
from support.site import WebSite

NASTY = "NUL \x00, half a character \ud83d, a marker \ue0ff, ''"


@pytest.fixture(autouse=True)
def _no_lease_ends_because_the_machine_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ("sqlite", "postgres"):
        monkeypatch.setattr(f"libra.storage.{engine}.writer_log.LEASE", 1e6)


@pytest.fixture
def other(database: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database of the other engine, with something in it that is to go."""
    if not database.startswith("sqlite"):
        return f"sqlite:///{tmp_path}/other.db"
    url: str = request.getfixturevalue("shared_database")
    server: Postgres = request.getfixturevalue("postgres")
    if server.sql("SELECT to_regclass('libra_lease')", database=SHARED):
        server.sql("DELETE FROM libra_lease", database=SHARED)
    return url


async def test_a_backup_goes_to_the_other_engine_and_back_as_it_was(
    database: str, other: str, tmp_path: Path
) -> None:
    pages = [
        snapshot(),
        msgspec.structs.replace(snapshot(), title=NASTY, url=f"https://x/{NASTY}", idempotency="k"),
        msgspec.structs.replace(snapshot(), report=b'{"id": 5, "title": "\\ud83d \\u0000"}'),
        Snapshot.of(Report(id=page_id(), url="https://example.com/queued")),
    ]
    gone = snapshot()
    watch = WatchRow(page_id(), "https://example.com/", 3, b'{"every": 3600, "secret": "\\u0000"}')
    stranger = snapshot()
    await migrate(database)
    async with _store(database) as store:
        store.write_as(Writer("a", "a1", "/srv/a"), None)
        await store.save([*pages, gone, watch])
        await store.save([Deleted(gone.id, NOON)])
        known = store.known
    await migrate(other)
    async with _store(other) as store:
        await store.save([stranger])

    contents = await back_up(database, tmp_path / "there")
    assert contents == Contents(4, 1, (tmp_path / "there").stat().st_size)
    assert (tmp_path / "there").stat().st_mode & 0o77 == 0
    assert await restore(tmp_path / "there", other) == contents
    async with _store(other) as store:
        assert [await store.load(page.id) for page in pages] == pages
        assert await store.load(stranger.id) is None
        assert await store.watches() == [watch]
        assert (await store.keys(since="", limit=9))[0][1] == pages[1].id
        # It is the same database at the same time, and what was deleted stays so.
        store.write_as(Writer("a", "a2", "/srv/a"), known)
        await store.ping()
        await store.save([gone])
        assert await store.load(gone.id) is None

    await back_up(other, tmp_path / "back")
    await restore(tmp_path / "back", database)
    async with _store(database) as store:
        assert [await store.load(page.id) for page in pages] == pages
        assert await store.watches() == [watch]


async def test_a_libra_that_runs_notices_a_restore_and_saves_what_the_backup_lacks(
    database: str, settings: Settings, site: WebSite, tmp_path: Path
) -> None:
    await migrate(database)
    settings = msgspec.structs.replace(settings, database=database, data_dir=tmp_path / "data")
    async with Libra.open(settings) as libra:
        early, unwanted = await _weighed(libra, site.url()), await _weighed(libra, site.url())
        await drained(libra)
        await back_up(database, tmp_path / "file")
        late = await _weighed(libra, site.url())
        watch = await libra.watch(site.url())
        await until_watch(libra, watch.id, lambda w: w.backup == "stored" and w.page is None)
        await libra.forget(unwanted)  # acknowledged, and from then on it stays deleted
        await drained(libra)
        before = await libra.report(late)
        await restore(tmp_path / "file", database)
        with pytest.raises(
            PageUnknown
        ):  # it notices that by itself within 5 s, or when it is asked
            await libra.report(new_id())
        await until(libra, late, lambda report: report.version > before.version)
        await stored(libra, late)
        await until_watch(libra, watch.id, lambda w: w.backup == "stored")
        await drained(libra)
        assert "has gone back" in (libra.health().parts["database"].detail or "")
    async with _store(database) as store:
        assert await store.load(early) is not None
        assert await store.load(late) is not None
        assert [row.id for row in await store.watches()] == [watch.id]
        assert await store.load(unwanted) is None
    if database.startswith("sqlite"):
        with closing(sqlite3.connect(database.removeprefix("sqlite:///"))) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_a_libra_that_runs_notices_a_second_restore_of_a_later_backup_too(
    database: str, settings: Settings, site: WebSite, tmp_path: Path
) -> None:
    """That one has taken more batches than what the first restore has left."""
    await migrate(database)
    settings = msgspec.structs.replace(settings, database=database, data_dir=tmp_path / "data")
    async with Libra.open(settings) as libra:
        kept = await _weighed(libra, site.url())
        await drained(libra)
        await back_up(database, tmp_path / "early")
        unwanted = await _weighed(libra, site.url())
        for _ in range(3):
            await _weighed(libra, site.url())
        await drained(libra)
        await back_up(database, tmp_path / "late")
        await libra.forget(unwanted)
        await drained(libra)
        for file in ("early", "late"):
            before = await libra.report(kept)
            await restore(tmp_path / file, database)
            with pytest.raises(PageUnknown):
                await libra.report(new_id())
            await until(libra, kept, lambda r, since=before.version: r.version > since)  # type: ignore[misc]
            await drained(libra)
    async with _store(database) as store:
        assert await store.load(kept) is not None
        assert await store.load(unwanted) is None


async def test_a_backup_of_a_later_time_is_restored_over_the_first_batch_of_a_libra_that_runs(
    database: str, tmp_path: Path
) -> None:
    await migrate(database)
    await back_up(database, tmp_path / "empty")
    writer, later = Writer("a", "a1", "/srv/a"), snapshot()
    async with _store(database) as store:
        store.write_as(writer, None)
        await store.save([snapshot()])
        await store.save([later])
    await back_up(database, tmp_path / "later")
    await restore(tmp_path / "empty", database)
    async with _store(database) as store:
        store.write_as(writer, None)
        await store.save([snapshot()])
        await restore(tmp_path / "later", database)
        with pytest.raises(HistoryLost):
            await store.ping()
    async with _store(database) as store:
        assert await store.load(later.id) == later


async def test_a_dump_of_postgresql_is_restored_under_a_libra_that_runs(
    postgres: Postgres, shared_database: str, settings: Settings, site: WebSite, tmp_path: Path
) -> None:
    await migrate(shared_database)
    postgres.sql("DELETE FROM libra_lease", database=SHARED)
    settings = msgspec.structs.replace(
        settings, database=shared_database, data_dir=tmp_path / "data"
    )
    async with Libra.open(settings) as libra:
        await _weighed(libra, site.url())
        await drained(libra)
        dump = await asyncio.to_thread(postgres.dump, SHARED)
        late = await _weighed(libra, site.url())
        await drained(libra)
        before = await libra.report(late)
        await asyncio.to_thread(postgres.undump, dump, SHARED)
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        await until(libra, late, lambda report: report.version > before.version)
        await stored(libra, late)
        await drained(libra)
    async with _store(shared_database) as store:
        assert await store.load(late) is not None


async def test_a_backup_is_whole_while_a_libra_has_everything_in_its_wal(
    settings: Settings, site: WebSite, tmp_path: Path
) -> None:
    async with Libra.open(settings) as libra:
        page = await _weighed(libra, site.url())
        await back_up(settings.database_url(), tmp_path / "file")
    await restore(tmp_path / "file", f"sqlite:///{tmp_path}/fresh.sqlite3")
    async with _store(f"sqlite:///{tmp_path}/fresh.sqlite3") as store:
        assert await store.load(page) is not None
    # And Libra serves what is restored, with a data directory of its own.
    fresh = msgspec.structs.replace(
        settings, database=f"sqlite:///{tmp_path}/fresh.sqlite3", data_dir=tmp_path / "another"
    )
    async with Libra.open(fresh) as libra:
        assert (await libra.report(page)).status == "weighed"
        with pytest.raises(PageNotFound):
            await libra.report(page_id())


async def test_what_is_no_backup_changes_nothing(tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path}/libra.db"
    kept, file = snapshot(), tmp_path / "file"
    async with _store(database) as store:
        await store.save([kept])
    await back_up(database, file)
    whole = file.read_bytes()
    with pytest.raises(FileNotFoundError):
        await restore(tmp_path / "none", database)
    for damage, words in (
        (b"", "not a backup"),
        (b"text\n" * 999, "not a backup"),
        (whole[: len(whole) // 2], "damaged|not a backup"),
        (whole[:8192] + bytes(4096) + whole[12288:], "damaged|not a backup"),
    ):
        file.write_bytes(damage)
        with pytest.raises(NoBackup, match=words):
            await restore(file, database)
    file.write_bytes(whole)
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    with pytest.raises(NoBackup, match="newer"):
        await restore(file, database)
    async with _store(database) as store:
        assert await store.load(kept.id) == kept


async def test_a_backup_writes_over_nothing_but_a_backup(tmp_path: Path) -> None:
    database, path = f"sqlite:///{tmp_path}/libra.db", tmp_path / "libra.db"
    with pytest.raises(NoBackup, match="there is no database"):
        await back_up(database, tmp_path / "file")
    await migrate(database)
    with pytest.raises(NoBackup, match="the database itself"):
        await back_up(database, path)
    (tmp_path / "notes.txt").write_text("dear diary")
    with pytest.raises(NoBackup, match="choose another name"):
        await back_up(database, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "dear diary"
    with pytest.raises(FileNotFoundError):
        await back_up(database, tmp_path / "none" / "file")
    await back_up(database, tmp_path / "file")
    await back_up(database, tmp_path / "file")
    there = {one.name for one in tmp_path.iterdir()}  # noqa: ASYNC240 - three files
    assert there == {"file", "libra.db", "notes.txt"}


async def test_a_server_that_is_not_there_leaves_the_backup_as_it_was(tmp_path: Path) -> None:
    await migrate(f"sqlite:///{tmp_path}/libra.db")
    await back_up(f"sqlite:///{tmp_path}/libra.db", tmp_path / "file")
    before = (tmp_path / "file").read_bytes()
    with pytest.raises(Unavailable):
        await back_up(f"postgresql://libra@localhost/x?host={tmp_path}", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == before


async def _weighed(libra: Libra, url: str) -> str:
    page = await libra.weigh(url)
    await finished(libra, page)
    await stored(libra, page)
    return page


@asynccontextmanager
async def _store(url: str) -> AsyncIterator[Store]:
    store = open_store(url, deadlines=PATIENT)
    yield store
    await store.close()
