"""That nodes that look, save and note in any order note each loss of their database once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from libra.cluster.durability import progress
from libra.cluster.durability.progress import Progress
from libra.cluster.durability.saving_again import SavingAgain
from libra.cluster.engine.errors import Conflict
from libra.cluster.records.known_database import KnownDatabase, read_known, recall
from libra.storage.history import History, HistoryLost, Saves

START = datetime(2026, 11, 30, tzinfo=UTC)


class World:
    """A database that can go back, an engine with its record, and the chance that orders all calls."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.rows: dict[str, Saves] = {}
        self.data, self.sequence = b"", 0
        self.nodes: list[Node] = []
        self._seconds = count()

    @property
    def now(self) -> datetime:
        return START + timedelta(seconds=next(self._seconds))

    @property
    def history(self) -> History:
        return History("d", nodes=dict(self.rows))

    @property
    def record(self) -> KnownDatabase:
        return read_known(self.data) if self.data else KnownDatabase()

    async def pause(self, most: int) -> None:
        for _ in range(self.random.randrange(most)):
            await asyncio.sleep(0)

    async def last(self, stream: str, subject: str) -> Any:
        await self.pause(6)
        found = SimpleNamespace(data=self.data, sequence=self.sequence) if self.data else None
        await self.pause(6)
        return found

    async def write(self, subject: str, data: bytes, *, expect: int) -> None:
        await self.pause(6)
        if expect != self.sequence:
            raise Conflict("wrong last sequence")
        self.data, self.sequence = data, self.sequence + 1
        for node in self.nodes:
            node.told.put_nowait(data)
        await self.pause(6)


class Again(SavingAgain):
    """Only counts how many times it is due."""

    times = 0

    async def _everything(self) -> None:
        self.times += 1


class Node:
    """A node and its store, whose calls wait for one another."""

    def __init__(self, name: str, world: World) -> None:
        self.name, self.world, self.engine = name, world, world
        self.database = KnownDatabase()
        self.told: asyncio.Queue[bytes] = asyncio.Queue()
        self.known: History | None = None
        self.saves = True
        self._turn = asyncio.Lock()
        as_any: Any = self
        self.again = Again(as_any, as_any, as_any)
        self.progress = Progress(as_any, as_any, self.again)
        world.nodes.append(self)

    @property
    def now(self) -> datetime:
        return self.world.now

    def write_as(self, writer: object, known: History | None) -> None:
        self.known = known

    async def ping(self) -> None:
        await self._call(saves=False)

    async def _call(self, *, saves: bool) -> None:
        world, lost = self.world, None
        async with self._turn:
            known = self.known
            await world.pause(6)
            found = world.history
            try:
                found.require(known)
            except HistoryLost as error:
                lost = error
            else:
                if saves:
                    before = world.rows.get(self.name, Saves(0, None))
                    world.rows[self.name] = Saves(before.counter + 1, world.now)
                    found = world.history
            await world.pause(6)
        if lost is not None:
            raise lost
        self.known = found

    async def run(self) -> None:
        self.progress.begin("c", await recall(self.engine))  # type: ignore[arg-type]
        async with asyncio.TaskGroup() as tasks:
            for task in (self.progress.serve(), self.again.serve(), self._hear()):
                tasks.create_task(task)
            tasks.create_task(self._calls(pause=60, saves=False))
            tasks.create_task(self._calls(pause=40, saves=True))

    async def _hear(self) -> None:
        while True:
            told = await self.told.get()
            await self.world.pause(30)
            self.database = read_known(told)

    async def _calls(self, *, pause: int, saves: bool) -> None:
        while True:
            await self.world.pause(pause)
            await asyncio.sleep(0)
            if self.saves or not saves:
                try:
                    await self._call(saves=saves)
                except HistoryLost as error:
                    await self.world.pause(8)
                    self.progress.lost(error)


async def turns(number: int) -> None:
    for _ in range(number):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(world: World, number: int) -> AsyncIterator[list[Node]]:
    nodes = [Node(f"n{index}", world) for index in range(number)]
    tasks = [asyncio.create_task(node.run()) for node in nodes]
    yield nodes
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@pytest.fixture(autouse=True)
def _no_node_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REMEMBER", 0)


@pytest.mark.parametrize("seed", range(20))
async def test_whatever_the_order_of_calls_a_loss_is_noted_once_and_no_other(
    seed: int,
) -> None:
    world = World(seed)
    losses = 0
    async with running(world, 1 + seed % 3) as nodes:
        for _ in range(3):
            for node in nodes:
                node.saves = True
            await turns(world.random.randrange(50, 300))
            kept = dict(world.rows)
            await turns(world.random.randrange(120))
            went_back, world.rows = world.rows != kept, dict(kept)
            missing = [world.history.lacks(node.known) for node in nodes]
            before = [node.again.times for node in nodes]
            await turns(world.random.randrange(1, 200))
            for node in nodes:
                node.saves = False
            await turns(1500)
            noted, losses = losses, len(world.record.losses)
            # Of a batch that is lost before its node has the answer, nobody need know.
            assert any(missing) <= losses - noted <= went_back
            for node, misses, times in zip(nodes, missing, before, strict=True):
                assert misses <= node.again.times - times <= went_back
                assert world.record.known == node.known == world.history


async def test_nodes_at_rest_note_again_what_the_engine_has_lost() -> None:
    world = World(0)
    async with running(world, 2) as nodes:
        await turns(300)
        for node in nodes:
            node.saves = False
        world.rows.popitem()
        await turns(1500)
        assert world.record.losses
        world.data, world.sequence = b"", 0
        await turns(1500)
        assert world.record == KnownDatabase(world.history)
