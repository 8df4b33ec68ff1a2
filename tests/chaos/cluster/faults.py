"""What can be done to a cluster, each by its name."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import aiohttp

from chaos.cluster.history import Done, History, Hurt
from chaos.cluster.links import Links
from libra.cluster.records.layout import stream_of
from support.cluster import Cluster, Node
from support.nats import NatsServer


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault is done to."""

    cluster: Cluster
    links: Links
    history: History
    rng: random.Random

    def note(self, what: Hurt, part: str, *, ends: bool = False, leads: bool = False) -> None:
        """Write down what is done, when it is done."""
        self.history.add(Done(time.monotonic(), what, part, ends, leads))

    def busiest(self) -> Node:
        """The inspector that has the most pages under way, or any."""
        owners: dict[str, str] = {}
        for entry in self.history.log:
            if entry.what == "rec" and entry.owner:
                owners[entry.page] = "" if entry.finished else entry.node
        living = [n for n in self.cluster.inspectors if n.running and not n.frozen]
        return max(living, key=lambda n: list(owners.values()).count(n.name))

    async def leader(self) -> NatsServer:
        """The server that leads the stream of a shard."""
        return await self.cluster.nats.elected(stream_of(0))


Fault = Callable[[Scene], AbstractAsyncContextManager[None]]
"""Is in force from entering the block on; what is broken is mended by leaving it."""


def killed(choose: Callable[[Scene], Node]) -> Fault:
    """SIGKILL to a node, which is started again at the end."""

    @asynccontextmanager
    async def fault(scene: Scene) -> AsyncIterator[None]:
        node = choose(scene)
        scene.note("killed", node.name)
        await node.kill()
        yield
        await _start(scene, node, "killed")

    return fault


def frozen(choose: Callable[[Scene], Node]) -> Fault:
    """SIGSTOP to a node, until the end."""

    @asynccontextmanager
    async def fault(scene: Scene) -> AsyncIterator[None]:
        node = choose(scene)
        scene.note("frozen", node.name)
        node.freeze()
        yield
        node.thaw()
        scene.note("frozen", node.name, ends=True)

    return fault


def stopped(choose: Callable[[Scene], Node]) -> Fault:
    """SIGTERM to a node, which is started again at the end."""

    @asynccontextmanager
    async def fault(scene: Scene) -> AsyncIterator[None]:
        node = choose(scene)
        scene.note("stopped", node.name)
        await node.stop()
        yield
        await _start(scene, node, "stopped")

    return fault


def cut_off(choose: Callable[[Scene], Node]) -> Fault:
    """A node hears nobody and nobody hears it; its clients reach it all the same."""

    @asynccontextmanager
    async def fault(scene: Scene) -> AsyncIterator[None]:
        node = choose(scene)
        scene.note("cut off", node.name)
        scene.links.cut(scene.links.of(node.name))
        yield
        await scene.links.mend(scene.links.of(node.name))
        scene.note("cut off", node.name, ends=True)

    return fault


def leader(what: Hurt) -> Fault:
    """The server of the engine that leads the first shard is killed, frozen or cut off."""

    @asynccontextmanager
    async def fault(scene: Scene) -> AsyncIterator[None]:
        server = await scene.leader()
        scene.note(what, server.name, leads=True)
        if what == "killed":
            await server.kill()
        elif what == "frozen":
            server.freeze()
        else:
            scene.links.cut(scene.links.to_server(server.number))
        yield
        if what == "killed":
            server.start()
        elif what == "frozen":
            server.thaw()
        else:
            await scene.links.mend(scene.links.to_server(server.number))
        await scene.cluster.nats.ready()
        scene.note(what, server.name, ends=True)

    return fault


def servers_killed(number: int) -> Fault:
    """So many servers of the engine are killed at once."""

    @asynccontextmanager
    async def fault(scene: Scene) -> AsyncIterator[None]:
        servers = scene.rng.sample(list(scene.cluster.nats.servers), number)
        for server in servers:
            scene.note("killed", server.name, leads=True)
        await asyncio.gather(*(server.kill() for server in servers))
        yield
        for server in servers:
            server.start()
        await scene.cluster.nats.ready()
        for server in servers:
            scene.note("killed", server.name, ends=True)

    return fault


