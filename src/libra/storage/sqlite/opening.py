"""How the file of a SQLite database is opened: to write, to read, or just to look."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from libra.storage.schema import migrate_sqlite, status_of_sqlite
from libra.storage.sqlite.urls import add_functions


def path_of(url: str) -> Path:
    """The file that a ``sqlite:///relative`` or ``sqlite:////absolute`` URL means.

    Raises:
        ValueError: if it names none; a database in memory would be no backup.
    """
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or not path or path == ":memory:":
        raise ValueError(f"{url!r} names no file: use sqlite:///relative or sqlite:////absolute")
    return Path(path)


def connect(path: Path, busy_timeout: float, mode: str) -> sqlite3.Connection:
    """Open a file in a mode of SQLite's: ``ro``, ``rw`` or ``rwc``."""
    # The busy timeout is shorter than the caller's deadline, because SQLite's waiting for a lock
    # cannot be interrupted.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
    )


def connect_to_write(path: Path, patience: float) -> sqlite3.Connection:
    """Open a file to write; it is made, and its tables are made or migrated.

    Args:
        path: the file; its directory must exist.
        patience: seconds for which another program may hold a lock.
    """
    connection = connect(path, patience, "rwc")
    try:
        # Before there is anything in it; a file that has something takes it on when it is rewritten.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _use_wal(connection, patience)
        connection.execute("PRAGMA synchronous = FULL")
        # Never interrupted by a deadline, which begins to hold once there is a connection: a
        # long migration is waited for by one call after the other, until it is done.
        if status_of_sqlite(connection).state != "current":
            migrate_sqlite(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path, patience: float) -> sqlite3.Connection:
    """Open a file that is there to read; ``patience`` as above.

    Raises:
        SchemaMismatch: the schema is not the one that this program knows.
    """
    connection = connect(path, patience, "rw")
    try:
        connection.execute("PRAGMA query_only = 1")
        add_functions(connection)
        status_of_sqlite(connection).require_current()
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection, patience: float) -> None:
    # Two programs that make the same file may both be about to switch it. SQLite then fails at
    # once, without its busy timeout, since neither could ever go on.
    until = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorname != "SQLITE_BUSY" or time.monotonic() > until:
                raise
            time.sleep(0.01)  # on the thread of a lane
        else:
            return
