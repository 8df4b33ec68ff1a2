"""Nodes of a cluster in one program, on a real NATS server and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from libra.cluster import pages
from libra.cluster.durability import handing_over
from libra.cluster.engine.pulling import PulledMessage
from libra.cluster.replica import page_reader
from libra.cluster.replica.replica import Replica
from libra.cluster.watches.watch_entries import WatchEntries
from libra.settings import Role, Settings
from libra.storage import open_store
from support.nats import NatsServers, running_nats
from support.needs import require
from support.patience import FOR_EVER
from support.postgres import Postgres, running_postgres

NodeSettings = Callable[[str, Role], Settings]

_HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a cluster is a drill. It waits for events as long as they take, so some run at once."""
    for item in items:
        if item.path.parent == _HERE and item.get_closest_marker("soak") is None:
            item.add_marker(pytest.mark.chaos)
            item.add_marker(pytest.mark.patient)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server that all tests share, as a start takes seconds."""
    require("PostgreSQL")
    with running_postgres() as server:
        yield server


@pytest.fixture(autouse=True)
def patient_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine an engine that is well may be slow: nobody gives it up for that."""
    monkeypatch.setattr(pages, "READING", FOR_EVER)
    monkeypatch.setattr(page_reader, "READING", FOR_EVER)
    monkeypatch.setattr(page_reader, "COPY", FOR_EVER)
    monkeypatch.setattr(handing_over, "PROMPT", FOR_EVER)


@pytest.fixture
async def database(postgres: Postgres) -> AsyncIterator[str]:
    """The URL of a database that is as a cluster finds it."""
    url = postgres.create_database("cluster")
    store = open_store(url)
    await store.migrate()
    await store.close()
    yield url
    postgres.drop_database("cluster")


@pytest.fixture
async def servers() -> AsyncIterator[NatsServers]:
    """One NATS server, which starts in a moment."""
    async with running_nats(1) as started:
        yield started


@pytest.fixture
def node(servers: NatsServers, database: str, settings: Settings, tmp_path: Path) -> NodeSettings:
    """Makes the settings of a node, by its name and its role."""

    def of(name: str, role: Role) -> Settings:
        return msgspec.structs.replace(
            settings,
            cluster=tuple(servers.urls),
            cluster_replicas=1,
            cluster_shards=2,
            role=role,
            node=name,
            data_dir=tmp_path / name,
            database=database,
        )

    return of


class Deaf:
    """Web nodes that are told nothing of pages and watches, as if what is written took for ever."""

    def __init__(self) -> None:
        self.nodes: set[str] = set()


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> Deaf:
    deaf = Deaf()
    for part in (Replica, WatchEntries):
        heard = part._heard

        def unless_deaf(self, *told, heard=heard):  # type: ignore[no-untyped-def]
            about_a_clock = isinstance(told[-1], PulledMessage) and ".clock." in told[-1].subject
            if self._node.name not in deaf.nodes or about_a_clock:
                heard(self, *told)

        monkeypatch.setattr(part, "_heard", unless_deaf)
    return deaf
