"""Pages whose process crashes: restarted, or quarantined alone; the others never notice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from integration.site import Site
from integration.waiting import finished, stored
from libra.app import Libra, PageNotFound
from libra.health import Node
from libra.inspector.admission import Turn
from libra.inspector.context import Context
from libra.inspector.messages import Safe
from libra.inspector.page import PageInspector
from libra.otp import Failed, GenServer, TaskDone
from libra.otp.testing import settle
from libra.settings import Settings

CRASHING = "/crashing"


class Bug(Exception):
    """What the tests plant."""


class Planted:
    """Makes a callback of the page at `CRASHING` raise, the first ``times`` times it is reached."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: float) -> None:
        self._monkeypatch = monkeypatch
        self._left = times
        self.raised = 0

    def on(self, callback: str, message: Callable[[Any], bool] = lambda _: True) -> None:
        original = getattr(PageInspector, callback)

        def crashing(page: PageInspector, *args: Any) -> Any:
            result = original(page, *args)
            if page._record.url.endswith(CRASHING) and self._left > 0 and message(args[-1]):
                self._left -= 1
                self.raised += 1
                raise Bug("planted")
            return result

        self._monkeypatch.setattr(PageInspector, callback, crashing)


HANDLERS = {
    "the turn to be fetched": ("handle_info", lambda m: m is Turn.GRANTED),
    "the outcome of a fetch": ("handle_info", lambda m: isinstance(m, TaskDone)),
    "the news of being stored": (
        "handle_info",
        lambda m: isinstance(m, Safe) and m.level == "stored",
    ),
    "a read": ("handle_call", lambda m: True),
}


@pytest.mark.parametrize("where", list(HANDLERS))
async def test_a_page_that_crashes_once_is_restarted_and_finishes(
    where: str, site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = Planted(monkeypatch, times=1)
    async with Libra.open(settings) as libra:
        planted.on(*HANDLERS[where])
        page_id = await libra.weigh(f"{site.url}/held{CRASHING}")
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
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = msgspec.structs.replace(settings, concurrency=2_000)
    planted = Planted(monkeypatch, times=float("inf"))
    planted.on(*HANDLERS["the turn to be fetched"])
    async with Libra.open(settings) as libra:
        siblings = [await libra.weigh(f"{site.url}/held/{n}") for n in range(1_000)]
        pids = {page_id: pid_of(libra, page_id) for page_id in siblings}
        await site.until_held()
        crashing = await libra.weigh(f"{site.url}{CRASHING}")
        with libra._context.followers.subscribe(crashing) as change:
            while not (report := await libra.report(crashing)).error:
                await change.wait()
                change.clear()
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
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = Planted(monkeypatch, times=4)
    planted.on(*HANDLERS["the turn to be fetched"])
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(f"{site.url}{CRASHING}")
        with libra._context.followers.subscribe(page_id) as change:
            while libra.health().quarantined == 0:
                await change.wait()
                change.clear()
        before = await libra.report(page_id)
        libra.retry(page_id)
        report = await finished(libra, page_id)
        assert report.status == "weighed"
        assert report.error is None
        assert report.version > before.version
        assert libra.health().quarantined == 0
        with pytest.raises(PageNotFound):
            libra.retry(page_id)


async def test_a_quarantined_page_can_be_deleted(
    site: Site, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted = Planted(monkeypatch, times=float("inf"))
    planted.on(*HANDLERS["the turn to be fetched"])
    async with Libra.open(settings) as libra:
        page_id = await libra.weigh(f"{site.url}{CRASHING}")
        with libra._context.followers.subscribe(page_id) as change:
            while libra.health().quarantined == 0:
                await change.wait()
                change.clear()
        await libra.forget(page_id)
        assert libra.health().quarantined == 0
        with pytest.raises(PageNotFound):
            await libra.report(page_id)


@pytest.mark.parametrize("name", ["registry", "admission", "inspectors", "backup"])
async def test_no_page_is_lost_when_a_part_of_the_tree_dies(
    name: str, site: Site, settings: Settings
) -> None:
    async with Libra.open(settings) as libra:
        done = await libra.weigh(site.url)
        await finished(libra, done)
        before = await stored(libra, done)
        running = [await libra.weigh(f"{site.url}/held/{n}") for n in range(20)]
        await site.until_held()
        context = libra._context
        victim = part(context, name)
        await victim.stop(Failed("killed by the test"))
        assert (await libra.report(done)) == before
        await settle()
        assert part(context, name) is not victim
        site.gate.set()
        for page_id in running:
            assert (await finished(libra, page_id)).status == "weighed"
            assert (await stored(libra, page_id)).complete
    assert Counter(site.hits)["/"] == 1


def part(context: Context, name: str) -> GenServer:
    found = context.admission["static"] if name == "admission" else getattr(context, name)
    assert isinstance(found, GenServer)
    return found


def walk(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from walk(child)


def pid_of(libra: Libra, page_id: str) -> int:
    process = libra._context.registry.whereis(page_id)
    assert process is not None
    return process.pid
