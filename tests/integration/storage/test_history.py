"""That a store knows its database again, and that one Libra writes at a time, on every engine."""

import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from integration.storage.test_conformance import NOON, page_id, restored, snapshot
from libra.storage import PageQuery, Store, Unavailable, migrate, open_store
from libra.storage.history import History, HistoryLost, LeaseHeld, Writer
from libra.storage.schema import REVISIONS, VERSION_TABLE, VERSION_VIEW
from support.postgres import Postgres

Open = Callable[..., Store]
Sql = Callable[[str], None]

LEASE = 1e6

ALREADY_OVER = "2020-01-01T00:00:00.000000Z"


@pytest.fixture(autouse=True)
def _no_lease_ends_because_the_machine_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in ("sqlite", "postgres"):
        monkeypatch.setattr(f"libra.storage.{engine}.writer_log.LEASE", LEASE)


@pytest.fixture
async def opened(database: str) -> AsyncIterator[Open]:
    """Opens stores of one database, each for a writer of its own unless it is told otherwise."""
    await migrate(database)
    async with AsyncExitStack() as stack:

        def make(instance: str, life: str = "one") -> Store:
            store = open_store(database)
            store.write_as(Writer(instance, instance + life, f"/srv/{instance}"), None)
            stack.push_async_callback(store.close)
            return store

        yield make


@pytest.fixture
def sql(database: str, request: pytest.FixtureRequest) -> Sql:
    """Does with the database what an administrator could, or an outage."""
    if database.startswith("sqlite"):

        def run(text: str) -> None:
            connection = sqlite3.connect(database.removeprefix("sqlite:///"), timeout=5)
            connection.execute(text)
            connection.commit()
            connection.close()

        return run
    server: Postgres = request.getfixturevalue("postgres")
    name = database.rpartition("/")[2]

    def run_there(text: str) -> None:
        server.sql(text, database=name)

    return run_there


def known(store: Store) -> History:
    assert store.known is not None
    return store.known


async def test_each_batch_moves_the_counter_of_its_writer(opened: Open) -> None:
    store = opened("a")
    await store.ping()
    assert (known(store).counter, known(store).at) == (0, None)
    for number in (1, 2):
        await store.save([snapshot()])
        assert known(store).counter == number
    await store.save([])
    await store.ping()
    assert known(store).counter == 2
    at = known(store).at
    assert at is not None
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=1)


async def test_an_unknown_outcome_is_no_loss(opened: Open) -> None:
    store = opened("a")
    await store.save([snapshot()])
    before = store.known
    await store.save([snapshot()])
    store.known = before  # as if the answer had not arrived
    await store.save([snapshot()])
    assert known(store).counter == 3


async def test_a_database_that_has_gone_back_is_noticed_by_whatever_asks_it(
    opened: Open, sql: Sql
) -> None:
    store, page = opened("a"), page_id()
    for _ in range(3):
        await store.save([snapshot(page)])
    last = known(store)
    sql("UPDATE libra_writers SET counter = 1")
    for call in (
        lambda: store.save([snapshot()]),
        store.ping,
        lambda: store.load(page),
        lambda: store.load(page_id()),
        lambda: store.recent(PageQuery(limit=3)),
        store.watches,
        lambda: restored(store),
    ):
        with pytest.raises(HistoryLost, match="lacks the last 2 saves") as caught:
            await call()
        assert (caught.value.known, caught.value.found.counter) == (last, 1)
    store.known = msgspec.structs.replace(last, counter=1)  # somebody has seen to it
    await store.save([snapshot()])
    assert known(store).counter == 2
    assert len(await store.recent(PageQuery(limit=9))) == 2  # what was refused has left no trace


async def test_a_database_made_anew_is_another_one(opened: Open, sql: Sql, database: str) -> None:
    store = opened("a")
    await store.save([snapshot()])
    before = known(store).database
    for table in ("libra_schema", "pages", "watches", "libra_writers"):
        sql(f"DROP TABLE {table}" + ("" if database.startswith("sqlite") else " CASCADE"))
    await migrate(database)
    with pytest.raises(HistoryLost, match="not the database") as caught:
        await store.ping()
    assert caught.value.found.database != before


