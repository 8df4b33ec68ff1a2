"""1,000 followers of live events and 2,000 reads a second at once: memory flat, nobody dropped.

::

    python -m benchmarks.load_followers --followers 1000 --reads 2000 --rounds 4

In each round pages are submitted that take some 30 s, because their assets come one after the other; all
followers follow them to their end. Meanwhile reports that are finished are read at a steady rate. At the
end of each round every follower must have seen its page finished, in versions that only grow.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import re
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import load, machine
from benchmarks.service import Service, libra

PAGES = 20
"""Pages that are followed at a time, each by as many followers."""

ASSETS = 60
DELAY = 3.0
"""Seconds that an asset takes, on average. A page has six under way at a time, so it changes twice a
second and takes half a minute."""

RAMP = 5.0
"""Seconds in which the followers come, one after the other; 0 for all at the same moment."""

READERS = 16
"""Connections of the steady reader."""


@dataclass
class Follower:
    """What one follower saw."""

    events: int = 0
    bytes: int = 0
    last: int = 0
    went_back: bool = False
    finished: bool = False
    error: str | None = None


@dataclass
class Round:
    """What all of them saw, and what it cost."""

    followers: list[Follower]
    seconds: float
    memory: list[float] = field(default_factory=list)

    @property
    def dropped(self) -> int:
        return sum(not f.finished or f.went_back or f.error is not None for f in self.followers)


async def slow_origin() -> asyncio.Server:
    """Pages whose assets take `DELAY` each."""
    page = b"<!doctype html><title>Slow</title>" + b"".join(
        b"<img src=/image/%d.png>" % number for number in range(ASSETS)
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                body, kind = page, b"text/html"
                if head.startswith(b"GET /image/"):
                    await asyncio.sleep(random.uniform(0.5, 1.5) * DELAY)
                    body, kind = bytes(1000), b"image/png"
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n"
                    % (kind, len(body))
                    + body
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        except asyncio.CancelledError:
            return  # at the end of the program, with which streams do not reckon
        finally:
            writer.close()

    # A host for each page: of one host a page may fetch six things at a time.
    port = machine.free_port()
    hosts = [f"127.0.0.{number + 1}" for number in range(PAGES)]
    return await asyncio.start_server(answer, hosts, port)


async def follow(host: str, port: int, page_id: str, after: float) -> Follower:
    """Follow a page to its end over a connection of its own, as an EventSource does."""
    seen = Follower()
    await asyncio.sleep(after)
    try:
        reader, writer = await asyncio.open_connection(host, port, limit=4_000_000)
        try:
            writer.write(
                f"GET /pages/{page_id}/events HTTP/1.1\r\nHost: {host}:{port}\r\n"
                "Accept: text/event-stream\r\n\r\n".encode()
            )
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                seen.error = head.splitlines()[0].decode()
                return seen
            async for chunk in chunks(reader):
                seen.bytes += len(chunk)
                if match := re.match(rb"id: (\d+)\nevent: report\n", chunk):
                    seen.events += 1
                    seen.went_back |= int(match[1]) <= seen.last
                    seen.last = int(match[1])
                    # The status stands before the assets, which are most of it.
                    seen.finished = b'"status":"weighed"' in chunk[:2000]
        finally:
            writer.close()
    except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
        seen.error = repr(error)
    return seen


def address(service: Service) -> tuple[str, int]:
    """Host and port of a service."""
    host, port = service.url.removeprefix("http://").split(":")
    return host, int(port)


async def chunks(reader: asyncio.StreamReader) -> Any:
    """The chunks of a body; the server sends an event as one."""
    while size := int(await reader.readline(), 16):
        yield (await reader.readexactly(size + 2))[:-2]


async def read_all(
    url: str, page_ids: list[str], per_second: int, seconds: float
) -> dict[str, Any]:
    """Read finished reports at a steady rate; runs in a process of its own."""
    until = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, until.set)
    every = READERS / per_second
    found = await asyncio.gather(
        *(
            load.read_steadily(
                f"{url}/pages/{page_ids[number % len(page_ids)]}",
                every=every,
                until=until,
                after=every * number / READERS,
            )
            for number in range(READERS)
        )
    )
    together = load.Latencies([v for one in found for v in one.values])
    return {
        "reads": len(together.values),
        "errors": sum(one.errors for one in found),
        "p50_ms": together.quantile(0.5),
        "p99_ms": together.quantile(0.99),
        "max_ms": together.quantile(1.0),
    }


async def one_round(
    service: Service, origin: int, followers: int, ramp: float, number: int
) -> Round:
    """Submit, follow to the end, and watch the memory meanwhile."""
    host, port = address(service)
    ids = [
        await asyncio.to_thread(
            service.submit, f"http://127.0.0.{page + 1}:{origin}/round-{number}/{page}"
        )
        for page in range(PAGES)
    ]
    begun = time.perf_counter()
    memory: list[float] = []

    async def watch() -> None:
        while True:
            memory.append(machine.resident_bytes(service.pid) / 1e6)
            await asyncio.sleep(0.5)

    watching = asyncio.ensure_future(watch())
    seen = await asyncio.gather(
        *(
            follow(host, port, ids[number % PAGES], ramp * number / followers)
            for number in range(followers)
        )
    )
    watching.cancel()
    return Round(list(seen), time.perf_counter() - begun, memory)


async def measure(followers: int, reads: int, rounds: int, ramp: float) -> bool:
    """Run all rounds and print what came of them; False if anybody was dropped."""
    measured, _, reading = machine.cores()
    origin_server = await slow_origin()
    origin = origin_server.sockets[0].getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        flags = ("--max-pages", "5000", "--concurrency", str(PAGES))
        with libra(Path(folder), *flags, core=measured) as service:
            print(f"{followers} followers of {PAGES} pages, {reads} reads/s, {rounds} rounds")
            finished = [
                await asyncio.to_thread(service.submit, f"http://127.0.0.1:{origin}/image/{number}")
                for number in range(50)
            ]
            for page_id in finished:
                await follow(*address(service), page_id, 0)
            fine = True
            means = []
            for number in range(rounds):
                seconds = ASSETS * DELAY / 6 + 3
                result: dict[str, Any] = {}

                def read(found: dict[str, Any] = result, seconds: float = seconds) -> None:
                    found |= machine.child(
                        "load_followers:read_all",
                        core=reading,
                        url=service.url,
                        page_ids=finished,
                        per_second=reads,
                        seconds=seconds,
                    )

                reader = threading.Thread(target=read)
                reader.start()
                busy = machine.busy_seconds(service.pid)
                done = await one_round(service, origin, followers, ramp, number)
                busy = machine.busy_seconds(service.pid) - busy
                await asyncio.to_thread(reader.join)
                means.append(sum(done.memory) / len(done.memory))
                events = sum(f.events for f in done.followers)
                sent = sum(f.bytes for f in done.followers)
                fine &= done.dropped == 0 and result["errors"] == 0
                errors = {f.error for f in done.followers if f.error}
                print(
                    f"  round {number + 1}: {done.seconds:5.1f} s, {events} events "
                    f"({events / done.seconds:.0f}/s, {sent / done.seconds / 1e6:.1f} MB/s), "
                    f"dropped {done.dropped}; {result['reads'] / seconds:.0f} reads/s, errors "
                    f"{result['errors']}, p50 {result['p50_ms']:.2f} ms, p99 {result['p99_ms']:.2f} ms, "
                    f"max {result['max_ms']:.0f} ms; memory {means[-1]:.1f} MB "
                    f"(max {max(done.memory):.1f}); core {100 * busy / done.seconds:.0f} %"
                    + (f"; {errors}" if errors else "")
                )
            health = service.get("/health")
            growth = means[-1] / means[min(1, rounds - 1)]
            print(
                f"  memory of the last round beside the second: {growth:.3f}; lag of the loop p99 "
                f"{health['loop_lag']['p99_ms']:.1f} ms, "
                f"max {health['loop_lag']['max_ms']:.0f} ms; pages {sum(health['pages'].values())}"
            )
    origin_server.close()
    return fine


def main() -> None:
    """Run it; the exit code is 1 if anybody was dropped."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--followers", type=int, default=1000)
    parser.add_argument("--reads", type=int, default=2000, help="reads a second")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--ramp", type=float, default=RAMP, help="seconds in which followers come")
    given = parser.parse_args()
    if machine.shares_cores():
        print("Fewer than three cores: every figure is worse than it would be.", file=sys.stderr)
    sys.exit(not asyncio.run(measure(given.followers, given.reads, given.rounds, given.ramp)))


if __name__ == "__main__":
    main()
