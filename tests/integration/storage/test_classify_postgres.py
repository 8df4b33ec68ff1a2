"""What asyncpg raises, and what it means: real faults of a real server.

The few that cannot be had at will, such as a damaged file, the server raises at our request.
"""

import asyncio
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import asyncpg  # type: ignore[import-untyped] # it ships no types
import pytest

from libra.storage import open_store
from libra.storage.classify import classify
from libra.storage.errors import Rejected, Unavailable
from libra.storage.postgres.connections import FAILURES
from support.asking import PATIENCE, eventually, eventually_blocking
from support.postgres import Postgres


@pytest.fixture
def server(postgres: Postgres) -> Postgres:
    return postgres


@pytest.fixture(autouse=True)
def mended(server: Postgres) -> Iterator[None]:
    yield
    if not server.running:
        server.start()
    eventually_blocking(partial(all_ended, server), "all sessions have ended", within=PATIENCE)


def all_ended(server: Postgres) -> bool:
    """End them, if there are any: the server takes a while to notice that a client has gone."""
    if not server.connections():
        return True
    server.end_sessions()
    return False


@asynccontextmanager
async def connected(server: Postgres) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(server.url(), statement_cache_size=0)
    try:
        yield connection
    finally:
        connection.terminate()


async def failure_of(call: Awaitable[object]) -> BaseException:
    with pytest.raises(FAILURES) as caught:
        await call
    failure: BaseException = caught.value
    return failure


def fault_of(exc: BaseException, **context: bool) -> str | None:
    verdict = classify(exc, **context)
    assert isinstance(verdict, Unavailable)
    return verdict.fault


# While connecting


async def test_a_closed_port_is_unreachable(server: Postgres) -> None:
    server.stop()
    exc = await failure_of(asyncpg.connect(server.url()))
    assert isinstance(exc, ConnectionRefusedError)
    assert fault_of(exc, connecting=True) == "unreachable"


async def test_a_port_that_is_no_number_is_for_a_person_to_mend_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PGPORT", "s3cret")
    store = open_store("postgresql://user@127.0.0.1/name")
    with pytest.raises(Unavailable, match=r"config: .* cannot be read") as caught:
        await store.open()
    await store.close()
    assert "s3cret" not in "".join(traceback.format_exception(caught.value)[1:])


async def test_a_name_that_does_not_resolve_is_unreachable() -> None:
    exc = await failure_of(asyncpg.connect("postgresql://u@nowhere.invalid/x"))
    assert isinstance(exc, socket.gaierror)
    assert fault_of(exc, connecting=True) == "unreachable"


async def test_a_server_that_accepts_and_never_answers_is_a_timeout() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        exc = await failure_of(asyncpg.connect(f"postgresql://u@127.0.0.1:{port}/x", timeout=0.05))
    assert isinstance(exc, TimeoutError)
    assert fault_of(exc, connecting=True) == "timeout"


async def test_too_many_clients_is_unreachable(server: Postgres) -> None:
    others: list[Any] = []
    try:
        with pytest.raises(asyncpg.TooManyConnectionsError) as caught:
            while True:
                others.append(await asyncpg.connect(server.url()))
    finally:
        for other in others:
            other.terminate()
    assert caught.value.sqlstate == "53300"
    assert fault_of(caught.value, connecting=True) == "unreachable"


async def test_a_server_that_shuts_down_is_unreachable(server: Postgres) -> None:
    async with connected(server):
        # "Smart": it takes nobody new and waits for those who are there.
        server.stop_when_idle()
        exc = await failure_of(refused_while_shutting_down(server))
    server.wait_until_stopped()
    assert exc.sqlstate == "57P03"  # type: ignore[attr-defined]
    assert fault_of(exc, connecting=True) == "unreachable"


async def refused_while_shutting_down(server: Postgres) -> None:
    while True:  # until the signal has arrived
        (await asyncpg.connect(server.url())).terminate()


@pytest.mark.parametrize(
    ("url", "sqlstate"),
    [
        (lambda server: server.url().replace("secret", "guess"), "28P01"),
        (lambda server: server.url(database="absent"), "3D000"),
    ],
    ids=["a wrong password", "no such database"],
)
async def test_being_refused_by_the_configuration_is_for_a_person_to_mend(
    server: Postgres, url: Callable[[Postgres], str], sqlstate: str
) -> None:
    exc = await failure_of(asyncpg.connect(url(server)))
    assert exc.sqlstate == sqlstate  # type: ignore[attr-defined]
    assert fault_of(exc, connecting=True) == "config"


async def test_a_url_that_makes_no_sense_to_the_driver_is_for_a_person_to_mend() -> None:
    exc = await failure_of(asyncpg.connect("postgresql://u@h/x?sslmode=perhaps"))
    assert fault_of(exc, connecting=True, closed=True) == "config"


async def test_a_standby_is_read_only_to_who_wants_to_write(server: Postgres) -> None:
    server.configure(default_transaction_read_only="on")
    try:
        exc = await failure_of(asyncpg.connect(server.url(), target_session_attrs="read-write"))
        assert isinstance(exc, asyncpg.TargetServerAttributeNotMatched)
        assert fault_of(exc, connecting=True, closed=True) == "read-only"
        async with connected(server) as connection:
            exc = await failure_of(connection.execute("CREATE TABLE t ()"))
            assert exc.sqlstate == "25006"  # type: ignore[attr-defined]
            assert fault_of(exc) == "read-only"
    finally:
        server.configure(default_transaction_read_only=None)


# On a connection


