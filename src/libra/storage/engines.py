"""The engines: which one a database URL means, and what is done to a database as a whole."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from libra.storage.schema import Engine, SchemaStatus
from libra.storage.store import Deadlines, Store


def open_store(url: str, *, deadlines: Deadlines | None = None) -> Store:
    """The engine for a database URL, not opened yet: ``sqlite:///path`` or ``postgresql://...``.

    Raises:
        ValueError: if no engine goes by that URL.
    """
    # The engines are imported here so that a program pays only for the driver that it uses.
    if engine_of(url) == "sqlite":
        from libra.storage.sqlite import SQLiteStore, path_of  # noqa: PLC0415 - see above

        return SQLiteStore(path_of(url), deadlines=deadlines)
    from libra.storage.postgres import PostgresStore  # noqa: PLC0415 - see above

    return PostgresStore(url, deadlines=deadlines)


def file_of(url: str) -> Path | None:
    """The file that a database is; None for one on a server.

    Raises:
        ValueError: if no engine goes by that URL.
    """
    if engine_of(url) != "sqlite":
        return None
    from libra.storage.sqlite import path_of  # noqa: PLC0415 - see above

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
