"""The SQLite engine in trouble: what only a file can suffer."""
# ruff: noqa: ASYNC240 - these tests break files, and nothing else runs meanwhile

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from libra.storage import SchemaMismatch, Snapshot, Store, Unavailable, open_store, schema_status
from libra.storage import migrate as migrate_url
from libra.storage.sqlite import store as sqlite
from libra.storage.sqlite.connection_thread import ConnectionThread, Job
from libra.storage.sqlite.file import File
from libra.storage.sqlite.transactions import transaction
from support.needs import needs
from support.patience import FOR_EVER, PATIENT


def snapshot(page: str = "a", version: int = 1, report: bytes = b"{}") -> Snapshot:
    return Snapshot(page, "https://example.com/", version, report)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "libra.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    store = open_store(f"sqlite:///{path}", deadlines=PATIENT)
    await store.open()
    yield store
    await store.close()


async def test_a_lock_of_another_process_stops_saves_but_no_reads(path: Path) -> None:
    # A connection waits for a lock for a part of the deadline that a save had when it was opened.
    hurried = msgspec.structs.replace(PATIENT, save=0.1)
    store = open_store(f"sqlite:///{path}", deadlines=hurried)
    await store.open()
    store.deadlines = PATIENT
    await store.save([snapshot("a")])
    program = f"""if True:
        import sqlite3
        connection = sqlite3.connect({str(path)!r}, isolation_level=None)
        connection.execute("BEGIN EXCLUSIVE")
        print("locked", flush=True)
        input()
    """
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    await holder.stdout.readline()
    with pytest.raises(Unavailable) as caught:
        await store.save([snapshot("b")])
    assert caught.value.fault == "contention"
    assert await store.load("a") == snapshot("a")
    await holder.communicate(b"\n")
    assert await store.save([snapshot("b")]) == []
    await store.close()


async def test_a_file_that_is_no_database_is_unavailable_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"Somebody's letters. " * 500)
    store = open_store(f"sqlite:///{path}", deadlines=PATIENT)
    for call in (store.open(), store.ping(), store.save([snapshot()]), store.load("a")):
        with pytest.raises(Unavailable) as caught:
            await call
        assert caught.value.fault == "corrupt"
    await store.close()
    assert path.read_bytes().startswith(b"Somebody's letters.")


async def test_a_mended_file_is_noticed(store: Store, path: Path) -> None:
    remove(path)
    path.write_bytes(b"Not a database. " * 500)
    with pytest.raises(Unavailable):
        await store.save([snapshot("a")])
    with pytest.raises(Unavailable):
        await store.load("a")
    remove(path)
    assert await store.save([snapshot("a")]) == []
    assert await store.load("a") == snapshot("a")


def remove(path: Path) -> None:
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()


async def test_a_file_removed_while_open_is_made_anew_instead_of_written_into_nothing(
    store: Store, path: Path
) -> None:
    await store.save([snapshot("a")])
    remove(path)
    await store.save([snapshot("b")])
    assert await store.load("a") is None
    assert await store.load("b") == snapshot("b")
    assert path.exists()


async def test_a_dropped_table_is_made_again(store: Store, path: Path) -> None:
    other = sqlite3.connect(path)
    other.execute("DROP TABLE pages")
    other.close()
    with pytest.raises(Unavailable) as caught:
        await store.save([snapshot("a")])
    assert caught.value.fault == "schema"
    await store.save([snapshot("a")])
    assert await store.load("a") == snapshot("a")


async def test_reads_do_not_make_a_file(path: Path) -> None:
    store = open_store(f"sqlite:///{path}", deadlines=PATIENT)
    with pytest.raises(Unavailable):
        await store.load("a")
    await store.close()
    assert not path.exists()


async def test_a_directory_that_is_missing_is_unavailable(path: Path) -> None:
    store = open_store(f"sqlite:///{path.parent}/nowhere/libra.db", deadlines=PATIENT)
    with pytest.raises(Unavailable) as caught:
        await store.open()
    assert caught.value.fault == "unreachable"
    await store.close()


async def test_two_programs_on_one_file_both_work(path: Path) -> None:
    stores = [open_store(f"sqlite:///{path}", deadlines=PATIENT) for _ in range(2)]
    await asyncio.gather(*(store.open() for store in stores))
    for number in range(20):
        await asyncio.gather(*(store.save([snapshot("a", number + 1)]) for store in stores))
    assert await stores[0].load("a") == await stores[1].load("a") == snapshot("a", 20)
    for store in stores:
        await store.close()


