"""`libra cluster`, with a real engine."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, PageNotFound, PageUnknown
from libra.cluster.engine.connection import Engine
from libra.cluster.node.ledger import LedgerEntry
from libra.ids import new_id
from support.asking import PATIENCE, eventually
from support.command import Command, Ended
from support.joined import joined
from support.nats import NatsServers
from support.nursery import Nursery


@pytest.fixture
async def engine(servers: NatsServers) -> AsyncIterator[Engine]:
    engine = Engine(servers.urls, name="test")
    await engine.connect()
    yield engine
    await engine.close()


async def test_a_node_that_is_gone_is_shown_until_it_is_removed_and_its_pages_are_no_404_until_then(
    node: NodeSettings, servers: NatsServers, engine: Engine, nursery: Nursery, tmp_path: Path
) -> None:
    command = Command(tmp_path, nursery)

    async def cluster(*arguments: str) -> Ended:
        return await command("cluster", *arguments, f"--cluster={servers.url}")

    async with (
        Libra.open(node("web-1", "web")) as web,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(web)
        gone = LedgerEntry(
            "web-9", "0" * 12, "web", "0.1.0", int(time.time() * 1000), oldest=new_id()
        )
        await engine.write("libra.cluster.node.web-9", msgspec.json.encode(gone))
        page_id = new_id()

        async def known(error: type[Exception]) -> bool:
            try:
                await web.report(page_id)
            except (PageNotFound, PageUnknown) as raised:
                return type(raised) is error
            return False

        await eventually(lambda: known(PageUnknown), "nobody can tell", within=PATIENCE)
        said = await cluster("status", "--format=json")
        assert said.code == 0, said.err
        state: dict[str, Any] = json.loads(said.out)
        roles = {one["node"]: one["role"] for one in state["nodes"]}
        assert roles == {"web-1": "web", "web-9": "web", "insp-1": "inspector"}
        lost = next(one for one in state["nodes"] if one["node"] == "web-9")
        assert lost["trouble"].endswith("with pages on its disk that no other node has")
        assert {stream["name"] for stream in state["streams"]} == {"libra-0", "libra-1"}
        queues = {one["queue"] for one in state["queues"]}
        assert queues == {"results", "weigh-static", "weigh-rendered", "store"}
        removed = await cluster("remove", "web-9")
        assert (removed.code, removed.out) == (0, "Forgot web-9.\n")
        assert "are lost" in removed.err
        await eventually(lambda: known(PageNotFound), "there is no such page", within=PATIENCE)
        table = await cluster("status")
        assert "web-1" in table.out
        assert "web-9" not in table.out
        more = await cluster("shards", "3")
        assert (more.code, more.out.startswith("3 shards, starting at ")) == (0, True)
        more = await cluster("shards", "3")
        assert (more.code, "3 shards already" in more.err) == (1, True)
        again = await cluster("remove", "web-9")
        assert again.code == 1
        assert "there is no node web-9" in again.err


async def test_servers_without_a_cluster_are_told_from_servers_that_are_away(
    servers: NatsServers, nursery: Nursery, tmp_path: Path
) -> None:
    command = Command(tmp_path, nursery)
    empty = await command("cluster", "status", f"--cluster={servers.url}")
    assert empty.code == 1
    assert "no node of a cluster has ever started" in empty.err
    nowhere = await command("cluster", "status")
    assert nowhere.code == 2
    assert "name the servers of the cluster" in nowhere.err
    await servers[0].kill()
    away = await command("cluster", "status", f"--cluster={servers.url}")
    assert away.code == 1
    assert "can be reached" in away.err
