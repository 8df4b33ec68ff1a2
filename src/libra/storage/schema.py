"""Schema changes: alembic writes the SQL, and the engine's own driver executes it.

Each engine has its own list of migrations, shipped inside the package. Whether anything is to be
done is decided without alembic, by comparing the version in the database with a list, because
importing it takes longer than all the rest of a start.
"""

from __future__ import annotations

import io
import sqlite3
import threading
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from itertools import pairwise
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from libra.report import decode_summary
from libra.storage.errors import SchemaMismatch
from libra.storage.rows.frames import unframe

Engine: TypeAlias = Literal["sqlite", "postgres"]

VERSION_TABLE: Final = "libra_schema"
"""Where the version is kept; not alembic's default, as the database may be shared with others."""

VERSION_VIEW: Final = "libra_schema_version"
"""The same under the name that people and their tools look for; see migration 0004."""

_MIGRATIONS: Final = Path(__file__).with_name("migrations")

# Alembic keeps what it is about in globals of its modules, and the databases of two Libras in one
# program are made on threads of their own: the later would take the script of the earlier away.
_RENDERING: Final = threading.Lock()

REVISIONS: Final[dict[Engine, tuple[str, ...]]] = {
    engine: tuple(sorted(path.name[1:5] for path in (_MIGRATIONS / engine).glob("v[0-9]*.py")))
    for engine in get_args(Engine)
}
"""Every version of the schema of each engine that this program knows, oldest first: its migrations."""


class SchemaStatus(msgspec.Struct, frozen=True):
    """How the schema of a database compares with that of this program."""

    current: str | None
    wanted: str
    state: Literal["current", "missing", "behind", "newer"]

    def require_current(self) -> None:
        """Return only if the program can work with that schema.

        Raises:
            SchemaMismatch: with what to do about it.
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
    "0004": set(),  # a view, which only others need
    "0005": set(),  # a column
    "0006": set(),  # another
    "0008": {"screenshots"},
    "0009": set(),  # one more
    "0010": set(),  # and one more
    "0011": set(),  # and one that PostgreSQL makes itself
}
"""What each version adds."""

ALL_TABLES: Final = frozenset({VERSION_TABLE}.union(*TABLES.values()))


def judge(
    engine: Engine, current: str | None, tables: AbstractSet[str] = ALL_TABLES
) -> SchemaStatus:
    """Compare the version found in a database with those that this program knows.

    Args:
        engine: which database it is.
        current: the version found; None if there is none.
        tables: those of Libra that are there. A version means nothing without its tables: somebody
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


def render(engine: Engine, current: str | None) -> str:
    """The SQL that brings a schema from a version (None: nothing there) to the newest."""
    # Imported only when there is something to migrate: both together take half a second.
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
    """What a SQLite database has, without changing it."""
    tables = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    }
    if VERSION_TABLE not in tables:
        return judge("sqlite", None)
    row = connection.execute(f"SELECT version_num FROM {VERSION_TABLE}").fetchone()  # noqa: S608 - a constant
    return judge("sqlite", row[0] if row else None, tables)


def migrate_sqlite(connection: sqlite3.Connection) -> None:
    """Bring a SQLite database to the newest schema, in one transaction.

    Raises:
        SchemaMismatch: if its schema is newer than this program.
        sqlite3.Error: if the database cannot be written.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Only now that nobody else can migrate: two programs may have been started at once.
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
    """How a stored page was weighed, as SQLite cannot look into its report; None if that is none."""
    try:
        return decode_summary(unframe(framed)).way
    except (ValueError, msgspec.MsgspecError):  # it is no frame, or no JSON of a report
        return None


def _execute(connection: sqlite3.Connection, statement: str) -> None:
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        # SQLite knows no ADD COLUMN IF NOT EXISTS, and only tables of that version may be missing.
        if not str(error).startswith("duplicate column name"):
            raise


def _statements(script: str) -> Iterator[str]:
    # Not executescript(), which would commit the transaction that the migration runs in.
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
