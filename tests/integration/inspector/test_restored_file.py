"""A SQLite file that is swapped for an older copy while Libra runs, in each way that people do that."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
import pytest

from libra.app import Full, Libra, PageUnknown, Settings
from libra.ids import new_id
from libra.inspector.durability import journal_writer
from libra.inspector.pages.page_inspector import leave
from libra.otp import GenServer
from libra.report import Report
from libra.storage.journal.journal import Journal
from libra.storage.rows.entries import Entry
from libra.testing import (
    drained,
    finished,
    stored,
    until,
    until_watch,
    watches_restored,
)
from support.site import WebSite

Copy = Callable[[Path, Path], None]
Way = Callable[[Path, Path], None]


@pytest.fixture(autouse=True)
def _no_lease_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libra.storage.sqlite.writer_log.LEASE", 1e6)


def backup(path: Path, copy: Path) -> None:
    """As `sqlite3 libra.sqlite3 .backup` does: page by page."""
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def vacuum(path: Path, copy: Path) -> None:
    """Another file with the same rows, whose pages have other numbers."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"VACUUM INTO '{copy}'")


def cp(copy: Path, path: Path) -> None:
    """The file is emptied and written anew."""
    shutil.copyfile(copy, path)


def dd(copy: Path, path: Path) -> None:
    """It is written over, and cut to its size then: `dd conv=notrunc`, rsync --inplace."""
    with path.open("r+b") as file:
        file.write(copy.read_bytes())
        file.truncate()


def mv(copy: Path, path: Path) -> None:
    """Another file is moved there."""
    shutil.copyfile(copy, other := path.with_name("other"))
    other.replace(path)


def aside(copy: Path, path: Path) -> None:
    """The file is moved away, and a copy is made where it stood."""
    path.rename(path.with_name("former"))
    shutil.copyfile(copy, path)


def without_wal(way: Way) -> Way:
    def done(copy: Path, path: Path) -> None:
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink(missing_ok=True)
        way(copy, path)

    done.__name__ = f"rm_wal_then_{way.__name__}"
    return done


WAYS = [cp, dd, mv, aside, *map(without_wal, (cp, dd, mv, aside))]


