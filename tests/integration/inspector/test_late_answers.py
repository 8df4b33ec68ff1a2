"""Answers of the database from before a deletion that the database has when they arrive."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest

from libra.app import Libra, PageNotFound, Settings
from libra.storage.rows.entries import Entry, RefusedRow
from libra.storage.sqlite.store import SQLiteStore
from libra.testing import drained, finished, stored
from support.site import WebSite

Question = Callable[[Libra, str], Coroutine[Any, Any, list[str]]]


async def recent(libra: Libra, _url: str) -> list[str]:
    return [page.id for page in (await libra.recent()).pages]


async def urls(libra: Libra, _url: str) -> list[str]:
    return [one.newest.id for one in (await libra.urls()).urls]


async def timeline(libra: Libra, url: str) -> list[str]:
    return [page.id for page in (await libra.timeline(url)).pages]


@pytest.mark.parametrize("question", [recent, urls, timeline], ids=lambda asked: asked.__name__)
@pytest.mark.parametrize("path", ["/", "/held"])
async def test_a_page_does_not_come_back_with_an_answer_from_before_its_deletion(
    site: WebSite,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    question: Question,
) -> None:
    read, save = getattr(SQLiteStore, question.__name__), SQLiteStore.save
    saving, save_on, answered, arrive = (asyncio.Event() for _ in range(4))

    async def saved_later(store: SQLiteStore, entries: Sequence[Entry]) -> list[RefusedRow]:
        saving.set()
        await save_on.wait()
        return await save(store, entries)

    async def read_slowly(store: SQLiteStore, *arguments: Any, **more: Any) -> Any:
        found = await read(store, *arguments, **more)
        answered.set()
        await arrive.wait()
        return found

    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url(path))
        if path == "/":
            await finished(libra, page_id)
        await stored(libra, page_id)
        monkeypatch.setattr(SQLiteStore, "save", saved_later)
        await libra.forget(page_id)
        await asyncio.wait_for(saving.wait(), 60)
        monkeypatch.setattr(SQLiteStore, question.__name__, read_slowly)
        asked = asyncio.create_task(question(libra, site.url(path)))
        await asyncio.wait_for(answered.wait(), 60)
        save_on.set()
        await drained(libra)
        arrive.set()
        assert await asked == []
        with pytest.raises(PageNotFound):
            await libra.report(page_id)
