"""What one inspector cannot save, another does, and hides no loss of the database by that."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.settings import Settings
from libra.testing import until
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.nats import NatsServers
from support.postgres import Postgres
from support.proxy import Proxy
from support.site import WebSite


class CutOff:
    """An inspector that can be cut off from the engine and from the database."""

    def __init__(self, settings: Settings, engine: Proxy, database: Proxy) -> None:
        self.links = engine, database
        self.settings = settings

    def cut(self) -> None:
        for link in self.links:
            link.refuse()

    def lose_database(self) -> None:
        self.links[1].refuse()

    async def mend(self) -> None:
        for link in self.links:
            await link.mend()


@pytest.fixture
async def inspectors(
    node: NodeSettings, servers: NatsServers, postgres: Postgres
) -> AsyncIterator[tuple[CutOff, CutOff]]:
    """Two inspectors, each with links of its own."""
    async with AsyncExitStack() as links:

        async def made(name: str) -> CutOff:
            engine = await links.enter_async_context(Proxy(servers[0].port))
            database = await links.enter_async_context(Proxy(postgres.port))
            settings = msgspec.structs.replace(
                node(name, "inspector"),
                cluster=(f"nats://127.0.0.1:{engine.port}",),
                database=postgres.url(database="cluster", port=database.port),
            )
            return CutOff(settings, engine, database)

        yield await made("insp-1"), await made("insp-2")


@pytest.fixture
def as_it_was(postgres: Postgres, database: str) -> AsItWas:
    """The database as it was at some time."""
    return AsItWas(postgres)


class AsItWas:
    """A standby of the database that is behind."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres

    def _sql(self, text: str) -> str:
        return self._postgres.sql(text, database="cluster")

    def falls_behind(self) -> None:
        self._sql("CREATE TABLE kept AS TABLE libra_writers")

    def takes_over(self, *, without: str) -> None:
        self._sql(
            f"BEGIN; DELETE FROM pages WHERE id = '{without}'; DELETE FROM libra_writers;"
            " INSERT INTO libra_writers TABLE kept; COMMIT"
        )

    async def has(self, page_id: str) -> bool:
        return page_id in self._sql("SELECT id FROM pages")


async def stored(web: Libra, site: WebSite) -> str:
    page_id = await web.weigh(site.url())
    await until(web, page_id, lambda report: report.backup == "stored")
    return page_id


async def test_an_inspector_without_a_database_keeps_nothing_from_being_stored_by_another(
    node: NodeSettings, site: WebSite, inspectors: tuple[CutOff, CutOff], database: str
) -> None:
    one, other = inspectors
    async with Libra.open(node("web-1", "web")) as web:
        await joined(web)
        async with Libra.open(one.settings):
            await stored(web, site)
            one.lose_database()
            page_id = await web.weigh(site.url())
            # It has taken this page to store it, and cannot.
            await until(web, page_id, lambda report: report.backup == "replicated")
            async with Libra.open(other.settings):
                await until(web, page_id, lambda report: report.backup == "stored")
                for _ in range(5):
                    await stored(web, site)


async def test_what_one_inspector_lost_at_a_failover_is_noticed_although_another_saved_since(
    node: NodeSettings, site: WebSite, inspectors: tuple[CutOff, CutOff], as_it_was: AsItWas
) -> None:
    one, other = inspectors
    async with Libra.open(node("web-1", "web")) as web:
        await joined(web)
        async with Libra.open(one.settings), Libra.open(other.settings):
            await stored(web, site)
            other.cut()
            as_it_was.falls_behind()
            lost = await stored(web, site)
            one.cut()
            as_it_was.takes_over(without=lost)
            await other.mend()
            await stored(web, site)
            await one.mend()
            await eventually(
                lambda: as_it_was.has(lost), "the page is stored again", within=PATIENCE
            )


async def test_what_an_inspector_saved_that_has_ended_is_missed_by_one_that_was_cut_off(
    node: NodeSettings, site: WebSite, inspectors: tuple[CutOff, CutOff], as_it_was: AsItWas
) -> None:
    one, other = inspectors
    async with Libra.open(node("web-1", "web")) as web:
        await joined(web)
        async with Libra.open(other.settings):
            async with Libra.open(one.settings):
                await stored(web, site)
                other.cut()
                as_it_was.falls_behind()
                lost = await stored(web, site)
            as_it_was.takes_over(without=lost)
            await other.mend()
            await eventually(
                lambda: as_it_was.has(lost), "the page is stored again", within=PATIENCE
            )