def rows(path: Path) -> list[str]:
    with closing(sqlite3.connect(path, timeout=10)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [row[0] for row in connection.execute("SELECT id FROM pages ORDER BY id")]


def newer(version: int, report: Report) -> bool:
    return report.version > version


async def weighed(libra: Libra, url: str) -> str:
    page_id = await libra.weigh(url)
    await finished(libra, page_id)
    await stored(libra, page_id)
    return page_id


@pytest.mark.parametrize("copied", [backup, vacuum])
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
async def test_a_file_swapped_for_an_older_copy_is_noticed_and_given_what_it_lacks(
    site: WebSite, settings: Settings, tmp_path: Path, way: Way, copied: Copy
) -> None:
    path, copy = tmp_path / "libra.sqlite3", tmp_path / "copy"
    async with Libra.open(settings) as libra:
        first = await weighed(libra, site.url())
        copied(path, copy)
        later = [await weighed(libra, site.url()) for _ in range(3)]
        before = {page_id: (await libra.report(page_id)).version for page_id in later}
        # Some of it is in the file and some in the WAL, which would be written over the copy.
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint")
        later.append(await weighed(libra, site.url()))
        way(copy, path)
        with pytest.raises(PageUnknown):  # whatever asks it next notices that
            await libra.report(new_id())
        for page_id, version in before.items():
            await until(libra, page_id, partial(newer, version))
        for page_id in later:
            await stored(libra, page_id)
        await drained(libra)
        part = libra.health().parts["database"]
        assert part.status == "ok"
        assert "has gone back" in (part.detail or "")
        assert rows(path) == sorted([first, *later])
    assert rows(path) == sorted([first, *later])
    async with Libra.open(settings) as libra:
        for page_id in (first, *later):
            assert (await libra.report(page_id)).status == "weighed"


async def test_an_older_copy_brings_back_the_lease_of_a_killed_life_and_nothing_is_dropped_for_it(
    site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    path, copy = tmp_path / "libra.sqlite3", tmp_path / "copy"
    async with Libra.open(settings) as libra:
        first = await weighed(libra, site.url())
        backup(path, copy)
    with closing(sqlite3.connect(copy)) as connection:  # it was killed, and so kept its lease
        assert connection.execute("SELECT count(*) FROM libra_lease").fetchone() == (1,)
    async with Libra.open(settings) as libra:
        later = [await weighed(libra, site.url()) for _ in range(3)]
        before = [await libra.report(page_id) for page_id in later]
        mv(copy, path)
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        for report in before:
            after = await until(libra, report.id, partial(newer, report.version))
            assert after.assets == report.assets
        for page_id in later:
            await stored(libra, page_id)
        await drained(libra)
        assert libra.health().parts["database"].status == "ok"
    assert rows(path) == sorted([first, *later])


async def test_a_file_cut_short_is_no_crash_and_nothing_is_called_stored_that_is_not(
    site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    path, copy = tmp_path / "libra.sqlite3", tmp_path / "copy"
    async with Libra.open(settings) as libra:
        page_id = await weighed(libra, site.url())
        await drained(libra)
        backup(path, copy)
        version = (await libra.report(page_id)).version
        os.truncate(path, path.stat().st_size // 2 + 100)
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        await until(libra, page_id, lambda report: report.backup != "stored")
        cp(copy, path)  # it comes back whole
        await until(libra, page_id, lambda r: r.backup == "stored" and r.version > version)
        await drained(libra)
    assert rows(path) == [page_id]


async def test_a_page_shows_the_loss_of_its_database_once_the_journal_has_it_again(
    site: WebSite, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If Libra is killed before that and the file comes back, no client has seen a newer version."""
    path, writing, disk = tmp_path / "libra.sqlite3", threading.Event(), threading.Event()
    write = Journal.write

    def held(journal: Journal, entries: Sequence[Entry]) -> None:
        writing.set()
        disk.wait(60)
        write(journal, entries)

    monkeypatch.setattr(journal_writer, "PATIENCE", 60)
    async with Libra.open(settings) as libra:
        page_id = await weighed(libra, site.url())
        await drained(libra)
        before = await libra.report(page_id)
        monkeypatch.setattr(Journal, "write", held)
        os.truncate(path, path.stat().st_size // 2 + 100)
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        await asyncio.to_thread(writing.wait, 60)
        assert await libra.report(page_id) == before
        disk.set()
        after = await until(libra, page_id, lambda report: report.backup == "journaled")
        assert after.version > before.version


@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), RuntimeError("a bug")])
async def test_a_page_shows_the_loss_of_its_database_at_once_if_the_journal_fails(
    site: WebSite,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failure: Exception,
) -> None:
    def fails(journal: Journal, entries: Sequence[Entry]) -> None:
        raise failure

    path = tmp_path / "libra.sqlite3"
    async with Libra.open(settings) as libra:
        page_id = await weighed(libra, site.url())
        await drained(libra)
        before = await libra.report(page_id)
        monkeypatch.setattr(Journal, "write", fails)
        os.truncate(path, path.stat().st_size // 2 + 100)
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        after = await until(libra, page_id, lambda report: report.backup == "memory")
        assert after.version > before.version


async def test_a_broken_file_that_is_moved_away_while_libra_is_stopped_costs_nothing_in_memory(
    site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "libra.sqlite3"
    async with Libra.open(settings) as libra:
        page_id = await weighed(libra, site.url())
        watch = await libra.watch(site.url())
        await until_watch(libra, watch.id, lambda w: w.backup == "stored" and w.page is None)
        await drained(libra)
        os.truncate(path, path.stat().st_size // 2 + 100)
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        await until(libra, page_id, lambda report: report.backup == "journaled")
        await until_watch(libra, watch.id, lambda w: w.backup == "journaled")
    for ending in ("", "-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    async with Libra.open(settings) as libra:
        await watches_restored(libra)
        assert libra.watch_of(watch.id).url == site.url()
        await drained(libra)
        assert page_id in rows(path)


async def test_what_a_broken_file_had_is_not_asked_to_make_room_until_it_is_stored_again(
    site: WebSite, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copy = tmp_path / "libra.sqlite3", tmp_path / "copy"
    asked: list[GenServer] = []

    async def ask(page: GenServer) -> bool:
        asked.append(page)
        return await leave(page)

    monkeypatch.setattr("libra.inspector.pages.pages.leave", ask)
    async with Libra.open(msgspec.structs.replace(settings, max_pages=2)) as libra:
        here = [await weighed(libra, site.url()) for _ in range(2)]
        await drained(libra)
        backup(path, copy)
        os.truncate(path, path.stat().st_size // 2 + 100)
        with pytest.raises(PageUnknown):
            await libra.report(new_id())
        for page_id in here:
            await until(libra, page_id, lambda report: report.backup == "journaled")
        for _ in range(2):
            with pytest.raises(Full):
                await libra.weigh(site.url())
        assert asked == []
        cp(copy, path)
        for page_id in here:
            await stored(libra, page_id)
        await weighed(libra, site.url())
        assert len(asked) == 1


async def test_a_wal_that_is_removed_takes_nothing_with_it(
    site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    path = tmp_path / "libra.sqlite3"
    async with Libra.open(settings) as libra:
        pages = [await weighed(libra, site.url())]
        for ending in ("-wal", "-shm"):
            path.with_name(path.name + ending).unlink()
        pages.append(await weighed(libra, site.url()))
        await drained(libra)
        assert rows(path) == pages  # what another program sees
    assert rows(path) == pages


async def test_another_program_that_works_on_the_file_is_no_loss(
    site: WebSite, settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "libra.sqlite3"
    async with Libra.open(settings) as libra:
        pages = [await weighed(libra, site.url())]
        for statement in ("PRAGMA wal_checkpoint", "VACUUM", "CREATE INDEX mine ON pages (score)"):
            with closing(sqlite3.connect(path, timeout=10)) as connection:
                connection.execute(statement)
            with closing(sqlite3.connect(path, timeout=10)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            pages.append(await weighed(libra, site.url()))
        await drained(libra)
        assert rows(path) == pages
    assert [line for line in caplog.messages if "database" in line] == []
