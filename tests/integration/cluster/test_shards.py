"""A cluster that is given another shard while it runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import TypeVar

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, PageUnknown
from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import Conflict, EngineAway
from libra.cluster.records import layout
from libra.cluster.records.layout import Identity, Layout, Shards, found, reshard
from libra.settings import Settings
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.nats import NatsServers
from support.site import WebSite

T = TypeVar("T")


def three(settings: Settings) -> Settings:
    """Settings that are right from now on."""
    return msgspec.structs.replace(settings, cluster_shards=3)


async def answered(ask: Callable[[], Awaitable[T]]) -> T:
    """What an engine says that is well, which on a busy machine is given up for a moment, too."""

    async def once() -> T | None:
        with suppress(EngineAway):
            return await ask()
        return None

    return await eventually(once, "the engine answers", within=PATIENCE)


async def weighed_and_stored(libra: Libra, page_id: str) -> None:
    """Until a node shows that a page is, whether it has been told or has to ask."""

    async def shown() -> bool:
        try:
            report = await libra.report(page_id)
        except PageUnknown:
            return False
        return (report.status, report.backup) == ("weighed", "stored")

    await eventually(shown, f"{page_id} is weighed and stored", within=PATIENCE)


def made_at(page_id: str) -> int:
    """When the id of a page says that it was made, in milliseconds of Unix time."""
    return int(page_id[:8] + page_id[9:13], 16)


async def given_another(engine: Engine, now: int) -> None:
    """Until the cluster has three shards from a moment on."""

    async def changed() -> bool:
        with suppress(Conflict):  # it was done, and the answer was lost
            await reshard(engine, 3, now=now)
        return True

    await answered(changed)


async def taken_on(engine: Engine, nodes: int) -> None:
    """Until so many nodes are in the new shard."""

    async def are() -> bool:
        try:
            info = await engine.api("STREAM.INFO.libra-2", {"subjects_filter": "libra.2.clock.>"})
        except (LookupError, EngineAway):
            return False
        return len(info["state"].get("subjects") or ()) == nodes

    await eventually(are, "the nodes are in the new shard", within=PATIENCE)


@pytest.fixture
async def engine(servers: NatsServers, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Engine]:
    """What an operator has, for whom another number of shards holds at once."""
    monkeypatch.setattr(layout, "GRACE", 0)
    engine = Engine(servers.urls, name="operator")
    await engine.connect()
    yield engine
    await engine.close()


async def test_pages_of_before_and_of_after_are_found_at_every_node(
    node: NodeSettings, engine: Engine, site: WebSite
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        before = [await here.weigh(site.url(f"/before/{number}")) for number in range(4)]
        await given_another(engine, made_at(before[-1]) + 1)
        await taken_on(engine, 2)
        after: list[str] = []
        now = await answered(lambda: found(engine))
        while not any(now.shard_of(page_id) == 2 for page_id in after):
            after.append(await there.weigh(site.url(f"/after/{len(after)}")))
        # An inspector that comes later takes from all of them.
        async with Libra.open(three(node("insp-1", "inspector"))):
            for page_id in before + after:
                for libra in (here, there):
                    await weighed_and_stored(libra, page_id)


async def test_what_a_node_took_whose_clock_was_ahead_is_weighed_all_the_same(
    node: NodeSettings, engine: Engine, site: WebSite
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        ahead = [await here.weigh(site.url("/ahead"))]
        two = await answered(lambda: found(engine))
        entries = (*two.identity.shards, Shards(made_at(ahead[0]), 3))
        other = Layout(Identity("", entries))
        while two.shard_of(ahead[-1]) == other.shard_of(ahead[-1]):
            ahead.append(await here.weigh(site.url(f"/ahead/{len(ahead)}")))
        # From a time on at which these were made, though they are in the shards of before.
        await given_another(engine, made_at(ahead[0]))
        await taken_on(engine, 2)
        async with Libra.open(three(node("insp-1", "inspector"))):
            for page_id in ahead:
                for libra in (here, there):
                    await weighed_and_stored(libra, page_id)
