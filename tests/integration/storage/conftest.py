"""Stores of every engine, opened and empty, for tests that hold for all of them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from libra.storage import Store, open_store
from support.needs import require
from support.patience import PATIENT
from support.postgres import Postgres, running_postgres

SHARED = "shared"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that all tests share, as a start takes seconds. Those that break it mend it again."""
    require("PostgreSQL")
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """The URL of a PostgreSQL database without tables."""
    yield postgres.create_database("bare")
    postgres.drop_database("bare")


@pytest.fixture(scope="session")
def shared_database(postgres: Postgres) -> str:
    """The URL of a PostgreSQL database that tests use one after the other: making one takes long."""
    return postgres.create_database(SHARED)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database of each engine, with nothing in its tables if there are any."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/libra.db"
    url: str = request.getfixturevalue("shared_database")
    server: Postgres = request.getfixturevalue("postgres")
    if server.sql("SELECT to_regclass('pages')", database=SHARED):
        server.sql(
            "DELETE FROM pages; DELETE FROM watches; DELETE FROM libra_writers;"
            " DELETE FROM libra_lease; UPDATE libra_database SET pruned_before = NULL, prunings = 0",
            database=SHARED,
        )
    return url


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    store = open_store(database, deadlines=PATIENT)
    await store.migrate()
    await store.open()
    yield store
    await store.close()
