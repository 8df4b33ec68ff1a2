"""The PostgreSQL engine in trouble: what a server and a network can do to it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import asyncpg  # type: ignore[import-untyped] # it ships no types
import msgspec
import pytest

from libra.otp.testing import settle
from libra.report import Asset, Report
from libra.storage import (
    PageQuery,
    SchemaMismatch,
    Snapshot,
    Store,
    Unavailable,
    migrate,
    open_store,
    schema_status,
)
from libra.storage.postgres import transactions
from libra.storage.rows.entries import Packed
from support.asking import PATIENCE, eventually
from support.patience import HURRIED, PATIENT
from support.postgres import Postgres
from support.proxy import Proxy

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Call = Callable[[Store], Coroutine[Any, Any, object]]


def snapshot(page: str = "a", version: int = 1, report: bytes = b"{}") -> Snapshot:
    return Snapshot(page, "https://example.com/", version, report, submitted_at=NOON)


async def restore(store: Store) -> int:
    return sum([len(batch) async for batch in store.batches(now=NOON)])


CALLS: dict[str, Call] = {
    "open": lambda store: store.open(),
    "ping": lambda store: store.ping(),
    "save": lambda store: store.save([snapshot()]),
    "load": lambda store: store.load("a"),
    "recent": lambda store: store.recent(PageQuery(limit=5)),
    "delete": lambda store: store.delete("z"),
    "prune": lambda store: store.prune(older_than=NOON),
    "restore": restore,
    "schema": lambda store: store.schema(),
}


@pytest.fixture
def server(postgres: Postgres) -> Postgres:
    return postgres


@pytest.fixture
async def store(server: Postgres) -> AsyncIterator[Store]:
    await migrate(server.url())
    server.sql("DELETE FROM pages")
    store = open_store(server.url(), deadlines=PATIENT)
    yield store
    if not server.running:
        server.start()
    await store.close()
    if left := leftovers():
        await asyncio.wait(left)  # each ends by itself


def leftovers() -> set[asyncio.Task[Any]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()} - {
        task for task in asyncio.all_tasks() if "fixture" in repr(task)
    }


async def fault(call: Coroutine[Any, Any, object]) -> str:
    with pytest.raises(Unavailable) as caught:
        await call
    return caught.value.fault


async def until_it_succeeds(call: Callable[[], Coroutine[Any, Any, object]]) -> None:
    async def succeeds() -> bool:
        return await fault_if_any(call) is None

    await eventually(succeeds, "it succeeds", within=PATIENCE)


async def fault_if_any(call: Callable[[], Coroutine[Any, Any, object]]) -> str | None:
    try:
        await call()
    except Unavailable as error:
        return error.fault
    return None


@contextmanager
def frozen(server: Postgres, store: Store) -> Iterator[None]:
    """Nothing is answered, so no call needs the time that one on a busy machine may take."""
    server.freeze()
    store.deadlines = HURRIED
    try:
        yield
    finally:
        store.deadlines = PATIENT
        server.thaw()


# Deadlines


@pytest.mark.parametrize("warm", [True, False], ids=["connected", "not connected"])
@pytest.mark.parametrize("name", CALLS)
async def test_every_call_keeps_its_deadline_when_the_server_is_frozen(
    server: Postgres, store: Store, name: str, warm: bool
) -> None:
    if warm:
        await CALLS[name](store)
    with frozen(server, store):
        assert await fault(CALLS[name](store)) == "timeout"
        assert await fault(store.ping()) == "timeout"
    await until_it_succeeds(lambda: CALLS[name](store))


async def test_closing_does_not_wait_for_a_frozen_server(server: Postgres, store: Store) -> None:
    await asyncio.gather(*(call(store) for call in CALLS.values()))
    with frozen(server, store):
        await store.close()


async def test_a_cancelled_caller_does_not_wait_for_a_frozen_server(
    server: Postgres, store: Store
) -> None:
    await store.save([snapshot()])
    with frozen(server, store):
        store.deadlines = PATIENT  # so that it is not the deadline that ends it
        save = asyncio.create_task(store.save([snapshot("a", 2)]))
        await asyncio.sleep(0)
        save.cancel()
        with pytest.raises(asyncio.CancelledError):
            await save
    await until_it_succeeds(lambda: store.save([snapshot("a", 3)]))


async def test_connections_stay_few_during_a_freeze_and_after_it(
    server: Postgres, store: Store
) -> None:
    await asyncio.gather(*(CALLS[name](store) for name in ("save", "load", "load", "restore")))
    with frozen(server, store):
        for _ in range(4):
            await asyncio.gather(
                *(fault(CALLS[name](store)) for name in ("save", "load", "load", "load"))
            )
    await until_it_succeeds(store.ping)
    await asyncio.gather(*(until_it_succeeds(lambda: store.load("a")) for _ in range(4)))

    async def few() -> bool:  # once the dropped ones have noticed their end
        await store.ping()
        return server.connections() <= 3

    await eventually(few, "connections are few", within=PATIENCE)


async def test_a_save_that_a_frozen_server_does_later_does_not_bring_a_deleted_page_back(
    server: Postgres, store: Store
) -> None:
    await store.save([snapshot("other")])  # so that there is a connection
    with frozen(server, store):
        assert await fault(store.save([snapshot("a", 5)])) == "timeout"
    await until_it_succeeds(lambda: store.delete("a"))
    assert await store.load("a") is None
    await store.save([snapshot("a", 6)])
    assert await store.load("a") is None


async def test_a_save_behind_somebodys_lock_is_ended_by_the_server_and_keeps_its_connection(
    server: Postgres, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.save([snapshot()])
    sessions = server.connections()
    holder = await asyncpg.connect(server.url())
    try:
        await holder.execute("BEGIN; LOCK pages")
        # The server's limit is near and our own deadline far away.
        with monkeypatch.context() as patch:
            patch.setattr(transactions, "_SERVERS_SHARE", HURRIED.save / PATIENT.save)
            for _ in range(3):
                assert await fault(store.save([snapshot("a", 2)])) == "timeout"
        assert server.connections() == sessions + 1
    finally:
        await holder.close()
    await store.save([snapshot("a", 2)])
    assert server.connections() == sessions


async def test_more_readers_than_connections_wait_their_turn(store: Store) -> None:
    await store.save([snapshot()])
    found = await asyncio.gather(*(store.load("a") for _ in range(20)))
    assert found == [snapshot()] * 20


# Outages


@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
async def test_after_a_restart_the_first_save_and_the_first_read_succeed(
    server: Postgres, store: Store, how: Any
) -> None:
    await store.save([snapshot()])
    await store.load("a")
    if how == "kill":
        server.kill()
    else:
        server.stop(how)
    for name, call in CALLS.items():
        assert await fault(call(store)) == "unreachable", name
    server.start()
    assert await store.save([snapshot("a", 2)]) == []
    loaded = await store.load("a")
    assert loaded is not None
    assert loaded.version == 2


async def test_a_restart_that_nobody_saw_costs_no_call(server: Postgres, store: Store) -> None:
    await store.save([snapshot()])
    await asyncio.gather(store.load("a"), store.load("a"))
    server.stop("immediate")
    server.start()
    assert await store.load("a") == snapshot()
    assert await store.save([snapshot("a", 2)]) == []


async def test_a_server_turned_read_only_takes_no_saves_and_still_reads(
    server: Postgres, store: Store
) -> None:
    await store.save([snapshot()])
    server.configure(default_transaction_read_only="on")
    try:
        save = partial(fault_if_any, lambda: store.save([snapshot("b")]))
        assert await eventually(save, "a fault", within=PATIENCE) == "read-only"
        assert await fault(store.ping()) == "read-only"
        assert await store.load("a") == snapshot()
    finally:
        server.configure(default_transaction_read_only=None)
    await until_it_succeeds(lambda: store.save([snapshot("b")]))


async def test_a_password_changed_behind_our_back_is_told_as_what_it_is(
    server: Postgres, store: Store
) -> None:
    await store.save([snapshot()])
    server.set_password("another")
    server.stop()
    server.start()
    try:
        assert await fault(store.save([snapshot("b")])) == "config"
    finally:
        server.set_password()
    assert await store.save([snapshot("b")]) == []


async def test_a_dropped_table_is_told_and_mended_by_a_migration(
    server: Postgres, store: Store
) -> None:
    await store.save([snapshot()])
    server.sql("DROP TABLE pages CASCADE")
    assert await fault(store.save([snapshot("b")])) == "schema"
    with pytest.raises(SchemaMismatch, match="libra db migrate"):
        await store.ping()
    assert (await migrate(server.url())).state == "current"
    assert await store.save([snapshot("b")]) == []
    assert await store.load("b") == snapshot("b")


async def test_no_connection_to_be_had_is_unreachable(server: Postgres, store: Store) -> None:
    server.sql("ALTER ROLE libra CONNECTION LIMIT 0")
    try:
        assert await fault(store.save([snapshot()])) == "unreachable"
    finally:
        server.sql("ALTER ROLE libra CONNECTION LIMIT -1")
    assert await store.save([snapshot()]) == []


# The network


async def test_a_network_that_swallows_everything_is_a_timeout_and_its_return_is_found(
    server: Postgres, store: Store
) -> None:
    async with Proxy(server.port) as network:
        distant = open_store(server.url(port=network.port), deadlines=PATIENT)
        await distant.save([snapshot()])
        await distant.load("a")
        network.swallow()
        distant.deadlines = HURRIED
        for name in ("save", "load", "ping"):
            assert await fault(CALLS[name](distant)) == "timeout"
        await network.mend(resets=False)
        distant.deadlines = PATIENT
        # What was swallowed never comes, so the attempts of before are dead: a new one is made.
        await distant.ping()
        await distant.save([snapshot("a", 2)])
        await distant.close()


async def test_a_connection_reset_in_the_middle_is_made_again(
    server: Postgres, store: Store
) -> None:
    async with Proxy(server.port) as network:
        distant = open_store(server.url(port=network.port), deadlines=PATIENT)
        await distant.save([snapshot()])
        network.swallow()
        save = asyncio.create_task(distant.save([snapshot("a", 2)]))
        await asyncio.sleep(0)
        await network.mend()
        assert await save == []
        assert network.accepted == 2
        await distant.close()


async def test_a_server_too_far_for_one_probe_is_reached_by_several(
    server: Postgres, store: Store
) -> None:
    async with Proxy(server.port) as network:
        arrived = network.gate = asyncio.Event()
        probing = msgspec.structs.replace(PATIENT, probe=HURRIED.probe)
        distant = open_store(server.url(port=network.port), deadlines=probing)
        for _ in range(6):
            assert await fault(distant.ping()) == "timeout"
        await settle()
        # Those that are on their way arrive, and nothing that sets out only now ever does.
        never = network.gate = asyncio.Event()
        arrived.set()
        distant.deadlines = PATIENT
        await distant.ping()
        await distant.close()
        never.set()


# What is stored


async def test_assets_can_be_queried_in_a_view(server: Postgres, store: Store) -> None:
    report = Report(
        id="page",
        url="https://example.com/",
        assets=(
            Asset("https://example.com/", "document", "fetched", 200, 45_896, 45_896),
            Asset("https://example.com/a.css", "stylesheet", "failed", error="refused: \x00"),
        ),
    )
    await store.save([Snapshot.of(report), snapshot("without assets")])
    rows = server.sql(
        "SELECT page_id, position, url, kind, status, http_status, transfer_bytes, third_party"
        " FROM assets ORDER BY position"
    ).splitlines()
    assert rows == [
        "page|1|https://example.com/|document|fetched|200|45896|f",
        "page|2|https://example.com/a.css|stylesheet|failed||0|f",
    ]
    await store.delete("page")
    assert server.sql("SELECT count(*) FROM assets") == "0"


@pytest.mark.parametrize("known", [False, True], ids=["no statistics", "old statistics"])
async def test_a_restore_reads_each_row_once_whatever_the_statistics_say(
    server: Postgres, store: Store, known: bool
) -> None:
    expires = NOON + timedelta(days=1)
    row = msgspec.structs.replace(Snapshot.of(Report(id="a", url="https://a/")), expires_at=expires)
    await store.save([row])
    server.sql("ALTER TABLE pages SET (autovacuum_enabled = off)")
    names = (
        "url, host, status, version, expires_at, report, transfer_bytes, resource_bytes, requests"
    )
    many = f"INSERT INTO pages (id, {names}) SELECT g, {names} FROM pages, generate_series(1, 1999) AS g"
    try:
        if known:
            server.sql("ANALYZE pages")
        server.sql(many)
        server.sql("SELECT pg_stat_reset()")
        rows = [page async for batch in store.batches(now=NOON, size=50) for page in batch]
        await store.close()
        # A session counts what it read before it ends.
        await eventually(partial(_no_session, server), "all sessions have ended", within=PATIENCE)
        read = server.sql(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'pages'"
        )
        assert len(rows) == 2000 == int(read)
    finally:
        server.sql("ALTER TABLE pages RESET (autovacuum_enabled)")


async def _no_session(server: Postgres) -> bool:
    ours = "application_name = 'libra' AND datname = current_database()"
    return not server.sql(f"SELECT 1 FROM pg_stat_activity WHERE {ours}")


async def test_a_row_from_before_there_were_frames_is_read_from_its_json(
    server: Postgres, store: Store
) -> None:
    report = Report(id="page", url="https://example.com/", status="weighed", title="a\x00b")
    saved = msgspec.structs.replace(Snapshot.of(report), expires_at=NOON + timedelta(days=1))
    await store.save([saved])
    [framed] = [row async for batch in store.batches(now=NOON) for row in batch]
    assert isinstance(framed, Packed)
    server.sql("UPDATE pages SET report_zstd = NULL")
    [older] = [row async for batch in store.batches(now=NOON) for row in batch]
    assert framed.unpacked() == older == await store.load("page") == saved


async def test_nothing_of_a_report_is_left_when_its_page_is_deleted(
    server: Postgres, store: Store
) -> None:
    await store.save([snapshot()])
    await store.delete("a")
    found = server.sql(
        "SELECT coalesce(report_zstd::text, report::text, title, 'nothing') FROM pages"
    )
    assert found == "nothing"


async def test_a_url_longer_than_an_index_entry_is_stored_and_found(store: Store) -> None:
    url = "https://example.com/?" + "".join(chr(0x4E00 + n % 9000) for n in range(9000))
    long = Snapshot.of(Report(id="long", url=url))
    assert await store.save([long]) == []
    assert await store.history(url, limit=1) == [long]


async def test_a_schema_is_made_only_when_told(server: Postgres) -> None:
    url = server.create_database("bare")
    bare = open_store(url, deadlines=PATIENT)
    with pytest.raises(SchemaMismatch, match=r"no tables yet.*libra db migrate"):
        await bare.open()
    assert (await schema_status(url)).state == "missing"
    await asyncio.gather(migrate(url), migrate(url), migrate(url))
    await bare.open()
    await bare.close()
    server.drop_database("bare")


async def test_a_schema_newer_than_the_program_is_refused_with_what_to_do(
    server: Postgres,
) -> None:
    url = server.create_database("newer")
    await migrate(url)
    server.sql("UPDATE libra_schema SET version_num = '9999'", database="newer")
    store = open_store(url, deadlines=PATIENT)
    for call in (store.open(), store.save([snapshot()]), store.load("a"), store.migrate()):
        with pytest.raises(SchemaMismatch, match=r"schema 9999.*newer Libra"):
            await call
    await store.close()
    server.drop_database("newer")