@pytest.mark.parametrize("how", ["fast", "immediate", "kill"])
async def test_a_server_that_stops_under_a_query_is_unreachable(server: Postgres, how: Any) -> None:
    async with connected(server) as connection:
        query = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
        await until_busy(server)
        if how == "kill":
            server.kill()
        else:
            server.stop(how)
        exc = await failure_of(query)
        assert fault_of(exc, closed=connection.is_closed()) == "unreachable"
        # and whoever uses the connection again is told so by another class of exception
        again = await failure_of(connection.execute("SELECT 1"))
        assert isinstance(again, asyncpg.InterfaceError)
        assert fault_of(again, closed=connection.is_closed()) == "unreachable"


async def until_busy(server: Postgres) -> None:
    asleep = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"

    async def busy() -> bool:
        return await asyncio.to_thread(server.sql, asleep) == "1"

    await eventually(busy, "a query runs", within=PATIENCE)


async def test_misuse_of_a_connection_is_a_bug(server: Postgres) -> None:
    async with connected(server) as connection:
        query = asyncio.create_task(connection.execute("SELECT pg_sleep(60)"))
        await until_busy(server)
        exc = await failure_of(connection.execute("SELECT 1"))
        assert isinstance(exc, asyncpg.InterfaceError)
        assert "another operation" in str(exc)
        assert classify(exc, closed=connection.is_closed()) is None
        connection.terminate()
        await asyncio.wait({query})
        query.exception()


@pytest.mark.parametrize(
    ("sql", "sqlstate", "fault"),
    [
        ("SET statement_timeout = 20; SELECT pg_sleep(60)", "57014", "timeout"),
        ("SELECT pg_terminate_backend(pg_backend_pid())", "57P01", "unreachable"),
        ("SELECT * FROM absent", "42P01", "schema"),
        ("SELECT absent FROM pg_class", "42703", "schema"),
        ("SELECT * FROM pg_authid", "42501", "config"),
        ("SET work_mem = '64kB'; BEGIN; SET TRANSACTION READ ONLY; CREATE TABLE t ()",
         "25006", "read-only"),
        ("BEGIN ISOLATION LEVEL SERIALIZABLE; DO $$ BEGIN RAISE SQLSTATE '40001'; END $$",
         "40001", "contention"),
        ("DO $$ BEGIN RAISE SQLSTATE '40P01'; END $$", "40P01", "contention"),
        ("DO $$ BEGIN RAISE SQLSTATE '53100'; END $$", "53100", "full"),
        ("DO $$ BEGIN RAISE SQLSTATE '53200'; END $$", "53200", "full"),
        ("DO $$ BEGIN RAISE SQLSTATE '58030'; END $$", "58030", "corrupt"),
        ("DO $$ BEGIN RAISE SQLSTATE 'XX001'; END $$", "XX001", "corrupt"),
        ("DO $$ BEGIN RAISE SQLSTATE 'XX000'; END $$", "XX000", "corrupt"),
    ],
)  # fmt: skip
async def test_a_state_of_the_server_is_worth_another_try(
    server: Postgres, sql: str, sqlstate: str, fault: str
) -> None:
    async with connected(server) as connection:
        exc = await failure_of(connection.execute(sql))
        assert exc.sqlstate in {sqlstate, "08003"}  # type: ignore[attr-defined]
        assert fault_of(exc, closed=connection.is_closed()) == fault


async def test_a_row_that_another_holds_is_contention(server: Postgres) -> None:
    server.sql("CREATE TABLE held (n int); INSERT INTO held VALUES (1); GRANT ALL ON held TO libra")
    async with connected(server) as holder, connected(server) as other:
        await holder.execute("BEGIN; UPDATE held SET n = 2")
        exc = await failure_of(other.execute("SET lock_timeout = 20; UPDATE held SET n = 3"))
    server.sql("DROP TABLE held")
    assert exc.sqlstate == "55P03"  # type: ignore[attr-defined]
    assert fault_of(exc) == "contention"


@pytest.mark.parametrize(
    ("sql", "arguments", "sqlstate"),
    [
        ("SELECT '\"\\u0000\"'::jsonb", (), "22P05"),
        ("SELECT '\"\\ud800\"'::jsonb", (), "22P02"),
        ("SELECT $1::text", ("\x00",), "22021"),
        ("INSERT INTO unique_ VALUES (1), (1)", (), "23505"),
        ("INSERT INTO unique_ VALUES (-1)", (), "23514"),
        ("INSERT INTO unique_ VALUES (NULL)", (), "23502"),
        ("DO $$ BEGIN RAISE EXCEPTION 'no'; END $$", (), "P0001"),
        ("SELECT $1::bigint", (2**63,), "22000"),
        ("SELECT $1::text", (7,), "22000"),
        ("SELECT $1::text", ("\ud800",), "22000"),
    ],
)
async def test_what_does_not_fit_is_refused_for_good(
    server: Postgres, sql: str, arguments: tuple[object, ...], sqlstate: str
) -> None:
    async with connected(server) as connection:
        await connection.execute("CREATE TEMP TABLE unique_ (n int PRIMARY KEY CHECK (n > 0))")
        exc = await failure_of(connection.execute(sql, *arguments))
        assert exc.sqlstate == sqlstate  # type: ignore[attr-defined]
        assert isinstance(classify(exc, closed=connection.is_closed()), Rejected)


@pytest.mark.parametrize("sql", ["SELEKT 1", "SELECT nofunction()", "SELECT 1 + 'a'::bytea"])
async def test_a_mistake_in_our_own_sql_is_a_bug(server: Postgres, sql: str) -> None:
    async with connected(server) as connection:
        exc = await failure_of(connection.execute(sql))
        assert classify(exc, closed=connection.is_closed()) is None
