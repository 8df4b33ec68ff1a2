"""Pages that are submitted at one node, weighed at another and read at a third."""

from __future__ import annotations

import asyncio

import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, PageNotFound
from libra.report import FINISHED
from libra.testing import finished, until
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.site import ASSETS, WebSite


async def test_a_page_is_weighed_by_an_inspector_and_stored_and_read_at_every_web_node(
    node: NodeSettings, site: WebSite
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(here, there)
        page_id = await here.weigh(site.url())
        report = await until(here, page_id, lambda report: report.backup == "stored")
        assert report.status == "weighed"
        assert report.total.requests == ASSETS
        assert report.version >> 32 == 1
        assert await until(there, page_id, lambda report: report.backup == "stored") == report


async def test_whoever_follows_at_another_web_node_sees_a_page_grow(
    node: NodeSettings, site: WebSite
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(here, there)
        page_id = await here.weigh(site.url("/slow-part"))
        growing = await until(there, page_id, lambda r: r.total.requests >= ASSETS)
        assert growing.status not in FINISHED
        site.gate.set()
        report = await finished(there, page_id)
    assert report.status == "weighed"
    assert report.version > growing.version


async def test_a_deleted_page_is_gone_at_every_node_and_is_not_weighed_on(
    node: NodeSettings, site: WebSite
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        Libra.open(node("insp-1", "inspector")) as inspector,
    ):
        await joined(here, there)
        page_id = await here.weigh(site.url("/slow-part"))
        await until(there, page_id, lambda r: r.total.requests >= ASSETS)
        await there.forget(page_id)
        with pytest.raises(PageNotFound):
            await there.report(page_id)

        async def gone() -> bool:
            try:
                await here.report(page_id)
            except PageNotFound:
                return not any(inspector.health().pages.values())
            return False

        await eventually(gone, "it is gone", within=PATIENCE)
        site.gate.set()


async def test_a_node_that_does_both_weighs_what_it_is_given(
    node: NodeSettings, site: WebSite
) -> None:
    async with Libra.open(node("all-1", "all")) as libra:
        await joined(libra)
        ids = [await libra.weigh(site.url(f"/{number}")) for number in range(10)]
        reports = await asyncio.gather(
            *(until(libra, page_id, lambda report: report.backup == "stored") for page_id in ids)
        )
        assert {report.status for report in reports} == {"weighed"}
        pages = (await libra.recent()).pages
        assert [page.id for page in pages] == sorted(ids, reverse=True)
