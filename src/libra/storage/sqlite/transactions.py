"""Transactions of a SQLite file, on the thread of a lane."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from libra.storage.classify import without_rows
from libra.storage.history import History
from libra.storage.schema import status_of_sqlite
from libra.storage.sqlite.connection_thread import Job
from libra.storage.sqlite.writer_log import SqliteWriterLog


@contextmanager
def transaction(connection: sqlite3.Connection, job: Job[Any]) -> Iterator[None]:
    """A transaction that is not committed if its caller has given up."""
    # Immediate, because a transaction that begins with a read and then writes fails at once, without
    # waiting, if another program has written in between.
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        job.check()
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def enter(
    connection: sqlite3.Connection, writer_log: SqliteWriterLog | None, known: History | None
) -> History | None:
    """Check, at the beginning of each writing transaction, that we may write to this database."""
    status_of_sqlite(connection).require_current()
    if writer_log is None:
        return None
    with without_rows():
        return writer_log.enter(connection, known)


def check_writing(
    connection: sqlite3.Connection,
    job: Job[Any],
    writer_log: SqliteWriterLog | None,
    known: History | None,
) -> History | None:
    """Check that the file can be written; return the database as `enter` found it."""
    # A lease need not survive a power cut, and a check must not wait for a slow disk to sync.
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        with transaction(connection, job):
            connection.execute("SELECT 1 FROM pages LIMIT 1").fetchone()
            connection.execute("SELECT 1 FROM watches LIMIT 1").fetchone()
            return enter(connection, writer_log, known)
    finally:
        connection.execute("PRAGMA synchronous = FULL")
