"""What can happen to a SQLite file, done to it from outside of Libra."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from abc import abstractmethod
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from chaos.checker import Kept
from chaos.endings import any_in_sqlite, in_sqlite
from chaos.fault import Database, Fault
from chaos.history import Call


class SQLiteFile(Database):
    """A file, looked at on connections of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"

    async def rows(self) -> dict[str, Kept]:
        """All pages in it."""
        return await asyncio.to_thread(in_sqlite, self.path)

    async def has_any(self, ids: Collection[str]) -> bool:
        """Whether it has one of them."""
        return await asyncio.to_thread(any_in_sqlite, self.path, ids)


class Locked(Fault):
    """Another process holds the lock for writing."""

    name = "locked by another process"

    def __init__(self, path: Path) -> None:
        self._path = path
        self._holder: asyncio.subprocess.Process | None = None

    async def begin(self) -> None:
        """Start a process that takes the lock."""
        program = f"""if True:
            import sqlite3
            connection = sqlite3.connect({str(self._path)!r}, isolation_level=None, timeout=60)
            connection.execute("BEGIN EXCLUSIVE")
            print(flush=True)
            input()
        """
        holder = self._holder = await asyncio.create_subprocess_exec(
            sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert holder.stdout is not None
        await holder.stdout.readline()

    async def end(self) -> None:
        """Kill it: the lock goes with the process, and what it had begun is rolled back."""
        assert self._holder is not None
        self._holder.kill()
        await self._holder.communicate()


class Replaced(Fault):
    """The file is moved away and something else stands in its place; then it comes back.

    Both moves are made under SQLite's lock and with an empty WAL, so that nothing is lost that Libra
    was told is stored. What stands beside the file goes with it, as SQLite asks of whoever moves one:
    two files with one and the same index of the WAL (``-shm``) end a program that has both open with
    SIGBUS.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept = path.with_name("kept.sqlite3")

    async def begin(self) -> None:
        """Put the other file there."""
        await asyncio.to_thread(self._swap)

    async def end(self) -> None:
        """Put the good one back."""
        await asyncio.to_thread(self._swap_back)

    @abstractmethod
    def substitute(self, path: Path) -> None:
        """Make what is to stand in its place, and is then moved there."""

    def _swap(self) -> None:
        other = self._path.with_name("other")
        with _still(self._path):
            self.substitute(other)
            # At no moment is there no file, or one that could be written to in vain.
            os.link(self._path, self._kept)
            other.replace(self._path)
            self._clear()

    def _swap_back(self) -> None:
        self._clear()
        self._kept.replace(self._path)

    def _clear(self) -> None:
        for ending in ("-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)


class Corrupt(Replaced):
    """Its content is that of something else."""

    name = "corrupt file"
    doubtful = True

    def substitute(self, path: Path) -> None:
        """Write what is no database."""
        path.write_bytes(b"Somebody's letters. " * 5_000)


class ReadOnly(Replaced):
    """It may be read, and not written to."""

    name = "read-only file"

    def substitute(self, path: Path) -> None:
        """A copy without the permission to write; for root, who needs none, what nobody can open."""
        if os.geteuid() == 0:
            os.mknod(path, stat.S_IFSOCK)  # until the copy is mounted over it
        else:
            path.write_bytes(self._path.read_bytes())
            path.chmod(0o444)

    def _swap(self) -> None:
        super()._swap()
        if os.geteuid() == 0:
            # Made read-only where nobody has it open: a mount with a writer cannot be.
            self._copy.write_bytes(self._kept.read_bytes())
            _mount("--bind", self._copy, self._copy)
            _mount("-o", "remount,bind,ro", self._copy)
            _mount("--bind", self._copy, self._path)

    def _swap_back(self) -> None:
        if os.geteuid() == 0:
            _run("umount", "--lazy", self._path)
            _run("umount", "--lazy", self._copy)
            self._copy.unlink()
        super()._swap_back()

    @property
    def _copy(self) -> Path:
        return self._path.with_name("read-only.sqlite3")


class GoneBack(Fault):
    """The file is swapped for a copy that was made some time before, as a restored backup is."""

    name = "file gone back in time"
    part = None
    hold = 3.0
    destroys = True
    late = True
    doubtful = True
    gradual = True

    def __init__(self, path: Path) -> None:
        self._path = path
        self._older = path.with_name("older.sqlite3")

    async def begin(self) -> None:
        """Make the copy."""
        await asyncio.to_thread(self._copy)

    async def end(self) -> None:
        """Put it there; what stands beside the file goes with the old one."""
        await asyncio.to_thread(self._swap)

    def _copy(self) -> None:
        with _still(self._path):
            shutil.copyfile(self._path, self._older)

    def _swap(self) -> None:
        with _still(self._path):
            self._path.unlink()
            for ending in ("-wal", "-shm"):
                self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
            self._older.rename(self._path)


class CopiedOver(GoneBack):
    """An older copy is written over the file where it stands, and nobody asks who has it open."""

    name = "file overwritten by an older copy"

    def _swap(self) -> None:
        shutil.copyfile(self._older, self._path)
        self._older.unlink()


class DiskFull(Fault):
    """There is no room left on a disk, which is a small one of its own.

    Args:
        disk: where it is mounted.
        part: what Libra keeps there: its ``database`` or its ``journal``.
    """

    def __init__(self, disk: Path, part: str = "database") -> None:
        self.part: str = part
        self.name = f"disk of the {part} full"
        self._ballast = disk / "ballast"

    async def begin(self) -> None:
        """Fill it up."""
        await asyncio.to_thread(fill, self._ballast)

    async def end(self) -> None:
        """Make room."""
        self._ballast.unlink()

    def was_seen(self, calls: Iterable[Call]) -> bool:
        """Whether Libra was honest: what is on no disk is not called safe."""
        submitted = (call.backup for call in calls if call.kind == "submit")
        return self.part != "journal" or "memory" in submitted


def every_fault(path: Path) -> list[Fault]:
    """All faults of a SQLite file, each once."""
    return [Locked(path), ReadOnly(path), Corrupt(path), GoneBack(path), CopiedOver(path)]


def fill(ballast: Path) -> None:
    """Write a file until there is no room for another byte."""
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


@contextmanager
def small_disk(path: Path, megabytes: int, owner: int | None = None) -> Iterator[Path]:
    """A file system of that size, in memory; only root may mount one."""
    path.mkdir(parents=True)
    _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", path)
    if owner is not None:
        os.chown(path, owner, owner)
    try:
        yield path
    finally:
        _run("umount", "--lazy", path)


@contextmanager
def _still(path: Path) -> Iterator[None]:
    """Nobody writes to the file, and all that was written is in it and not in its WAL."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=60)
    wal = path.with_name(f"{path.name}-wal")
    try:
        while True:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            connection.execute("BEGIN IMMEDIATE")
            if not wal.exists() or not wal.stat().st_size:
                break
            connection.execute("ROLLBACK")  # somebody has written between the two
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def _mount(*args: str | Path) -> None:
    _run("mount", *args)


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True)
