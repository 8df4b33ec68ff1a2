"""Chooses the engine for a database URL, and works on whole databases."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from libra.storage.backup_file import Contents, contents_of, readable
from libra.storage.classify import classify
from libra.storage.errors import Unavailable
from libra.storage.postgres.address import require_address
from libra.storage.schema import Engine, SchemaStatus
from libra.storage.store import Deadlines, Store


def open_store(url: str, *, deadlines: Deadlines | None = None) -> Store:
    """The engine for a database URL, not opened yet: ``sqlite:///path`` or ``postgresql://...``.

    Raises:
        ValueError: no engine supports that URL.
    """
    # Imported here, so that a program loads only the driver that it uses.
    if engine_of(url) == "sqlite":
        from libra.storage.sqlite.opening import path_of  # noqa: PLC0415 - see above
        from libra.storage.sqlite.store import SQLiteStore  # noqa: PLC0415 - see above

        return SQLiteStore(path_of(url), deadlines=deadlines)
    from libra.storage.postgres.store import PostgresStore  # noqa: PLC0415 - see above

    return PostgresStore(url, deadlines=deadlines)


def file_of(url: str) -> Path | None:
    """The file of a database; None for a database on a server.

    Raises:
        ValueError: no engine supports that URL.
    """
    if engine_of(url) != "sqlite":
        return None
    from libra.storage.sqlite.opening import path_of  # noqa: PLC0415 - see above

    return path_of(url)


async def schema_status(url: str) -> SchemaStatus:
    """The schema of the database at a URL; raises as `Store.schema` does."""
    store = open_store(url)
    try:
        return await store.schema()
    finally:
        await store.close()


async def migrate(url: str) -> SchemaStatus:
    """Migrate the database at a URL to the newest schema; raises as `Store.migrate` does."""
    store = open_store(url)
    try:
        return await store.migrate()
    finally:
        await store.close()


async def back_up(url: str, file: Path) -> Contents:
    """Write a backup of the database at a URL, also while a Libra uses it.

    Raises:
        NoBackup: there is nothing to back up, or something other than a backup exists at ``file``.
        OSError: the file cannot be written.
        StoreError: the database cannot be read.
    """
    if engine_of(url) == "sqlite":
        from libra.storage.sqlite import copying  # noqa: PLC0415 - see above
        from libra.storage.sqlite.opening import path_of  # noqa: PLC0415 - see above

        with _sqlite_errors():
            copying.back_up(path_of(url), file)
    else:
        from libra.storage.postgres import copying as of_server  # noqa: PLC0415 - as above

        with _sqlite_errors():
            await of_server.back_up(url, file)
    return contents_of(file)


async def restore(file: Path, url: str) -> Contents:
    """Replace the contents of a database by those of a backup; a running Libra notices that.

    This first makes or migrates the tables.

    Raises:
        NoBackup: the file cannot be restored.
        OSError: it cannot be read.
        StoreError: the database cannot be written; it is unchanged.
    """
    if engine_of(url) == "sqlite":
        from libra.storage.sqlite import copying  # noqa: PLC0415 - see above
        from libra.storage.sqlite.opening import path_of  # noqa: PLC0415 - see above

        with _sqlite_errors():
            copying.restore(file, path_of(url))
    else:
        from libra.storage.postgres import copying as of_server  # noqa: PLC0415 - as above

        with readable(file):
            pass  # before the database is touched
        await migrate(url)
        with _sqlite_errors():
            await of_server.restore(file, url)
    return contents_of(file)


@contextmanager
def _sqlite_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise classify(error) or Unavailable("unreachable", str(error)) from error


def engine_of(url: str) -> Engine:
    """The engine for a database URL.

    Raises:
        ValueError: no engine supports that URL, or it cannot be read; no password is in the message.
    """
    # Not by urllib, whose errors quote the address with its password.
    found = re.match(r"\s*([a-z][a-z0-9+.-]*):", url, re.IGNORECASE)
    scheme = found[1].lower() if found else ""
    if scheme == "sqlite":
        return "sqlite"
    if scheme in {"postgresql", "postgres"}:
        require_address(url)
        return "postgres"
    raise ValueError(
        f"no database engine for {scheme or 'a URL without a scheme'!r}: "
        "use sqlite:///path/to/libra.db or postgresql://user@host/name"
    )
