"""What a cluster of three does when the disk of one server is full: first a follower's, then the
leader's.

The store of one server is a file system of 24 MB. One writer goes on at all times; printed is what
it was told, second by second, whether all that was acknowledged is there in the end on every
replica, and what `/healthz` of the server said. It needs root, where root may mount.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nats.aio.client import Client

from benchmarks.cluster.engine import (
    Away,
    Refused,
    ask,
    connected,
    make_consumer,
    make_stream,
    pause,
    publish,
)  # fmt: skip
from support.nats import NatsServers

STREAM = "P0"
FILL = "fill"


async def main() -> None:
    """Try both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=12.0)
    arguments = parser.parse_args()
    for role in ("follower", "leader"):
        with _small_disk(arguments.megabytes) as store:
            await _try(role, store, arguments.seconds)


@contextmanager
def _small_disk(megabytes: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="libra-disk-", dir="/tmp") as folder:
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder], check=True
        )
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


async def _try(role: str, store: Path, seconds: float) -> None:
    servers = NatsServers(3, stores={0: store})
    try:
        await servers.start()
        async with connected(servers.urls[1:]) as client:
            await make_stream(client, STREAM, ["libra.0.>"])
            await make_consumer(client, STREAM, "store", "libra.0.*.rec")
            await _lead(client, servers, leads=role == "leader")
            print(f"-- the full disk is that of a {role}", flush=True)
            acknowledged: dict[str, int] = {}
            stop = asyncio.Event()
            writer = asyncio.create_task(_write(client, acknowledged, stop))
            await pause(3)
            _fill(store)
            print(f"   full; healthz of it: {await servers[0].ask('/healthz')}", flush=True)
            await pause(seconds)
            led = await servers.leader(STREAM)
            print(f"   led by {led.name if led else 'nobody'}; running: {servers[0].running};"
                  f" healthz: {await servers[0].ask('/healthz')}")  # fmt: skip
            (store / FILL).unlink()
            print("   space again", flush=True)
            await pause(seconds)
            print(f"   running: {servers[0].running}; healthz: {await servers[0].ask('/healthz')}")
            stop.set()
            await writer
            await _recount(client, servers, acknowledged, "as it is")
            if servers[0].running:
                await servers[0].stop()
            servers[0].start()
            began = time.monotonic()
            try:
                async with asyncio.timeout(60):
                    await servers.ready()
                print(f"   restarted, healthy after {time.monotonic() - began:.1f} s")
            except TimeoutError:
                print("   restarted, not healthy within 60 s")
            await _recount(client, servers, acknowledged, "after a restart of it")
            for line in _strange(servers[0].log):
                print("   log:", line)
    finally:
        await servers.remove()


async def _lead(client: Client, servers: NatsServers, *, leads: bool) -> None:
    """Ask leaders to step down until the server with the small disk leads, or does not."""
    for _ in range(60):
        leader = await servers.elected(STREAM)
        if (leader is servers[0]) == leads:
            return
        await ask(client, f"$JS.API.STREAM.LEADER.STEPDOWN.{STREAM}")
        await pause(0.5)
    raise RuntimeError("the leader did not move to the wanted server")


def _fill(store: Path) -> None:
    with (store / FILL).open("wb") as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
                file.flush()
        except OSError:
            return


async def _write(client: Client, acknowledged: dict[str, int], stop: asyncio.Event) -> None:
    data, number = b"x" * 4000, 0
    told: Counter[str] = Counter()
    began = time.monotonic()
    line = 0
    while not stop.is_set():
        number += 1
        # 200 pages, each written again and again, as a shard that is in balance.
        subject = f"libra.0.{number % 200}.rec"
        try:
            acknowledged[subject] = await publish(client, subject, data)
            told["acknowledged"] += 1
        except Refused as error:
            told[f"refused {error.code}"] += 1
            await pause(0.02)
        except Away as error:
            told[f"away {str(error)[:40]}"] += 1
            await pause(0.02)
        if time.monotonic() - began > line + 3:
            line += 3
            print(f"   {line:3} s: {dict(told)}", flush=True)
            told.clear()


async def _recount(
    client: Client, servers: NatsServers, acknowledged: dict[str, int], when: str
) -> None:
    """Compare every acknowledged write with what the leader has, and the replicas with one another."""
    lost = 0
    for subject, sequence in acknowledged.items():
        try:
            said = await ask(client, f"$JS.API.STREAM.MSG.GET.{STREAM}", {"last_by_subj": subject})
        except (Refused, Away):
            lost += 1
            continue
        lost += said["message"]["seq"] < sequence
    states = {}
    for server in servers.servers:
        said = await server.ask("/jsz?streams=true") or {}
        for account in said.get("account_details", ()):
            for detail in account["stream_detail"]:
                if detail["name"] == STREAM:
                    state = detail["state"]
                    states[server.name] = (state["messages"], state["last_seq"])
    print(f"   {when}: acknowledged and lost {lost} of {len(acknowledged)}; replicas {states}")


def _strange(log: str) -> list[str]:
    lines = [line for line in log.splitlines() if "[ERR]" in line or "[FTL]" in line]
    kinds: dict[str, str] = {}
    for line in lines:
        kinds.setdefault(line.partition("] ")[2].partition("[ERR]")[2][:60], line[:220])
    return list(kinds.values())[:8]


if __name__ == "__main__":
    asyncio.run(main())
