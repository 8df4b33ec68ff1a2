"""What several shards cost an inspector that has nothing to do, and the three servers.

For each number of shards one process waits on three durable queues of each stream, with one pull
request each that is renewed when it runs out. Printed is the processor time of that process and of
the servers, in percent of one core, beside a client that is connected and waits on nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os

from nats.aio.client import Client
from nats.aio.msg import Msg

from benchmarks.cluster.engine import Cpu, connected, make_consumer, make_stream, pause
from support.nats import NatsServers, running_nats

QUEUES = {"weigh-static": "sub.static", "weigh-rendered": "sub.rendered", "store": "rec"}


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--shards", type=int, nargs="+", default=[0, 1, 3, 9])
    parser.add_argument("--expiry", type=float, nargs="+", default=[5.0, 30.0])
    arguments = parser.parse_args()
    print("shards  expiry  inspector  servers (all three)   in % of one core")
    async with running_nats(3) as servers:
        made = 0
        for shards in arguments.shards:
            async with connected(servers.urls) as client:
                for shard in range(made, shards):
                    await make_stream(client, f"P{shard}", [f"libra.{shard}.*.>"])
                    for name, end in QUEUES.items():
                        await make_consumer(client, f"P{shard}", name, f"libra.{shard}.*.{end}")
                made = max(made, shards)
            for expiry in arguments.expiry:
                await _measure(servers, shards, expiry, arguments.seconds)


async def _measure(servers: NatsServers, shards: int, expiry: float, seconds: float) -> None:
    async with connected(servers.urls) as client:
        waiting = [
            asyncio.create_task(_wait(client, f"P{shard}", name, expiry))
            for shard in range(shards)
            for name in QUEUES
        ]
        await pause(1.0)
        mine, theirs = Cpu(os.getpid()), [Cpu(server.pid) for server in servers.servers]
        await pause(seconds)
        own, others = mine.share(), sum(cpu.share() for cpu in theirs)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
    print(f"{shards:6}  {expiry:4.0f} s  {own:8.2%}  {others:8.2%}", flush=True)


async def _wait(client: Client, stream: str, queue: str, expiry: float) -> None:
    """One pull request after the other, with heartbeats of the server each second or each fifth."""
    inbox = client.new_inbox()
    ended = asyncio.Event()

    async def heard(message: Msg) -> None:
        if (message.headers or {}).get("Status") not in (None, "100"):
            ended.set()

    await client.subscribe(inbox, cb=heard)
    beat = min(1.0, expiry / 2)
    body = {"batch": 8, "expires": int(expiry * 1e9), "idle_heartbeat": int(beat * 1e9)}
    while True:
        ended.clear()
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{queue}"
        await client.publish(subject, json.dumps(body).encode(), reply=inbox)
        await ended.wait()


if __name__ == "__main__":
    asyncio.run(main())
