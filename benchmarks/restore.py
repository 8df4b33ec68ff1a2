"""Restore of 100,000 pages at the start, from each engine and from the journal, beside a plain read.

Libra's side is until every page is in memory and can be read: rows read, a record and a supervised
child for each, asleep until somebody calls it. Its reports are checked after that. The peer reads the
same columns of the same rows with the plain driver, 500 at a time as Libra does, and drops them:
`sqlite3`, asyncpg, and for the journal also nothing but its segments.
"""

from __future__ import annotations

import asyncio
import sqlite3
import struct
import tempfile
import time
import zlib
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]  # it ships no types
import msgspec

from benchmarks import machine
from benchmarks.database import fill, postgres
from benchmarks.dataset import dataset, reports
from benchmarks.figures import Figure, Rounds, Sample, Skipped
from libra.app import Libra
from libra.report import encode
from libra.settings import Settings
from libra.storage import Snapshot
from libra.storage.journal.journal import Journal

_COLUMNS = (
    "id, url, version, report, final_url, host, title, status, submitted_at,"
    " finished_at, expires_at, transfer_bytes, resource_bytes, requests, score"
)
_ORDER = "ORDER BY expires_at DESC, id DESC"

COPY_BYTES = 10_000_000_000
"""Room for all of them in the local copy."""

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
"""A database that is away: then the journal is all there is."""


def measure(rounds: Rounds) -> Iterable[Figure]:
    """Pages restored per second, by the clock and by the processor's time."""
    count = rounds.pick(100_000, 5_000)
    yield from _sqlite(rounds, count)
    try:
        yield from _postgres(rounds, count)
    except machine.Lacking as lack:
        rounds.skipped.append(Skipped("restore from PostgreSQL", str(lack)))
    yield from _journal(rounds, count)


def _sqlite(rounds: Rounds, count: int) -> Iterable[Figure]:
    pages = dataset(count)
    yield from _compared(
        rounds,
        count,
        "SQLite",
        "SELECT",
        ("restore:restore_from", {"folder": str(pages.folder), "database": None}),
        ("restore:select_from_sqlite", {"file": str(pages.database)}),
        "A restored page is a record and a supervised child that runs when it is called; a selected row "
        "is a tuple.",
    )


def _postgres(rounds: Rounds, count: int) -> Iterable[Figure]:
    with tempfile.TemporaryDirectory() as name, postgres() as server:
        asyncio.run(fill(server.url(), count))
        for report, peer in (("report_zstd", "SELECT"), ("report", "SELECT jsonb")):
            yield from _compared(
                rounds,
                count,
                "PostgreSQL",
                peer,
                ("restore:restore_from", {"folder": name, "database": server.url()}),
                ("restore:select_from_postgres", {"url": server.url(), "report": report}),
                "SELECT reads the frame of each report, as Libra does; SELECT jsonb the column that "
                "people query, which the server has to write as text. Neither keeps a row.",
            )


def _journal(rounds: Rounds, count: int) -> Iterable[Figure]:
    with tempfile.TemporaryDirectory() as name:
        _fill_journal(Path(name), count)
        peers = {
            "SELECT": ("restore:select_from_sqlite", {"file": str(dataset(count).database)}),
            "read": ("restore:read_segments", {"folder": name}),
        }
        for peer, function in peers.items():
            yield from _compared(
                rounds,
                count,
                "journal",
                peer,
                ("restore:restore_from", {"folder": name, "database": NOWHERE}),
                function,
                "The local copy, while the database is away. SELECT is that of the same rows from "
                "SQLite. The plain read goes through the segments once, compares checksums and unpacks "
                "each row; Libra goes through them twice, first to find out which entries are live.",
                bar=0.3 if peer == "SELECT" else None,
            )


