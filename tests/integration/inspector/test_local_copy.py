"""A restart in the middle of an outage finds what was in memory, whatever the database does."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sqlite3
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import aiohttp
import msgspec
import pytest

from libra.app import Libra, PageNotFound, PageUnknown, Settings, WatchNotFound
from libra.ids import new_id
from libra.report import decode, restamp
from libra.storage import Deleted, open_store
from libra.storage.journal.journal import Journal
from libra.testing import (
    drained,
    finished,
    following,
    process_of,
    settled,
    stored,
    until,
    until_watch,
    watches_restored,
)
from support.asking import PATIENCE, eventually
from support.journal import journal_in
from support.needs import require
from support.nursery import Nursery, Program
from support.patience import PATIENT
from support.postgres import Postgres, running_postgres
from support.site import WebSite


class Elsewhere:
    """A SQLite file in a folder of its own, which can go away and come back."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._away = folder, folder.with_name("away")
        self.folder.mkdir()
        self.url = f"sqlite:///{folder}/libra.db"

    def leave(self) -> None:
        self.folder.rename(self._away)

    def come_back(self) -> None:
        self._away.rename(self.folder)

    @property
    def file(self) -> Path:
        return (self.folder if self.folder.exists() else self._away) / "libra.db"

    def sql(self, text: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(self.file, timeout=10)) as connection:
            if text.startswith("SELECT"):
                return connection.execute(text).fetchall()
            connection.executescript(text)
            return []


@pytest.fixture(autouse=True)
def _no_lease_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libra.storage.sqlite.writer_log.LEASE", 1e6)
    monkeypatch.setattr("libra.inspector.restorer.RETRY", 0.05)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Elsewhere:
    return Elsewhere(tmp_path / "elsewhere")


@pytest.fixture
def settings(settings: Settings, elsewhere: Elsewhere, tmp_path: Path) -> Settings:
    return msgspec.structs.replace(settings, data_dir=tmp_path / "data", database=elsewhere.url)


async def weighed(libra: Libra, url: str) -> tuple[str, bytes]:
    """A page that is stored, and its report."""
    page_id = await libra.weigh(url)
    await finished(libra, page_id)
    await stored(libra, page_id)
    return page_id, (await libra.report_bytes(page_id))[1]


@pytest.mark.parametrize("restore", ["eager", "lazy"])
async def test_what_was_stored_is_there_as_it_was_and_new_pages_are_stored_later(
    site: WebSite, settings: Settings, elsewhere: Elsewhere, restore: str
) -> None:
    settings = msgspec.structs.replace(settings, restore=restore)
    async with Libra.open(settings) as libra:
        page_id, before = await weighed(libra, site.url())
        watch = await libra.watch(site.url())
        watch = await until_watch(
            libra, watch.id, lambda w: w.backup == "stored" and w.last is not None
        )
        await drained(libra)
    elsewhere.leave()
    for _ in range(2):
        async with Libra.open(settings) as libra:
            await settled(libra)
            assert (await libra.report_bytes(page_id))[1] == before
            assert (await libra.report(page_id)).backup == "stored"
            assert libra.watch_of(watch.id).backup == "stored"
            assert libra.watch_of(watch.id).last == watch.last
            with pytest.raises(PageUnknown):
                await libra.report(new_id())
    async with Libra.open(settings) as libra:
        await settled(libra)
        other = await libra.weigh(site.url())
        assert (await finished(libra, other)).backup in ("memory", "journaled")
        elsewhere.come_back()
        await stored(libra, other)
        assert (await libra.report_bytes(page_id))[1] == before
    assert {(other,), (page_id,)} <= set(elsewhere.sql("SELECT id FROM pages"))


async def test_what_is_deleted_or_has_expired_is_not_in_the_copy(
    site: WebSite, settings: Settings, elsewhere: Elsewhere
) -> None:
    async with Libra.open(settings) as libra:
        deleted, _ = await weighed(libra, site.url())
        kept, _ = await weighed(libra, site.url())
        await libra.forget(deleted)
        await drained(libra)
    with journal_in(settings.data_dir, settings.local_copy) as journal:
        assert [row.id for batch in journal.copies() for row in batch] == [kept]
    async with Libra.open(msgspec.structs.replace(settings, max_pages=1)) as libra:
        await settled(libra)
        other, _ = await weighed(libra, site.url())  # for which the first has to leave
    with journal_in(settings.data_dir, settings.local_copy) as journal:
        copied = [row for batch in journal.copies() for row in batch]
        assert [row.id for row in copied] == [other]
        expired = [msgspec.structs.replace(row, expires_at=row.submitted_at) for row in copied]
        journal.copy([msgspec.structs.replace(row, version=row.version + 1) for row in expired])
    elsewhere.leave()
    async with Libra.open(settings) as libra:
        await settled(libra)
        for page_id in (kept, other):
            with pytest.raises(PageUnknown):
                await libra.report(page_id)
    with journal_in(settings.data_dir, settings.local_copy) as journal:
        assert journal.copied == 0


