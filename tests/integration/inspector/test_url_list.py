"""The list of URLs: from memory and the database as if they were one."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from itertools import count
from pathlib import Path

import msgspec
import pytest

from libra.app import Libra, UrlList
from libra.inspector.pages import url_list
from libra.inspector.records.page_record import PageRecord
from libra.settings import Settings
from libra.testing import finished, stored, until_watch
from libra.weighing.options import Viewport
from support.site import WebSite


def paths(listed: UrlList, site: WebSite) -> list[str]:
    return [row.newest.url.removeprefix(site.url("")) for row in listed.urls]


async def weighed(libra: Libra, url: str, viewport: str | None = None) -> str:
    options = None
    if viewport is not None:
        options = msgspec.structs.replace(libra.options, viewport=Viewport.parse(viewport))
    page_id = await libra.weigh(url, options)
    await finished(libra, page_id)
    await stored(libra, page_id)
    return page_id


async def test_each_url_is_there_once_with_what_it_weighed(
    site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        for path in ("/a", "/b", "/a"):
            await weighed(libra, site.url(path))
        await weighed(libra, site.url("/a"), "320x640@2")
        listed = await libra.urls()
        assert paths(listed, site) == ["/a", "/b"]
        first, second = listed.urls
        # Of the three only the last one was weighed for that window.
        assert (len(first.weights), first.change) == (1, None)
        assert second.weight == second.newest.total.transfer_bytes
        await weighed(libra, site.url("/a"))
        [only] = (await libra.urls(only=[site.url("/a")])).urls
        assert len(only.weights) == 3
        assert only.change == 0
        assert not listed.partial


async def test_it_is_sorted_and_filtered_and_goes_on(site: WebSite, settings: Settings) -> None:
    async with Libra.open(settings) as libra:
        for path in ("/c", "/b", "/slow-part?x", "/a"):
            page_id = await libra.weigh(site.url(path))
            if path.startswith("/slow"):
                await site.until_held()
                site.gate.set()
            await finished(libra, page_id)
        await finished(libra, await libra.weigh("http://nobody.invalid/"))
        assert [row.newest.url for row in (await libra.urls(status="failed")).urls] == [
            "http://nobody.invalid/"
        ]
        by_site = ["/a", "/b", "/c", "/slow-part?x"]
        here = "127.0.0.1"
        assert paths(await libra.urls(sort="site", host=here), site) == by_site
        first = await libra.urls(sort="site", host=here, limit=3)
        assert paths(first, site) == by_site[:3]
        rest = await libra.urls(sort="site", host=here, limit=3, after=first.next)
        assert paths(rest, site) == by_site[3:]
        assert rest.next is None
        assert paths(await libra.urls(text="SLOW"), site) == ["/slow-part?x"]
        heaviest = await libra.urls(sort="heaviest", host=here)
        weights = [row.weight or 0 for row in heaviest.urls]
        assert weights == sorted(weights, reverse=True)
        made = await libra.watch(site.url("/b"), max_weight=1)
        await until_watch(libra, made.id, lambda watch: watch.status == "over-budget")
        await weighed(libra, site.url("/c"))
        urls = [row.newest.url for row in (await libra.urls(sort="broken")).urls]
        assert set(urls[:2]) == {site.url("/b"), "http://nobody.invalid/"}
        assert urls[2] == site.url("/c")
        assert (await libra.urls(after="nonsense")).urls == (await libra.urls()).urls


async def test_it_is_there_through_an_outage_and_after_it(
    site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "libra.sqlite3"
    async with Libra.open(settings) as libra:
        for path in ("/a", "/b"):
            await weighed(libra, site.url(path))
        away = file.rename(tmp_path / "away")
        file.mkdir()
        newest = await finished(libra, await libra.weigh(site.url("/a")))
        for sort in ("newest", "heaviest", "broken", "site"):
            listed = await libra.urls(sort=sort)
            assert listed.partial
            assert sorted(paths(listed, site)) == ["/a", "/b"]
        first, second = (await libra.urls()).urls
        assert (first.newest.id, len(first.weights)) == (newest.id, 2)
        assert second.newest.url == site.url("/b")
        assert paths(await libra.urls(text="/B"), site) == ["/b"]
        file.rmdir()
        away.rename(file)
        await stored(libra, newest.id)
        back = await libra.urls()
        assert not back.partial
        assert [row.newest.id for row in back.urls] == [first.newest.id, second.newest.id]


async def test_a_url_that_is_saved_while_the_list_is_read_is_there_once(
    site: WebSite, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Libra.open(settings) as libra:
        await weighed(libra, site.url("/a"))
        with closing(sqlite3.connect(tmp_path / "libra.sqlite3")) as other:
            other.execute("BEGIN IMMEDIATE")
            newest = await finished(libra, await libra.weigh(site.url("/a")))

            async def save() -> None:
                other.rollback()
                await stored(libra, newest.id)

            while_memory_is_read_for_the_second_time(monkeypatch, save)
            [only] = (await libra.urls(text="/a")).urls
        assert (only.newest.id, len(only.weights)) == (newest.id, 2)


async def test_a_url_that_is_weighed_anew_while_the_list_is_read_is_there(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Libra.open(settings) as libra:
        await weighed(libra, site.url("/a"))

        async def weigh() -> None:
            await libra.weigh(site.url("/a"))

        while_memory_is_read_for_the_second_time(monkeypatch, weigh)
        assert paths(await libra.urls(text="/a"), site) == ["/a"]


def while_memory_is_read_for_the_second_time(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[None]]
) -> None:
    """The list reads memory before and after the database; then something happens in between."""
    matching, calls = url_list._matching, count(1)

    async def meanwhile(
        records: list[PageRecord], host: str | None, text: str | None
    ) -> list[PageRecord]:
        if next(calls) == 2:
            await act()
        return await matching(records, host, text)

    monkeypatch.setattr(url_list, "_matching", meanwhile)


async def test_a_timeline_goes_on_through_an_outage(
    site: WebSite, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "libra.sqlite3"
    async with Libra.open(settings) as libra:
        ids = [await weighed(libra, site.url("/a")) for _ in range(3)]
        assert [one.id for one in (await libra.timeline(site.url("/a"))).pages] == ids[::-1]
        [heaviest] = (await libra.timeline(site.url("/a"), spans=1)).pages
        assert heaviest.id in ids
        away = file.rename(tmp_path / "away")
        file.mkdir()
        ids.append((await finished(libra, await libra.weigh(site.url("/a")))).id)
        known = await libra.timeline(site.url("/a"), spans=1_000)
        assert known.partial
        assert [one.id for one in known.pages] == ids[::-1]
        file.rmdir()
        away.rename(file)