async def test_what_a_former_life_knew_is_checked_by_the_next(opened: Open, sql: Sql) -> None:
    first = opened("a")
    await first.save([snapshot()])
    left = known(first)
    await first.close()
    sql("DELETE FROM libra_writers")
    second = opened("a", "two")
    second.known = left
    with pytest.raises(HistoryLost):
        await second.open()


@pytest.mark.parametrize("name", [VERSION_TABLE, VERSION_VIEW])
async def test_a_newer_schema_is_noticed_by_the_next_save_and_probe(
    opened: Open, sql: Sql, name: str
) -> None:
    store = opened("a")
    await store.save([snapshot()])
    sql(f"UPDATE {name} SET version_num = '9999'")
    for call in (lambda: store.save([snapshot()]), store.ping):
        with pytest.raises(Unavailable, match=r"schema 9999.*newer Libra") as caught:
            await call()
        assert caught.value.fault == "schema"
    sql(f"UPDATE {name} SET version_num = '{REVISIONS['sqlite'][-1]}'")
    await store.save([snapshot()])
    assert len(await store.recent(PageQuery(limit=9))) == 2


async def test_what_is_pruned_is_written_down(opened: Open, database: str) -> None:
    store, administrator = opened("a"), open_store(database)
    await store.save([snapshot()])
    await administrator.prune(older_than=NOON)
    await administrator.prune(older_than=NOON - timedelta(days=1))
    await administrator.close()
    await store.ping()
    assert known(store).pruned_before == NOON


async def test_a_second_libra_reads_and_does_not_write(opened: Open) -> None:
    first, second, page = opened("a"), opened("b"), snapshot()
    await first.save([page])
    for call in (second.open, second.ping, lambda: second.save([snapshot()])):
        with pytest.raises(LeaseHeld, match="/srv/a") as caught:
            await call()
        assert 0 < caught.value.holder.seconds <= LEASE
    assert await second.load(page.id) == page
    assert len(await second.recent(PageQuery(limit=9))) == 1
    await first.save([snapshot()])


async def test_the_second_takes_over_when_the_lease_has_ended(opened: Open, sql: Sql) -> None:
    first, second = opened("a"), opened("b")
    await first.save([snapshot()])
    sql(f"UPDATE libra_lease SET until = '{ALREADY_OVER}'")
    await second.save([snapshot()])
    with pytest.raises(LeaseHeld, match="/srv/b"):
        await first.save([snapshot()])


async def test_a_lease_that_ends_too_late_to_be_true_is_none(opened: Open, sql: Sql) -> None:
    first, second = opened("a"), opened("b")
    await first.save([snapshot()])
    sql("UPDATE libra_lease SET until = '2999-01-01T00:00:00.000000Z'")
    await second.save([snapshot()])


async def test_a_libra_that_stops_leaves_no_lease_behind(opened: Open) -> None:
    first, second = opened("a"), opened("b")
    await first.save([snapshot()])
    await first.close()
    await second.save([snapshot()])


async def test_a_libra_that_is_started_again_goes_on_at_once(opened: Open) -> None:
    former, now = opened("a", "one"), opened("a", "two")
    await former.save([snapshot()])
    await now.save([snapshot()])
    assert known(now).counter == 2
    with pytest.raises(LeaseHeld):  # it runs after all, on a copy of the data directory
        await former.save([snapshot()])
    await now.save([snapshot()])


async def test_a_database_that_has_gone_back_says_so_whoever_has_its_lease(
    opened: Open, sql: Sql
) -> None:
    """If it said only that another Libra writes, this one would drop what the database lacks."""
    store = opened("a")
    for _ in range(2):
        await store.save([snapshot()])
    sql("UPDATE libra_writers SET counter = 1")
    sql("UPDATE libra_lease SET instance = 'b', life = 'b', place = '/srv/b'")
    for call in (store.ping, lambda: store.save([snapshot()])):
        with pytest.raises(HistoryLost):
            await call()
    store.known = msgspec.structs.replace(known(store), counter=1)  # somebody has seen to it
    with pytest.raises(LeaseHeld, match="/srv/b"):
        await store.save([snapshot()])


