"""Nothing that was acknowledged is lost while the database is away, over restarts too."""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from libra.app import DataDirInUse, Libra, PageNotFound, PageUnknown
from libra.ids import new_id
from libra.inspector import restorer
from libra.inspector.admission import Admission
from libra.inspector.durability import durability, journal_writer
from libra.report import Backup, Report
from libra.settings import Settings
from libra.storage import Snapshot, open_store
from libra.storage.journal.journal import Journal
from libra.storage.rows.entries import Deleted, Entry, RefusedRow
from libra.storage.sqlite.store import SQLiteStore
from libra.testing import (
    drained,
    finished,
    journal_size,
    process_of,
    settled,
    stored,
    until,
)
from support.journal import journal_in, left_behind
from support.patience import HURRIED
from support.site import WebSite


@pytest.fixture
def away(settings: Settings, tmp_path: Path) -> Settings:
    """Settings whose database cannot be opened until its directory is there: see `mend`."""
    return msgspec.structs.replace(settings, database=f"sqlite:///{tmp_path}/disk/libra.sqlite3")


@pytest.fixture
def mend(tmp_path: Path) -> Callable[[], None]:
    return (tmp_path / "disk").mkdir


async def safe(libra: Libra, page_id: str, backup: Backup) -> Report:
    return await until(libra, page_id, lambda report: report.backup == backup)


async def test_a_submission_is_on_disk_before_it_is_acknowledged(
    site: WebSite, away: Settings
) -> None:
    async with Libra.open(away) as libra:
        page_id = await libra.weigh(site.url("/held"))
        assert journal_size(libra) == 1
        assert (await libra.report(page_id)).backup == "journaled"
        site.gate.set()


async def test_a_result_survives_a_restart_while_the_database_is_away_and_is_stored_when_it_is_back(
    site: WebSite, away: Settings, mend: Callable[[], None]
) -> None:
    async with Libra.open(away) as libra:
        page_id = await libra.weigh(site.url())
        await finished(libra, page_id)
        before = await safe(libra, page_id, "journaled")
        assert libra.health().waiting_to_be_stored == 1
    async with Libra.open(away) as libra:
        again = await until_there(libra, page_id)
        assert again == msgspec.structs.replace(before, version=again.version)
        assert again.version > before.version
        mend()
        after = await stored(libra, page_id)
        assert after.version > again.version
        assert after == msgspec.structs.replace(before, version=after.version, backup="stored")
    assert site.hits["/"] == 1
    async with Libra.open(away) as libra:
        assert await libra.report(page_id) == after
        assert journal_size(libra) == 0


async def test_a_page_that_finishes_before_its_submission_is_saved_goes_to_the_journal_first(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    saving, saved, disk = asyncio.Event(), asyncio.Event(), threading.Event()
    save, write = SQLiteStore.save, Journal.write
    finished_rows: list[str] = []

    async def held(store: SQLiteStore, entries: Sequence[Entry]) -> list[RefusedRow]:
        saving.set()
        await saved.wait()
        finished_rows.extend(e.id for e in entries if isinstance(e, Snapshot) and e.finished_at)
        return await save(store, entries)

    def slow(journal: Journal, entries: Sequence[Entry]) -> None:
        if any(isinstance(entry, Snapshot) and entry.finished_at for entry in entries):
            disk.wait()
        write(journal, entries)

    monkeypatch.setattr(SQLiteStore, "save", held)
    monkeypatch.setattr(Journal, "write", slow)
    async with Libra.open(settings) as libra:
        await libra.weigh(site.url("/held"))
        await saving.wait()  # with this one only
        page_id = await libra.weigh(site.url())
        await finished(libra, page_id)
        saved.set()
        await drained(libra)
        before = list(finished_rows)
        disk.set()
        await stored(libra, page_id)
        await drained(libra)
        site.gate.set()
    assert (before, finished_rows[:1]) == ([], [page_id])


async def until_there(libra: Libra, page_id: str) -> Report:
    await settled(libra)
    return await libra.report(page_id)


async def test_an_unfinished_page_is_weighed_again_after_a_restart_without_a_database(
    site: WebSite, away: Settings
) -> None:
    away = msgspec.structs.replace(away, shutdown_grace=0)
    async with Libra.open(away) as libra:
        page_id = await libra.weigh(site.url("/held"))
        await site.until_held()
        seen = (await libra.report(page_id)).version
    site.gate.set()
    async with Libra.open(away) as libra:
        assert (await until_there(libra, page_id)).version >= 1
        report = await finished(libra, page_id)
        assert report.status == "weighed"
        assert report.version > seen


async def test_unfinished_pages_begin_during_an_outage_only_as_fast_as_they_are_admitted(
    site: WebSite, away: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restorer, "SLICE", 1)
    pages = [left_behind(away, site.url("/held"), deaths=0) for _ in range(6)]
    async with Libra.open(away) as libra:
        with monkeypatch.context() as patch:
            patch.setattr(Admission, "mailbox_limit", 2)
            for page_id in pages:
                await until_there(libra, page_id)
                await until(libra, page_id, lambda report: report.status == "fetching")
        site.gate.set()
        for page_id in pages:
            assert (await finished(libra, page_id)).status == "weighed"


async def test_a_page_that_the_database_knows_as_finished_is_not_weighed_again(
    site: WebSite, settings: Settings
) -> None:
    """The journal may hold a submission whose result reached the database and not the journal."""
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url("/held"))
        await site.until_held()
        await stored(libra, page_id)
        row = await row_of(settings, page_id)
        site.gate.set()
        await finished(libra, page_id)
        before = await stored(libra, page_id)
    with journal_in(settings.data_dir) as journal:
        journal.write([row])
    async with Libra.open(settings) as libra:
        await until_there(libra, page_id)
        await finished(libra, page_id)
        after = await stored(libra, page_id)
        assert after.version > before.version
        assert msgspec.structs.replace(after, version=before.version) == before
    assert site.hits["/held"] == 1


