"""Transactions of a PostgreSQL server, which ends slow ones.

Each transaction gives the server a time limit somewhat shorter than our deadline. So the server ends
a query that is slow or waits for a lock, and the connection can be kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from libra.storage.classify import without_rows
from libra.storage.history import History
from libra.storage.postgres.connections import Connection
from libra.storage.postgres.writer_log import PostgresWriterLog
from libra.storage.schema import VERSION_TABLE, judge

T = TypeVar("T")
_SERVERS_SHARE: Final = 0.8  # of our deadline; by then the server ends a slow transaction


@asynccontextmanager
async def transaction(
    connection: Connection, limit: float, *, by_index: bool = False
) -> AsyncIterator[None]:
    """A transaction that the server ends before ``limit`` seconds have passed.

    Args:
        connection: to the server.
        limit: seconds.
        by_index: whether its query reads the next few rows of a long table, in the order of an index.
    """
    # For this transaction only, because a pooler may give the session to another client afterwards.
    milliseconds = max(1, round(limit * 1000 * _SERVERS_SHARE))
    # With the second setting a program that was stopped in the middle does not keep its locks.
    await connection.execute(
        f"BEGIN; SET LOCAL statement_timeout = {milliseconds:d};"
        f" SET LOCAL idle_in_transaction_session_timeout = {2 * milliseconds:d}"
        # Where its statistics say that few rows are left, or it has none yet, the server would read all
        # that are left, sort them and drop all but a few: for each batch again.
        + ("; SET LOCAL enable_sort = off" if by_index else "")
    )
    try:
        yield
    except BaseException:
        if not connection.is_closed():
            await connection.execute("ROLLBACK")
        raise
    await connection.execute("COMMIT")


async def run_within(
    connection: Connection, limit: float, work: Callable[[Connection], Awaitable[T]]
) -> T:
    """Do work in its own transaction."""
    async with transaction(connection, limit):
        return await work(connection)


async def enter(
    connection: Connection,
    writer_log: PostgresWriterLog | None,
    known: History | None,
    *,
    count: bool,
) -> History | None:
    """Check, at the beginning of each writing transaction, that we may write to this database."""
    if writer_log is not None:
        with without_rows():
            return await writer_log.enter(connection, known, count=count)
    version = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant
    judge("postgres", version).require_current()
    return None


async def check_writing(
    connection: Connection,
    writer_log: PostgresWriterLog | None,
    known: History | None,
    limit: float,
) -> History | None:
    """Check that the server lets us write; return the database as `enter` found it."""
    async with transaction(connection, limit):
        await connection.execute("SELECT FROM pages LIMIT 1 FOR UPDATE SKIP LOCKED")
        await connection.execute("SELECT FROM watches LIMIT 1 FOR UPDATE SKIP LOCKED")
        return await enter(connection, writer_log, known, count=False)


async def check_reading(limit: float, connection: Connection) -> None:
    """Check that the server lets us read."""
    async with transaction(connection, limit):
        await connection.execute("SELECT FROM pages LIMIT 1")
