"""100,000 weighed pages of 40 assets: in a database as Libra leaves it, and in a file for peers."""

from __future__ import annotations

import asyncio
import functools
import shutil
import struct
import tempfile
from atexit import register
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks import samples
from libra.report import Report, encode
from libra.settings import Settings
from libra.storage import Snapshot, open_store

_DISTINCT = 1_000
"""Different contents; each page is a copy with an id and URL of its own, encoded by itself."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """Where the pages are.

    Attributes:
        count: how many.
        folder: a data directory, as `libra serve --data-dir` takes it.
        ids: a file with one id per line.
        records: a file with each page's id and JSON, for a peer (see `elixir/http.exs`).
    """

    count: int
    folder: Path
    ids: Path
    records: Path

    @property
    def database_url(self) -> str:
        """The database in the data directory."""
        return Settings(data_dir=self.folder).database_url()

    @property
    def database(self) -> Path:
        """The SQLite file itself."""
        return Path(self.database_url.removeprefix("sqlite:///"))

    def ids_list(self) -> list[str]:
        """All ids."""
        return self.ids.read_text(encoding="ascii").split()


@functools.cache
def dataset(count: int) -> Dataset:
    """Make the pages, once in the life of the program; they are removed at its end."""
    folder = Path(tempfile.mkdtemp(prefix="libra-bench-"))
    register(shutil.rmtree, folder, ignore_errors=True)
    made = Dataset(count, folder, folder / "ids.txt", folder / "pages.bin")
    asyncio.run(_fill(made))
    return made


def reports(count: int) -> Iterator[Report]:
    """That many reports, stored and not to expire today."""
    now = datetime.now(UTC)
    originals = [samples.report(number, now=now) for number in range(min(count, _DISTINCT))]
    for number in range(count):
        original = originals[number % len(originals)]
        submitted = now - timedelta(milliseconds=count - number)
        yield msgspec.structs.replace(
            original,
            id=samples.page_id(number, submitted),
            url=f"{original.url}/{number}",
            submitted_at=submitted,
            finished_at=now,
            expires_at=now + timedelta(hours=24),
        )


async def _fill(made: Dataset) -> None:
    store = open_store(made.database_url)
    await store.open()
    rest = reports(made.count)
    try:
        with made.ids.open("w", encoding="ascii") as ids, made.records.open("wb") as records:
            while batch := list(islice(rest, 500)):
                snapshots = [Snapshot.of(report, encode(report)) for report in batch]
                refused = await store.save(snapshots)
                assert not refused, refused[0]
                for snapshot in snapshots:
                    ids.write(snapshot.id + "\n")
                    name = snapshot.id.encode()
                    records.write(struct.pack(">H", len(name)) + name)
                    records.write(struct.pack(">I", len(snapshot.report)) + snapshot.report)
    finally:
        await store.close()
