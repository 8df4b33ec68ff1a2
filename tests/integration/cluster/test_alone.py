"""Nodes that serve and weigh, while the engine is away."""

from __future__ import annotations

import asyncio

import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.cluster import pages
from libra.cluster.durability import handing_over
from libra.cluster.durability.durability import ReplicatedDurability
from libra.cluster.durability.handing_over import HandOver
from libra.cluster.replica import page_reader
from libra.testing import crash, until
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.nats import NatsServers
from support.site import WebSite


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is away is to be noticed: that is what these are about."""
    monkeypatch.setattr(handing_over, "PROMPT", 1.0)
    monkeypatch.setattr(pages, "READING", 1.0)
    monkeypatch.setattr(page_reader, "READING", 1.0)


async def test_a_page_that_is_handed_over_while_the_disk_takes_it_is_not_weighed_alone_as_well(
    node: NodeSettings, servers: NatsServers, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Libra.open(node("all-1", "all")) as libra:
        await joined(libra)
        write_it_down = ReplicatedDurability._journaled

        async def slowly(durability: ReplicatedDurability, entry_id: str) -> bool:
            servers[0].start()
            await until(libra, entry_id, lambda r: r.backup == "stored")
            return await write_it_down(durability, entry_id)

        monkeypatch.setattr(ReplicatedDurability, "_journaled", slowly)
        await servers[0].kill()

        async def away() -> bool:
            return libra.health().parts["cluster"].status == "down"

        await eventually(away, "the engine is away", within=PATIENCE)
        page_id = await libra.weigh(site.url())
        report = await libra.report(page_id)
    assert report.backup == "stored"
    assert report.version >> 32 == 1
    assert site.hits["/"] == 1


async def test_pages_that_are_weighed_alone_survive_the_supervisor_of_all_pages(
    node: NodeSettings, servers: NatsServers, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "STARTING", 0.1)
    await servers[0].kill()
    async with Libra.open(node("all-1", "all")) as libra:
        page_id = await libra.weigh(site.url("/held"))
        await site.until_held()
        await crash(libra, "registry")

        async def begun_again() -> bool:
            return site.hits["/held"] == 2

        await eventually(begun_again, "it is asked for again", within=PATIENCE)
        site.gate.set()
        alone = await until(libra, page_id, lambda r: r.status == "weighed")
        servers[0].start()
        report = await until(libra, page_id, lambda r: r.backup == "stored")
    assert report.version > alone.version
    assert report.version >> 32 == 1


async def test_a_page_submitted_before_its_node_gives_up_on_the_engine_is_begun_once(
    node: NodeSettings, servers: NatsServers, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing_over, "STARTING", 1.0)
    give_up, given_up = HandOver._weigh_alone, asyncio.Event()

    def noticed(hand_over: HandOver) -> None:
        give_up(hand_over)
        given_up.set()

    monkeypatch.setattr(HandOver, "_weigh_alone", noticed)
    await servers[0].kill()
    async with Libra.open(node("all-1", "all")) as libra:
        page_id = await libra.weigh(site.url("/held"))
        await given_up.wait()
        site.gate.set()
        report = await until(libra, page_id, lambda r: r.status == "weighed")
    assert report.version >> 32 == 1
