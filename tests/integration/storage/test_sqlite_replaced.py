"""A SQLite file that is replaced while it is worked on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from libra.storage import Unavailable
from libra.storage.sqlite.connection_thread import ConnectionThread, Job
from libra.storage.sqlite.file import File


async def test_work_on_a_file_that_was_replaced_meanwhile_is_not_taken_for_done(
    tmp_path: Path,
) -> None:
    """As with a save that waits for the lock of whoever moves the file away."""
    path = tmp_path / "libra.db"
    lane = ConnectionThread("lane", lambda: sqlite3.connect(path, isolation_level=None), File(path))

    def work(connection: sqlite3.Connection, _job: Job[None]) -> None:
        path.rename(path.with_name("moved"))
        path.touch()
        connection.execute("CREATE TABLE saved (id)")

    def prepare(connection: sqlite3.Connection, _job: Job[None]) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA user_version = 1")

    await lane.run(prepare, deadline=60)
    with pytest.raises(Unavailable, match="replaced meanwhile"):
        await lane.run(work, deadline=60)

    def version(connection: sqlite3.Connection, _job: Job[int]) -> int:
        number: int = connection.execute("PRAGMA user_version").fetchone()[0]
        return number

    assert await lane.run(version, deadline=60) == 0  # of the file that is there now
    await lane.close()
