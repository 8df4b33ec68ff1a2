"""What a web node makes of a stream that holds more than it may keep, or brings it faster than its link
takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.cluster.joining import BYTES_OF_A_PAGE
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.kept import laid_out, stored_records, write
from support.nats import NatsServers
from support.proxy import Proxy

PAGES = 40
"""Of the memory of a small web node."""


def in_memory(libra: Libra) -> int:
    return sum(libra.health().pages.values())


@pytest.mark.parametrize("size", [0, 4 * BYTES_OF_A_PAGE], ids=["ordinary", "large"])
async def test_a_web_node_holds_what_it_may_and_the_engine_has_the_rest(
    node: NodeSettings, servers: NatsServers, size: int
) -> None:
    layout = await laid_out(servers.urls)
    records = list(stored_records(5 * PAGES, size=size))
    least = min(len(record.report) for record in records)
    ids = await write(servers.urls, layout, records)
    settings = msgspec.structs.replace(node("web-1", "web"), max_pages=PAGES)
    async with Libra.open(settings) as web:
        await joined(web)

        async def the_newest_is_there() -> bool:
            return (await web.recent(limit=1)).pages[0].id == ids[-1]

        await eventually(the_newest_is_there, "the newest page is there", within=PATIENCE)
        assert 0 < in_memory(web) <= min(PAGES, PAGES * BYTES_OF_A_PAGE // least)
        # What had to leave is read from the engine's leader.
        for page_id in (ids[0], ids[len(ids) // 2], ids[-1]):
            assert (await web.report(page_id)).status == "weighed"
        assert in_memory(web) <= PAGES


async def test_lists_lack_what_had_to_leave_until_the_database_has_it(
    node: NodeSettings, servers: NatsServers
) -> None:
    layout = await laid_out(servers.urls)
    ids = await write(servers.urls, layout, stored_records(3 * PAGES, stored=False))
    settings = msgspec.structs.replace(node("web-1", "web"), max_pages=PAGES)
    async with Libra.open(settings) as web:

        async def some_had_to_leave() -> bool:
            told = "not all records are in memory" in (web.health().parts["cluster"].detail or "")
            return told and in_memory(web) == PAGES and len(ids) > PAGES

        await eventually(some_had_to_leave, "some pages had to leave", within=PATIENCE)
        assert (await web.recent(limit=1)).partial
        async with Libra.open(node("inspector-1", "inspector")):  # it stores what nobody stored
            await joined(web)
            pages = await web.recent(limit=3 * PAGES)
        assert not pages.partial
        assert {page.id for page in pages.pages} == set(ids)


@pytest.fixture
async def narrow(servers: NatsServers) -> AsyncIterator[Proxy]:
    """A link to the server that lets 2 MB through in a second."""
    async with Proxy(servers[0].port) as proxy:
        proxy.narrow(2_000_000)
        yield proxy


async def test_a_slow_consumer_is_not_cut_off_and_holds_up_nobody(
    node: NodeSettings, servers: NatsServers, narrow: Proxy
) -> None:
    layout = await laid_out(servers.urls)
    ids = await write(
        # One of them is larger than all that is asked for at a time.
        servers.urls, layout, [*stored_records(400, size=16_000), *stored_records(1, size=800_000)]
    )  # fmt: skip
    slow = msgspec.structs.replace(
        node("web-1", "web"), cluster=(f"nats://127.0.0.1:{narrow.port}",)
    )
    async with Libra.open(slow) as here, Libra.open(node("web-2", "web")) as there:
        await joined(there)
        behind = in_memory(here)
        await joined(here)
        assert behind < len(ids) == in_memory(here) == in_memory(there)
        new = await write(servers.urls, layout, stored_records(1))

        async def both_have_it() -> bool:
            found = await asyncio.gather(here.recent(limit=1), there.recent(limit=1))
            return all(recent.pages[0].id == new[0] for recent in found)

        await eventually(both_have_it, "both have what is new", within=PATIENCE)
    said = await servers[0].ask("/varz")
    assert said is not None
    assert said["slow_consumers"] == 0
    assert narrow.peak == 1