async def test_a_schema_newer_than_the_program_is_refused_with_what_to_do(
    store: Store, path: Path
) -> None:
    await store.close()
    other = sqlite3.connect(path)
    other.execute("UPDATE libra_schema SET version_num = '9999'")
    other.commit()
    other.close()
    newer = open_store(f"sqlite:///{path}", deadlines=PATIENT)
    for call in (newer.open(), newer.save([snapshot()]), newer.load("a"), newer.migrate()):
        with pytest.raises(SchemaMismatch, match=r"schema 9999.*newer Libra"):
            await call
    assert (await newer.schema()).state == "newer"
    await newer.close()


async def test_the_state_of_a_schema_can_be_asked_for_without_changing_it(path: Path) -> None:
    url = f"sqlite:///{path}"
    assert (await schema_status(url)).state == "missing"
    assert not path.exists()
    assert (await migrate_url(url)).state == "current"
    assert (await schema_status(url)).state == "current"
    assert (await migrate_url(url)).state == "current"


async def test_closing_leaves_no_thread_and_no_second_file(path: Path) -> None:
    before = set(threading.enumerate())
    store = open_store(f"sqlite:///{path}", deadlines=PATIENT)
    await store.save([snapshot("a")])
    await store.load("a")
    async for _ in store.batches(now=datetime.now(UTC)):
        pass
    await store.close()
    for thread in set(threading.enumerate()) - before:
        thread.join()
    assert [file.name for file in path.parent.iterdir()] == ["libra.db"]


async def test_a_closed_store_is_unavailable(store: Store) -> None:
    await store.close()
    with pytest.raises(Unavailable):
        await store.load("a")


@needs("a disk to mount")
class TestOnADiskOfItsOwn:
    @pytest.fixture
    def disk(self, tmp_path: Path) -> Iterator[Path]:
        disk = tmp_path / "disk"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True)
        yield disk
        subprocess.run(["umount", "-l", disk], check=True)

    async def test_a_full_disk_stops_saves_until_there_is_room(self, disk: Path) -> None:
        store = open_store(f"sqlite:///{disk}/libra.db", deadlines=PATIENT)
        await store.save([snapshot("a")])
        filler = disk / "filler"
        with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)
        with pytest.raises(Unavailable) as caught:
            await store.save([snapshot("b", report=os.urandom(50_000))])
        assert caught.value.fault in {"full", "unreachable"}
        assert await store.load("a") == snapshot("a")
        filler.unlink()
        assert await store.save([snapshot("b")]) == []
        await store.close()

    async def test_a_read_only_disk_stops_saves_until_it_is_writable(self, disk: Path) -> None:
        store = open_store(f"sqlite:///{disk}/libra.db", deadlines=PATIENT)
        await store.save([snapshot("a")])
        await store.close()
        remount(disk, "ro")
        store = open_store(f"sqlite:///{disk}/libra.db", deadlines=PATIENT)
        for call in (store.ping(), store.save([snapshot("b")])):
            with pytest.raises(Unavailable) as caught:
                await call
            assert caught.value.fault in {"read-only", "unreachable"}
        remount(disk, "rw")
        assert await store.save([snapshot("b")]) == []
        assert await store.load("a") == snapshot("a")
        await store.close()


