"""Pages that come back from the database: they have no process until somebody asks for one."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
import zstandard

from libra.app import Libra, PageNotFound, PageUnreadable, Settings
from libra.inspector.services import utc_now
from libra.observability.health import Node
from libra.testing import drained, finished, process_of, stored
from support.asking import PATIENCE, eventually
from support.site import WebSite


@pytest.fixture
async def pages(site: WebSite, settings: Settings) -> list[str]:
    """Pages in the database of a Libra that has ended."""
    async with Libra.open(settings) as libra:
        pages = [await libra.weigh(site.url(f"/{number}")) for number in range(3)]
        for page_id in pages:
            await finished(libra, page_id)
            await stored(libra, page_id)
        await drained(libra)
    return pages


async def restored(libra: Libra) -> None:
    restorer = process_of(libra, "restorer")
    if restorer is not None:
        await restorer.wait_down()


def in_tree(libra: Libra, page_id: str) -> Node | None:
    def walk(node: Node) -> Node | None:
        if node.name == page_id:
            return node
        return next(filter(None, map(walk, node.children)), None)

    return walk(libra.tree())


async def test_a_page_is_read_listed_and_looked_at_without_being_woken(
    pages: list[str], settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        await restored(libra)
        running = libra.health().processes.running
        for page_id in pages:
            assert (await libra.report(page_id)).backup == "stored"
            node = in_tree(libra, page_id)
            assert node is not None
            assert (node.state, node.pid) == ("running", None)
        assert {page.id for page in (await libra.recent(limit=9)).pages} == set(pages)
        assert libra.health().processes.running == running


async def test_a_page_that_is_asleep_can_be_deleted(pages: list[str], settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        await restored(libra)
        await libra.forget(pages[0])
        with pytest.raises(PageNotFound):
            await libra.report(pages[0])
        await drained(libra)
    async with Libra.open(settings) as libra:
        await restored(libra)
        assert sum(libra.health().pages.values()) == 2


async def test_pages_that_are_asleep_make_room(
    pages: list[str], site: WebSite, settings: Settings
) -> None:
    settings = msgspec.structs.replace(settings, max_pages=3)
    async with Libra.open(settings) as libra:
        await restored(libra)
        other = await libra.weigh(site.url())
        assert sum(libra.health().pages.values()) == 3
        await finished(libra, other)


async def test_a_page_that_is_asleep_leaves_when_it_expires(
    pages: list[str], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libra.inspector.pages.expiry.INTERVAL", 0.01)
    days = 0

    async def none_is_in_memory() -> bool:
        return not any(libra.health().pages.values())

    async with Libra.open(settings, now=lambda: utc_now() + timedelta(days=days)) as libra:
        await restored(libra)
        assert not await none_is_in_memory()
        days = 2
        await eventually(none_is_in_memory, "every page has left", within=PATIENCE)
        assert (await libra.report(pages[0])).status == "weighed"  # the database has it


async def test_a_report_that_cannot_be_read_keeps_no_other_from_coming_back(
    pages: list[str], settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(tmp_path / "libra.sqlite3", isolation_level=None)) as connection:
        for page_id, data in zip(pages, (b"no frame", zstandard.compress(b"{}")), strict=False):
            connection.execute("UPDATE pages SET report = ? WHERE id = ?", (data, page_id))
    with caplog.at_level(logging.ERROR, "libra.restore"):
        async with Libra.open(settings) as libra:
            await restored(libra)
            assert (await libra.report(pages[2])).status == "weighed"
            assert sum(libra.health().pages.values()) == 1
    assert sum("set aside" in line for line in caplog.messages) == 2


@pytest.mark.parametrize(
    "damage", ["title = CAST(x'ff' AS TEXT)", f"report = x'{zstandard.compress(b'{}').hex()}'"]
)
async def test_a_row_that_cannot_be_read_costs_its_page_alone(
    damage: str, pages: list[str], site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    bad, *others = pages
    with closing(sqlite3.connect(tmp_path / "libra.sqlite3", isolation_level=None)) as connection:
        connection.execute(f"UPDATE pages SET {damage} WHERE id = ?", (bad,))
    async with Libra.open(settings) as libra:
        await restored(libra)
        assert [page.id for page in (await libra.recent(limit=2)).pages] == others[::-1]
        assert {page.id for page in (await libra.recent()).pages} == set(others)
        assert (await libra.report(others[0])).status == "weighed"
        with pytest.raises(PageUnreadable):
            await libra.report(bad)
        database = libra.health().parts["database"]
        assert database.status == "degraded"
        assert "rows that could not be read: 1" in (database.detail or "")
        other = await libra.weigh(site.url())
        await finished(libra, other)
        await stored(libra, other)