@asynccontextmanager
async def one_way(scene: Scene) -> AsyncIterator[None]:
    """An inspector is heard and hears nothing: what it sends arrives, and no answer does."""
    node = scene.busiest()
    scene.note("cut off", node.name)
    scene.links.cut(scene.links.of(node.name), "back")
    yield
    await scene.links.mend(scene.links.of(node.name))
    scene.note("cut off", node.name, ends=True)


@asynccontextmanager
async def half_and_half(scene: Scene) -> AsyncIterator[None]:
    """One web node, two inspectors and one server on one side, all others on the other."""
    cluster = scene.cluster
    nodes = [cluster.web[0].name, *(node.name for node in cluster.inspectors[:2])]
    crossing = scene.links.between(nodes, [0])
    for name in (*nodes, "n0"):
        scene.note("cut off", name, leads=name == "n0")
    scene.links.cut(crossing)
    yield
    await scene.links.mend(crossing)
    await cluster.nats.ready()
    for name in (*nodes, "n0"):
        scene.note("cut off", name, ends=True)


@asynccontextmanager
async def database_down(scene: Scene) -> AsyncIterator[None]:
    """PostgreSQL is killed."""
    scene.note("killed", "database")
    await asyncio.to_thread(scene.cluster.postgres.kill)
    yield
    await asyncio.to_thread(scene.cluster.postgres.start)
    scene.note("killed", "database", ends=True)


@asynccontextmanager
async def rolling_restart(scene: Scene) -> AsyncIterator[None]:
    """Every node, one after the other, and then every server of the engine."""
    for node in [*scene.cluster.inspectors, *scene.cluster.web]:
        scene.note("stopped", node.name)
        await node.stop()
        await _start(scene, node, "stopped")
    for server in scene.cluster.nats.servers:
        scene.note("stopped", server.name, leads=True)
        await server.stop()
        server.start()
        await scene.cluster.nats.ready()
        scene.note("stopped", server.name, ends=True)
    yield


def together(*faults: Fault) -> Fault:
    """Several at once."""

    @asynccontextmanager
    async def fault(scene: Scene) -> AsyncIterator[None]:
        blocks = [one(scene) for one in faults]
        for block in blocks:
            await block.__aenter__()
        yield
        for block in reversed(blocks):
            await block.__aexit__(None, None, None)

    return fault


def _inspector(scene: Scene) -> Node:
    return scene.busiest()


def _web(scene: Scene) -> Node:
    return scene.rng.choice(scene.cluster.web)


async def _start(scene: Scene, node: Node, what: Hurt) -> None:
    await node.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
        await node.up(session)
    scene.note(what, node.name, ends=True)


FAULTS: dict[str, Fault] = {
    "an inspector killed": killed(_inspector),
    "an inspector frozen": frozen(_inspector),
    "an inspector stopped": stopped(_inspector),
    "an inspector cut off": cut_off(_inspector),
    "an inspector that hears nothing": one_way,
    "a web node killed": killed(_web),
    "a web node frozen": frozen(_web),
    "a web node stopped": stopped(_web),
    "a web node cut off": cut_off(_web),
    "a leader killed": leader("killed"),
    "a leader frozen": leader("frozen"),
    "a leader cut off": leader("cut off"),
    "a leader and an inspector killed": together(leader("killed"), killed(_inspector)),
    "two servers killed": servers_killed(2),
    "the engine away": servers_killed(3),
    "half and half": half_and_half,
    "the database down": database_down,
    "the database down and an inspector killed": together(database_down, killed(_inspector)),
    "the database down and a leader killed": together(database_down, leader("killed")),
    "everything restarted": rolling_restart,
}
"""Each by the name that the drill takes."""