async def test_a_deletion_during_an_outage_survives_a_restart_and_reaches_the_database(
    site: WebSite, away: Settings, mend: Callable[[], None]
) -> None:
    mend()
    async with Libra.open(away) as libra:
        page_id = await libra.weigh(site.url())
        await finished(libra, page_id)
        await stored(libra, page_id)
    file = Path(away.database_url().removeprefix("sqlite:///"))
    hidden = file.parent.rename(file.parent.with_name("elsewhere"))
    journaled = msgspec.structs.replace(away, restore="off")
    async with Libra.open(journaled) as libra:
        # It is not in memory and cannot be looked up: whether it exists cannot be told.
        with pytest.raises(PageUnknown):
            await libra.forget(page_id)
        early = await libra.weigh(site.url())
        await libra.forget(early)
        with pytest.raises(PageNotFound):
            await libra.report(early)
    hidden.rename(file.parent)
    async with Libra.open(journaled) as libra:
        await settled(libra)
        with pytest.raises(PageNotFound):
            await libra.report(early)
        assert (await libra.report(page_id)).status == "weighed"


async def test_what_the_database_says_is_not_believed_before_the_journal_is_read(
    site: WebSite, settings: Settings
) -> None:
    settings = msgspec.structs.replace(settings, restore="lazy")
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url())
        await finished(libra, page_id)
        await stored(libra, page_id)
    row = await row_of(settings, page_id)
    with journal_in(settings.data_dir) as journal:
        others = [renamed(row, new_id()) for _ in range(2_000)]
        journal.write([*others, Deleted(page_id, datetime.now(UTC))])
    async with Libra.open(settings) as libra:
        # The journal takes a while to read; the deletion is its last entry.
        assert page_id not in [page.id for page in (await libra.recent(limit=1_000)).pages]
        with pytest.raises((PageNotFound, PageUnknown)):
            await libra.report(page_id)
        await settled(libra)
        with pytest.raises(PageNotFound):
            await libra.report(page_id)


async def row_of(settings: Settings, page_id: str) -> Snapshot:
    """The row of a page in the database."""
    store = open_store(settings.database_url())
    await store.open()
    try:
        row = await store.load(page_id)
    finally:
        await store.close()
    assert row is not None
    return row


def renamed(row: Snapshot, page_id: str) -> Snapshot:
    report = row.report.replace(row.id.encode(), page_id.encode())
    return msgspec.structs.replace(row, id=page_id, report=report)


async def test_without_a_database_an_unknown_page_may_exist_and_a_list_is_partial(
    site: WebSite, away: Settings
) -> None:
    async with Libra.open(away) as libra:
        page_id = await libra.weigh(site.url())
        await finished(libra, page_id)
        with pytest.raises(PageUnknown) as unknown:
            await libra.report("0199c0de-0000-7000-8000-000000000000")
        assert unknown.value.retry_after > 0
        listed = await libra.recent()
        assert listed.partial
        assert [page.id for page in listed.pages] == [page_id]
        health = libra.health()
        assert health.accepting
        database = health.parts["database"]
        assert database.status == "down"
        assert re.search(r"\(breaker (half-)?open, \d+ attempts? failed\)$", database.detail or "")
        assert health.parts["journal"].status == "ok"


async def test_a_second_libra_on_the_same_data_directory_is_refused(settings: Settings) -> None:
    async with Libra.open(settings):
        with pytest.raises(DataDirInUse, match="--data-dir"):
            async with Libra.open(settings):
                pass
    async with Libra.open(settings):
        pass


