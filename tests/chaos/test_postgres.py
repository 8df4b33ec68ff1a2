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
from chaos.postgres_faults import DiskFull, Server, every_fault
from chaos.service import Service
from support.needs import needs

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]


@pytest.fixture
async def stage(tmp_path: Path, server: Server) -> AsyncIterator[Stage]:
    history = History()
    async with (
        running_origin() as origin,
        Service(tmp_path, server.url, history, "--migrate") as service,
        Load(service.url, origin, history, rates=Rates(odd=0.1), rng=random.Random(1)) as load,
    ):
        yield Stage(service, load, history, server)


async def test_no_outage_of_postgresql_is_felt(
    stage: Stage, server: Server, tmp_path: Path
) -> None:
    for fault in every_fault(server):
        await stage.drill(fault)
    await stage.passed(tmp_path, refused=frozenset(stage.load.odd))


@needs("a disk to mount")
async def test_a_full_disk_of_postgresql_is_not_felt(
    stage: Stage, server: Server, tmp_path: Path
) -> None:
    disk = DiskFull(server)
    try:
        await stage.drill(disk)
        await stage.passed(tmp_path)
    finally:
        disk.unmount()