def _compared(
    rounds: Rounds,
    count: int,
    engine: str,
    peer: str,
    ours: tuple[str, dict[str, Any]],
    theirs: tuple[str, dict[str, Any]],
    note: str,
    *,
    bar: float | None = 0.3,
) -> Iterable[Figure]:
    subject, _, _ = machine.cores()
    took: dict[str, list[list[float]]] = {"libra": [], "peer": []}
    for number in range(rounds.count):
        for side in ("libra", "peer")[:: 1 if number % 2 == 0 else -1]:
            function, arguments = ours if side == "libra" else theirs
            took[side].append(machine.child(function, core=subject, count=count, **arguments))
    for at, clock in enumerate(("", ", by the processor's time")):
        sides = {
            side: Sample(tuple(count / one[at] for one in found), "pages/s")
            for side, found in took.items()
        }
        yield Figure(
            f"Restore of {count:,} pages at start ({engine}){clock}",
            sides["libra"],
            sides["peer"],
            peer,
            bar=bar,
            aim=0.6 if bar else None,
            note=f"One core for either side. {note}",
        )


def _fill_journal(folder: Path, count: int) -> None:
    journal = Journal(folder / "journal", local_copy=COPY_BYTES)
    journal.lock()
    journal.scan()
    rest = reports(count)
    while batch := list(islice(rest, 500)):
        journal.copy([Snapshot.of(report, encode(report)) for report in batch])
    journal.close()


async def come_back(libra: Libra, count: int) -> int:
    """Wait until that many pages are in memory; how many there are then."""
    while True:
        there = len(
            libra._tree.context.records.pages
        )  # /health counts them by their status, each time
        if there >= count:
            return there
        await asyncio.sleep(0.05)


async def restore_from(folder: str, database: str | None, count: int) -> tuple[float, float]:
    """Start a Libra on a data directory until every page is in memory; seconds, of the processor too."""
    settings = Settings(
        data_dir=Path(folder),
        database=database,
        max_pages=count + 10_000,
        restore="eager",
        # From a database, and not from what the round before left of it on the disk.
        local_copy=COPY_BYTES if database == NOWHERE else 0,
    )
    began, busy = time.perf_counter(), time.process_time()
    async with Libra.open(settings) as libra:
        await come_back(libra, count)
        return time.perf_counter() - began, time.process_time() - busy


def select_from_sqlite(file: str, count: int) -> tuple[float, float]:
    """Read every page's row in pieces of 500."""
    connection = sqlite3.connect(file)
    began, busy = time.perf_counter(), time.process_time()
    cursor = connection.execute(f"SELECT {_COLUMNS} FROM pages {_ORDER}")
    read = 0
    while rows := cursor.fetchmany(500):
        read += len(rows)
    took = time.perf_counter() - began, time.process_time() - busy
    connection.close()
    assert read == count, read
    return took


async def select_from_postgres(url: str, report: str, count: int) -> tuple[float, float]:
    """The same, of PostgreSQL, with one of the two columns that a report has."""
    columns = _COLUMNS.replace(" report,", f" {report},")
    connection = await asyncpg.connect(url)
    try:
        began, busy = time.perf_counter(), time.process_time()
        read = 0
        async with connection.transaction():
            cursor = await connection.cursor(f"SELECT {columns} FROM pages {_ORDER}")
            while rows := await cursor.fetch(500):
                read += len(rows)
        took = time.perf_counter() - began, time.process_time() - busy
    finally:
        await connection.close()
    assert read == count, read
    return took


def read_segments(folder: str, count: int) -> tuple[float, float]:
    """Go through the segments: where each entry ends, whether it is whole, what its row says."""
    began, busy = time.perf_counter(), time.process_time()
    read = 0
    for path in sorted(Path(folder, "journal").glob("*.journal")):
        data, at = path.read_bytes(), _HEAD_BYTES
        while at < len(data):
            *_, kind, _flags, key_bytes, length, _version, checksum = _ENTRY.unpack_from(data, at)
            key_at = at + _ENTRY.size + 4
            head = zlib.crc32(data[key_at : key_at + key_bytes], zlib.crc32(data[at : key_at - 4]))
            assert head.to_bytes(4, "little") == data[key_at - 4 : key_at]
            at = key_at + key_bytes + length
            payload = data[at - length : at]
            assert zlib.crc32(payload) == checksum
            if chr(kind) == "p":
                row = msgspec.msgpack.decode(payload)
                assert row[0]
                read += 1
    took = time.perf_counter() - began, time.process_time() - busy
    assert read == count, read
    return took


_ENTRY = struct.Struct("<8sIBBHIqI")
_HEAD_BYTES = 36
"""As `libra.storage.journal.segments` has them."""
