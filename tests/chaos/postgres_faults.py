"""What can happen to a PostgreSQL server and to the way there, done to it from outside of Libra."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import asyncpg  # type: ignore[import-untyped] # it ships no types

from chaos.checker import Kept
from chaos.endings import kept
from chaos.fault import Database, Fault
from chaos.history import Call
from chaos.sqlite_faults import fill, small_disk
from support.needs import may_mount
from support.postgres import OWNER, USER, Postgres
from support.proxy import Proxy

POOL = 7
"""The most sockets: up to 3 attempts to connect for the writer, 3 for the readers, 1 that restores.

In use are never more than 4: one writes, two read, one restores. An attempt lives on beside a newer one,
so that a server that takes seconds to answer is reached at all.
"""

REFUSED = "odd"
"""Pages of URLs with this part are refused by the database while `RefusedRow` lasts."""


class Server(Database):
    """A PostgreSQL behind a proxy, looked at as its superuser and past the proxy.

    Attributes:
        postgres: the server.
        proxy: what Libra connects to instead.
    """

    def __init__(self, postgres: Postgres, proxy: Proxy) -> None:
        self.postgres = postgres
        self.proxy = proxy
        self.url = postgres.url(port=proxy.port)
        self._connection: Any = None

    async def rows(self) -> dict[str, Kept]:
        """All pages in it."""
        rows = await self.ask(
            "SELECT id, version, status, report FROM pages WHERE deleted_at IS NULL"
        )
        return dict(kept(row[:3], row[3]) for row in map(tuple, rows))

    async def has_any(self, ids: Collection[str]) -> bool:
        """Whether it has one of them."""
        found = await self.ask("SELECT true FROM pages WHERE id = ANY($1) LIMIT 1", list(ids))
        return bool(found)

    def misused(self) -> list[str]:
        """Whether there were more connections than there may be."""
        # The proxy may hear of a connection that ends after one that began later.
        peak, self.proxy.peak = self.proxy.peak, self.proxy.open
        if peak <= POOL:
            return []
        return [f"{peak} connections at once, where {POOL} are allowed"]

    async def ask(self, sql: str, *arguments: Any) -> list[Any]:
        """Ask as the superuser, on a connection that is kept for as long as it lasts."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                host=str(self.postgres._root), port=self.postgres.port, user=OWNER, database="libra"
            )
        rows: list[Any] = await self._connection.fetch(sql, *arguments)
        return rows

    def let_go(self) -> None:
        """Close the connection, so that it does not keep the server from stopping in order."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def drop_sessions(self) -> None:
        """End every session of Libra, so that it has to connect anew."""
        await self.ask(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = $1", USER
        )


class ServerFault(Fault):
    """A fault of a server."""

    def __init__(self, server: Server) -> None:
        self.server = server


class Stopped(ServerFault):
    """The server is stopped, in one of the ways that PostgreSQL knows, or killed."""

    def __init__(self, server: Server, how: Literal["fast", "immediate", "SIGKILL"]) -> None:
        super().__init__(server)
        self.name = f"server stopped: {how}"
        self._how = how

    async def begin(self) -> None:
        """Stop it."""
        postgres = self.server.postgres
        if self._how == "SIGKILL":
            await asyncio.to_thread(postgres.kill)
        else:
            await asyncio.to_thread(postgres.stop, self._how)

    async def end(self) -> None:
        """Start it."""
        await asyncio.to_thread(self.server.postgres.start)


class Frozen(ServerFault):
    """Every process of the server is stopped with SIGSTOP: all stays open and nothing answers."""

    name = "server frozen"
    hold = 10.0

    async def begin(self) -> None:
        """Freeze it."""
        self.server.postgres.freeze()

    async def end(self) -> None:
        """Let it go on."""
        self.server.postgres.thaw()


class Unreachable(ServerFault):
    """Connections are reset and new ones refused."""

    name = "connections reset and refused"

    async def begin(self) -> None:
        """Take the way away."""
        self.server.proxy.refuse()

    async def end(self) -> None:
        """Give it back."""
        await self.server.proxy.mend()


class BlackHole(Unreachable):
    """No byte arrives any more, and nobody says so."""

    name = "black hole"
    hold = 4.0

    async def begin(self) -> None:
        """Swallow everything."""
        self.server.proxy.swallow()


class Distant(Unreachable):
    """Every answer takes longer by ``seconds``, of which each way takes half."""

    name = "2 s of latency"
    hold = 4.0

    async def begin(self) -> None:
        """Slow everything down."""
        self.server.proxy.slow_down(1.0)


class Flapping(Unreachable):
    """Every connection is reset again and again, and new ones are accepted at once."""

    name = "connections reset again and again"
    part = None

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._timer: asyncio.TimerHandle | None = None

    async def begin(self) -> None:
        """Reset all connections, now and every quarter of a second."""
        self.server.proxy.reset()
        self._timer = asyncio.get_running_loop().call_later(0.25, self._again)

    async def end(self) -> None:
        """Stop doing so."""
        if self._timer is not None:
            self._timer.cancel()

    def _again(self) -> None:
        self.server.proxy.reset()
        self._timer = asyncio.get_running_loop().call_later(0.25, self._again)


class UsedUp(ServerFault):
    """Others have all the connections that the server allows."""

    name = "max_connections used up"
    gradual = True

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._others: list[Any] = []

    async def begin(self) -> None:
        """Take those that are free, then those that Libra loses."""
        with contextlib.suppress(asyncpg.DuplicateObjectError):
            await self.server.ask("CREATE ROLE other LOGIN PASSWORD 'other'")
        await self._take()
        while await self._is_there():
            # It may be faster than this at taking a connection that has become free.
            await self.server.drop_sessions()
            await self._take()

    async def end(self) -> None:
        """Give them back."""
        await asyncio.gather(*(other.close() for other in self._others))
        self._others.clear()

    async def _is_there(self) -> bool:
        return bool(
            await self.server.ask("SELECT true FROM pg_stat_activity WHERE usename = $1", USER)
        )

    async def _take(self) -> None:
        with contextlib.suppress(asyncpg.TooManyConnectionsError):
            while True:
                self._others.append(
                    await asyncpg.connect(
                        host="127.0.0.1",
                        port=self.server.postgres.port,
                        user="other",
                        password="other",
                        database="libra",
                    )
                )


class ReadOnly(ServerFault):
    """The server takes no writes, as after a failover to a standby."""

    name = "read-only transactions"

    async def begin(self) -> None:
        """Make it so for every new transaction."""
        await asyncio.to_thread(self.server.postgres.configure, default_transaction_read_only="on")
        await self.server.drop_sessions()

    async def end(self) -> None:
        """Take writes again."""
        await asyncio.to_thread(self.server.postgres.configure, default_transaction_read_only=None)


class WrongPassword(ServerFault):
    """The password was changed and the server restarted; Libra still has the old one."""

    name = "wrong password after a restart"

    async def begin(self) -> None:
        """Change it and restart."""
        await asyncio.to_thread(self._restart_with_another)

    async def end(self) -> None:
        """Give the old one back."""
        await asyncio.to_thread(self.server.postgres.set_password)

    def _restart_with_another(self) -> None:
        postgres = self.server.postgres
        postgres.set_password("another")
        postgres.stop("fast")
        postgres.start()


class TableDropped(ServerFault):
    """Somebody drops the table; it is made again by `libra db migrate`, empty."""

    name = "table dropped"
    destroys = True
    doubtful = True

    async def begin(self) -> None:
        """Drop it with all that hangs on it."""
        await self.server.ask("DROP TABLE pages CASCADE")

    async def end(self) -> None:
        """What an administrator does, in a process of its own."""
        migration = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "libra", "db", "migrate", "--database", self.server.url),
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await migration.wait() == 0


class MadeAnew(TableDropped):
    """The whole database is dropped and made anew, as by a restore that went wrong."""

    name = "database made anew"

    async def begin(self) -> None:
        """Drop it, whoever is connected, and make an empty one."""
        await asyncio.to_thread(self._make_anew)

    def _make_anew(self) -> None:
        postgres = self.server.postgres
        postgres.drop_database("libra")
        postgres.create_database("libra")


class GoneBack(ServerFault):
    """It becomes what it was some time ago, as after a failover to a standby that was behind."""

    name = "database gone back in time"
    part = None
    hold = 3.0
    destroys = True
    late = True
    doubtful = True
    gradual = True

    async def begin(self) -> None:
        """Keep a copy of it, which takes a restart."""
        self.server.let_go()
        await asyncio.to_thread(self.server.postgres.back_up)

    async def end(self) -> None:
        """Put the copy in its place."""
        self.server.let_go()
        await asyncio.to_thread(self.server.postgres.go_back)


class TableLocked(ServerFault):
    """Another session holds the table, as a long migration does."""

    name = "table locked"
    hold = 5.0

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._holder: Any = None

    async def begin(self) -> None:
        """Lock it against everybody."""
        self._holder = await asyncpg.connect(
            host=str(self.server.postgres._root),
            port=self.server.postgres.port,
            user=OWNER,
            database="libra",
        )
        await self._holder.execute("BEGIN; LOCK TABLE pages IN ACCESS EXCLUSIVE MODE")

    async def end(self) -> None:
        """Let go of it."""
        await self._holder.close()


class DiskFull(ServerFault):
    """There is no room for another row: the table is on a small disk of its own."""

    name = "disk full"

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self._mounted = ExitStack()
        self._disk = Path(server.postgres._root) / "small"

    async def begin(self) -> None:
        """Move the table there at the first time, and fill what is left."""
        if not self._disk.exists():
            assert may_mount()
            user = self.server.postgres._user
            self._mounted.enter_context(
                small_disk(self._disk, 64, None if user is None else user.pw_uid)
            )
            await self.server.ask(f"CREATE TABLESPACE small LOCATION '{self._disk}'")
        await self.server.ask("ALTER TABLE pages SET TABLESPACE small")
        await self.server.ask("ALTER INDEX pages_pkey SET TABLESPACE small")
        await asyncio.to_thread(fill, self._disk / "ballast")

    async def end(self) -> None:
        """Make room."""
        (self._disk / "ballast").unlink()

    def unmount(self) -> None:
        """Give the disk back; the server ends with it."""
        if self.server.postgres.running:
            self.server.postgres.kill()
        self._mounted.close()


class RefusedRow(ServerFault):
    """Rows of some pages are refused: the others must not wait for them."""

    name = "rows that the database refuses"
    part = None
    hold = 3.0

    async def begin(self) -> None:
        """A constraint that they do not meet."""
        await self.server.ask(
            f"ALTER TABLE pages ADD CONSTRAINT nothing_odd CHECK (url NOT LIKE '%/{REFUSED}/%')"
            " NOT VALID"
        )

    def was_seen(self, calls: Iterable[Call]) -> bool:
        """Whether a page was told to be refused."""
        return any(call.backup == "rejected" for call in calls)

    async def end(self) -> None:
        """Drop it. What was refused stays so."""
        await self.server.ask("ALTER TABLE pages DROP CONSTRAINT nothing_odd")


def every_fault(server: Server) -> list[Fault]:
    """All faults, each once, but that of the disk, which not everybody can make."""
    return [
        Stopped(server, "fast"),
        Unreachable(server),
        UsedUp(server),
        BlackHole(server),
        Stopped(server, "immediate"),
        ReadOnly(server),
        Distant(server),
        RefusedRow(server),
        Stopped(server, "SIGKILL"),
        WrongPassword(server),
        TableLocked(server),
        Flapping(server),
        TableDropped(server),
        MadeAnew(server),
        GoneBack(server),
        Frozen(server),
    ]
