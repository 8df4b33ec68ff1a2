"""Pages and watches do not know through which hands they become safe: another way can stand there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from libra.inspector.records.messages import DatabaseBacklog
from libra.inspector.records.ports import Durability
from libra.inspector.records.watches.watch_changes import WatchChanges, checked
from libra.inspector.tree import SupervisionTree
from libra.observability.health import NodeHealth, Part
from libra.otp import NORMAL, ChildSpec, Continue, GenServer, Stop
from libra.report import FINISHED, Backup, Report, decode
from libra.settings import Settings
from libra.storage import Entry, Snapshot
from support.site import WebSite


class Nothing(GenServer):
    """Brings nothing back."""

    __slots__ = ()

    def init(self, tree: SupervisionTree) -> Continue:
        tree.context.availability.replayed.set()
        tree.context.availability.recalled.set()
        tree.context.availability.opened.set()
        tree.context.availability.watches_known.set()
        tree.context.availability.restoring = False
        return Continue()

    def handle_continue(self, token: Any) -> Stop:
        return Stop(NORMAL)


class InOneStep:
    """Keeps everything in a table at once, without a journal."""

    def __init__(self, tree: SupervisionTree) -> None:
        self._tree = tree
        self.rows: dict[str, Entry] = {}
        self.forgotten: list[str] = []

    def keep(self, entry_id: str) -> None:
        record = self._tree.context.records.find(entry_id)
        if record is not None:
            row = self.rows[entry_id] = record.row()
            self._tree.context.processes.tell_safe(entry_id, row.version, "stored")

    async def kept(self, entry_id: str) -> bool:
        self.keep(entry_id)
        return True

    async def forget(self, entry_id: str) -> None:
        self.rows.pop(entry_id, None)
        self.forgotten.append(entry_id)

    def release(self, entry_id: str, version: int) -> None:
        pass

    def begin(self, page_id: str) -> None:
        self._tree.context.processes.tell_may_begin(page_id)

    def end(self, page_id: str) -> None:
        pass

    async def was_deleted(self, page_id: str) -> bool:
        return False

    def next_life(self, row: Snapshot) -> int:
        return 2

    def deaths(self, page_id: str) -> int:
        return 0

    def pass_on(self, page_id: str, read: Report) -> bool:
        return False

    def steps(self, level: Backup) -> int:
        return 0 if level == "stored" else 1

    def state(self) -> DatabaseBacklog:
        return DatabaseBacklog(0, None)

    def prepare(self) -> None:
        pass

    def writers(self) -> list[ChildSpec[Any]]:
        return []

    def restorer(self) -> ChildSpec[Any]:
        return ChildSpec(Nothing, (self._tree,), id="restorer", restart="transient")

    async def settle(self) -> None:
        pass

    async def closed(self) -> None:
        pass

    def close(self) -> None:
        pass

    def nodes(self) -> tuple[NodeHealth, ...]:
        return ()

    def parts(self) -> dict[str, Part]:
        return {}


@asynccontextmanager
async def living(settings: Settings) -> AsyncIterator[tuple[SupervisionTree, InOneStep]]:
    made: list[InOneStep] = []

    def make(tree: SupervisionTree) -> Durability:
        made.append(InOneStep(tree))
        return made[0]

    tree = SupervisionTree(settings, durability=make)
    await tree.open({})
    try:
        yield tree, made[0]
    finally:
        await tree.close()


async def reports(tree: SupervisionTree, page_id: str) -> AsyncIterator[Report]:
    """A page whenever it changes, until it is stored as finished."""
    with tree.context.records.followers.subscribe(page_id) as change:
        while True:
            answer = await tree.pages.ask(page_id)
            assert answer is not None
            report = decode(answer[1])
            yield report
            if report.status in FINISHED and report.backup == "stored":
                return
            await change.wait()
            change.clear()


async def test_another_durability_with_one_step_stores_pages_without_the_journal_or_the_database(
    site: WebSite, settings: Settings
) -> None:
    async with living(settings) as (tree, durability):
        page_id = await tree.pages.submit(site.url(), None)
        seen = [report async for report in reports(tree, page_id)]
        assert {report.backup for report in seen} <= {"memory", "stored"}
        row = durability.rows[page_id]
        record = tree.context.records.pages.get(page_id)
        assert record is not None
        assert row == record.row()
        assert row.version == record.version
        assert not (settings.data_dir / "journal").exists()
        await tree.pages.remove(page_id)
        assert durability.forgotten == [page_id]
        assert page_id not in durability.rows


async def test_what_was_lost_is_kept_again_above_what_was_seen(
    site: WebSite, settings: Settings
) -> None:
    async with living(settings) as (tree, durability):
        page_id = await tree.pages.submit(site.url(), None)
        before = [report async for report in reports(tree, page_id)][-1]
        durability.rows.clear()
        tree.context.processes.tell_unsafe(page_id, "stored", until_journaled=False)
        after = [report async for report in reports(tree, page_id)][-1]
        assert after.version > before.version
        assert durability.rows[page_id].version == after.version


async def test_watches_take_the_same_way(site: WebSite, settings: Settings) -> None:
    async with living(settings) as (tree, durability):
        wanted = checked(WatchChanges(url=site.url()), {})
        record = await tree.watches.add(wanted)
        assert record.id in durability.rows
        await tree.watches.remove(record.id)
        assert durability.forgotten == [record.id]
