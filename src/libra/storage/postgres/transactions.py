"""Transactions of a PostgreSQL server that ends by itself what takes too long.

Each gives the server a time limit somewhat shorter than our deadline: a query that is merely slow, or
waits for a lock, is then ended by the server in good order and the connection can be kept.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, TypeVar

from libra.storage.history import History
from libra.storage.postgres.connections import Connection
from libra.storage.postgres.writer_log import WriterLog
from libra.storage.schema import VERSION_TABLE, judge

T = TypeVar("T")
_SERVERS_SHARE: Final = 0.8  # of our deadline; by then the server itself ends what takes too long


@asynccontextmanager
async def transaction(connection: Connection, limit: float) -> AsyncIterator[None]:
    """A transaction that the server ends before ``limit`` seconds have passed."""
    # For this transaction only, as a pooler may give the session to somebody else afterwards.
    milliseconds = max(1, round(limit * 1000 * _SERVERS_SHARE))
    # The second, so that a program which was stopped in the middle does not keep its locks.
    await connection.execute(
        f"BEGIN; SET LOCAL statement_timeout = {milliseconds:d};"
        f" SET LOCAL idle_in_transaction_session_timeout = {2 * milliseconds:d}"
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
    """Do work in a transaction of its own."""
    async with transaction(connection, limit):
        return await work(connection)


async def enter(
    connection: Connection, desk: WriterLog | None, known: History | None, *, count: bool
) -> History | None:
    """At the beginning of each transaction that writes: whether this is what we may write to."""
    if desk is not None:
        return await desk.enter(connection, known, count=count)
    version = await connection.fetchval(f"SELECT version_num FROM {VERSION_TABLE}")  # noqa: S608 - a constant
    judge("postgres", version).require_current()
    return None


async def check_writing(
    connection: Connection, desk: WriterLog | None, known: History | None, limit: float
) -> History | None:
    """See whether the server lets us write; returns the database as `enter` found it."""
    async with transaction(connection, limit):
        await connection.execute("SELECT FROM pages LIMIT 1 FOR UPDATE SKIP LOCKED")
        await connection.execute("SELECT FROM watches LIMIT 1 FOR UPDATE SKIP LOCKED")
        return await enter(connection, desk, known, count=False)


async def check_reading(limit: float, connection: Connection) -> None:
    """See whether the server lets us read."""
    async with transaction(connection, limit):
        await connection.execute("SELECT FROM pages LIMIT 1")
