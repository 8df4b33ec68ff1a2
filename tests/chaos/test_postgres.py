"""PostgreSQL goes away in every way there is, and no client of Libra notices."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.drill import Stage
from chaos.history import History
from chaos.load import Load, Rates
from chaos.origin import running_origin
from chaos.postgres_faults import POOL, DiskFull, RefusedRow, Server, every_fault
from chaos.service import Service
from chaos.sqlite_faults import may_mount


@pytest.fixture
async def stage(tmp_path: Path, server: Server) -> AsyncIterator[Stage]:
    history = History()
    async with (
        running_origin() as origin,
        Service(tmp_path, server.url, history, "--migrate") as service,
        Load(service.url, origin, history, rates=Rates(odd=0.1), rng=random.Random(1)) as load,
    ):
        yield Stage(service, load, history, server)


@pytest.mark.timeout(300)
async def test_no_outage_of_postgresql_is_felt(
    stage: Stage, server: Server, tmp_path: Path
) -> None:
    disk = DiskFull(server) if may_mount() else None
    await stage.load.goes_on(2.0)
    try:
        for fault in every_fault(server, disk):
            outcome = await stage.drill(fault)
            if server.proxy.peak > POOL:
                outcome.problems.append(f"{server.proxy.peak} connections at once")
            server.proxy.peak = 0
            if isinstance(fault, RefusedRow) and not await rejected(stage):
                outcome.problems.append("no page is rejected")
        await stage.passed(tmp_path, refused=frozenset(stage.load.odd))
    finally:
        if disk is not None:
            server.postgres.kill()
            disk.unmount()


async def rejected(stage: Stage) -> bool:
    return any(call.backup == "rejected" for call in stage.history.calls)
