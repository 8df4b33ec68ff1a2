"""What the writes of pages cost the engine: processor time and disk for each page, by the number of
shards.

A page is four guarded writes, as in the life of a page: its submission, its record when it is
taken, with its report when it is finished, and once more when it is stored. Printed is the
processor time of all three servers and of the client for each page, and how much each server wrote
to its disk. Processor time does not depend on who else is busy; pages per second does, and is
printed for this machine as it was.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
import uuid
from pathlib import Path

from nats.aio.client import Client

from benchmarks.cluster.engine import Cpu, after, connected, make_consumer, make_stream, publish
from support.nats import running_nats

QUEUES = {"weigh-static": "sub.static", "store": "rec"}


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2000)
    parser.add_argument("--at-once", type=int, default=32)
    parser.add_argument("--bytes", type=int, default=4000, help="size of a packed report")
    parser.add_argument("--shards", type=int, nargs="+", default=[1, 3])
    arguments = parser.parse_args()
    print("shards  pages/s  servers' CPU a page (all three)  client's  disk a page, each server")
    for shards in arguments.shards:
        await _measure(shards, arguments.pages, arguments.at_once, b"r" * arguments.bytes)


async def _measure(shards: int, pages: int, at_once: int, report: bytes) -> None:
    async with running_nats(3) as servers, connected(servers.urls) as client:
        for shard in range(shards):
            await make_stream(client, f"P{shard}", [f"libra.{shard}.*.>"])
            for name, end in QUEUES.items():
                await make_consumer(client, f"P{shard}", name, f"libra.{shard}.*.{end}")
        theirs, mine = [Cpu(server.pid) for server in servers.servers], Cpu(os.getpid())
        written = [_written(server.pid) for server in servers.servers]
        began = time.monotonic()
        left = iter(range(pages))

        async def work() -> None:
            for n in left:
                await _page(client, n % shards, report)

        await asyncio.gather(*(work() for _ in range(at_once)))
        seconds = time.monotonic() - began
        cpu = sum(one.seconds() for one in theirs) / pages * 1e6
        own = mine.seconds() / pages * 1e6
        disk = sum(_written(s.pid) for s in servers.servers) - sum(written)
        print(
            f"{shards:6}{pages / seconds:9.0f}{cpu:26.0f} µs{own:12.0f} µs"
            f"{disk / pages / 3000:20.1f} kB",
            flush=True,
        )


async def _page(client: Client, shard: int, report: bytes) -> None:
    base = f"libra.{shard}.{uuid.uuid4().hex}"
    last = 0
    for subject, data in (
        (f"{base}.sub.static", b"s" * 200),
        (f"{base}.rec", b"t" * 300),
        (f"{base}.rec", report),
        (f"{base}.rec", report),
    ):
        last = await publish(client, subject, data, after(last, f"{base}.>"), within=60)


def _written(pid: int) -> int:
    """Bytes that a process has had written to disks."""
    for line in Path(f"/proc/{pid}/io").read_text().splitlines():
        if line.startswith("write_bytes:"):
            return int(line.split()[1])
    return 0


if __name__ == "__main__":
    asyncio.run(main())
