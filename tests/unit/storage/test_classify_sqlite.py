"""What SQLite raises, and what it means. Every row is a real fault, none is made up."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from libra.storage.classify import classify
from libra.storage.errors import Rejected, Unavailable

Fault = Callable[[Path], object]
_opened: list[sqlite3.Connection] = []


def connect(path: Path, **options: object) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=0, **options)  # type: ignore[call-overload]
    _opened.append(connection)
    return connection  # type: ignore[no-any-return]


def locked(path: Path) -> None:
    holder = connect(path)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        connect(path).execute("BEGIN IMMEDIATE")
    finally:
        holder.close()


def written_by_another_since_it_was_read(path: Path) -> None:
    connect(path).execute("PRAGMA journal_mode = WAL")
    reader, writer = connect(path), connect(path)
    reader.execute("BEGIN")
    reader.execute("SELECT * FROM t").fetchall()
    writer.execute("INSERT INTO t VALUES (1)")
    reader.execute("INSERT INTO t VALUES (2)")


def read_only(path: Path) -> None:
    connect(Path(f"file:{path}?mode=ro"), uri=True).execute("INSERT INTO t VALUES (1)")


def full(path: Path) -> None:
    connection = connect(path)
    connection.execute("PRAGMA max_page_count = 3")
    connection.execute("INSERT INTO t VALUES (zeroblob(100000))")


def no_directory(path: Path) -> None:
    connect(path / "nowhere" / "x.db").execute("SELECT 1")


def not_a_database(path: Path) -> None:
    path.write_bytes(b"This is no database. " * 1000)
    connect(path).execute("SELECT * FROM t")


def damaged(path: Path) -> None:
    connection = connect(path)
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 2000,) for _ in range(50)])
    connection.close()
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)
    connect(path).execute("SELECT count(x) FROM t").fetchall()


def of_a_later_format(path: Path) -> None:
    connect(path).close()
    data = bytearray(path.read_bytes())
    data[47] = 99
    path.write_bytes(data)
    connect(path).execute("SELECT * FROM t")


def with_damaged_text(path: Path) -> None:
    connect(path).execute("SELECT CAST(x'ff' AS TEXT)").fetchall()


def interrupted(path: Path) -> None:
    connection = connect(path)
    connection.create_function("stop", 0, connection.interrupt)
    connection.execute(
        "WITH RECURSIVE c(n) AS (SELECT stop() UNION ALL SELECT 1 FROM c) SELECT count(*) FROM c"
    ).fetchall()


def no_such_table(path: Path) -> None:
    connect(path).execute("SELECT * FROM nowhere")


def no_such_column(path: Path) -> None:
    connect(path).execute("SELECT absent FROM t")


def no_such_column_to_insert_into(path: Path) -> None:
    connect(path).execute("INSERT INTO t (absent) VALUES (1)")


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (locked, "contention"),
        (written_by_another_since_it_was_read, "contention"),
        (read_only, "read-only"),
        (full, "full"),
        (no_directory, "unreachable"),
        (not_a_database, "corrupt"),
        (damaged, "corrupt"),
        (of_a_later_format, "corrupt"),
        (with_damaged_text, "corrupt"),
        (interrupted, "timeout"),
        (no_such_table, "schema"),
        (no_such_column, "schema"),
        (no_such_column_to_insert_into, "schema"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_fault_of_the_database_is_worth_another_try(
    database: Path, fault: Fault, expected: str
) -> None:
    with pytest.raises(sqlite3.Error) as caught:
        fault(database)
    verdict = classify(caught.value)
    assert isinstance(verdict, Unavailable)
    assert verdict.fault == expected
    assert verdict.reason


@pytest.mark.parametrize(
    ("sql", "argument"),
    [
        ("INSERT INTO t VALUES (?)", None),  # NOT NULL
        ("INSERT INTO t VALUES (?)", "checked"),  # CHECK
        ("INSERT INTO t VALUES (zeroblob(?))", 2**31),  # beyond SQLite's largest value
        ("INSERT INTO t(rowid, x) VALUES (?, 1)", "text"),  # datatype mismatch
        ("INSERT INTO t VALUES (?)", 2**63),  # OverflowError, from Python
        ("INSERT INTO t VALUES (?)", "\ud800"),  # UnicodeEncodeError, from Python
        ("INSERT INTO t VALUES (?)", object()),  # "Error binding parameter", from Python
    ],
)
def test_what_does_not_fit_is_refused_for_good(database: Path, sql: str, argument: object) -> None:
    with pytest.raises((sqlite3.Error, OverflowError, UnicodeEncodeError)) as caught:
        connect(database).execute(sql, (argument,))
    assert isinstance(classify(caught.value), Rejected)


@pytest.mark.parametrize(
    "sql", ["SELEKT 1", "SELECT ?, ?", "SELECT 1; SELECT 2", "SELECT nofunction()", "ROLLBACK"]
)
def test_a_mistake_in_our_own_sql_is_a_bug(database: Path, sql: str) -> None:
    with pytest.raises((sqlite3.Error, sqlite3.Warning)) as caught:
        connect(database).execute(sql, (1,) if "?" in sql else ())
    assert classify(caught.value) is None


def test_use_after_close_is_a_bug(database: Path) -> None:
    connection = connect(database)
    connection.close()
    with pytest.raises(sqlite3.ProgrammingError) as caught:
        connection.execute("SELECT 1")
    assert classify(caught.value) is None


@pytest.mark.parametrize("exc", [ValueError("x"), KeyError("x"), AttributeError("x"), TypeError()])
def test_what_is_not_a_drivers_is_a_bug(exc: Exception) -> None:
    assert classify(exc) is None
    assert classify(exc, connecting=True, closed=True) is None


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "fault.db"
    connection = connect(path)
    connection.execute("CREATE TABLE t (x NOT NULL CHECK (x <> 'checked'))")
    yield path
    while _opened:
        _opened.pop().close()
