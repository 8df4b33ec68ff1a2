"""What happens to pages when servers of the engine die, and when all of it is away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, PageNotFound, PageUnknown
from libra.cluster import pages
from libra.cluster.durability import handing_over
from libra.cluster.engine.connection import Engine
from libra.cluster.replica import page_reader
from libra.inspector.records.page_record import PageRecord
from libra.settings import Role, Settings
from libra.testing import settled, until
from libra.weighing.method_choice import UNDECIDED
from libra.weighing.options import Options, Viewport
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.journal import submitted_in
from support.kept import laid_out, stored_records, write
from support.nats import NatsServer, NatsServers, running_nats
from support.site import WebSite


@pytest.fixture
async def three() -> AsyncIterator[NatsServers]:
    async with running_nats(3) as started:
        yield started


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine that is away is to be noticed: that is what these are about."""
    monkeypatch.setattr(handing_over, "PROMPT", 1.0)
    monkeypatch.setattr(pages, "READING", 1.0)
    monkeypatch.setattr(page_reader, "READING", 1.0)


async def test_the_death_of_a_server_costs_no_page_a_second_life(
    node: NodeSettings, three: NatsServers, site: WebSite
) -> None:
    def on_three(name: str, role: Role) -> Settings:
        urls = tuple(three.urls)
        return msgspec.structs.replace(node(name, role), cluster=urls, cluster_replicas=3)

    async with (
        Libra.open(on_three("web-1", "web")) as web,
        Libra.open(on_three("insp-1", "inspector")) as first,
        Libra.open(on_three("insp-2", "inspector")) as second,
    ):
        await joined(web, first, second)
        held = [await web.weigh(site.url(f"/slow-part?{n}")) for n in range(4)]
        await site.until_held(len(held))
        leader = await three.elected("libra-0")
        await leader.kill()
        during = [await web.weigh(site.url(f"/{n}")) for n in range(20)]
        await three.elected("libra-0")
        # The deliveries under way come again some seconds after the new leader is there.
        await asyncio.gather(
            *(until(web, page_id, lambda r: r.backup == "stored") for page_id in during)
        )
        site.gate.set()
        reports = await asyncio.gather(
            *(until(web, page_id, lambda r: r.backup == "stored") for page_id in held + during)
        )
        assert {report.status for report in reports} == {"weighed"}
        assert {report.version >> 32 for report in reports} == {1}
        leader.start()


async def test_what_is_submitted_while_all_of_it_is_away_is_weighed_when_it_is_back(
    node: NodeSettings, servers: NatsServers, site: WebSite
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(here, there)
        before = await here.weigh(site.url("/before"))
        await until(there, before, lambda r: r.backup == "stored")
        await servers[0].kill()
        page_id = await here.weigh(site.url("/during"))
        report = await here.report(page_id)
        assert (report.status, report.backup) == ("queued", "journaled")
        # What is in memory is served as ever; what may be elsewhere is no 404.
        assert (await there.report(before)).status == "weighed"
        with pytest.raises(PageUnknown):
            await there.report(page_id)
        servers[0].start()
        report = await until(here, page_id, lambda r: r.backup == "stored")
        assert report.status == "weighed"

        async def there_too() -> bool:
            try:
                return (await there.report(page_id)).version == report.version
            except PageUnknown:
                return False

        await eventually(there_too, "the other web node has it", within=PATIENCE)


async def test_what_a_page_is_asked_for_with_survives_a_restart_of_its_node_meanwhile(
    node: NodeSettings, servers: NatsServers, site: WebSite
) -> None:
    async with Libra.open(node("insp-1", "inspector")) as inspector:
        async with Libra.open(node("web-1", "web")) as web:
            await joined(web, inspector)
            await servers[0].kill()
            options = msgspec.structs.replace(web.options, headers=(("Cookie", "session=1"),))
            page_id = await web.weigh(site.url("/during"), options)
            assert (await web.report(page_id)).backup == "journaled"
        async with Libra.open(node("web-1", "web")) as web:
            await settled(web)
            servers[0].start()
            report = await until(web, page_id, lambda r: r.backup == "stored")
    assert report.status == "weighed"
    asked = [one.headers.get("cookie") for one in site.requests if one.path == "/during"]
    assert asked == ["session=1"]


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(method="rendered"),
        Options(viewport=Viewport(390, 844)),
        Options(auto=True),
    ],
    ids=["the usual", "in a browser", "for a phone", "as libra chooses"],
)
async def test_how_a_page_is_to_be_weighed_survives_a_restart_of_its_node_meanwhile(
    options: Options, node: NodeSettings, site: WebSite
) -> None:
    asked = PageRecord.submitted(site.url(), options, datetime.now(UTC))
    page_id = submitted_in(node("web-1", "web"), asked)
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        await until(here, page_id, lambda r: r.backup == "replicated")
        # The other one knows what the engine has, and so what an inspector would do.
        report = await there.report(page_id)
    assert (report.method, report.viewport) == (options.method, str(options.viewport))
    assert report.chosen == (UNDECIDED if options.auto else None)


