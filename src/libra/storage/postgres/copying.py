"""Copies a PostgreSQL database to a backup and back, while a Libra uses it.

Each direction is one transaction. During a restore, saves wait and reads see the old data; after the
commit, all data is that of the backup. The two databases report their own columns and types, so that
a migration needs no change here.
"""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped] # it ships no types

from libra.storage.backup_file import (
    insert,
    read_only,
    readable,
    rows_of,
    tables_of,
    written,
)
from libra.storage.errors import Unavailable
from libra.storage.postgres.connections import FAILURES, Connection
from libra.storage.postgres.rows import in_order
from libra.storage.postgres.schema import status_of_postgres
from libra.storage.rows.foreign_text import escape_json, unescape_json
from libra.storage.rows.frames import frame, unframe
from libra.storage.schema import migrate_sqlite

ROWS: Final = 200
"""Rows to hold in memory at the same time; a report of 500 assets has some 200 kB."""

CONNECT: Final = 10.0
PATIENCE: Final = 30.0
"""Seconds to wait for a connection, and for a saving Libra to release its locks."""

_COLUMNS: Final = """
    SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
"""


# Of a cluster, whose name holds the lease, also the rows of its nodes.
_THERE: Final = """
    SELECT writer.instance, counter, at FROM libra_lease AS lease JOIN libra_writers AS writer
        ON writer.instance = lease.instance OR starts_with(writer.instance, lease.instance || '/')
    WHERE until > clock_timestamp()
"""

# A backup from before another restore may count more batches than the present database. A writer to
# the latter would not notice that it has gone back: see `libra.storage.history`.
# Without a row it has counted none.
_NOTICED: Final = (
    """
    DELETE FROM libra_writers
    WHERE instance = $1::text AND $2::bigint = 1 AND at IS DISTINCT FROM $3::timestamptz
    """,
    """
    UPDATE libra_writers SET counter = $2::bigint - 1
    WHERE instance = $1::text AND counter >= $2::bigint AND at IS DISTINCT FROM $3::timestamptz
    """,
)


async def back_up(url: str, file: Path) -> None:
    """Write a backup of a database.

    Raises:
        NoBackup: something other than a backup exists at ``file``.
        OSError: the file cannot be written.
        SchemaMismatch: the database has another schema than this program knows.
        Unavailable: the server cannot be asked.
    """
    with written(file) as target:
        migrate_sqlite(target)
        target.execute("BEGIN")
        tables = tables_of(target)
        for table in tables:
            target.execute(f"DELETE FROM {table}")  # noqa: S608 - what a migration puts there
        async with (
            _connected(url) as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            for table, columns in tables.items():
                await _read_table(connection, table, columns, target)


async def restore(file: Path, url: str) -> None:
    """Replace the contents of a database by those of a backup.

    Raises:
        NoBackup: the file cannot be restored.
        OSError: it cannot be read.
        SchemaMismatch: the database has another schema than this program knows.
        Unavailable: the server cannot be asked, or a Libra holds its locks; nothing has changed.
    """
    with readable(file) as path, closing(read_only(path)) as source:
        tables = tables_of(source)
        async with _connected(url) as connection, connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = {round(PATIENCE * 1000)}")
            await connection.execute(f"LOCK TABLE {', '.join(tables)} IN SHARE ROW EXCLUSIVE MODE")
            there = await connection.fetch(_THERE)
            for table in tables:
                await connection.execute(f"DELETE FROM {table}")  # noqa: S608 - ours
            for table, columns in tables.items():
                await _write_table(connection, table, columns, source)
            for statement in _NOTICED:
                await connection.executemany(statement, [tuple(row) for row in there])


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    try:
        connection = await asyncpg.connect(
            url,
            timeout=CONNECT,
            statement_cache_size=0,
            server_settings={"application_name": "libra db"},
            target_session_attrs="read-write",
        )
        try:
            (await status_of_postgres(connection)).require_current()
            yield connection
        finally:
            await connection.close(timeout=CONNECT)
    except FAILURES as error:
        raise Unavailable("unreachable", str(error) or type(error).__name__) from error


async def _read_table(
    connection: Connection, table: str, columns: list[str], target: sqlite3.Connection
) -> None:
    types = await _types_of(connection, table)
    wanted = [name for name in columns if name in types]
    read = list(wanted)
    if table == "pages":
        # For a row with a frame the server need not write the JSON.
        read[read.index("report")] = "CASE WHEN report_zstd IS NULL THEN report END AS report"
        read.append("report_zstd")
    convert = [_TO_SQLITE.get(types[name], _as_it_is) for name in wanted]
    cursor = await connection.cursor(f"SELECT {', '.join(read)} FROM {table}")  # noqa: S608 - ours
    while rows := await cursor.fetch(ROWS):
        insert(target, table, wanted, (_row_to_sqlite(row, wanted, convert) for row in rows))


def _row_to_sqlite(
    row: Mapping[str, Any], wanted: list[str], convert: list[Callable[[Any], Any]]
) -> list[Any]:
    values = [
        None if row[name] is None else change(row[name])
        for name, change in zip(wanted, convert, strict=True)
    ]
    if "report_zstd" in row.keys():  # noqa: SIM118 - a record of asyncpg is no dict
        framed, report = row["report_zstd"], row["report"]
        if framed is None and report is not None:
            framed = frame(in_order(unescape_json(report)))
        values[wanted.index("report")] = framed
    return values


async def _write_table(
    connection: Connection, table: str, columns: list[str], source: sqlite3.Connection
) -> None:
    types = await _types_of(connection, table)
    wanted = [name for name in columns if name in types]
    written_to = [*wanted, "report_zstd"] if table == "pages" else wanted
    for rows in rows_of(source, table, wanted, ROWS):
        await connection.copy_records_to_table(
            table,
            records=list(_rows_to_postgres(rows, wanted, types, packed=table == "pages")),
            columns=written_to,
        )


def _rows_to_postgres(
    rows: Iterable[tuple[Any, ...]], wanted: list[str], types: dict[str, str], *, packed: bool
) -> Iterable[tuple[Any, ...]]:
    convert = [_TO_POSTGRES.get(types[name], _as_it_is) for name in wanted]
    for row in rows:
        framed = row[wanted.index("report")] if packed else None
        values = [
            None if value is None else change(value)
            for value, change in zip(row, convert, strict=True)
        ]
        if packed:
            report = None if framed is None else escape_json(unframe(framed))
            values[wanted.index("report")] = report
            values.append(framed)
        yield tuple(values)


async def _types_of(connection: Connection, table: str) -> dict[str, str]:
    return {name: kind for name, kind in await connection.fetch(_COLUMNS, table)}  # noqa: C416 - records


def _as_it_is(value: Any) -> Any:
    return value


def _text_of(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _time_of(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


_TO_SQLITE: Final[dict[str, Callable[[Any], Any]]] = {
    "timestamp with time zone": _text_of,
    "boolean": int,
}
_TO_POSTGRES: Final[dict[str, Callable[[Any], Any]]] = {
    "timestamp with time zone": _time_of,
    "boolean": bool,
}
