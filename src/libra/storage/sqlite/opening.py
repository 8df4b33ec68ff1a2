"""Opens the file of a SQLite database: to write, to read, or to look at it."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

from libra.storage.schema import migrate_sqlite, status_of_sqlite
from libra.storage.sqlite.urls import add_functions


def path_of(url: str) -> Path:
    """The file of a ``sqlite:///relative`` or ``sqlite:////absolute`` URL.

    Raises:
        ValueError: the URL names no file; a database in memory would keep nothing.
    """
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    if parts.netloc or not path or path == ":memory:":
        raise ValueError(
            f"{url!r} does not name a file: use sqlite:///relative or sqlite:////absolute"
        )
    return Path(path)


def connect(path: Path, busy_timeout: float, mode: str) -> sqlite3.Connection:
    """Open a file in a mode of SQLite: ``ro``, ``rw`` or ``rwc``."""
    # The busy timeout is shorter than the caller's deadline, because SQLite's wait for a lock cannot
    # be interrupted.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=busy_timeout,
        isolation_level=None,
        check_same_thread=False,
    )


def connect_to_write(path: Path, patience: float) -> sqlite3.Connection:
    """Open a file to write; make it if it is missing, and make or migrate its tables.

    Args:
        path: the file; its directory must exist.
        patience: seconds to wait for a lock of another program.
    """
    connection = connect(path, patience, "rwc")
    try:
        # Set while the file is empty; a file with content takes it on when it is rewritten.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        _use_wal(connection, patience)
        connection.execute("PRAGMA synchronous = FULL")
        # A deadline never interrupts this, because deadlines apply only once there is a connection.
        # Calls wait for a long migration, one after another, until it is done.
        if status_of_sqlite(connection).state != "current":
            migrate_sqlite(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path, patience: float) -> sqlite3.Connection:
    """Open an existing file to read; ``patience`` as above.

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
    # Two programs that make the same file may both be about to switch it. Then SQLite fails at once,
    # without its busy timeout, because neither could ever continue.
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
