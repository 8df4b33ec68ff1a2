"""Schema migrations: alembic writes the SQL, and the engine's own driver executes it.

Each engine has its own list of migrations, shipped in the package. Libra compares the version in the
database with that list and does not import alembic for it, because that import takes longer than the
rest of a start.
"""

from __future__ import annotations

import io
import sqlite3
import threading
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from libra.report import decode_summary
from libra.storage.errors import SchemaMismatch
from libra.storage.rows.frames import unframe

Engine: TypeAlias = Literal["sqlite", "postgres"]

VERSION_TABLE: Final = "libra_schema"
"""The table of the version; not alembic's default, because other programs may share the database."""

VERSION_VIEW: Final = "libra_schema_version"
"""The same under a name that people and tools look for; see migration 0004."""

_MIGRATIONS: Final = Path(__file__).with_name("migrations")

# Alembic keeps its state in globals of its modules, and the databases of two Libras in one program
# are made on separate threads: the later one would replace the script of the earlier one.
_RENDERING: Final = threading.Lock()

REVISIONS: Final[dict[Engine, tuple[str, ...]]] = {
    engine: tuple(sorted(path.name[1:5] for path in (_MIGRATIONS / engine).glob("v[0-9]*.py")))
    for engine in get_args(Engine)
}
"""Every version of the schema of each engine that this program knows, oldest first."""


class SchemaStatus(msgspec.Struct, frozen=True):
    """The schema of a database, compared with that of this program."""

    current: str | None
    wanted: str
    state: Literal["current", "missing", "behind", "newer"]

    def require_current(self) -> None:
        """Check that the program can work with that schema.

        Raises:
            SchemaMismatch: says what to do about it.
        """
        if self.state == "newer":
            raise SchemaMismatch(
                f"the database has schema {self.current}, which this Libra does not know "
                f"(it knows up to {self.wanted}): use the newer Libra that made it"
            )
        if self.state != "current":
            what = "has no tables yet" if self.state == "missing" else f"has schema {self.current}"
            raise SchemaMismatch(
                f"the database {what} and this Libra needs schema {self.wanted}: "
                "run `libra db migrate`"
            )


TABLES: Final[dict[str, set[str]]] = {
    "0001": {"pages"},
    "0002": {"watches"},
    "0003": {"libra_database", "libra_writers", "libra_lease"},
    "0004": set(),  # a view, for other programs only
    "0005": set(),  # a column
    "0006": set(),  # a column
    "0008": {"screenshots"},
    "0009": set(),  # columns
    "0010": set(),  # a column
    "0011": set(),  # a column that PostgreSQL computes itself
}
"""The tables that each version adds."""

ALL_TABLES: Final = frozenset({VERSION_TABLE}.union(*TABLES.values()))


def judge(
    engine: Engine, current: str | None, tables: AbstractSet[str] = ALL_TABLES
) -> SchemaStatus:
    """Compare the version found in a database with those that this program knows.

    Args:
        engine: the engine of the database.
        current: the version found; None if there is none.
        tables: Libra's tables that exist. A version means nothing without its tables: somebody
            dropped them, and wants them again.
    """
    known = REVISIONS[engine]
    if not tables >= TABLES[known[0]]:
        current = None
    elif current in known:
        for before, number in pairwise(known[: known.index(current) + 1]):
            if not tables >= TABLES[number]:
                current = before
                break
    if current is None:
        return SchemaStatus(None, known[-1], "missing")
    if current == known[-1]:
        return SchemaStatus(current, known[-1], "current")
    return SchemaStatus(current, known[-1], "behind" if current in known else "newer")


@lru_cache(maxsize=16)
def render(engine: Engine, current: str | None) -> str:
    """The SQL that migrates a schema from a version (None: no schema) to the newest one."""
    # Imported only for a migration: both together take half a second.
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    script = io.StringIO()
    config = Config(output_buffer=script)
    config.set_main_option("path_separator", "newline")
    config.set_main_option("script_location", _escaped(_MIGRATIONS))
    config.set_main_option("version_locations", _escaped(_MIGRATIONS / engine))
    config.attributes["dialect"] = {"sqlite": "sqlite", "postgres": "postgresql"}[engine]
    with _RENDERING:
        command.upgrade(config, f"{current}:head" if current else "head", sql=True)
    return script.getvalue()


def status_of_sqlite(connection: sqlite3.Connection) -> SchemaStatus:
    """The schema of a SQLite database, without changing it."""
    tables = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    if VERSION_TABLE not in tables:
        return judge("sqlite", None)
    row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
    return judge("sqlite", row[0] if row else None, tables)


def migrate_sqlite(connection: sqlite3.Connection) -> None:
    """Migrate a SQLite database to the newest schema, in one transaction.

    Raises:
        SchemaMismatch: its schema is newer than this program.
        sqlite3.Error: the database cannot be written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read now, when no other program can migrate: two programs may have been started at once.
        status = status_of_sqlite(connection)
        if status.state == "newer":
            status.require_current()
        if status.state == "missing":
            connection.execute(f"DROP VIEW IF EXISTS {VERSION_VIEW}")
            connection.execute(f"DROP TABLE IF EXISTS {VERSION_TABLE}")
        if status.state != "current":
            connection.create_function("libra_way", 1, way_of, deterministic=True)
            for statement in _statements(render("sqlite", status.current)):
                _execute(connection, statement)
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def way_of(framed: bytes) -> str | None:
    """How a stored page was weighed, since SQLite cannot read its report; None if it is unreadable."""
    try:
        return decode_summary(unframe(framed)).way
    except (ValueError, msgspec.MsgspecError):  # it is not a frame, or not the JSON of a report
        return None


def _execute(connection: sqlite3.Connection, statement: str) -> None:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        # SQLite has no ADD COLUMN IF NOT EXISTS, and only tables of that version may be missing.
        if not str(error).startswith("duplicate column name"):
            raise


def _statements(script: str) -> Iterator[str]:
    # Not executescript(), which would commit the transaction of the migration.
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _escaped(path: Path) -> str:
    return str(path).replace("%", "%%")  # alembic's configuration expands percent signs
