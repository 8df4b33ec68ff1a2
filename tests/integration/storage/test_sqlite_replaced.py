"""A SQLite file that is replaced while it is worked on."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from libra.storage import Unavailable
from libra.storage.sqlite import file
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


class Lanes:
    """A file, and its two lanes as a store has them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = File(path)
        self.writer = ConnectionThread("writer", self._connect, self.file, writes=True)
        self.reader = ConnectionThread("reader", self._connect, self.file)

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    async def write(self, *statements: str) -> None:
        def work(connection: sqlite3.Connection, _job: Job[None]) -> None:
            for statement in statements:
                connection.execute(statement)

        await self.writer.run(work, deadline=60)

    async def change(self, text: str, counter: int) -> None:
        """Write something, and have it moved to the file."""
        await self.write(
            f"UPDATE pages SET text = '{text}'", f"UPDATE libra_writers SET counter = {counter}"
        )
        await self.write(f"UPDATE libra_writers SET counter = {counter + 1}")
        await self.write("SELECT 1")  # it comes after the checkpoint

    async def read(
        self, begun: threading.Event | None = None, ends: threading.Event | None = None
    ) -> str:
        def work(connection: sqlite3.Connection, _job: Job[str]) -> str:
            found: str = connection.execute("SELECT text FROM pages").fetchone()[0]
            if begun is not None and ends is not None:
                begun.set()
                ends.wait(60)
            return found

        return await self.reader.run(work, deadline=60)

    async def close(self) -> None:
        await self.reader.close()
        await self.writer.close()


@pytest.fixture
async def lanes(tmp_path: Path) -> AsyncIterator[Lanes]:
    """A file that has a page of now, and beside it a copy that has it as it was."""
    lanes = Lanes(tmp_path / "libra.db")
    await lanes.write(
        "PRAGMA journal_mode = WAL",
        "CREATE TABLE libra_database (id)",
        "CREATE TABLE libra_writers (counter)",
        "CREATE TABLE pages (text)",
        "INSERT INTO libra_database VALUES ('one')",
        "INSERT INTO libra_writers VALUES (1)",
        "INSERT INTO pages VALUES ('then')",
    )
    await lanes.writer.close()
    shutil.copyfile(lanes.path, copy_of(lanes.path))
    lanes = Lanes(lanes.path)
    await lanes.change("now", 2)
    yield lanes
    await lanes.close()


def copy_of(path: Path) -> Path:
    return path.with_name("copy")


def overwrite(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(copy_of(path).read_bytes())


async def test_a_read_beside_the_writer_that_finds_another_file_does_not_count(
    lanes: Lanes,
) -> None:
    begun, ends = threading.Event(), threading.Event()
    reading = asyncio.create_task(lanes.read(begun, ends))
    await asyncio.to_thread(begun.wait, 60)
    overwrite(lanes.path)
    with pytest.raises(Unavailable, match="still in use"):
        await lanes.write("UPDATE libra_writers SET counter = 4")
    ends.set()
    with pytest.raises(Unavailable, match="replaced meanwhile"):
        await reading
    assert await lanes.read() == "then"


async def test_a_read_waits_for_the_writer_to_find_out_whether_the_file_is_another(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    examined, looked = threading.Event(), threading.Event()
    look = file._base_of

    def examine(path: Path) -> tuple[str, int, int] | None:
        examined.set()
        looked.wait(60)
        return look(path)

    begun, ends = threading.Event(), threading.Event()
    reading = asyncio.create_task(lanes.read(begun, ends))
    await asyncio.to_thread(begun.wait, 60)
    overwrite(lanes.path)
    monkeypatch.setattr(file, "_base_of", examine)
    writing = asyncio.create_task(lanes.write("UPDATE libra_writers SET counter = 4"))
    await asyncio.to_thread(examined.wait, 60)
    ends.set()
    done, _ = await asyncio.wait({reading}, timeout=0.05)
    assert not done
    looked.set()
    with pytest.raises(Unavailable, match="replaced meanwhile"):
        await reading
    await asyncio.gather(writing, return_exceptions=True)


async def test_a_read_does_not_wait_for_a_checkpoint(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    moving, moved = threading.Event(), threading.Event()
    look = file._base_of

    def hold(path: Path) -> tuple[str, int, int] | None:
        moving.set()
        moved.wait()
        return look(path)

    await lanes.read()
    # The file was left long ago, so nothing but the checkpoint looks into it.
    monkeypatch.setattr(file, "_TICK", 0)
    await lanes.write("SELECT 1")
    monkeypatch.setattr(file, "_base_of", hold)
    monkeypatch.setattr(file, "_WAL_BYTES", 0)
    await lanes.write("UPDATE pages SET text = 'later'")
    try:
        await asyncio.to_thread(moving.wait, 60)
        assert await asyncio.wait_for(lanes.read(), 60) == "later"
    finally:
        moved.set()


async def test_a_file_is_another_one_even_if_it_has_the_same_size_and_time(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it has if it is written over in the tick of the clock in which Libra left it."""
    monkeypatch.setattr(file, "_TICK", 1e18)
    await lanes.change("now", 4)
    before = lanes.path.stat()
    overwrite(lanes.path)
    os.utime(lanes.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert await lanes.read() == "then"


async def test_a_file_that_looks_unchanged_and_cannot_be_read_just_now_is_no_other_one(
    lanes: Lanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file, "_TICK", 1e18)
    await lanes.change("now", 4)
    with monkeypatch.context() as no_files_left:
        no_files_left.setattr(file, "_base_of", lambda _: None)
        await lanes.write("UPDATE pages SET text = 'later'")
        assert await lanes.read() == "later"
    assert await lanes.read() == "later"


async def test_what_the_writer_has_done_counts_whatever_trouble_another_lane_has(
    lanes: Lanes,
) -> None:
    def work(connection: sqlite3.Connection, _job: Job[None]) -> None:
        connection.execute("UPDATE pages SET text = 'later'")
        lanes.file.doubt()

    await lanes.writer.run(work, deadline=60)
    assert await lanes.read() == "later"


class Other:
    """A lane in which something happens while it is closed."""

    def __init__(self, happens: Callable[[], None]) -> None:
        self._happens = happens
        self.closed = 0

    def disconnect_if_idle(self, patience: float) -> bool:
        self.closed += 1
        self._happens()
        return True


def test_a_connection_belongs_to_the_time_before_a_doubt_that_comes_while_it_is_prepared(
    tmp_path: Path,
) -> None:
    shared = File(tmp_path / "libra.db")
    mine, other = Other(lambda: None), Other(shared.doubt)
    shared.join(mine)
    shared.join(other)
    shared.doubt()
    generation = shared.begin_again(mine)
    assert generation < shared.generation
    shared.begin_again(mine)  # the new doubt is not forgotten
    assert (mine.closed, other.closed) == (0, 2)
