"""The schema of a PostgreSQL database: reads its version and migrates it."""

from __future__ import annotations

import asyncio
from typing import Final

from libra.storage.postgres.connections import Connection
from libra.storage.schema import (
    ALL_TABLES,
    VERSION_TABLE,
    VERSION_VIEW,
    SchemaStatus,
    judge,
    render,
)

_MIGRATION_LOCK: Final = 0x4C69627261  # "Libra"; lets one program migrate at a time


async def status_of_postgres(connection: Connection) -> SchemaStatus:
    """The schema of a PostgreSQL database, without changing it."""
    rows = await connection.fetch(
        "SELECT name FROM unnest($1::text[]) AS name WHERE to_regclass(name) IS NOT NULL",
        [*ALL_TABLES],
    )
    tables = {row["name"] for row in rows}
    if VERSION_TABLE not in tables:
        return judge("postgres", None)
    current = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant
    return judge("postgres", current, tables)


async def require_schema(connection: Connection) -> None:
    """Accept a connection only to a database with the schema of this program."""
    (await status_of_postgres(connection)).require_current()


async def require_nothing(_connection: Connection) -> None:
    """Accept any connection: for a caller that asks about the schema."""


async def migrate_postgres(connection: Connection) -> SchemaStatus:
    """Make or migrate the tables, in one transaction."""
    async with connection.transaction():
        # Two programs may be told at once; the second finds nothing left to do.
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _MIGRATION_LOCK)
        status = await status_of_postgres(connection)
        if status.state == "newer":
            status.require_current()
        if status.state == "missing":
            await connection.execute(f"DROP VIEW IF EXISTS {VERSION_VIEW}")
            await connection.execute(f"DROP TABLE IF EXISTS {VERSION_TABLE}")
        if status.state != "current":
            # In a thread, because importing its modules takes half a second.
            await connection.execute(await asyncio.to_thread(render, "postgres", status.current))
        return await status_of_postgres(connection)


async def vacuum(connection: Connection) -> None:
    """Update the visibility map: until then index-only scans read every row in the table."""
    await connection.execute("VACUUM (ANALYZE) pages")
