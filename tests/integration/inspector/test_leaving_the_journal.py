"""What nobody needs any more leaves the journal, whatever came between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from libra.app import Libra
from libra.inspector.durability import journal_writer
from libra.inspector.records.messages import ClockSet
from libra.inspector.services import utc_now
from libra.settings import Settings
from libra.storage import Snapshot
from libra.storage.journal.journal import Journal
from libra.storage.rows.entries import Entry, RefusedRow
from libra.storage.sqlite.store import SQLiteStore
from libra.testing import finished, journal_size, process_of, stored, until
from support.asking import PATIENCE, eventually
from support.site import WebSite


async def test_what_a_broken_disk_could_not_drop_is_dropped_once_it_works_again(
    site: WebSite, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_writer, "LOOK", 1e6)  # nothing but the drop finds the disk broken

    def broken(_: Journal) -> None:
        raise OSError("the disk is broken")

    away = f"sqlite:///{tmp_path}/disk/libra.sqlite3"  # in a folder that is not there
    async with Libra.open(msgspec.structs.replace(settings, database=away)) as libra:
        page_id = await libra.weigh(site.url())
        await finished(libra, page_id)
        await until(libra, page_id, lambda report: report.backup == "journaled")

        async def it_is_found_broken() -> bool:
            return libra.health().parts["journal"].status == "down"

        async def nothing_is_left() -> bool:
            return journal_size(libra) == 0

        with monkeypatch.context() as patch:
            patch.setattr(Journal, "lock", broken)
            (tmp_path / "disk").mkdir()
            await stored(libra, page_id)
            await eventually(it_is_found_broken, "the disk is found broken", within=PATIENCE)
            assert journal_size(libra) == 1
        await eventually(nothing_is_left, "the journal drops the page", within=PATIENCE)


@pytest.mark.parametrize("expires_first", [True, False])
async def test_a_page_that_the_database_refuses_leaves_memory_and_the_journal_when_it_expires(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch, *, expires_first: bool
) -> None:
    days = 0
    asked, answer = asyncio.Event(), asyncio.Event()

    async def refuse(store: SQLiteStore, entries: Sequence[Entry]) -> list[RefusedRow]:
        if any(isinstance(entry, Snapshot) and entry.finished_at for entry in entries):
            asked.set()
            await answer.wait()
        return [RefusedRow(entry.id, entry.version, "too odd") for entry in entries]

    monkeypatch.setattr(SQLiteStore, "save", refuse)
    async with Libra.open(settings, now=lambda: utc_now() + timedelta(days=days)) as libra:

        async def nothing_is_left() -> bool:
            return not (any(libra.health().pages.values()) or journal_size(libra))

        page_id = await libra.weigh(site.url())
        await asked.wait()
        if not expires_first:
            answer.set()
            await until(libra, page_id, lambda report: report.backup == "rejected")
        assert journal_size(libra) == 1
        days = 2
        page = process_of(libra, page_id)
        assert page is not None
        page.send(ClockSet())
        if expires_first:
            assert (await libra.report(page_id)).backup == "journaled"
            answer.set()
        await eventually(nothing_is_left, "the page has left", within=PATIENCE)
