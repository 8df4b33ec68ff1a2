"""Kills each of the eleven processes of a cluster once, and says whether who watches a page saw its
end.

``PYTHONPATH=tests python -m chaos.cluster.kill_each`` ends with 0 if each time the event stream of
a page, at a web node that is not killed, ended with ``weighed``.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp

from chaos.origin import running_origin
from support.asking import PATIENCE, eventually
from support.cluster import INSPECTORS, WEB, Cluster, Node


def main() -> int:
    """Kill them all, one after the other."""
    return asyncio.run(_kill_each())


async def _kill_each() -> int:
    wrong = 0
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(Cluster())
        origin = await stack.enter_async_context(running_origin())
        session = await stack.enter_async_context(
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(PATIENCE))
        )
        for name in (*INSPECTORS, *WEB, "n0", "n1", "n2", "database"):
            # The page is submitted where it may be that the node dies, and watched where it does not.
            taken, watched = cluster.web if name != WEB[1] else cluster.web[::-1]
            path = await _submitted(session, taken, f"{origin}/slow/{name}")
            watching = asyncio.create_task(_watched(session, watched, path))
            mend = await _kill(cluster, name)
            try:
                statuses = await watching
                wrong += statuses[-1] != "weighed"
                print(f"{name} was killed: {statuses}", flush=True)  # noqa: T201 - a program
            finally:
                await mend()
            for node in cluster.web:
                await node.ready(session)
    return 1 if wrong else 0


async def _submitted(session: aiohttp.ClientSession, node: Node, url: str) -> str:
    """A page that other machines have: one that is journaled is on the disk of that node alone."""
    while True:
        async with session.post(f"{node.url}/pages", json={"url": url}) as answer:
            assert answer.status == 202, await answer.text()
            if (await answer.json())["backup"] == "replicated":
                return answer.headers["Location"]


async def _watched(session: aiohttp.ClientSession, node: Node, path: str) -> list[str]:
    """The status in each event, until the stream ends by itself.

    A page that another node has just taken may not have come here yet; whoever watches asks again.
    """
    statuses: list[str] = []

    async def seen() -> bool:
        async with session.get(f"{node.url}{path}/events") as answer:
            if answer.status == 200:
                statuses.extend(
                    [
                        json.loads(line[6:])["status"]
                        async for line in answer.content
                        if line.startswith(b"data: ")
                    ]
                )
        return bool(statuses)

    await eventually(seen, f"{path} is seen at {node.name}", within=PATIENCE)
    return statuses


async def _kill(cluster: Cluster, name: str) -> Callable[[], Awaitable[None]]:
    """Kill it; what brings it back."""
    if name == "database":
        await asyncio.to_thread(cluster.postgres.kill)
        return lambda: asyncio.to_thread(cluster.postgres.start)
    if name in cluster.nodes:
        node = cluster[name]
        await node.kill()
        return node.start
    server = next(server for server in cluster.nats.servers if server.name == name)
    await server.kill()

    async def back() -> None:
        server.start()
        await cluster.nats.ready()

    return back


if __name__ == "__main__":
    sys.exit(main())
