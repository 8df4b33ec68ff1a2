"""Libra is killed with SIGKILL, again and again, while its database is down, and loses nothing."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from chaos.drill import Stage
from chaos.fault import Database, Fault
from chaos.history import History
from chaos.load import Load, Rates
from chaos.origin import running_origin
from chaos.postgres_faults import RefusedRow, Server, Stopped
from chaos.service import Service
from chaos.sqlite_faults import Locked, SQLiteFile

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]


RATES = Rates(submit=15, read=60, slow=0.5, odd=0.1, ping=10)
"""Half of the pages take their time, so that every kill finds some of them unfinished."""


async def test_killing_libra_while_postgresql_is_down_loses_nothing(
    server: Server, tmp_path: Path
) -> None:
    await survives(
        server, [Stopped(server, "immediate"), RefusedRow(server)], tmp_path, "--migrate"
    )


async def test_killing_libra_while_a_sqlite_file_is_locked_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "libra.sqlite3"
    await survives(SQLiteFile(path), [Locked(path)], tmp_path)


async def survives(database: Database, faults: list[Fault], directory: Path, *flags: str) -> None:
    rng = random.Random(2)
    history = History()
    async with (
        running_origin() as origin,
        Service(directory, database.url, history, *flags) as service,
        Load(service.url, origin, history, rates=RATES, rng=rng) as load,
    ):
        stage = Stage(service, load, history, database)
        for fault in faults:
            await stage.kill_during(fault, rng, times=3)
        await stage.passed(directory, refused=frozenset(load.odd))