@pytest.mark.parametrize("restore", ["eager", "lazy"])
async def test_what_another_libra_changed_or_deleted_meanwhile_is_taken_from_the_database(
    site: WebSite, settings: Settings, elsewhere: Elsewhere, restore: str
) -> None:
    settings = msgspec.structs.replace(settings, restore=restore)
    async with Libra.open(settings) as libra:
        changed, before = await weighed(libra, site.url())
        deleted, _ = await weighed(libra, site.url())
        same, as_it_was = await weighed(libra, site.url())
        watch = await libra.watch(site.url())
        await until_watch(libra, watch.id, lambda w: w.backup == "stored" and w.page is None)
        await drained(libra)
    elsewhere.leave()
    async with Libra.open(settings) as libra:
        await settled(libra)
        assert (await libra.report_bytes(changed))[1] == before
        await libra.report(deleted)
        newer = await changed_by_another(elsewhere, changed, deleted, watch.id)
        elsewhere.come_back()
        await watches_restored(libra)
        with pytest.raises(WatchNotFound):
            libra.watch_of(watch.id)
        await until_gone(libra, deleted)
        report = await until(libra, changed, lambda report: report.version == newer)
        assert report.backup == "stored"
        assert (await libra.report_bytes(same))[1] == as_it_was
    elsewhere.leave()
    async with Libra.open(settings) as libra:  # and so it is in the copy
        await settled(libra)
        assert (await libra.report(changed)).version == newer
        with pytest.raises(PageUnknown):
            await libra.report(deleted)


async def test_what_is_damaged_in_the_database_stays_as_it_is_in_the_copy(
    site: WebSite, settings: Settings, elsewhere: Elsewhere
) -> None:
    async with Libra.open(settings) as libra:
        page_id, before = await weighed(libra, site.url())
        watch = await libra.watch(site.url())
        await until_watch(libra, watch.id, lambda w: w.backup == "stored" and w.page is None)
        await drained(libra)
    elsewhere.sql(
        f"UPDATE pages SET url = x'ff' WHERE id = '{page_id}'; UPDATE watches SET url = x'ff'"
    )
    async with Libra.open(settings) as libra:
        await settled(libra)
        await watches_restored(libra)
        restorer = process_of(libra, "restorer")
        if restorer is not None:
            await restorer.wait_down()
        assert (await libra.report_bytes(page_id))[1] == before
        assert libra.watch_of(watch.id).url == watch.url
    assert elsewhere.sql(f"SELECT url FROM pages WHERE id = '{page_id}'") == [(b"\xff",)]


async def changed_by_another(elsewhere: Elsewhere, changed: str, deleted: str, watch: str) -> int:
    """The work of another Libra; returns the version of what it changed."""
    store = open_store(f"sqlite:///{elsewhere.file}", deadlines=PATIENT)
    row = await store.load(changed)
    assert row is not None
    version = row.version + 2**32
    report = restamp(row.report, version, "stored")
    await store.save(
        [
            msgspec.structs.replace(row, version=version, report=report),
            Deleted(deleted, datetime.now(UTC)),
            Deleted(watch, datetime.now(UTC), "watch"),
        ]
    )
    await store.close()
    return version


async def until_gone(libra: Libra, page_id: str) -> None:
    with following(libra, page_id) as change:
        while True:
            try:
                await libra.report(page_id)
            except PageNotFound:
                return
            await change.wait()
            change.clear()


async def test_where_the_database_has_gone_back_the_copy_is_saved_again(
    site: WebSite, settings: Settings, elsewhere: Elsewhere
) -> None:
    async with Libra.open(settings) as libra:
        await weighed(libra, site.url())
        await drained(libra)
    shutil.copytree(elsewhere.folder, elsewhere.folder.with_name("older"))
    async with Libra.open(settings) as libra:
        page_id, before = await weighed(libra, site.url())
        await drained(libra)
    shutil.rmtree(elsewhere.folder)
    elsewhere.folder.with_name("older").rename(elsewhere.folder)
    async with Libra.open(settings) as libra:
        await settled(libra)
        await until(libra, page_id, lambda report: report.version > decode(before).version)
        after = await stored(libra, page_id)
        assert msgspec.structs.replace(after, version=decode(before).version) == decode(before)
        await drained(libra)
    assert (page_id,) in elsewhere.sql("SELECT id FROM pages")


async def test_what_a_database_that_nobody_remembers_lacks_is_saved_to_it(
    site: WebSite, settings: Settings, elsewhere: Elsewhere
) -> None:
    async with Libra.open(settings) as libra:
        page_id, before = await weighed(libra, site.url())
        watch = await libra.watch(site.url())
        await until_watch(libra, watch.id, lambda w: w.backup == "stored" and w.page is None)
        await drained(libra)
    shutil.rmtree(elsewhere.folder)
    elsewhere.folder.mkdir()
    (settings.data_dir / "database.json").unlink()
    async with Libra.open(settings) as libra:
        await settled(libra)
        await until(libra, page_id, lambda r: r.version > decode(before).version)
        await stored(libra, page_id)
        await watches_restored(libra)
        await until_watch(libra, watch.id, lambda w: w.backup == "stored")
        await drained(libra)
    assert (page_id,) in elsewhere.sql("SELECT id FROM pages")
    assert elsewhere.sql("SELECT id FROM watches") == [(watch.id,)]


