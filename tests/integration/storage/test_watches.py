"""What every engine does with watches."""

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg  # type: ignore[import-untyped] # it ships no types
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from libra.storage import Deleted, Store, WatchRow, migrate, open_store
from libra.storage.schema import render
from support.patience import PATIENT

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ONE = "01990000-0000-7000-8000-000000000001"
TWO = "01990000-0000-7000-8000-000000000002"


def watch(watch_id: str = ONE, version: int = 1, data: bytes = b'{"every": "day"}') -> WatchRow:
    return WatchRow(watch_id, "https://example.com/", version, data)


async def test_what_was_saved_is_listed(store: Store) -> None:
    assert await store.save([watch(), watch(TWO)]) == []
    found = {row.id: row for row in await store.watches()}
    assert found == {ONE: watch(), TWO: watch(TWO)}


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(versions=st.lists(st.lists(st.integers(1, 9), max_size=4), max_size=5))
async def test_any_order_of_saves_ends_with_the_newest(
    store: Store, versions: list[list[int]]
) -> None:
    before = {row.id: row.version for row in await store.watches()}.get(ONE, 0)
    for batch in versions:
        await store.save([watch(version=version) for version in batch])
    newest = max([before, *(version for batch in versions for version in batch)])
    assert {row.id: row.version for row in await store.watches()}.get(ONE, 0) == newest


async def test_a_deletion_outranks_every_version_before_and_after_it(store: Store) -> None:
    await store.save([watch(version=5), watch(TWO)])
    await store.save([Deleted(ONE, NOON, "watch")])
    await store.save([watch(version=2**62)])
    assert [row.id for row in await store.watches()] == [TWO]


async def test_a_deleted_watch_is_no_deleted_page(store: Store) -> None:
    await store.save([watch()])
    await store.save([Deleted(ONE, NOON, "page")])
    assert [row.id for row in await store.watches()] == [ONE]


async def test_pruning_takes_the_marks_of_deletions_and_no_watch(store: Store) -> None:
    await store.save([watch(), Deleted(TWO, NOON, "watch")])
    assert await store.prune(older_than=NOON + timedelta(days=1)) == 0
    assert [row.id for row in await store.watches()] == [ONE]
    await store.save([watch(TWO)])
    assert len(await store.watches()) == 2


async def test_text_that_a_database_cannot_hold_comes_back(store: Store) -> None:
    await store.save([watch(data=b'{"title": "\\u0000 \\ud800"}')])
    (row,) = await store.watches()
    assert row.data == b'{"title": "\\u0000 \\ud800"}'


async def test_a_watch_that_the_database_refuses_is_set_apart_alone(store: Store) -> None:
    (refused,) = await store.save([watch(""), watch()])
    assert refused.id == ""
    assert [row.id for row in await store.watches()] == [ONE]


async def test_a_database_of_the_version_before_gets_the_table(tmp_path: Path) -> None:
    file = tmp_path / "libra.db"
    database = sqlite3.connect(file)
    database.executescript(render("sqlite", None).split("-- Running upgrade 0001 -> 0002")[0])
    database.commit()
    database.close()
    store = open_store(f"sqlite:///{file}", deadlines=PATIENT)
    assert (await store.schema()).state == "behind"
    await store.open()
    assert await store.save([watch()]) == []
    assert await store.watches() == [watch()]
    await store.close()


async def test_a_table_that_was_dropped_is_made_again(tmp_path: Path) -> None:
    file = tmp_path / "libra.db"
    url = f"sqlite:///{file}"
    for dropped in ("watches", "pages"):
        await migrate(url)
        database = sqlite3.connect(file)
        database.execute(f"DROP TABLE {dropped}")
        database.close()
        assert (await migrate(url)).state == "current"
        store = open_store(url, deadlines=PATIENT)
        await store.open()
        assert await store.watches() == []
        await store.close()


async def test_postgres_makes_a_dropped_table_again(postgres_database: str) -> None:
    for dropped in ("watches", "pages CASCADE"):
        await migrate(postgres_database)
        connection = await asyncpg.connect(postgres_database)
        await connection.execute(f"DROP TABLE {dropped}")
        await connection.close()
        assert (await migrate(postgres_database)).state == "current"
        store = open_store(postgres_database, deadlines=PATIENT)
        await store.open()
        assert await store.watches() == []
        await store.close()
