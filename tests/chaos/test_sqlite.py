"""SQLite is locked, read-only, corrupt or out of room, and no client of Libra notices."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chaos.drill import Fault, Stage
from chaos.history import History
from chaos.load import Load, Rates
from chaos.origin import running_origin
from chaos.service import Service
from chaos.sqlite_faults import (
    Corrupt,
    DiskFull,
    Locked,
    ReadOnly,
    SQLiteFile,
    may_mount,
    small_disk,
)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A directory for the file, on a small disk of its own where that is possible."""
    with ExitStack() as mounted:
        path = tmp_path / "disk"
        if may_mount():
            yield mounted.enter_context(small_disk(path, megabytes=48))
        else:
            path.mkdir()
            yield path


@pytest.fixture
async def stage(tmp_path: Path, disk: Path) -> AsyncIterator[Stage]:
    history = History()
    database = SQLiteFile(disk / "libra.sqlite3")
    rng = random.Random(1)
    async with (
        running_origin() as origin,
        Service(tmp_path, database.url, history) as service,
        Load(service.url, origin, history, rates=Rates(odd=0), rng=rng) as load,
    ):
        yield Stage(service, load, history, database)


@pytest.mark.timeout(180)
async def test_no_trouble_of_a_sqlite_file_is_felt(
    stage: Stage, disk: Path, tmp_path: Path
) -> None:
    path = disk / "libra.sqlite3"
    faults: list[Fault] = [Locked(path), ReadOnly(path), Corrupt(path)]
    if may_mount():
        faults.append(DiskFull(disk))
    await stage.load.goes_on(2.0)
    for fault in faults:
        await stage.drill(fault)
    await stage.passed(tmp_path)
