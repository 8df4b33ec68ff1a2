"""Pages that inspectors died over, seen and retried from any web node."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, PageNotFound
from libra.cluster.durability import handing_over
from libra.cluster.engine.connection import Engine
from libra.cluster.engine.errors import InDoubt
from libra.cluster.weighing.weighing import NodeWeighing
from libra.inspector.pages import page_inspector, starting
from libra.testing import until
from support.asking import PATIENCE, eventually
from support.joined import handed_over, joined
from support.journal import begun_in, left_behind
from support.nats import NatsServers
from support.site import WebSite


async def test_a_quarantined_page_is_retried_from_another_web_node(
    node: NodeSettings, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        Libra.open(node("insp-1", "inspector")) as inspector,
    ):
        await joined(here, there)
        with monkeypatch.context() as patched:
            # As if three inspectors had died over it.
            patched.setattr(NodeWeighing, "_start", NodeWeighing._convict)
            page_id = await here.weigh(site.url())
            failed = await until(here, page_id, lambda r: r.backup == "stored")
        assert failed.status == "failed"
        assert (failed.error or "").startswith("quarantined: ")
        await until(there, page_id, lambda r: r.backup == "stored")
        assert list(there.quarantined()) == [page_id]
        assert there.health().quarantined == 1

        await there.retry(page_id)
        assert not there.quarantined()
        retried = await until(
            here, page_id, lambda r: r.status == "weighed" and r.backup == "stored"
        )
        assert retried.version > failed.version
        assert retried.version >> 32 == 2
        with pytest.raises(PageNotFound):
            await here.retry(page_id)

        # What runs at the others is to be seen here, too.
        async def shown() -> bool:
            tree = (await here.trees()).get("insp-1")
            if tree is None:
                return False
            names = {child.name for child in tree.children}
            return names == {child.name for child in inspector.tree().children}

        await eventually(shown, "the tree of the inspector is shown", within=PATIENCE)

        async def known() -> bool:
            return {one.node for one in here.health().nodes} == {"web-1", "web-2", "insp-1"}

        await eventually(known, "all nodes are known", within=PATIENCE)

        # And each gives a client its half of what it may do.
        async def shared() -> bool:
            return here.neighbours.serving == 2

        await eventually(shared, "both serve", within=PATIENCE)


async def test_a_page_that_killed_a_node_that_was_alone_is_weighed_by_nobody_until_it_is_retried(
    node: NodeSettings,
    servers: NatsServers,
    site: WebSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handing_over, "STARTING", 0.1)
    settings = node("all-1", "all")
    killer = left_behind(settings, site.url("/killer"), 3)
    innocent = left_behind(settings, site.url("/innocent"), 2)
    await servers[0].kill()
    async with Libra.open(settings) as libra:
        await until(libra, innocent, lambda r: r.status == "weighed")
        alone = await until(libra, killer, lambda r: r.error is not None)
        assert alone.status == "failed"
        assert "the program died 3 times while this page was being weighed" in (alone.error or "")
        # The engine, and with it all other nodes, learns how often it has killed already.
        servers[0].start()
        failed = await until(libra, killer, lambda r: r.backup == "stored")
        assert failed.status == "failed"
        assert (failed.error or "").startswith("quarantined: ")
        assert failed.version >> 32 > alone.version >> 32
        assert site.hits["/killer"] == 0
        await libra.retry(killer)
        await until(libra, killer, lambda r: r.status == "weighed" and r.backup == "stored")
        assert site.hits["/killer"] == site.hits["/innocent"] == 1


async def test_a_page_given_up_by_a_node_that_was_alone_is_begun_there_once_if_an_answer_is_lost(
    node: NodeSettings,
    servers: NatsServers,
    site: WebSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handing_over, "STARTING", 0.1)
    write_to_it, begin_it = Engine.write, NodeWeighing._start
    begun = asyncio.Event()

    async def answer_lost(engine: Engine, subject: str, data: bytes, **how: Any) -> int:
        sequence = await write_to_it(engine, subject, data, **how)
        if ".sub." in subject and not begun.is_set():
            await begun.wait()
            raise InDoubt("no answer")
        return sequence

    def noticed(weighing: NodeWeighing, lease: Any) -> None:
        begin_it(weighing, lease)
        begun.set()

    settings = node("all-1", "all")
    page_id = left_behind(settings, site.url("/"), 1)
    await servers[0].kill()
    async with Libra.open(settings) as libra:
        with monkeypatch.context() as patched:
            # As if its process had crashed again and again, which the engine does not count.
            patched.setattr(starting, "CONVICTED", 1)
            alone = await until(libra, page_id, lambda r: r.error is not None)
        monkeypatch.setattr(Engine, "write", answer_lost)
        monkeypatch.setattr(NodeWeighing, "_start", noticed)
        servers[0].start()
        report = await until(libra, page_id, lambda r: r.backup == "stored")
        await handed_over(libra)
    assert report.status == "weighed"
    assert report.version >> 32 == (alone.version >> 32) + 1
    assert site.hits["/"] == 1
    assert begun_in(settings, page_id) is None


async def test_no_note_stays_of_a_page_that_the_engine_takes_before_it_is_weighed_alone(
    node: NodeSettings, servers: NatsServers, site: WebSite
) -> None:
    settings = node("all-1", "all")
    page_id = left_behind(settings, site.url("/"), 1)
    async with Libra.open(settings) as libra:
        report = await until(libra, page_id, lambda r: r.backup == "stored")
        await handed_over(libra)
    assert report.version >> 32 == 2
    assert begun_in(settings, page_id) is None


async def test_a_polite_stop_of_a_node_that_is_alone_is_no_death(
    node: NodeSettings,
    servers: NatsServers,
    site: WebSite,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.setattr(handing_over, "STARTING", 0.1)
    monkeypatch.setattr(page_inspector, "PATIENCE", 60.0)  # it begins with its note in the journal
    settings = msgspec.structs.replace(node("all-1", "all"), shutdown_grace=0)
    page_id = left_behind(settings, site.url("/held"), 1)
    await servers[0].kill()
    async with Libra.open(settings):
        await site.until_held()
        # What a kill would leave.
        copy = msgspec.structs.replace(settings, data_dir=tmp_path_factory.mktemp("copy"))
        shutil.copytree(settings.data_dir / "journal", copy.data_dir / "journal")
        noted = begun_in(copy, page_id)
        assert noted is not None
        assert noted.times == 2
    assert begun_in(settings, page_id) == noted._replace(times=1)


async def test_who_retries_a_page_at_a_node_that_is_alone_clears_it_of_its_deaths(
    node: NodeSettings,
    servers: NatsServers,
    site: WebSite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(handing_over, "STARTING", 0.1)
    settings = msgspec.structs.replace(node("all-1", "all"), shutdown_grace=0)
    page_id = left_behind(settings, site.url("/held"), 3)
    await servers[0].kill()
    async with Libra.open(settings) as libra:
        await until(libra, page_id, lambda r: r.error is not None)
        await libra.retry(page_id)
        await site.until_held()
    noted = begun_in(settings, page_id)
    assert noted is not None
    assert (noted.life, noted.times) == (4, 0)
    site.gate.set()
    async with Libra.open(settings) as libra:
        await until(libra, page_id, lambda r: r.status == "weighed")
