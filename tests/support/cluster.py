"""A whole cluster on loopback, of the real programs: NATS servers, PostgreSQL, web nodes and
inspectors.

Each node is a `libra serve` of its own. A node's connections to the engine and to the database go where
it is told: past the tests' proxies, or straight.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import aiohttp

from support.asking import PATIENCE, eventually
from support.freezing import freeze
from support.nats import NatsServers, die_with_parent
from support.ports import ReservedPort
from support.postgres import Postgres

Role = Literal["all", "web", "inspector"]
Say = Callable[[str, str], None]
"""Takes the name of a node and a line that it wrote."""

_ONE_TRY = aiohttp.ClientTimeout(total=5)

WEB = ("web1", "web2")
INSPECTORS = ("insp1", "insp2", "insp3", "insp4", "insp5")


class Node:
    """One `libra serve`, that can be killed, frozen and started again at the same place.

    Args:
        name: the node's.
        role: what it does.
        folder: for its data and its log.
        flags: of `libra serve`, besides its name, its role, its port and its data.
        say: is told each line that it writes, which else are in its log alone.
    """

    def __init__(
        self, name: str, role: Role, folder: Path, flags: Sequence[str], say: Say | None = None
    ) -> None:
        self.name = name
        self.role = role
        self.log = folder / f"{name}.log"
        self.data = folder / name
        self._reserved = ReservedPort()
        self.port = self._reserved.number
        self.url = f"http://127.0.0.1:{self.port}"
        self._flags = flags
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._began = 0
        self.frozen = False

    @property
    def running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Start it, and wait for nothing."""
        self._began = self.log.stat().st_size if self.log.exists() else 0
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "libra", "serve", "--port", str(self.port)),
            *("--node", self.name, "--role", self.role, "--data-dir", str(self.data)),
            *self._flags,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # so that Control-C reaches whoever started all, and not this
            preexec_fn=die_with_parent,
        )
        self.frozen = False
        self._reading = asyncio.create_task(self._read(self._process))

    async def ready(self, session: aiohttp.ClientSession) -> None:
        """Until it says that it accepts work.

        Raises:
            RuntimeError: if it ends instead.
            Late: if it does not.
        """

        async def accepts() -> bool:
            if not self.running:
                raise RuntimeError(f"{self.name} ended:\n{self.tail()}")
            try:
                async with session.get(f"{self.url}/health/ready", timeout=_ONE_TRY) as answer:
                    return answer.status == 200
            except (aiohttp.ClientError, TimeoutError):
                return False

        await eventually(accepts, f"{self.name} accepts work", within=PATIENCE)

    async def up(self, session: aiohttp.ClientSession) -> None:
        """Until it does what it is for: an inspector, which answers nobody, has said so in its log.

        Raises:
            RuntimeError: if it ends instead.
            Late: if it does not.
        """
        if self.role != "inspector":
            return await self.ready(session)

        async def says_so() -> bool:
            if not self.running:
                raise RuntimeError(f"{self.name} ended:\n{self.tail()}")
            return b"Libra weighs" in self.log.read_bytes()[self._began :]

        await eventually(says_so, f"{self.name} weighs", within=PATIENCE)
        return None

    async def kill(self) -> None:
        """SIGKILL, and return when it has ended."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM: it hands its work over; its exit code."""
        return await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: its connections stay open and nothing is ever answered."""
        assert self._process is not None
        freeze(self._process.pid)
        self.frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)
        self.frozen = False

    def tail(self, lines: int = 30) -> str:
        """The end of its log."""
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    async def remove(self) -> None:
        """Kill it if it runs, and give its port back."""
        if self.running:
            await self.kill()
        self._reserved.release()

    async def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        if self.running:
            self._process.send_signal(how)
            if self.frozen:
                self.thaw()
        code = await self._process.wait()
        if self._reading is not None:
            await self._reading
        return code

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        with self.log.open("ab") as log:
            async for line in process.stdout:
                log.write(line)
                log.flush()
                if self._say is not None:
                    self._say(self.name, line.decode(errors="replace").rstrip())


class Cluster:
    """All of it, from entering the block to leaving it.

    Args:
        web: the names of the web nodes.
        inspectors: those of the inspectors.
        servers: how many NATS servers there are.
        shards: how many streams share the pages.
        flags: for every node.
        engine: the addresses of the engine for a node, if they are not the servers' own.
        database: the port of the database for a node, if it is not the server's own.
        nats: the servers, if they are to be others than usual; they are started here.
        say: is told each line that a node writes.
    """

    def __init__(
        self,
        *,
        web: Sequence[str] = WEB,
        inspectors: Sequence[str] = INSPECTORS,
        servers: int = 3,
        shards: int = 3,
        flags: Sequence[str] = (),
        engine: Callable[[str], Sequence[str]] | None = None,
        database: Callable[[str], int] | None = None,
        nats: NatsServers | None = None,
        postgres: Postgres | None = None,
        say: Say | None = None,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="libra-cluster-", dir="/tmp"))
        self.nats = nats or NatsServers(servers)
        self._postgres = postgres
        self._owns_postgres = postgres is None
        self._names: Mapping[str, Role] = {
            **dict.fromkeys(web, "web"), **dict.fromkeys(inspectors, "inspector")
        }  # fmt: skip
        self._shards = shards
        self._flags = flags
        self._engine = engine or (lambda _: self.nats.urls)
        self._database = database
        self._say = say
        self.nodes: dict[str, Node] = {}

    def __getitem__(self, name: str) -> Node:
        return self.nodes[name]

    @property
    def postgres(self) -> Postgres:
        """The database."""
        assert self._postgres is not None
        return self._postgres

    @property
    def web(self) -> list[Node]:
        """The nodes that serve."""
        return [node for node in self.nodes.values() if node.role != "inspector"]

    @property
    def inspectors(self) -> list[Node]:
        """The nodes that weigh."""
        return [node for node in self.nodes.values() if node.role != "web"]

    async def __aenter__(self) -> Self:
        try:
            await asyncio.gather(self.nats.start(), self._start_postgres())
            for name, role in self._names.items():
                self.nodes[name] = Node(name, role, self.folder, self._flags_of(name), self._say)
            await self._start_nodes()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(node.remove() for node in self.nodes.values()))
        await self.nats.remove()
        if self._postgres is not None and self._owns_postgres:
            await asyncio.to_thread(self._postgres.remove)
        shutil.rmtree(self.folder, ignore_errors=True)

    async def stop(self) -> dict[str, int]:
        """End all in order: who serves first, then who weighs; the exit code of each."""
        codes: dict[str, int] = {}
        for group in (self.web, self.inspectors):
            running = [node for node in group if node.running]
            ended = await asyncio.gather(*(node.stop() for node in running))
            codes |= {node.name: code for node, code in zip(running, ended, strict=True)}
        return codes

    async def _start_postgres(self) -> None:
        if self._postgres is None:
            settings = {"max_connections": "100"}
            self._postgres = await asyncio.to_thread(lambda: Postgres(settings=settings))
        # Once and before all: nodes that migrate at the same time would wait for one another.
        migrating = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "libra", "db", "migrate"),
            env=os.environ | {"LIBRA_DATABASE": self.postgres.url()},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await migrating.communicate()
        if migrating.returncode:
            raise RuntimeError(f"the database cannot be migrated:\n{said.decode()}")

    async def _start_nodes(self) -> None:
        for node in self.nodes.values():
            await node.start()
        timeout = aiohttp.ClientTimeout(total=5)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            await asyncio.gather(*(node.ready(session) for node in self.web))
            # All of them: pages that are submitted before would be weighed by those that are there.
            await eventually(
                lambda: self._all_seen(session), "every node sees all others", within=PATIENCE
            )

    async def _all_seen(self, session: aiohttp.ClientSession) -> bool:
        for node in self.nodes.values():
            if not node.running:
                raise RuntimeError(f"{node.name} ended:\n{node.tail()}")
        try:
            said = [await health(session, node) for node in self.web]
        except (aiohttp.ClientError, TimeoutError):
            return False  # it is busy, as it just began
        words = [one["parts"]["cluster"]["detail"] for one in said]
        return all(f"{len(self.nodes)} nodes seen" in word for word in words)

    def _flags_of(self, name: str) -> list[str]:
        port = None if self._database is None else self._database(name)
        return [
            *("--cluster", ",".join(self._engine(name)), "--cluster-shards", str(self._shards)),
            *("--cluster-replicas", str(len(self.nats.servers))),
            *("--database", self.postgres.url(port=port), "--allow", "127.0.0.0/8"),
            *("--shutdown-grace", "3s", *self._flags),
        ]


async def health(session: aiohttp.ClientSession, node: Node) -> dict[str, Any]:
    """What a node says of itself."""
    async with session.get(f"{node.url}/health") as answer:
        said: dict[str, Any] = await answer.json()
        return said
