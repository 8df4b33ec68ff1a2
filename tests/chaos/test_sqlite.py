"""SQLite is locked, read-only, corrupt or out of room, and no client of Libra notices."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from chaos.drill import Stage
from chaos.fault import Together
from chaos.history import History
from chaos.load import Load, Rates
from chaos.origin import running_origin
from chaos.service import Service
from chaos.sqlite_faults import DiskFull, Locked, SQLiteFile, every_fault, small_disk
from support.needs import needs

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]


@pytest.fixture
def disks(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    with (
        small_disk(tmp_path / "of the database", megabytes=32) as database,
        small_disk(tmp_path / "of the journal", megabytes=32) as journal,
    ):
        yield database, journal


async def test_no_trouble_of_a_sqlite_file_is_felt(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        stage = await under_load(stack, tmp_path, tmp_path / "libra.sqlite3")
        for fault in every_fault(tmp_path / "libra.sqlite3"):
            await stage.drill(fault)
        await stage.passed(tmp_path)


@needs("a disk to mount")
async def test_full_disks_are_not_felt_and_are_said(
    disks: tuple[Path, Path], tmp_path: Path
) -> None:
    disk, journal = disks
    path = disk / "libra.sqlite3"
    async with AsyncExitStack() as stack:
        # With one, it would give way for as long as the fault lasts.
        stage = await under_load(stack, journal, path, "--local-copy", "0")
        await stage.drill(DiskFull(disk))
        await stage.drill(DiskFull(journal, "journal"))
        await stage.drill(Together(Locked(path), DiskFull(journal, "journal")))
        await stage.passed(tmp_path)


async def under_load(stack: AsyncExitStack, directory: Path, path: Path, *flags: str) -> Stage:
    database, history = SQLiteFile(path), History()
    origin = await stack.enter_async_context(running_origin())
    service = await stack.enter_async_context(Service(directory, database.url, history, *flags))
    load = Load(service.url, origin, history, rates=Rates(odd=0), rng=random.Random(1))
    await stack.enter_async_context(load)
    return Stage(service, load, history, database)
