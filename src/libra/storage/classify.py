"""Classifies the exceptions of database drivers: try again, refuse this row, or a bug.

Only this module knows. It is one pure function over a table, and its test produces every row of that
table with a real fault. An unknown exception is a bug and must surface: a handler that catches
everything turns a typing mistake into an outage that never ends.

SQLSTATEs are those of PostgreSQL's appendix "Error Codes"; names beginning with SQLITE are those of
https://sqlite.org/rescode.html, which Python offers as ``sqlite_errorname``. The classes of
exceptions are too coarse: SQLite raises the same class for "locked" and for a syntax error.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from libra.storage.errors import Fault, Rejected, Unavailable

# A SQLSTATE is looked up whole first, then by its class, the first two characters.
_SQLSTATE: Final[dict[str, Fault]] = {
    "08": "unreachable",  # connection exception
    "0A000": "config",  # feature not supported: a server or a pooler that cannot do what we need
    "25006": "read-only",  # read_only_sql_transaction: a standby, or a failover under way
    "25P03": "timeout",  # idle_in_transaction_session_timeout
    "25P04": "timeout",  # transaction_timeout
    "28": "config",  # invalid authorization: password, role, pg_hba.conf
    "3D000": "config",  # no such database
    "3F000": "schema",  # no such schema
    "40": "contention",  # serialization failure, deadlock, completion unknown
    "42501": "config",  # insufficient privilege
    "42703": "schema",  # no such column: our statements are fixed, so the schema is another
    "42P01": "schema",  # no such table: likewise
    "53": "unreachable",  # insufficient resources: too many connections and their like
    "53100": "full",  # disk full
    "53200": "full",  # out of memory
    "55P03": "contention",  # lock not available
    "57014": "timeout",  # statement_timeout, or an administrator cancelled it
    "57": "unreachable",  # shutting down, starting up, crashed, idle session timed out
    "58": "corrupt",  # system error: I/O, a missing file
    "XX": "corrupt",  # internal error; data or an index corrupted
}
# Data, integrity, program limits (too long, ...), and what somebody's trigger raises.
_SQLSTATE_OF_A_ROW: Final = ("22", "23", "54", "P0")

# An extended name such as SQLITE_IOERR_WRITE is looked up whole first, then as SQLITE_IOERR.
_SQLITE: Final[dict[str, Fault]] = {
    "SQLITE_AUTH": "config",
    "SQLITE_BUSY": "contention",
    "SQLITE_CANTOPEN": "unreachable",
    "SQLITE_CORRUPT": "corrupt",
    "SQLITE_FULL": "full",
    "SQLITE_INTERRUPT": "timeout",  # our own deadline stopped the statement
    "SQLITE_IOERR": "unreachable",
    "SQLITE_LOCKED": "contention",
    "SQLITE_NOLFS": "full",
    "SQLITE_NOMEM": "full",
    "SQLITE_NOTADB": "corrupt",
    "SQLITE_PERM": "config",
    "SQLITE_PROTOCOL": "contention",
    "SQLITE_READONLY": "read-only",
    "SQLITE_READONLY_DBMOVED": "unreachable",
    "SQLITE_SCHEMA": "contention",
}
_SQLITE_OF_A_SCHEMA: Final = ("no such table", "no such column", "has no column named")
_SQLITE_OF_A_ROW: Final = ("SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_TOOBIG", "SQLITE_RANGE")


def classify(
    exc: BaseException, *, connecting: bool = False, closed: bool = False
) -> Unavailable | Rejected | None:
    """Classify an exception from a driver; None if it is a bug, to be raised as it is.

    Args:
        exc: the exception of the driver.
        connecting: whether it happened while connecting. No row is involved then, so nothing is
            refused for good: any error of the server is a reason to try again later.
        closed: whether the connection was found closed afterwards. asyncpg raises the same
            ``InterfaceError`` for a lost connection and for its own misuse; only this tells them
            apart.
    """
    verdict = _verdict(exc, closed=closed)
    if connecting and isinstance(verdict, Rejected):
        return Unavailable("config", verdict.reason)
    return verdict


@contextmanager
def without_rows() -> Iterator[None]:
    """In here no row is involved, so nothing is refused for good, as while connecting."""
    try:
        yield
    except Exception as exc:
        if isinstance(classify(exc), Rejected):
            raise Unavailable("config", _in_words(exc)) from exc
        raise


def _verdict(exc: BaseException, *, closed: bool) -> Unavailable | Rejected | None:
    reason = _in_words(exc)
    if isinstance(exc, sqlite3.Error):
        return _sqlite(exc, reason)
    sqlstate = getattr(exc, "sqlstate", None)
    if isinstance(sqlstate, str):
        return _postgres(sqlstate, reason)
    if isinstance(exc, TimeoutError):
        return Unavailable("timeout", reason)
    if isinstance(exc, OSError):
        return Unavailable("unreachable", reason)
    if type(exc).__module__.startswith("asyncpg"):
        return _asyncpg(exc, reason, closed=closed)
    if isinstance(exc, OverflowError | UnicodeError):
        # A number beyond 64 bits or a lone surrogate: the driver cannot even send this row.
        return Rejected(reason)
    return None


def _sqlite(exc: sqlite3.Error, reason: str) -> Unavailable | Rejected | None:
    name = getattr(exc, "sqlite_errorname", None)
    if name is None:
        # An exception without an SQLite error is Python's: a value that cannot be bound, a damaged
        # text, or misuse.
        if "Could not decode" in reason:
            return Unavailable("corrupt", reason)
        return Rejected(reason) if "binding parameter" in reason else None
    if name == "SQLITE_ERROR":
        if reason == "unsupported file format":
            return Unavailable("corrupt", reason)
        # The generic error may be a mistake in our SQL: only its text shows that a table is missing.
        missing = any(words in reason for words in _SQLITE_OF_A_SCHEMA)
        return Unavailable("schema", reason) if missing else None
    primary = "_".join(name.split("_")[:2])
    if primary in _SQLITE_OF_A_ROW:
        return Rejected(reason)
    fault = _SQLITE.get(name) or _SQLITE.get(primary)
    return Unavailable(fault, reason) if fault else None


def _postgres(sqlstate: str, reason: str) -> Unavailable | Rejected | None:
    fault = _SQLSTATE.get(sqlstate) or _SQLSTATE.get(sqlstate[:2])
    if fault:
        return Unavailable(fault, reason)
    return Rejected(reason) if sqlstate.startswith(_SQLSTATE_OF_A_ROW) else None


def _asyncpg(exc: BaseException, reason: str, *, closed: bool) -> Unavailable | Rejected | None:
    from asyncpg import exceptions as asyncpg  # type: ignore[import-untyped] # noqa: PLC0415 - imported by its raiser

    if isinstance(exc, asyncpg.TargetServerAttributeNotMatched):
        return Unavailable("read-only", reason)
    if isinstance(exc, asyncpg.InterfaceError) and isinstance(exc, ValueError):
        # Its DataError: an argument does not fit its parameter, so this row cannot be sent.
        return Rejected(reason)
    if isinstance(exc, asyncpg.InterfaceError | asyncpg.InternalClientError) and closed:
        return Unavailable("unreachable", reason)
    return None


def _in_words(exc: BaseException) -> str:
    return str(exc) or type(exc).__name__
