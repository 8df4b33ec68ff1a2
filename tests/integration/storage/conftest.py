"""Stores of every engine, opened and empty, for tests that hold for all of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libra.storage import Store, open_store

ENGINES = ["sqlite"]


@pytest.fixture(params=ENGINES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database."""
    return f"sqlite:///{tmp_path}/libra.db"


@pytest.fixture
async def store(database: str) -> AsyncIterator[Store]:
    store = open_store(database)
    await store.open()
    yield store
    await store.close()
