"""Watches that belong to no node."""

from __future__ import annotations

import nats
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import EngineUnavailable, Libra, WatchChanges, WatchNotFound
from libra.cluster.records.layout import WATCHES
from libra.cluster.watches import taking_over
from libra.cluster.watches.watches import ClusterWatches
from libra.storage import open_store
from libra.testing import until_watch
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.nats import NatsServers
from support.receiver import Receiver
from support.site import WebSite


async def test_a_watch_is_seen_at_every_web_node_and_goes_on_without_the_one_that_made_it(
    node: NodeSettings, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(here)
        async with Libra.open(node("web-2", "web")) as there:
            await joined(there)
            with monkeypatch.context() as patched:
                # It ends before it gets to the first turn, as if it was killed.
                patched.setattr(ClusterWatches, "_spawn", lambda _, turn: turn.close())
                made = await there.watch(site.url(), every="hour")
        first = await until_watch(here, made.id, lambda watch: watch.last is not None)
        assert first.status == "ok"
        page_id = await here.watch_now(made.id)
        again = await until_watch(
            here, made.id, lambda watch: watch.last is not None and watch.last.page == page_id
        )
        assert again.version > first.version
        await here.unwatch(made.id)
        with pytest.raises(WatchNotFound):
            here.watch_of(made.id)


async def test_a_watch_that_is_deleted_at_one_node_is_gone_at_the_other(
    node: NodeSettings, site: WebSite
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("web-2", "web")) as there,
    ):
        await joined(here, there)
        made = await here.watch(site.url())

        async def heard() -> bool:
            return [watch.id for watch in there.watches().watches] == [made.id]

        await eventually(heard, "the watch is heard of", within=PATIENCE)
        await until_watch(there, made.id, lambda watch: watch.page is not None)
        await here.unwatch(made.id)

        async def gone() -> bool:
            return not there.watches().watches

        await eventually(gone, "the watch is gone", within=PATIENCE)


async def test_a_watch_is_changed_paused_and_tested_at_another_node_than_it_was_made_at(
    node: NodeSettings, site: WebSite
) -> None:
    async with (
        Receiver() as receiver,
        Libra.open(node("web-1", "web")) as here,
        Libra.open(node("all-1", "all")) as there,
    ):
        await joined(here, there)
        made = await here.make_watch(
            WatchChanges(url=site.url(), every="2h", headers={"X-Key": "k"}, webhook=receiver.url)
        )

        async def heard() -> bool:
            return [watch.id for watch in there.watches().watches] == [made.id]

        await eventually(heard, "the watch is heard of", within=PATIENCE)
        await until_watch(there, made.id, lambda watch: watch.last is not None)
        changed = await there.change_watch(made.id, WatchChanges(name="Shop", paused=True))
        assert (changed.name, changed.status, changed.secret) == ("Shop", "paused", None)
        seen = await until_watch(here, made.id, lambda watch: watch.paused)
        assert (seen.name, seen.headers, seen.every) == ("Shop", ("X-Key",), "2h")
        await here.test_alert(made.id)
        (alert,) = await receiver.until_received(1)
        assert (alert.json["event"], alert.json["name"]) == ("test", "Shop")
        assert {request.headers.get("x-key") for request in site.requests} == {"k"}
        page_id = await there.watch_now(made.id)
        again = await until_watch(here, made.id, lambda w: bool(w.last and w.last.page == page_id))
        assert (again.status, len(again.runs)) == ("paused", 2)


async def test_a_watch_works_again_after_somebody_deleted_the_stream_of_watches(
    node: NodeSettings,
    servers: NatsServers,
    site: WebSite,
    database: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(taking_over, "LOOK", 0.1)
    async with (
        Libra.open(node("web-1", "web")) as web,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(web)
        made = await web.watch(site.url(), every="week")
        await until_watch(web, made.id, lambda watch: watch.last is not None)

        async def stored() -> bool:
            store = open_store(database)
            try:
                return [row.id for row in await store.watches()] == [made.id]
            finally:
                await store.close()

        await eventually(stored, "the database has it", within=PATIENCE)
        client = await nats.connect(servers.urls)
        await client.jetstream().delete_stream(WATCHES)
        await client.close()

        async def works() -> bool:
            try:
                changed = await web.change_watch(made.id, WatchChanges(name="again"))
            except (EngineUnavailable, WatchNotFound):
                return False
            return changed.name == "again"

        await eventually(works, "it can be changed again", within=PATIENCE)
        page_id = await web.watch_now(made.id)
        await until_watch(web, made.id, lambda w: w.last is not None and w.last.page == page_id)