async def test_what_was_pruned_does_not_come_back_from_the_copy(
    site: WebSite, settings: Settings, elsewhere: Elsewhere
) -> None:
    async with Libra.open(settings) as libra:
        page_id, _ = await weighed(libra, site.url())
        store = open_store(elsewhere.url, deadlines=PATIENT)
        assert await store.prune(older_than=datetime.now(UTC)) == 1
        await store.close()
        other, _ = await weighed(libra, site.url())
    elsewhere.leave()
    async with Libra.open(settings) as libra:
        await settled(libra)
        # The first Libra may have met the mark of it, when it saved the page once more.
        with pytest.raises((PageUnknown, PageNotFound)):
            await libra.report(page_id)
        assert (await libra.report(other)).backup == "stored"


async def test_pages_that_come_from_the_database_are_copied_too(
    site: WebSite, settings: Settings, elsewhere: Elsewhere
) -> None:
    async with Libra.open(settings) as libra:
        page_id, before = await weighed(libra, site.url())
    shutil.rmtree(settings.data_dir / "journal")
    async with Libra.open(settings) as libra:
        await settled(libra)
        await until(libra, page_id, lambda _: True)
    elsewhere.leave()
    async with Libra.open(settings) as libra:
        await settled(libra)
        assert (await libra.report_bytes(page_id))[1] == before


@pytest.mark.parametrize(
    "without",
    [{"local_copy": 0}, {"journal": False}, {"restore": "off"}, {"database": None}],
    ids=str,
)
async def test_there_is_no_copy_where_nobody_wants_one_or_it_would_be_of_no_use(
    site: WebSite, settings: Settings, without: dict[str, object]
) -> None:
    async with Libra.open(msgspec.structs.replace(settings, **without)) as libra:
        await weighed(libra, site.url())
        await drained(libra)
    assert list(settings.data_dir.glob("journal/*")) == []


@asynccontextmanager
async def serving(
    data: Path, database: str, nursery: Nursery
) -> AsyncIterator[tuple[Program, str]]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIBRA_")}
    process = await nursery.libra(
        *("serve", "--port", "0", "--allow", "127.0.0.0/8", "--migrate"),
        *("--data-dir", str(data), "--database", database),
        stdout=PIPE,
        env=environment,
        cwd=data.parent,
    )
    assert process.stdout is not None
    try:
        line = (await process.stdout.readline()).decode()
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found, line
        yield process, found[0]
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def copied(data: Path, tmp_path: Path) -> int:
    """How many pages the copy of a running Libra has; it must not be looked at in place."""
    shutil.rmtree(tmp_path / "look", ignore_errors=True)
    shutil.copytree(data / "journal", tmp_path / "look" / "journal", dirs_exist_ok=True)
    journal = Journal(tmp_path / "look" / "journal", local_copy=1)
    journal.scan()
    return sum(len(batch) for batch in journal.copies())


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    require("PostgreSQL")
    with running_postgres() as server:
        yield server


async def test_postgres_is_stopped_libra_is_killed_and_all_is_there(
    site: WebSite, tmp_path: Path, nursery: Nursery, postgres: Postgres
) -> None:
    data = tmp_path / "data"
    async with aiohttp.ClientSession() as session:

        async def read(address: str, page: str) -> tuple[int, bytes]:
            async with session.get(f"{address}/pages/{page}") as answer:
                return answer.status, await answer.read()

        async def once_stored(address: str, page: str) -> bytes | None:
            _, body = await read(address, page)
            report = decode(body)
            return body if (report.status, report.backup) == ("weighed", "stored") else None

        async def once_known(address: str, page: str) -> tuple[int, bytes] | None:
            answered = await read(address, page)
            return None if answered[0] == 503 else answered

        async def all_copied() -> bool:
            return copied(data, tmp_path) >= len(pages)

        async def submit(address: str, number: int) -> str:
            async with session.post(
                f"{address}/pages",
                json={"url": site.url()},
                headers={"Idempotency-Key": str(number)},
            ) as answer:
                return str((await answer.json())["id"])

        async with serving(data, postgres.url(), nursery) as (process, address):
            pages = [await submit(address, number) for number in range(3)]
            before = {}
            for page in pages:
                before[page] = await eventually(
                    partial(once_stored, address, page), f"{page} is stored", within=PATIENCE
                )
            await eventually(all_copied, "all pages are copied", within=PATIENCE)
            postgres.stop()
            process.send_signal(signal.SIGKILL)
            await process.wait()
        for _ in range(2):
            async with serving(data, postgres.url(), nursery) as (process, address):
                for page in pages:
                    answered = await eventually(
                        partial(once_known, address, page), f"{page} is known", within=PATIENCE
                    )
                    assert answered == (200, before[page])
                assert [await submit(address, number) for number in range(3)] == pages
                process.send_signal(signal.SIGKILL)
                await process.wait()
