"""What the database of a cluster has: watches of before and of now; what is said when it loses some."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, PageNotFound
from libra.cluster.durability.saving_again import SavingAgain
from libra.ids import new_id
from libra.settings import Settings
from libra.storage import open_store
from libra.testing import until, until_watch
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.postgres import Postgres
from support.site import WebSite


async def test_watches_of_before_go_on_in_the_cluster_and_the_database_has_those_of_now(
    node: NodeSettings, site: WebSite, settings: Settings, database: str
) -> None:
    async with Libra.open(msgspec.structs.replace(settings, database=database)) as libra:
        before = await libra.watch(site.url("/before"), every="week")
        gone = await libra.watch(site.url("/gone"))
        for one in (before, gone):
            await until_watch(libra, one.id, lambda w: w.backup == "stored" and w.page is None)
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(here, there)

        async def taken_over() -> bool:
            both = {before.id, gone.id}
            return all({w.id for w in one.watches().watches} == both for one in (here, there))

        await eventually(taken_over, "the watches are taken over", within=PATIENCE)
        page_id = await there.watch_now(before.id)
        again = await until_watch(
            here, before.id, lambda w: w.last is not None and w.last.page == page_id
        )
        assert again.every == "week"
        await here.unwatch(gone.id)
        made = await there.watch(site.url("/now"))
        await until_watch(there, made.id, lambda w: w.last is not None)

        async def stored() -> bool:
            store = open_store(database)
            try:
                rows = {row.id: row.version for row in await store.watches()}
            finally:
                await store.close()
            return rows == {w.id: w.version for w in here.watches().watches}

        await eventually(stored, "the database has them as they are", within=PATIENCE)
        assert {w.id for w in here.watches().watches} == {before.id, made.id}


async def test_a_database_that_went_back_is_given_again_what_there_is_and_nobody_hides_the_rest(
    node: NodeSettings, site: WebSite, postgres: Postgres
) -> None:
    async with Libra.open(node("web-1", "web")) as web:
        await joined(web)
        async with Libra.open(node("insp-1", "inspector")):
            lost = new_id()
            page_id = await web.weigh(site.url())
            await until(web, page_id, lambda r: r.backup == "stored")
        # Nobody looks while it goes back to where it was before that page.
        postgres.sql("DELETE FROM pages; DELETE FROM libra_writers", database="cluster")
        async with Libra.open(node("insp-2", "inspector")):

            async def known() -> bool:
                with pytest.raises(PageNotFound) as caught:
                    await web.report(lost)
                return caught.value.lost is not None

            await eventually(known, "it is said what may be lost", within=PATIENCE)

            async def there_again() -> bool:
                rows = postgres.sql("SELECT id FROM pages", database="cluster")
                return page_id in rows

            await eventually(there_again, "the page is stored again", within=PATIENCE)
        with pytest.raises(PageNotFound) as caught:
            await web.report(new_id())
        assert caught.value.lost is None


async def test_an_inspector_saves_again_what_the_one_that_noticed_the_loss_did_not_get_to(
    node: NodeSettings, site: WebSite, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Libra.open(node("web-1", "web")) as web:
        await joined(web)
        async with Libra.open(node("insp-1", "inspector")):
            page_id = await web.weigh(site.url())
            await until(web, page_id, lambda r: r.backup == "stored")
        postgres.sql("DELETE FROM pages; DELETE FROM libra_writers", database="cluster")
        began = asyncio.Event()

        async def killed_at_its_start(_: SavingAgain) -> None:
            began.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as patched:
            patched.setattr(SavingAgain, "_everything", killed_at_its_start)
            async with Libra.open(node("insp-2", "inspector")):
                await began.wait()
        async with Libra.open(node("insp-3", "inspector")):

            async def there_again() -> bool:
                return page_id in postgres.sql("SELECT id FROM pages", database="cluster")

            await eventually(there_again, "the page is stored again", within=PATIENCE)
