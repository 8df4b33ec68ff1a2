"""What another version of Libra, or somebody's hand, has left in the engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra, PageUnknown
from libra.cluster.engine.answers import Message
from libra.cluster.engine.connection import Engine
from libra.cluster.records.layout import CLUSTER, FORMAT, IDENTITY, Identity, Shards, stream_of
from libra.cluster.records.page_records import FORMAT as RECORDS
from libra.cluster.records.page_records import SubmissionRecord, rewritten, to_bytes
from libra.cluster.records.streams import streams
from libra.ids import new_id
from libra.settings import Settings
from libra.testing import until
from support.asking import PATIENCE, eventually
from support.joined import joined
from support.kept import laid_out, stored_records, write
from support.nats import NatsServers
from support.site import WebSite


@pytest.fixture
async def engine(servers: NatsServers) -> AsyncIterator[Engine]:
    engine = Engine(servers.urls, name="a test")
    await engine.connect()
    yield engine
    await engine.close()


def stream(**changes: Any) -> dict[str, Any]:
    """The configuration of a shard's stream, as somebody else would have made it."""
    return next(streams(range(1), 1)) | changes


def words(libra: Libra) -> str:
    return libra.health().parts["cluster"].detail or ""


async def test_a_stream_that_another_version_made_with_other_limits_is_worked_with(
    node: NodeSettings, engine: Engine, site: WebSite
) -> None:
    await engine.api(
        "STREAM.CREATE.libra-0",
        stream(duplicate_window=60 * 10**9, max_bytes=10**9, description="of another version"),
    )
    queue = {"durable_name": "weigh-static", "ack_policy": "explicit", "ack_wait": 9 * 10**9}
    queue |= {"filter_subject": "libra.0.*.sub.static", "max_deliver": -1}
    await engine.api(
        "CONSUMER.DURABLE.CREATE.libra-0.weigh-static", {"stream_name": "libra-0", "config": queue}
    )
    async with Libra.open(node("web-1", "web")) as web, Libra.open(node("insp-1", "inspector")):
        await joined(web)
        for n in range(8):  # some in either shard
            page_id = await web.weigh(site.url(f"/{n}"))
            assert (await until(web, page_id, lambda r: r.backup == "stored")).status == "weighed"


async def test_a_stream_without_what_libra_stands_on_is_refused_by_name_until_it_is_mended(
    node: NodeSettings, engine: Engine
) -> None:
    bad = stream(allow_msg_ttl=False)
    del bad["subject_delete_marker_ttl"]
    await engine.api("STREAM.CREATE.libra-0", bad)
    async with Libra.open(node("web-1", "web")) as web:

        async def says_so() -> bool:
            return "libra-0" in words(web) and "allow_msg_ttl: true" in words(web)

        await eventually(says_so, "it says what is wrong", within=PATIENCE)
        await engine.api("STREAM.UPDATE.libra-0", stream())
        await joined(web)


async def test_a_cluster_that_a_newer_libra_has_laid_out_is_left_to_it(
    node: NodeSettings, engine: Engine, servers: NatsServers
) -> None:
    await laid_out(servers.urls)
    newer = Identity(new_id(), (Shards(0, 2),), format=FORMAT + 1)
    await engine.write(IDENTITY, msgspec.json.encode(newer))
    async with Libra.open(node("web-1", "web")) as web:

        async def says_so() -> bool:
            return "newer Libra" in words(web)

        await eventually(says_so, "it says that it is too old", within=PATIENCE)
    found = await engine.last(CLUSTER, IDENTITY)
    assert found is not None
    assert msgspec.json.decode(found.data, type=Identity) == newer


async def test_records_and_submissions_of_a_newer_libra_are_left_alone_shown_and_no_404(
    node: NodeSettings, engine: Engine, servers: NatsServers, site: WebSite
) -> None:
    layout = await laid_out(servers.urls)
    [known] = stored_records(1)
    await write(servers.urls, layout, [known])
    newer = [
        rewritten(to_bytes(record), format=RECORDS + 1, backup="replicated")
        for record in stored_records(2)
    ]
    ids = [msgspec.msgpack.decode(data)["id"] for data in newer]
    for page_id, data in zip(ids, newer, strict=True):
        await engine.write(layout.subject(page_id, "rec"), data)
    queued = SubmissionRecord(
        new_id(), "https://example.com/", known.submitted_at, format=RECORDS + 1
    )
    subject = layout.subject(queued.id, "sub.static")
    await engine.write(subject, to_bytes(queued))

    async def left(what: str) -> Message:
        found = await engine.last(stream_of(int(what.split(".")[1])), what)
        assert found is not None
        return found

    settings: Settings = node("web-1", "web")
    async with Libra.open(settings) as web, Libra.open(node("insp-1", "inspector")):
        await joined(web)

        async def says_so() -> bool:
            return "3 records of a newer Libra are left alone" in words(web)

        await eventually(says_so, "it says how many it cannot read", within=PATIENCE)
        assert (await web.report(known.id)).status == "weighed"
        # Whatever is of its own time goes its way beside them.
        page_id = await web.weigh(site.url("/now"))
        assert (await until(web, page_id, lambda r: r.backup == "stored")).status == "weighed"
        for page_id in (*ids, queued.id):
            with pytest.raises(PageUnknown):
                await web.report(page_id)
    for page_id, data in zip(ids, newer, strict=True):
        assert (await left(layout.subject(page_id, "rec"))).data == data
    assert (await left(subject)).data == to_bytes(queued)
    waiting = [await engine.api(f"CONSUMER.INFO.libra-{shard}.store") for shard in range(2)]
    assert sum(info["num_pending"] + info["num_ack_pending"] for info in waiting) >= len(ids)
