"""A hundred thousand pages in the engine: inspectors store them, web nodes hold and list them."""

from __future__ import annotations

import random

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.app.lists import PageList
from libra.cluster.engine.connection import Engine
from libra.testing import stored
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.kept import laid_out, stored_records, write
from support.nats import NatsServers
from support.postgres import Postgres

RECORDS = 100_000
FEW = 5_000
"""Pages that the smaller web node may keep."""

pytestmark = [pytest.mark.soak, pytest.mark.timeout(1_800)]


def in_memory(libra: Libra) -> int:
    return sum(libra.health().pages.values())


async def all_ids(libra: Libra) -> list[str]:
    """Every page that a list names, page after page."""
    ids: list[str] = []
    after = None

    async def whole() -> PageList | None:
        # All nodes are in this program, so on a busy machine one may lack the last seconds.
        pages = await libra.recent(limit=1_000, after=after)
        return None if pages.partial else pages

    while True:
        pages = await eventually(whole, "a list is whole", within=PATIENCE)
        ids += [page.id for page in pages.pages]
        after = pages.next
        if after is None:
            return ids


async def test_a_hundred_thousand_records_are_stored_held_and_listed(
    node: NodeSettings, servers: NatsServers, postgres: Postgres
) -> None:
    layout = await laid_out(servers.urls)
    ids = await write(servers.urls, layout, stored_records(RECORDS, stored=False))
    large = msgspec.structs.replace(node("web-1", "web"), max_pages=2 * RECORDS)
    small = msgspec.structs.replace(node("web-2", "web"), max_pages=FEW)
    engine = Engine(servers.urls, name="a test")
    await engine.connect()

    async def nothing_waits() -> bool:
        infos = [await engine.api(f"CONSUMER.INFO.libra-{shard}.store") for shard in range(2)]
        return not any(info["num_pending"] + info["num_ack_pending"] for info in infos)

    async with Libra.open(large) as web, Libra.open(small) as lesser:
        await joined(web)
        assert in_memory(web) == RECORDS
        assert in_memory(lesser) <= FEW
        async with (
            Libra.open(node("inspector-1", "inspector")),
            Libra.open(node("inspector-2", "inspector")),
        ):
            await eventually(nothing_waits, "every record is stored", within=4 * PATIENCE)
            await joined(web, lesser)
            assert postgres.sql("SELECT count(*) FROM pages", database="cluster") == str(RECORDS)
            newest_first = ids[::-1]
            assert await all_ids(web) == newest_first
            assert await all_ids(lesser) == newest_first
            for page_id in random.Random(7).sample(ids, 200):
                for libra in (web, lesser):
                    assert (await stored(libra, page_id)).status == "weighed"
            assert in_memory(lesser) <= FEW
            gone = ids[RECORDS // 2]
            await web.forget(gone)

            async def it_is_gone() -> bool:
                found = postgres.sql(
                    f"SELECT deleted_at IS NOT NULL FROM pages WHERE id = '{gone}'",
                    database="cluster",
                )
                return found == "t"

            await eventually(it_is_gone, "a deletion is stored", within=PATIENCE)
    await engine.close()
