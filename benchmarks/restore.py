"""Restore of 100,000 pages at the start, beside a plain SELECT of the same rows.

Libra's side is until every page is in memory and can be read: rows read, a record and a supervised
child for each, asleep until somebody calls it. Its reports are checked after that. The peer reads the
same columns of the same rows with Python's `sqlite3`, 500 at a time as Libra does, and drops them.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks import machine
from benchmarks.dataset import dataset
from benchmarks.figures import Figure, Rounds
from libra.app import Libra
from libra.settings import Settings


def measure(rounds: Rounds) -> Iterable[Figure]:
    """Pages restored per second."""
    pages = dataset(rounds.pick(100_000, 5_000))
    subject, _, _ = machine.cores()
    folder, file, count = str(pages.folder), str(pages.database), pages.count
    plain = "restore:select_seconds"
    found = rounds.in_turn(
        {
            "libra": lambda: (
                count
                / machine.child("restore:restore_seconds", core=subject, folder=folder, count=count)
            ),
            "select": lambda: count / machine.child(plain, core=subject, file=file, count=count),
        },
        "pages/s",
    )
    yield Figure(
        f"Restore of {count:,} pages at start (SQLite)",
        found["libra"],
        found["select"],
        "SELECT",
        bar=0.3,
        aim=0.6,
        note="One core for either side. A restored page is a record and a supervised child that runs "
        "when it is called; a selected row is a tuple.",
    )


async def come_back(libra: Libra, count: int) -> int:
    """Wait until that many pages are in memory; how many there are then."""
    while True:
        there = sum(libra.health().pages.values())
        if there >= count:
            return there
        await asyncio.sleep(0.05)


async def restore_seconds(folder: str, count: int) -> float:
    """Start a Libra on a data directory until every page is in memory; seconds."""
    settings = Settings(data_dir=Path(folder), max_pages=count + 10_000, restore="eager")
    began = time.perf_counter()
    async with Libra.open(settings) as libra:
        await come_back(libra, count)
        return time.perf_counter() - began


def select_seconds(file: str, count: int) -> float:
    """Read every page's row in pieces of 500; seconds."""
    connection = sqlite3.connect(file)
    began = time.perf_counter()
    cursor = connection.execute(
        "SELECT id, url, version, report, final_url, host, title, status, submitted_at,"
        " finished_at, expires_at, transfer_bytes, resource_bytes, requests, score FROM pages"
        " ORDER BY expires_at DESC, id DESC"
    )
    read = 0
    while rows := cursor.fetchmany(500):
        read += len(rows)
    took = time.perf_counter() - began
    connection.close()
    assert read == count, read
    return took