async def test_a_node_that_does_both_goes_on_alone_and_hands_over_under_the_same_ids(
    node: NodeSettings, servers: NatsServers, site: WebSite
) -> None:
    async with (
        Libra.open(node("all-1", "all")) as here,
        Libra.open(node("web-1", "web")) as there,
    ):
        await joined(here, there)
        await servers[0].kill()
        # The first may have been asked for; what comes after that is weighed here.
        first = await here.weigh(site.url("/first"))
        page_id = await here.weigh(site.url("/second"))
        alone = await until(here, page_id, lambda r: r.status == "weighed")
        assert alone.backup in ("memory", "journaled")
        servers[0].start()
        for one in (first, page_id):
            stored = await until(here, one, lambda r: r.backup == "stored")
            assert stored.status == "weighed"

        async def there_too() -> bool:
            try:
                return (await there.report(page_id)).backup == "stored"
            except PageUnknown:
                return False

        await eventually(there_too, "the other node has it", within=PATIENCE)
        report = await there.report(page_id)
        assert report.assets == alone.assets
        assert report.version > alone.version


async def test_a_frozen_server_costs_a_submission_a_moment_and_reads_nothing(
    node: NodeSettings, servers: NatsServers, site: WebSite
) -> None:
    async with Libra.open(node("web-1", "web")) as web, Libra.open(node("insp-1", "inspector")):
        await joined(web)
        before = await web.weigh(site.url("/before"))
        stored = await until(web, before, lambda r: r.backup == "stored")
        servers[0].freeze()
        ids = [await web.weigh(site.url(f"/{n}")) for n in range(5)]
        assert {(await web.report(page_id)).backup for page_id in ids} == {"journaled"}
        assert await web.report(before) == stored
        await web.forget(ids[0])
        with pytest.raises(PageNotFound):
            await web.report(ids[0])
        servers[0].thaw()
        for page_id in ids[1:]:
            assert (await until(web, page_id, lambda r: r.backup == "stored")).status == "weighed"
        with pytest.raises(PageNotFound):
            await web.report(ids[0])


async def records_at(server: NatsServer) -> int:
    """How many messages a server has of two shards, whoever leads them."""
    said = await server.ask("/jsz?streams=true")
    return sum(
        detail["state"]["messages"]
        for account in (said or {}).get("account_details", ())
        for detail in account.get("stream_detail", ())
        if detail["name"] in ("libra-0", "libra-1")
    )


async def test_a_page_that_is_not_in_memory_is_read_from_any_server_while_nobody_leads(
    node: NodeSettings, three: NatsServers
) -> None:
    held = 10
    layout = await laid_out(three.urls, replicas=3)
    ids = await write(three.urls, layout, stored_records(60, stored=False))

    async def everywhere() -> bool:
        return all([await records_at(server) == len(ids) for server in three.servers])

    await eventually(everywhere, "every server has all of it", within=PATIENCE)
    settings = msgspec.structs.replace(
        node("web-1", "web"), cluster=tuple(three.urls), cluster_replicas=3, max_pages=held
    )
    async with Libra.open(settings) as web:

        async def takes_part() -> bool:
            # It has never all records in memory, as there is room for few and no database has them.
            return web.health().parts["cluster"].status != "down"

        await eventually(takes_part, "it has joined", within=PATIENCE)
        # One of three is no majority: as long as the others are away nobody is elected.
        leader = await three.elected("libra-0")
        other = next(server for server in three.servers if server is not leader)
        await asyncio.gather(leader.kill(), other.kill())

        async def read(page_id: str) -> None:
            async def weighed() -> bool:
                try:
                    return (await web.report(page_id)).status == "weighed"
                except PageUnknown:
                    return False  # it goes over to the server that is left

            await eventually(weighed, f"{page_id} is read", within=PATIENCE)

        # They are twice as many as there is room for: half of them at least are in no memory.
        await asyncio.gather(*(read(page_id) for page_id in ids[: 2 * held]))
        leader.start()
        other.start()


async def is_gone(libra: Libra, page_id: str) -> bool:
    try:
        await libra.report(page_id)
    except PageNotFound:
        return True
    except PageUnknown:
        return False
    return False


async def test_a_deletion_that_comes_while_the_page_is_handed_over_is_handed_over_too(
    node: NodeSettings, servers: NatsServers, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_to_it, written, may_end = Engine.write, asyncio.Event(), asyncio.Event()

    async def answered_late(engine: Engine, subject: str, data: bytes, **how: Any) -> int:
        sequence = await write_to_it(engine, subject, data, **how)
        if ".sub." in subject:
            written.set()
            await may_end.wait()
        return sequence

    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        await servers[0].kill()
        page_id = await here.weigh(site.url("/"))
        monkeypatch.setattr(Engine, "write", answered_late)
        servers[0].start()
        await written.wait()
        servers[0].freeze()
        await here.forget(page_id)
        may_end.set()
        servers[0].thaw()
        await eventually(lambda: is_gone(there, page_id), "it is gone there", within=PATIENCE)
        assert await is_gone(here, page_id)
