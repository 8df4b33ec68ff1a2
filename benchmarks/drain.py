"""A backlog of 100,000 reports drained after an outage, beside COPY.

The backlog is in memory, a process for each page, weighed while PostgreSQL was away. COPY takes the very
rows that Libra then wrote, as a file in PostgreSQL's own format, into an empty table with the same
indexes. All is durable on both sides, and the server has cores of its own.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import asyncpg  # type: ignore[import-untyped]  # it ships no types

from benchmarks import machine
from benchmarks.database import elsewhere, postgres
from benchmarks.dataset import reports
from benchmarks.figures import Figure, Rounds, Sample
from libra.app import Libra
from libra.inspector.records.page_record import PageRecord
from libra.settings import Settings


def measure(rounds: Rounds) -> Iterable[Figure]:
    """Rows per second out of the backlog and back into memory, and the time to the first save."""
    count = rounds.pick(100_000, 3_000)
    found = [
        machine.child("drain:one_round", core=machine.cores()[0], count=count, timeout=3600.0)
        for _ in range(min(rounds.count, 3))
    ]

    def sample(name: str, unit: str) -> Sample:
        return Sample(tuple(float(one[name]) for one in found), unit)

    yield Figure(
        f"Backlog of {count:,} reports drained after an outage (PostgreSQL)",
        sample("drain", "rows/s"),
        sample("copy", "rows/s"),
        "COPY",
        bar=0.15,
        aim=0.4,
        note="Libra on one core, PostgreSQL on others, fsync on. Each row is taken from its page's "
        "process, inflated, encoded and written in batches; COPY streams a finished file.",
    )
    yield Figure(
        "  first row stored after the database's return",
        sample("first", "s"),
        Sample((2.0,), "s"),
        "limit",
        bar=1.0,
        less_is_better=True,
    )


async def one_round(count: int) -> dict[str, float]:
    """Build the backlog while the server is away, let it return, and measure everything."""
    found: dict[str, float] = {}
    server_up = postgres()
    server = await asyncio.to_thread(server_up.__enter__)
    try:
        with tempfile.TemporaryDirectory() as name:
            settings = Settings(
                data_dir=Path(name),
                database=server.url(),
                max_pages=count + 10_000,
                restore="eager",
            )
            await asyncio.to_thread(server.stop)
            async with Libra.open(settings) as libra:
                for number, report in enumerate(reports(count)):
                    assert report.submitted_at is not None
                    record = PageRecord(report.id, report.url, None, report.submitted_at)
                    record.rest(report, 2)
                    record.backup = "memory"
                    libra._tree.pages.bring_up(record)
                    if number % 200 == 0:
                        await asyncio.sleep(0)
                began = time.perf_counter()
                await asyncio.to_thread(elsewhere, server.start)
                back = time.perf_counter()
                first = None
                while waiting := libra.health().waiting_to_be_stored:
                    if first is None and waiting < count:
                        first = time.perf_counter()
                    await asyncio.sleep(0.01)
                end = time.perf_counter()
                first = first or end
                found["first"] = max(first - back, 0.0)
                found["drain"] = count / (end - first if first > back else end - began)
            found |= await _copy(server.url(), count, Path(name) / "rows")
    finally:
        await asyncio.to_thread(server_up.__exit__, None, None, None)
    return found


async def _copy(url: str, count: int, file: Path) -> dict[str, float]:
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT count(*) FROM pages") == count
        await connection.execute("CREATE TABLE copied (LIKE pages INCLUDING ALL)")
        await connection.copy_from_table("pages", output=str(file), timeout=600)
        began = time.perf_counter()
        await connection.copy_to_table("copied", source=str(file), timeout=600)
        return {"copy": count / (time.perf_counter() - began)}
    finally:
        await connection.close()
