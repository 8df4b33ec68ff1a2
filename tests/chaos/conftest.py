"""What the chaos tests share: a PostgreSQL behind a proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from chaos.postgres_faults import Server
from support.needs import require
from support.postgres import Postgres, running_postgres
from support.proxy import Proxy


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    require("PostgreSQL")
    with running_postgres() as server:
        yield server


@pytest.fixture
async def server(postgres: Postgres) -> AsyncIterator[Server]:
    async with Proxy(postgres.port) as proxy:
        server = Server(postgres, proxy)
        yield server
        server.let_go()
