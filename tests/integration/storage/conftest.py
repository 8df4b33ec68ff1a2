"""Stores of every engine, opened and empty, for tests that hold for all of them."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from libra.storage import Store, open_store
from postgres import Postgres, running_postgres
from support.needs import require

_names = (f"test_{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that tests share; they leave it running and as it was."""
    require("PostgreSQL")
    with running_postgres() as server:
        yield server


@pytest.fixture
def postgres_database(postgres: Postgres) -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    name = next(_names)
    yield postgres.create_database(name)
    postgres.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database of each engine."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/libra.db"
    url: str = request.getfixturevalue("postgres_database")
    return url


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    store = open_store(database)
    await store.migrate()
    await store.open()
    yield store
    await store.close()
