"""Pages whose process crashes: restarted, or quarantined alone; the others never notice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec
import pytest

from libra.app import Libra, PageNotFound
from libra.observability.health import Node
from libra.settings import Settings
from libra.testing import crash, finished, process_of, settle, stored, until
from support.planted import CRASHING, HANDLERS, Planted
from support.site import WebSite


@pytest.mark.parametrize("where", list(HANDLERS))
async def test_a_page_that_crashes_once_is_restarted_and_finishes(
    where: str, site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = Planted(monkeypatch, times=1)
    async with Libra.open(settings) as libra:
        planted.on(*HANDLERS[where])
        page_id = await libra.weigh(site.url(f"/held{CRASHING}"))
        await libra.report(page_id)  # while it is unfinished, and so by its process
        site.gate.set()
        versions = []
        async for report in libra.follow(page_id):
            versions.append(report.version)
        assert report.status == "weighed"
        assert report.complete
        report = await stored(libra, page_id)
        assert versions == sorted(set(versions))
        assert report.version >= versions[-1]
        assert planted.raised == 1


async def test_a_page_that_always_crashes_is_quarantined_and_its_siblings_never_notice(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = msgspec.structs.replace(settings, concurrency=2_000)
    planted = Planted(monkeypatch, times=float("inf"))
    planted.on(*HANDLERS["the turn to be fetched"])
    async with Libra.open(settings) as libra:
        siblings = [await libra.weigh(site.url(f"/held/{n}")) for n in range(100)]
        pids = {page_id: pid_of(libra, page_id) for page_id in siblings}
        await site.until_held()
        crashing = await libra.weigh(site.url(f"/{CRASHING}"))
        report = await until(libra, crashing, lambda report: report.error is not None)
        assert report.status == "failed"
        assert report.error == "quarantined: Bug: planted"
        assert planted.raised == 4  # its first life, and its budget of 3 restarts
        assert {page_id: pid_of(libra, page_id) for page_id in siblings} == pids
        assert libra.health().quarantined == 1
        # It stays visible in the list, and in the tree with its reason.
        assert (await libra.recent(limit=1)).pages[0].error == report.error
        quarantined = [node for node in walk(libra.tree()) if node.state == "quarantined"]
        assert [(node.name, node.reason) for node in quarantined] == [(crashing, "Bug: planted")]
        site.gate.set()
        for page_id in siblings:
            assert (await finished(libra, page_id)).status == "weighed"


async def test_a_quarantined_page_can_be_tried_again_and_finishes(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = Planted(monkeypatch, times=4)
    planted.on(*HANDLERS["the turn to be fetched"])
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url(f"/{CRASHING}"))
        await until(libra, page_id, lambda _: libra.health().quarantined == 1)
        before = await libra.report(page_id)
        await libra.retry(page_id)
        report = await finished(libra, page_id)
        assert report.status == "weighed"
        assert report.error is None
        assert report.version > before.version
        assert libra.health().quarantined == 0
        with pytest.raises(PageNotFound):
            await libra.retry(page_id)


async def test_a_quarantined_page_can_be_deleted(
    site: WebSite, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = Planted(monkeypatch, times=float("inf"))
    planted.on(*HANDLERS["the turn to be fetched"])
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(site.url(f"/{CRASHING}"))
        await until(libra, page_id, lambda _: libra.health().quarantined == 1)
        await libra.forget(page_id)
        assert libra.health().quarantined == 0
        with pytest.raises(PageNotFound):
            await libra.report(page_id)


@pytest.mark.parametrize("name", ["registry", "admission", "inspectors", "backup"])
async def test_no_page_is_lost_when_a_part_of_the_tree_dies(
    name: str, site: WebSite, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        done = await libra.weigh(site.url())
        await finished(libra, done)
        before = await stored(libra, done)
        running = [await libra.weigh(site.url(f"/held/{n}")) for n in range(20)]
        await site.until_held()
        victim = process_of(libra, name)
        await crash(libra, name)
        assert (await libra.report(done)) == before
        await settle()
        assert process_of(libra, name) is not victim
        site.gate.set()
        for page_id in running:
            assert (await finished(libra, page_id)).status == "weighed"
            assert (await stored(libra, page_id)).complete
    assert Counter(site.hits)["/"] == 1


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def pid_of(libra: Libra, page_id: str) -> int:
    process = process_of(libra, page_id)
    assert process is not None
    return process.pid
