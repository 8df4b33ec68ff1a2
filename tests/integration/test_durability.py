"""Pages and watches do not know through which hands they become safe: another way can stand there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from libra.inspector.durability import Durability
from libra.inspector.house import House
from libra.inspector.messages import MayBegin, Safe, State, Unsafe
from libra.otp import NORMAL, ChildSpec, Continue, GenServer, Stop
from libra.settings import Settings
from libra.storage import Entry, Snapshot
from libra.weighing.alarm import Terms
from libra.weighing.report import FINISHED, Backup, Report, decode
from support.site import WebSite


class Nothing(GenServer):
    """Brings nothing back."""

    __slots__ = ()

    def init(self, house: House) -> Continue:
        house.context.replayed.set()
        house.context.recalled.set()
        house.context.opened.set()
        house.context.watches_known.set()
        house.context.restoring = False
        return Continue()

    def handle_continue(self, token: Any) -> Stop:
        return Stop(NORMAL)


class InOneStep:
    """Keeps everything in a table at once, without a journal."""

    def __init__(self, house: House) -> None:
        self._house = house
        self.rows: dict[str, Entry] = {}
        self.forgotten: list[str] = []

    def keep(self, entry_id: str) -> None:
        record = self._house.context.find(entry_id)
        if record is not None:
            row = self.rows[entry_id] = record.row()
            self._house.context.tell(entry_id, Safe(row.version, "stored"))

    async def kept(self, entry_id: str) -> bool:
        self.keep(entry_id)
        return True

    async def forget(self, entry_id: str) -> None:
        self.rows.pop(entry_id, None)
        self.forgotten.append(entry_id)

    def release(self, entry_id: str, version: int) -> None:
        pass

    def begin(self, page_id: str) -> None:
        self._house.context.tell(page_id, MayBegin())

    def end(self, page_id: str) -> None:
        pass

    def next_life(self, row: Snapshot) -> int:
        return 2

    def deaths(self, page_id: str) -> int:
        return 0

    def steps(self, level: Backup) -> int:
        return 0 if level == "stored" else 1

    def state(self) -> State:
        return State(0, None)

    def prepare(self) -> None:
        pass

    def writers(self) -> list[ChildSpec[Any]]:
        return []

    def restorer(self) -> ChildSpec[Any]:
        return ChildSpec(Nothing, (self._house,), id="restorer", restart="transient")

    async def settle(self) -> None:
        pass

    def close(self) -> None:
        pass


@asynccontextmanager
async def living(settings: Settings) -> AsyncIterator[tuple[House, InOneStep]]:
    made: list[InOneStep] = []

    def make(house: House) -> Durability:
        made.append(InOneStep(house))
        return made[0]

    house = House(settings, durability=make)
    await house.open({})
    try:
        yield house, made[0]
    finally:
        await house.close()


async def reports(house: House, page_id: str) -> AsyncIterator[Report]:
    """A page whenever it changes, until it is stored as finished."""
    with house.context.followers.subscribe(page_id) as change:
        while True:
            answer = await house.pages.ask(page_id)
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
    async with living(settings) as (house, durability):
        page_id = await house.pages.submit(site.url(), None)
        seen = [report async for report in reports(house, page_id)]
        assert {report.backup for report in seen} <= {"memory", "stored"}
        row = durability.rows[page_id]
        record = house.context.records.get(page_id)
        assert record is not None
        assert row == record.row()
        assert row.version == record.version
        assert not (settings.data_dir / "journal").exists()
        await house.pages.remove(page_id)
        assert durability.forgotten == [page_id]
        assert page_id not in durability.rows


async def test_what_was_lost_is_kept_again_above_what_was_seen(
    site: WebSite, settings: Settings
) -> None:
    async with living(settings) as (house, durability):
        page_id = await house.pages.submit(site.url(), None)
        before = [report async for report in reports(house, page_id)][-1]
        durability.rows.clear()
        house.context.tell(page_id, Unsafe("stored"))
        after = [report async for report in reports(house, page_id)][-1]
        assert after.version > before.version
        assert durability.rows[page_id].version == after.version


async def test_watches_take_the_same_way(site: WebSite, settings: Settings) -> None:
    async with living(settings) as (house, durability):
        record, _ = await house.watching.add(site.url(), every="day", terms=Terms(), webhook=None)
        assert record.id in durability.rows
        await house.watching.remove(record.id)
        assert durability.forgotten == [record.id]