async def test_the_lease_of_a_former_life_that_comes_back_with_an_older_copy_holds_nobody_up(
    opened: Open, sql: Sql
) -> None:
    former, now = opened("a", "one"), opened("a", "two")
    await former.save([snapshot()])
    await now.save([snapshot()])
    sql("UPDATE libra_writers SET counter = 1")
    sql("UPDATE libra_lease SET life = 'aone'")
    with pytest.raises(HistoryLost):
        await now.save([snapshot()])
    now.known = msgspec.structs.replace(known(now), counter=1)  # somebody has seen to it
    await now.save([snapshot()])
    with pytest.raises(LeaseHeld):
        await former.save([snapshot()])


async def test_an_administrator_may_work_beside_it(opened: Open, database: str) -> None:
    store = opened("a")
    await store.save([snapshot()])
    administrator = open_store(database)
    await administrator.open()
    await administrator.save([snapshot()])
    assert await administrator.prune(older_than=NOON + timedelta(days=1)) == 2
    await administrator.close()
    await store.save([snapshot()])
    assert known(store).counter == 2


async def test_a_file_that_is_swapped_for_an_older_copy_is_noticed(tmp_path: Path) -> None:
    path, copy = tmp_path / "libra.db", tmp_path / "copy.db"
    store = open_store(f"sqlite:///{path}")
    store.write_as(Writer("a", "one", "/srv/a"), None)
    page = snapshot()
    await store.save([page])
    shutil.copy(path, copy)
    for suffix in ("-wal", "-shm"):
        if (wal := path.with_name(path.name + suffix)).exists():
            shutil.copy(wal, copy.with_name(copy.name + suffix))
    await store.save([snapshot()])
    for suffix in ("-wal", "-shm", ""):
        if (other := copy.with_name(copy.name + suffix)).exists():
            other.replace(path.with_name(path.name + suffix))
    with pytest.raises(HistoryLost, match="lacks the last save"):
        await store.save([snapshot()])
    await store.close()


async def test_postgres_tells_where_a_database_is_from(postgres_database: str) -> None:
    await migrate(postgres_database)
    store = open_store(postgres_database)
    store.write_as(Writer("a", "one", "/srv/a"), None)
    await store.save([snapshot()])
    origin = known(store).origin
    assert origin is not None
    assert origin.endswith("timeline 1")
    other = msgspec.structs.replace(
        known(store), counter=7, origin="PostgreSQL system 1, timeline 2"
    )
    store.known = other
    with pytest.raises(HistoryLost, match=r"it is .* timeline 1 now, and was .* timeline 2"):
        await store.ping()
    await store.close()


SIGN_IN_REFUSED = {
    "sqlite": """
        CREATE TRIGGER refused BEFORE INSERT ON {table}
        BEGIN SELECT RAISE(ABORT, 'refused'); END
    """,
    "postgres": """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN RAISE SQLSTATE '54000' USING MESSAGE = 'refused'; END $$;
        CREATE TRIGGER refused BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION refuse()
    """,
}


@pytest.mark.parametrize("table", ["libra_lease", "libra_writers"])
@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
async def test_a_refused_sign_in_is_an_outage_and_no_fault_of_the_pages(
    engine: str, table: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    database = f"sqlite:///{tmp_path}/libra.db"
    if engine == "postgres":
        database = request.getfixturevalue("postgres_database")
    await migrate(database)
    sql = SIGN_IN_REFUSED[engine].format(table=table)
    if engine == "postgres":
        request.getfixturevalue("postgres").sql(sql, database="bare")
    else:
        with closing(sqlite3.connect(tmp_path / "libra.db", timeout=60)) as link:
            link.execute(sql)
    store = open_store(database)
    store.write_as(Writer("a", "one", "/srv/a"), None)
    page = snapshot()
    with pytest.raises(Unavailable, match=r"config: .*refused"):
        await store.save([page])
    assert await store.load(page.id) is None
    if table == "libra_lease":
        with pytest.raises(Unavailable, match=r"config: .*refused"):
            await store.ping()
    await store.close()
