"""PostgreSQL goes away in every way there is, and no client of Libra notices."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from chaos.drill import Fault, Stage
from chaos.history import History
from chaos.load import Load, Rates
from chaos.origin import running_origin
from chaos.postgres_faults import POOL, DiskFull, RefusedRow, Server, every_fault
from chaos.quiet import BUSY
from chaos.service import Service
from support.needs import needs


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
    for fault in every_fault(server):
        await drill(stage, server, fault)
    await stage.passed(tmp_path, refused=frozenset(stage.load.odd))


@pytest.mark.timeout(180)
@needs("a disk to mount")
async def test_a_full_disk_of_postgresql_is_not_felt(
    stage: Stage, server: Server, tmp_path: Path
) -> None:
    disk = DiskFull(server)
    try:
        await drill(stage, server, disk)
        await stage.passed(tmp_path)
    finally:
        disk.unmount()


async def drill(stage: Stage, server: Server, fault: Fault) -> None:
    outcome = await stage.drill(fault)
    peak, server.proxy.peak = server.proxy.peak, server.proxy.open
    # On a busy machine the proxy may hear of a connection that ends after one that began later.
    if peak > POOL and outcome.busy <= BUSY:
        outcome.problems.append(f"{peak} connections at once, where {POOL} are allowed")
    if isinstance(fault, RefusedRow) and outcome.busy <= BUSY:
        rejected = any(call.backup == "rejected" for call in stage.history.calls)
        outcome.problems += [] if rejected else ["no page is rejected"]