def remount(disk: Path, mode: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{mode}", disk], check=True)


# A lane holds its deadlines whatever the work does


@pytest.fixture
async def lane(path: Path) -> AsyncIterator[ConnectionThread]:
    lane = ConnectionThread("lane", lambda: sqlite3.connect(path, isolation_level=None), File(path))
    yield lane
    await lane.close()


def endless(connection: sqlite3.Connection, _job: Job[object]) -> object:
    return connection.execute(
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"
    ).fetchone()


async def test_a_statement_that_takes_too_long_is_stopped_and_the_next_one_runs(
    lane: ConnectionThread,
) -> None:
    with pytest.raises(Unavailable) as caught:
        await lane.run(endless, deadline=0.05)
    assert caught.value.fault == "timeout"
    assert await lane.run(lambda c, _: c.execute("SELECT 1").fetchone(), deadline=FOR_EVER) == (1,)


async def test_a_cancelled_caller_stops_its_statement(lane: ConnectionThread) -> None:
    running = threading.Event()

    def work(connection: sqlite3.Connection, job: Job[object]) -> object:
        running.set()
        return endless(connection, job)

    task = asyncio.create_task(lane.run(work, deadline=FOR_EVER))
    await asyncio.to_thread(running.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await lane.run(lambda c, _: c.execute("SELECT 1").fetchone(), deadline=FOR_EVER) == (1,)


async def test_work_that_nobody_waits_for_any_more_is_not_begun(lane: ConnectionThread) -> None:
    begun, gate, done = threading.Event(), threading.Event(), list[str]()

    def work(_connection: sqlite3.Connection, _job: Job[bool]) -> bool:
        begun.set()
        return gate.wait()

    first = asyncio.create_task(lane.run(work, deadline=FOR_EVER))
    await asyncio.to_thread(begun.wait)
    with pytest.raises(Unavailable):
        await lane.run(lambda _c, _j: done.append("late"), deadline=0.01)
    gate.set()
    await first
    await lane.run(lambda _c, _j: done.append("next"), deadline=FOR_EVER)
    assert done == ["next"]


async def test_a_save_whose_caller_gave_up_in_the_middle_leaves_nothing_behind(
    store: Store, path: Path
) -> None:
    begun, gate = threading.Event(), threading.Event()

    def work(connection: sqlite3.Connection, job: Job[None]) -> None:
        with transaction(connection, job):
            connection.execute("DELETE FROM pages")
            begun.set()
            gate.wait()

    await store.save([snapshot("a")])
    lane = ConnectionThread("lane", lambda: sqlite3.connect(path, isolation_level=None), File(path))
    task = asyncio.create_task(lane.run(work, deadline=FOR_EVER))
    await asyncio.to_thread(begun.wait)
    task.cancel()
    await asyncio.wait({task})
    gate.set()
    await lane.close()
    assert await store.load("a") == snapshot("a")


async def test_a_disk_that_hangs_for_ever_does_not_hold_up_the_end(path: Path) -> None:
    gate = threading.Event()
    lane = ConnectionThread("lane", lambda: sqlite3.connect(path), File(path))
    with pytest.raises(Unavailable):
        await lane.run(lambda _c, _j: gate.wait(), deadline=0.01)
    await lane.close(deadline=0.01)
    gate.set()


async def test_a_bug_in_the_work_reaches_its_caller(lane: ConnectionThread) -> None:
    with pytest.raises(ZeroDivisionError):
        await lane.run(lambda _c, _j: 1 // 0, deadline=FOR_EVER)
    with pytest.raises(sqlite3.OperationalError, match="syntax"):
        await lane.run(lambda c, _: c.execute("SELEKT"), deadline=FOR_EVER)


def test_a_start_with_a_current_schema_loads_no_migration_tool(path: Path) -> None:
    program = f"""if True:
        import asyncio, sys
        from libra.storage import open_store
        async def main():
            store = open_store("sqlite:///{path}")
            await store.open()
            await store.close()
        asyncio.run(main())
        assert "asyncpg" not in sys.modules
        print("alembic" in sys.modules)
    """
    runs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert [run.stdout.strip() for run in runs] == ["True", "False"]


async def test_a_file_that_was_replaced_is_let_go_of_by_all_before_any_opens_it_again(
    store: Store, path: Path, tmp_path: Path
) -> None:
    await store.save([snapshot("a")])
    assert await store.load("a")  # the reader has it open too, and is idle from here on
    fresh = tmp_path / "fresh.db"
    other = open_store(f"sqlite:///{fresh}", deadlines=PATIENT)
    await other.save([snapshot("b")])
    await other.close()
    for name in ("-wal", "-shm"):
        path.with_name(path.name + name).unlink(missing_ok=True)
    fresh.replace(path)
    await store.save([snapshot("c")])
    assert await store.load("b")
    assert await store.load("c")
    assert await store.load("a") is None


async def test_a_file_that_is_replaced_while_it_is_opened_is_not_taken_for_the_new_one(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh = tmp_path / "fresh.db"
    for file in (path, fresh):
        other = open_store(f"sqlite:///{file}", deadlines=PATIENT)
        await other.save([snapshot(file.stem)])
        await other.close()
    connect = sqlite.SQLiteStore._connect_writer

    def replaced_meanwhile(store: sqlite.SQLiteStore) -> sqlite3.Connection:
        connection = connect(store)
        if fresh.exists():
            for name in ("-wal", "-shm"):
                path.with_name(path.name + name).unlink(missing_ok=True)
            fresh.replace(path)
        return connection

    monkeypatch.setattr(sqlite.SQLiteStore, "_connect_writer", replaced_meanwhile)
    store = open_store(f"sqlite:///{path}", deadlines=PATIENT)
    await store.save([snapshot("c")])
    assert await store.load("c")
    assert await store.load("fresh")
    await store.close()
