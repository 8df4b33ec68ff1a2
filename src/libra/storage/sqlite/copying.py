"""Copies a SQLite database to a backup and back, while a Libra uses it.

SQLite itself reads a backup in one transaction, page by page, so that no Libra waits for it. A
restore writes one transaction in SQL, so a running Libra sees all of it or nothing. Copying a file
over the one in use would count as damage (see `libra.storage.sqlite.file`).
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
"""Seconds to wait for the lock of a saving Libra."""


_THERE: Final = """
    SELECT instance, counter, at FROM main.libra_lease JOIN main.libra_writers USING (instance)
    WHERE until > ?
"""

# A backup from before another restore may count more batches than the present database. A writer to
# the latter would not notice that it has gone back: see `libra.storage.history`.
# Without a row it has counted none.
_NOTICED: Final = (
    "DELETE FROM main.libra_writers WHERE instance = ?1 AND ?2 = 1 AND at IS NOT ?3",
    """
    UPDATE main.libra_writers SET counter = ?2 - 1
    WHERE instance = ?1 AND counter >= ?2 AND at IS NOT ?3
    """,
)


def back_up(database: Path, file: Path) -> None:
    """Write a backup of a database.

    Raises:
        NoBackup: there is no database, or something other than a backup exists at ``file``.
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
            raise NoBackup(f"{database} has no Libra tables")
        source.backup(target)
        if target.execute("SELECT 1 FROM sqlite_master WHERE name = 'libra_lease'").fetchone():
            target.execute("DELETE FROM libra_lease")


def restore(file: Path, database: Path) -> None:
    """Replace the contents of a database, made if missing, by those of a backup.

    Raises:
        NoBackup: the file cannot be restored.
        OSError: it cannot be read.
        SchemaMismatch: the database is from a newer Libra.
        sqlite3.Error: the database cannot be written; it is unchanged.
    """
    with readable(file) as source:
        if database.exists() and source.samefile(database):
            raise NoBackup(f"{file} is the database itself")
        database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # By URI, so that the attached database can have a URI too.
        with closing(
            sqlite3.connect(
                address_of(database, "rwc"), uri=True, timeout=PATIENCE, isolation_level=None
            )
        ) as target:
            target.execute("PRAGMA journal_mode = WAL")
            # A running Libra makes the checkpoints: to it, any other checkpoint is a change to
            # examine.
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
                for statement in _NOTICED:
                    target.executemany(statement, there)
                target.execute("COMMIT")
            finally:
                if target.in_transaction:
                    target.execute("ROLLBACK")
