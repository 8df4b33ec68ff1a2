"""A SQLite database to a backup and back, while a Libra runs on it.

A backup is read in one transaction by SQLite itself, page by page, so that nobody waits for it. What is
restored is written as one transaction: a Libra that runs sees all of it or nothing, by SQL, since a file
that is copied over the one in use is taken for damage (see `libra.storage.sqlite.file`).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from libra.storage.backup_file import NoBackup, address_of, readable, tables_of, written
from libra.storage.schema import migrate_sqlite, status_of_sqlite
from libra.storage.sqlite.writer_log import text_of

PATIENCE: Final = 30.0
"""Seconds that the lock of a Libra which is saving is waited for."""


_THERE: Final = """
    SELECT instance, counter, at FROM main.libra_lease JOIN main.libra_writers USING (instance)
    WHERE until > ?
"""

# A backup from before another restore may have taken more batches than what is there. Whoever writes to
# that would not notice that it has gone back: see `libra.storage.history`.
_NOTICED: Final = """
    UPDATE main.libra_writers SET counter = ?2 - 1
    WHERE instance = ?1 AND counter >= ?2 AND at IS NOT ?3
"""


def back_up(database: Path, file: Path) -> None:
    """Write a backup of a database.

    Raises:
        NoBackup: there is no database, or something else stands at ``file``.
        OSError: the file cannot be written.
        sqlite3.Error: the database cannot be read.
    """
    if not database.exists():
        raise NoBackup(f"there is no database {database}")
    if file.exists() and file.samefile(database):
        raise NoBackup(f"{file} is the database itself: choose another name")
    with (
        closing(sqlite3.connect(address_of(database, "rw"), uri=True, timeout=PATIENCE)) as source,
        written(file) as target,
    ):
        source.execute("PRAGMA query_only = 1")
        if status_of_sqlite(source).state == "missing":
            raise NoBackup(f"{database} has no tables of Libra")
        source.backup(target)
        if target.execute("SELECT 1 FROM sqlite_master WHERE name = 'libra_lease'").fetchone():
            target.execute("DELETE FROM libra_lease")


def restore(file: Path, database: Path) -> None:
    """Replace what is in a database by what is in a backup; it is made if it is not there.

    Raises:
        NoBackup: the file cannot be restored.
        OSError: it cannot be read.
        SchemaMismatch: the database is of a newer Libra.
        sqlite3.Error: the database cannot be written; it is as it was.
    """
    with readable(file) as source:
        if database.exists() and source.samefile(database):
            raise NoBackup(f"{file} is the database itself")
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # By uri, so that the attached one may be addressed likewise.
        with closing(
            sqlite3.connect(
                address_of(database, "rwc"), uri=True, timeout=PATIENCE, isolation_level=None
            )
        ) as target:
            target.execute("PRAGMA journal_mode = WAL")
            # A Libra that runs makes the checkpoints: any other is a change that it looks into.
            target.execute("PRAGMA wal_autocheckpoint = 0")
            if status_of_sqlite(target).state != "current":
                migrate_sqlite(target)
            alone = "" if source.with_name(f"{source.name}-wal").exists() else "&immutable=1"
            target.execute("ATTACH ? AS backup", (address_of(source, "ro") + alone,))
            target.execute("BEGIN IMMEDIATE")
            try:
                there = target.execute(_THERE, (text_of(datetime.now(UTC)),)).fetchall()
                for table, columns in tables_of(target, "backup").items():
                    names = ", ".join(columns)
                    target.execute(f"DELETE FROM main.{table}")  # noqa: S608 - ours
                    target.execute(
                        f"INSERT INTO main.{table} ({names})"  # noqa: S608 - ours
                        f" SELECT {names} FROM backup.{table}"
                    )
                target.executemany(_NOTICED, there)
                target.execute("COMMIT")
            finally:
                if target.in_transaction:
                    target.execute("ROLLBACK")