async def test_a_disk_that_cannot_be_written_refuses_nobody_and_is_not_kept_quiet(
    site: WebSite, away: Settings, tmp_path: Path
) -> None:
    in_the_way = tmp_path / "journal"
    in_the_way.write_text("a file where a directory should be")
    async with Libra.open(away) as libra:
        page_id = await libra.weigh(site.url())
        report = await finished(libra, page_id)
        assert (report.status, report.backup) == ("weighed", "memory")
        part = libra.health().parts["journal"]
        assert part.status == "down"
        assert part.detail is not None
        in_the_way.unlink()
        assert (await safe(libra, page_id, "journaled")).status == "weighed"
        assert libra.health().parts["journal"].status == "ok"
    async with Libra.open(away) as libra:
        assert (await until_there(libra, page_id)).backup == "journaled"


async def test_a_journal_whose_folder_is_removed_is_written_anew(
    site: WebSite, away: Settings, tmp_path: Path
) -> None:
    async with Libra.open(away) as libra:
        first = await libra.weigh(site.url())
        await finished(libra, first)
        before = await safe(libra, first, "journaled")
        gone = await libra.weigh(site.url())
        await libra.forget(gone)
        shutil.rmtree(tmp_path / "journal")
        second = await libra.weigh(site.url())
        await finished(libra, second)
        await safe(libra, second, "journaled")
        await until(libra, first, lambda r: r.backup == "journaled" and r.version > before.version)
        assert libra.health().parts["journal"].status == "ok"
        assert journal_size(libra) == 3
    async with Libra.open(away) as libra:
        for page_id in (first, second):
            assert (await until_there(libra, page_id)).backup == "journaled"
        with pytest.raises(PageNotFound):
            await libra.report(gone)


async def test_what_the_journal_lost_to_damage_is_counted_and_said(
    site: WebSite, away: Settings, tmp_path: Path
) -> None:
    async with Libra.open(away) as libra:
        pages = [await libra.weigh(site.url()) for _ in range(3)]
        for page_id in pages:
            await finished(libra, page_id)
            await safe(libra, page_id, "journaled")
    with journal_in(tmp_path) as journal:
        kept = [entry for batch in journal.batches() for entry in batch]
        journal.drop((entry.id, entry.version) for entry in kept)
        journal.write(kept)
    path = max((tmp_path / "journal").glob("*.journal"))
    content = bytearray(path.read_bytes())
    content[-10] ^= 1
    path.write_bytes(content)
    async with Libra.open(away) as libra:
        await settled(libra)
        part = libra.health().parts["journal"]
        assert part.status == "degraded"
        assert (part.detail or "").startswith("1 damaged or missing entries")
        assert sum([page.id in pages for page in (await libra.recent()).pages]) == 2


async def test_without_a_journal_a_page_says_that_it_is_only_in_memory(
    site: WebSite, away: Settings
) -> None:
    async with Libra.open(msgspec.structs.replace(away, journal=False)) as libra:
        page_id = await libra.weigh(site.url())
        assert (await finished(libra, page_id)).backup == "memory"
        assert libra.health().parts["journal"].detail == "the journal is switched off"


async def test_a_disk_that_hangs_holds_up_nobody_not_even_the_end(
    site: WebSite, away: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()
    async with Libra.open(away) as libra:
        monkeypatch.setattr(Journal, "write", lambda journal, entries: disk.wait())
        monkeypatch.setattr(journal_writer, "PATIENCE", HURRIED.save)
        monkeypatch.setattr(durability, "DISK_PATIENCE", HURRIED.save)
        page_id = await libra.weigh(site.url())
        report = await finished(libra, page_id)
        assert (report.status, report.backup) == ("weighed", "memory")
        assert libra.health().parts["journal"].status == "down"
        assert (await finished(libra, await libra.weigh(site.url()))).status == "weighed"
    disk.set()


async def test_what_is_deleted_while_pages_are_restored_stays_deleted(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row that was read before the deletion must not bring the page back to life after it."""
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url())
        await finished(libra, page_id)
        await stored(libra, page_id)
    read, go_on = asyncio.Event(), asyncio.Event()
    batches = SQLiteStore.batches

    async def held(store: SQLiteStore, **arguments: Any) -> AsyncIterator[list[Snapshot]]:
        async for batch in batches(store, **arguments):
            read.set()
            await go_on.wait()
            yield batch

    monkeypatch.setattr(SQLiteStore, "batches", held)
    async with Libra.open(settings) as libra:
        await read.wait()
        await libra.forget(page_id)
        await drained(libra)
        restorer = process_of(libra, "restorer")
        assert restorer is not None
        go_on.set()
        await restorer.wait_down()
        with pytest.raises(PageNotFound):
            await libra.report(page_id)
        assert libra.health().waiting_to_be_stored == 0
