"""A page whose report does not fit into one message of the engine."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator

import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.cluster.engine.connection import Engine
from libra.cluster.records.fitting import BESIDE, TOO_LARGE
from libra.testing import Page, PageServer, until
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.nats import NatsServers, running_nats

IMAGES = 160


@pytest.fixture
async def servers() -> AsyncIterator[NatsServers]:
    """One that takes no more than some kilobytes for a report."""
    async with running_nats(1, extra=f"max_payload: {BESIDE + 12_000}") as started:
        yield started


@pytest.fixture
async def large() -> AsyncIterator[PageServer]:
    """A page of many images, whose names no compression makes shorter."""
    rng = random.Random(7)
    names = [f"/{rng.getrandbits(1200):0300x}.png" for _ in range(IMAGES)]
    body = "".join(f"<img src={name}>" for name in names).encode()
    site = {"/": Page(b"<!doctype html><link rel=icon href=data:,>" + body, "text/html")}
    images = {name: Page(bytes(1 + n), "image/png") for n, name in enumerate(names)}
    async with PageServer(site | images) as running:
        yield running


async def test_a_report_that_is_larger_than_a_message_is_cut_says_so_and_stops_no_queue(
    node: NodeSettings, servers: NatsServers, large: PageServer
) -> None:
    async with (
        Libra.open(node("web-1", "web")) as web,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(web)
        ids = [await web.weigh(large.url("/")) for _ in range(2)]
        for page_id in ids:
            report = await until(web, page_id, lambda r: r.backup == "stored")
            assert report.status == "weighed"
            assert not report.complete
            assert TOO_LARGE in (report.error or "")
            # The largest are what matters, and every sum is that of what is shown.
            kept = [asset for asset in report.assets if asset.kind == "image"]
            assert 0 < len(kept) < IMAGES
            assert min(a.transfer_bytes for a in kept) > IMAGES - len(kept)
            assert report.total.requests == len(report.assets)
            assert report.total.transfer_bytes == sum(a.transfer_bytes for a in report.assets)
        engine = Engine(servers.urls, name="a test")
        await engine.connect()

        async def nothing_waits() -> bool:
            infos = [
                await engine.api(f"CONSUMER.INFO.libra-{shard}.{queue}")
                for shard in range(2)
                for queue in ("weigh-static", "store")
            ]
            return not any(info["num_pending"] + info["num_ack_pending"] for info in infos)

        await eventually(nothing_waits, "every queue is empty", within=PATIENCE)
        await engine.close()
