"""That the nodes of a cluster miss each batch that their database lost, whoever saved since."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest

from integration.storage.test_conformance import page_id, snapshot
from integration.storage.test_history import Open, known
from libra.storage import Store, migrate, open_store
from libra.storage.history import MANY, History, HistoryLost, Writer
from libra.storage.postgres.saving import save_batch
from support.patience import PATIENT
from support.postgres import Postgres


@pytest.fixture(autouse=True)
def _no_lease_ends_because_the_machine_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("libra.storage.postgres.writer_log.LEASE", 1e6)


@pytest.fixture
async def nodes(postgres_database: str) -> AsyncIterator[Open]:
    """Opens stores for the nodes of a cluster."""
    await migrate(postgres_database)
    async with AsyncExitStack() as stack:

        def make(name: str | None, known: History | None = None) -> Store:
            store = open_store(postgres_database, deadlines=PATIENT)
            store.write_as(Writer("c", "c", "the cluster c", name), known)
            stack.push_async_callback(store.close)
            return store

        yield make


@pytest.fixture
def go_back(postgres: Postgres, postgres_database: str) -> Iterator[tuple[Callable[[], None], ...]]:
    """Keeps the rows of the writers as they are, and brings the kept ones back."""
    name = postgres_database.rpartition("/")[2]

    def keep() -> None:
        postgres.sql("CREATE TABLE kept AS TABLE libra_writers", database=name)

    def back() -> None:
        postgres.sql(
            "BEGIN; DELETE FROM libra_writers; INSERT INTO libra_writers TABLE kept; COMMIT",
            database=name,
        )

    yield keep, back
    postgres.sql("DROP TABLE IF EXISTS kept", database=name)


async def test_a_batch_that_one_node_lost_is_missed_although_another_has_saved_since(
    nodes: Open, go_back: tuple[Callable[[], None], ...]
) -> None:
    keep, back = go_back
    one, other = nodes("one"), nodes("other")
    await one.save([snapshot()])
    await other.ping()
    keep()
    await one.save([page := snapshot()])
    back()
    await other.save([snapshot()])
    for call in (one.ping, lambda: one.save([snapshot()]), lambda: one.load(page_id())):
        with pytest.raises(HistoryLost, match="lacks the last save"):
            await call()
    one.known = known(other)  # somebody has seen to it
    await one.save([page])


async def test_each_node_notices_what_another_has_lost(
    nodes: Open, go_back: tuple[Callable[[], None], ...]
) -> None:
    keep, back = go_back
    one, other = nodes("one"), nodes("other")
    await one.save([snapshot()])
    keep()
    await one.save([snapshot()])
    await other.ping()
    await one.close()
    back()
    with pytest.raises(HistoryLost, match="lacks the last save"):
        await other.ping()
    with pytest.raises(HistoryLost, match="lacks the last save"):
        await nodes("later", known(other)).open()


async def test_nodes_of_this_version_and_of_one_before_save_side_by_side(
    nodes: Open,
) -> None:
    before, now = nodes(None), nodes("one")
    for store in (before, now, before, now, now):
        await store.save([snapshot()])
    await now.ping()
    assert known(now).counter == known(before).counter == 2
    assert {name: saves.counter for name, saves in known(now).nodes.items()} == {"one": 3}
    before.known = msgspec.structs.replace(known(now), nodes={})  # as it reads what is noted
    await before.save([snapshot()])


async def test_of_very_many_nodes_those_that_saved_last_are_compared(
    nodes: Open, postgres: Postgres, postgres_database: str
) -> None:
    store = nodes("one")
    await store.save([snapshot()])
    first = known(store)
    postgres.sql(
        "INSERT INTO libra_writers SELECT 'c/n' || n, 1, now() + n * interval '1 second'"
        f" FROM generate_series(1, {2 * MANY}) AS n",
        database=postgres_database.rpartition("/")[2],
    )
    other = nodes("other", first)
    await other.ping()
    assert set(known(other).nodes) == {f"n{n}" for n in range(MANY, 2 * MANY + 1)}
    await store.save([snapshot()])
    assert known(store).nodes["one"].counter == 2


async def test_a_probe_that_waited_for_a_save_misses_the_batch_of_that_save(
    nodes: Open, go_back: tuple[Callable[[], None], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, back = go_back
    store = nodes("one")
    await store.save([snapshot()])
    keep()

    async def failed_over_after_it(*arguments: Any) -> Any:
        saved = await save_batch(*arguments)
        await asyncio.to_thread(back)
        return saved

    monkeypatch.setattr("libra.storage.postgres.store.save_batch", failed_over_after_it)
    saved, probed = await asyncio.gather(
        store.save([snapshot()]), store.ping(), return_exceptions=True
    )
    assert saved == []
    assert isinstance(probed, HistoryLost)
