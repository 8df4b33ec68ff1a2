"""Reading over several web nodes: whoever moves from one to another sees nothing older than before."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from integration.cluster.conftest import Deaf, NodeSettings
from libra.app import Libra, PageNotFound, WatchChanges, WatchNotFound, WatchUnknown
from libra.testing import until
from libra.web import create_app
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.nats import NatsServers
from support.receiver import Receiver
from support.site import ASSETS, WebSite


@asynccontextmanager
async def browsing(libra: Libra) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(libra, libra.settings))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_who_has_seen_a_newer_version_at_another_node_is_shown_nothing_older(
    node: NodeSettings, site: WebSite, deaf: Deaf
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        Libra.open(node("insp-1", "inspector")),
        browsing(there) as client,
    ):
        await joined(here, there)
        page_id = await here.weigh(site.url("/slow-part"))
        begun = await until(there, page_id, lambda r: r.status == "fetching")
        deaf.nodes.add("web-2")
        growing = await until(here, page_id, lambda r: r.total.requests >= ASSETS)
        assert growing.version > begun.version
        # Nobody but its inspector and those who follow it know that version: the copy is the newest.
        copy = {"If-None-Match": f'"{growing.version}"'}
        answer = await client.get(f"/pages/{page_id}", headers=copy)
        assert (answer.status_code, answer.headers["etag"]) == (304, f'"{growing.version}"')
        assert (await client.get(f"/pages/{page_id}")).json()["version"] == begun.version
        site.gate.set()
        stored = await until(here, page_id, lambda r: r.backup == "stored")
        answer = await client.get(f"/pages/{page_id}", headers=copy)
        assert (answer.status_code, answer.json()["version"]) == (200, stored.version)
        # And from there on nobody is shown less.
        assert (await there.report(page_id)).version == stored.version
        seen = {"Last-Event-ID": str(stored.version)}
        assert (await client.get(f"/pages/{page_id}/events", headers=seen)).status_code == 204


async def test_what_was_made_a_moment_ago_at_another_node_is_found(
    node: NodeSettings, site: WebSite, deaf: Deaf
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        browsing(there) as client,
    ):
        await joined(here, there)
        deaf.nodes.add("web-2")
        page_id = await here.weigh(site.url())
        assert (await there.report(page_id)).status == "queued"
        watch = await here.watch(site.url())
        assert (await client.get(f"/watches/{watch.id}")).json()["url"] == site.url()
        await there.unwatch(watch.id)
        await there.forget(page_id)
        with pytest.raises(WatchNotFound):
            await there.find_watch(watch.id)
        with pytest.raises(PageNotFound):
            await there.report(page_id)


async def test_a_watch_made_a_moment_ago_at_another_node_is_changed_paused_and_tested(
    node: NodeSettings, site: WebSite, deaf: Deaf
) -> None:
    async with (
        Receiver() as receiver,
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
        browsing(there) as client,
    ):
        await joined(here, there)
        deaf.nodes.add("web-2")
        one, other, tested = [
            await here.watch(site.url(f"/{n}"), webhook=receiver.url) for n in range(3)
        ]
        assert (await there.change_watch(one.id, WatchChanges(name="Shop"))).name == "Shop"
        assert (await client.post(f"/watches/{other.id}/pause")).status_code == 303
        assert (await there.find_watch(other.id)).status == "paused"
        assert (await client.post(f"/watches/{tested.id}/test")).is_success
        (alert,) = await receiver.until_received(1)
        assert alert.json["event"] == "test"


async def test_a_node_that_is_cut_off_does_not_say_that_there_is_no_watch(
    node: NodeSettings, site: WebSite, servers: NatsServers, deaf: Deaf
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        deaf.nodes.add("web-2")
        made = await here.watch(site.url())
        await servers[0].kill()
        with pytest.raises(WatchUnknown):
            await there.change_watch(made.id, WatchChanges(paused=True))
        with pytest.raises(WatchUnknown):
            await there.test_alert(made.id)


async def test_a_node_that_hears_nothing_says_how_old_its_answers_may_be(
    node: NodeSettings, site: WebSite, servers: NatsServers
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as libra,
        Libra.open(node("insp-1", "inspector")),
        browsing(libra) as client,
    ):
        await joined(libra)
        page_id = await libra.weigh(site.url())
        await until(libra, page_id, lambda r: r.backup == "stored")
        await servers[0].kill()

        async def old() -> bool:
            return "age" in (await client.get(f"/pages/{page_id}")).headers

        await eventually(old, "it says so", within=PATIENCE)
        banner = (await client.get("/", headers={"Accept": "text/html"})).text
        assert "cut off from its cluster" in banner
        servers[0].start()

        async def young() -> bool:
            return "age" not in (await client.get(f"/pages/{page_id}")).headers

        await eventually(young, "it is up to date", within=PATIENCE)
