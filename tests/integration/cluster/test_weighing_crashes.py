"""What becomes of the pages of a node whose weighing crashes and is started again."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import pytest

from integration.cluster.conftest import NodeSettings
from libra.app import Libra
from libra.cluster.node.node import ClusterNode
from libra.cluster.records import streams
from libra.cluster.records.page_records import Record
from libra.cluster.weighing import passing, patient_writes, taking, weighing
from libra.testing import until
from support.builds import build, result
from support.joined import joined
from support.site import WebSite


async def test_pages_that_were_being_written_when_the_weighing_crashed_are_stored_all_the_same(
    node: NodeSettings, site: WebSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    under_way = {"/begins": asyncio.Event(), "/ends": asyncio.Event()}
    crashed = asyncio.Event()

    async def write(node: ClusterNode, record: Record, expect: int) -> int:
        path = urlsplit(record.url).path
        if not crashed.is_set() and record.finished == (path == "/ends"):
            under_way[path].set()
            await asyncio.Event().wait()
        return await patient_writes.write_record(node, record, expect)

    async def crash_once(*args: object) -> None:
        if not crashed.is_set():
            crashed.set()
            raise RuntimeError("a defect")
        await passing.enter_result(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(weighing, "write_record", write)
    monkeypatch.setattr(taking, "enter_result", crash_once)
    monkeypatch.setattr(streams, "STORE_WAIT", 1.0)  # until the result is delivered again
    async with (
        Libra.open(node("web-1", "web")) as web,
        Libra.open(node("insp-1", "inspector")),
    ):
        await joined(web)
        ids = [await web.weigh(site.url(path)) for path in under_way]
        for begun in under_way.values():
            await begun.wait()
        kept, _ = await web.keep_result(result(1000), build())
        for page_id in (*ids, kept):
            report = await until(web, page_id, lambda r: r.backup == "stored")
            assert report.status == "weighed"
