"""Pictures of pages in a cluster: they are in its database, and in no node and no engine."""

from __future__ import annotations

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, Options, PageNotFound
from libra.settings import Settings
from libra.testing import PageServer, html, until
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.postgres import Postgres


async def test_a_picture_is_taken_by_an_inspector_and_seen_at_every_web_node(
    node: NodeSettings, chromium: str, postgres: Postgres
) -> None:
    def with_pictures(name: str) -> Settings:
        return msgspec.structs.replace(node(name, "inspector"), screenshots=True)

    async with (
        PageServer({"/": html("<p>Hello")}) as server,
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        async with Libra.open(with_pictures("insp-1")):

            async def known() -> bool:
                return "insp-1" in {one.node for one in here.health().nodes}

            await eventually(known, "the browser is known of", within=PATIENCE)
            page_id = await here.weigh(server.url(), Options(method="rendered"))
            report = await until(there, page_id, lambda r: r.backup == "stored")
            assert report.screenshot

            async def kept() -> bool:
                count = "SELECT count(*) FROM screenshots"
                return postgres.sql(count, database="cluster") == "1"

            await eventually(kept, "the database has the picture", within=PATIENCE)
        # Whoever took it is gone.
        for web in (here, there):
            thumbnail, whole = [await web.picture(page_id, whole=size) for size in (False, True)]
            assert 0 < len(thumbnail) <= 12_000
            assert len(thumbnail) <= len(whole) <= 60_000
        async with Libra.open(with_pictures("insp-2")):
            await there.forget(page_id)

            async def gone() -> bool:
                left = "SELECT count(*) FROM screenshots"
                return postgres.sql(left, database="cluster") == "0"

            await eventually(gone, "it goes with its page", within=PATIENCE)
        for web in (here, there):
            with pytest.raises(PageNotFound):
                await web.picture(page_id, whole=False)
