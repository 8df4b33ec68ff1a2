"""The engines: which one a database URL means, and what is done to a database as a whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from libra.storage.backup_file import Contents, contents_of, readable
from libra.storage.classify import classify
from libra.storage.errors import Unavailable
from libra.storage.schema import Engine, SchemaStatus
from libra.storage.store import Deadlines, Store


def open_store(url: str, *, deadlines: Deadlines | None = None) -> Store:
    """The engine for a database URL, not opened yet: ``sqlite:///path`` or ``postgresql://...``.

    Raises:
        ValueError: if no engine goes by that URL.
    """
    # The engines are imported here so that a program pays only for the driver that it uses.
    if engine_of(url) == "sqlite":
        from libra.storage.sqlite.opening import path_of  # noqa: PLC0415 - see above
        from libra.storage.sqlite.store import SQLiteStore  # noqa: PLC0415 - see above

        return SQLiteStore(path_of(url), deadlines=deadlines)
    from libra.storage.postgres.store import PostgresStore  # noqa: PLC0415 - see above

    return PostgresStore(url, deadlines=deadlines)


def file_of(url: str) -> Path | None:
    """The file that a database is; None for one on a server.

    Raises:
        ValueError: if no engine goes by that URL.
    """
    if engine_of(url) != "sqlite":
        return None
    from libra.storage.sqlite.opening import path_of  # noqa: PLC0415 - see above

    return path_of(url)


async def schema_status(url: str) -> SchemaStatus:
    """What schema the database at a URL has; raises as `Store.schema` does."""
    store = open_store(url)
    try:
        return await store.schema()
    finally:
        await store.close()


async def migrate(url: str) -> SchemaStatus:
    """Bring the database at a URL to the newest schema; raises as `Store.migrate` does."""
    store = open_store(url)
    try:
        return await store.migrate()
    finally:
        await store.close()


async def back_up(url: str, file: Path) -> Contents:
    """Write a backup of the database at a URL, whatever else goes on there.

    Raises:
        NoBackup: there is nothing to back up, or something else stands at ``file``.
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
    """Replace what the database at a URL has by what a backup has; a Libra that runs there notices.

    Its tables are made or migrated first.

    Raises:
        NoBackup: the file cannot be restored.
        OSError: it cannot be read.
        StoreError: the database cannot be written; it is as it was.
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
    """Which engine a database URL asks for.

    Raises:
        ValueError: if it is neither of the two.
    """
    scheme = urlsplit(url).scheme
    if scheme == "sqlite":
        return "sqlite"
    if scheme in {"postgresql", "postgres"}:
        return "postgres"
    raise ValueError(
        f"no database engine for {scheme or 'a URL without a scheme'!r}: "
        "use sqlite:///path/to/libra.db or postgresql://user@host/name"
    )
