"""A backup: one SQLite file with Libra's own tables, from either engine.

So a backup can move data from SQLite to PostgreSQL and back, any SQLite tool can read it, and `libra
serve` can run on it. It has the id of its database and the counters of its writers (see
`libra.storage.history`). A database that is restored from it is the same database at an earlier time,
and a Libra that knows its later state notices that. The lease is left out.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from libra.storage.errors import SchemaMismatch
from libra.storage.schema import ALL_TABLES, VERSION_TABLE, migrate_sqlite, status_of_sqlite

LEFT_OUT: Final = frozenset({VERSION_TABLE, "libra_lease"})
"""Tables that describe a database, not its contents."""


class NoBackup(ValueError):
    """A file that cannot be restored or must not be overwritten; the message gives the reason."""


class Contents(msgspec.Struct, frozen=True):
    """The contents of a backup: the numbers of pages and watches, and its size in bytes."""

    pages: int
    watches: int
    size: int


@contextmanager
def written(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a new file that replaces ``path`` when the block succeeds.

    Until then an earlier backup of that name stays as it is. Only the owner can read the new file,
    because watches have secrets.

    Raises:
        NoBackup: the existing file is not a backup.
        OSError: it cannot be written.
    """
    if path.exists() and not _is_libras(path):
        raise NoBackup(f"{path} exists and is not a backup of Libra: choose another name")
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    new = Path(name)
    try:
        with closing(sqlite3.connect(new, isolation_level=None)) as connection:
            yield connection
            if connection.in_transaction:
                connection.execute("COMMIT")
            # The backup must be one complete file.
            connection.execute("PRAGMA journal_mode = DELETE")
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
    finally:
        for left in (new, *(new.with_name(new.name + end) for end in ("-wal", "-shm", "-journal"))):
            left.unlink(missing_ok=True)


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """The backup with the schema of this Libra: the file itself, or a migrated copy.

    Raises:
        NoBackup: it is not a backup, is damaged, or is from a newer Libra.
        OSError: it cannot be read.
    """
    with path.open("rb"):
        pass  # gives the reason, which SQLite does not
    if not _is_libras(path):
        raise NoBackup(f"{path} is not a backup of Libra")
    try:
        with closing(read_only(path)) as connection:
            fault = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            status = status_of_sqlite(connection)
    except sqlite3.DatabaseError as error:
        raise NoBackup(f"{path} is damaged: {error}") from None
    if fault != "ok":
        raise NoBackup(f"{path} is damaged: {fault}")
    if status.state == "current":
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "libra.sqlite3"
        with closing(read_only(path)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
        with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            try:
                migrate_sqlite(connection)
            except SchemaMismatch as error:
                raise NoBackup(f"{path}: {error}") from None
        yield copy


def read_only(path: Path) -> sqlite3.Connection:
    """A connection to a backup that creates no file beside it."""
    # A WAL beside it means that the file is a Libra's own, and the WAL is part of its contents.
    alone = not path.with_name(f"{path.name}-wal").exists()
    return sqlite3.connect(address_of(path, "ro") + ("&immutable=1" if alone else ""), uri=True)


def address_of(path: Path, mode: str) -> str:
    """The URI with which SQLite opens a file in a mode: ``ro``, ``rw`` or ``rwc``."""
    return f"{path.absolute().as_uri()}?mode={mode}"


def tables_of(connection: sqlite3.Connection, schema: str = "main") -> dict[str, list[str]]:
    """The tables of a backup, each with its columns."""
    found = {
        name
        for (name,) in connection.execute(
            f"SELECT name FROM {schema}.sqlite_master WHERE type = 'table'"  # noqa: S608 - ours
        )
    }
    return {
        table: [row[1] for row in connection.execute(f"PRAGMA {schema}.table_info({table})")]
        for table in sorted((ALL_TABLES & found) - LEFT_OUT)
    }


def rows_of(
    connection: sqlite3.Connection, table: str, columns: Sequence[str], size: int
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a table, in batches."""
    cursor = connection.execute(f"SELECT {', '.join(columns)} FROM {table}")  # noqa: S608 - ours
    while rows := cursor.fetchmany(size):
        yield rows


def insert(
    connection: sqlite3.Connection,
    table: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
) -> None:
    """Add rows to a table."""
    marks = ", ".join("?" * len(columns))
    connection.executemany(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})",  # noqa: S608 - ours
        rows,
    )


def contents_of(path: Path) -> Contents:
    """Count the contents of a backup."""
    with closing(read_only(path)) as connection:
        pages, watches = (
            connection.execute(
                f"SELECT count(*) FROM {table} WHERE deleted_at IS NULL"  # noqa: S608 - ours
            ).fetchone()[0]
            for table in ("pages", "watches")
        )
    return Contents(pages, watches, path.stat().st_size)


def _is_libras(path: Path) -> bool:
    try:
        with closing(read_only(path)) as connection:
            return status_of_sqlite(connection).state != "missing"
    except sqlite3.Error:
        return False
