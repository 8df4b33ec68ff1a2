"""Whether scheduled messages of the server (`@at`) come once and in time while it has much to do.

Definitions fall due evenly over some seconds while 32 writers publish as fast as they can; half way
the leader of their stream may be killed. Printed is how many were seen how often and how late,
beside the same without load.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from nats.aio.client import Client
from nats.aio.msg import Msg

from benchmarks.cluster.engine import Away, ask, connected, make_stream, pause, publish
from support.nats import NatsServers, running_nats

STREAM = "WATCHES"


async def main() -> None:
    """Try each and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    print(
        "what                     defined  seen  twice  lost   late p50     p99     max  writes/s"
    )
    for name, writers, kills in (
        ("idle", 0, False),
        ("32 writers", 32, False),
        ("32 writers, leader killed", 32, True),
    ):
        await _try(name, writers, kills, arguments.number, arguments.seconds)


async def _try(name: str, writers: int, kills: bool, number: int, seconds: float) -> None:
    async with running_nats(3) as servers, connected(servers.urls) as client:
        await make_stream(
            client, STREAM, ["watch.>"], allow_msg_schedules=True, max_msgs_per_subject=-1
        )
        await make_stream(client, "P0", ["libra.0.>"])
        seen: list[tuple[str, float]] = []
        await _listen(client, seen)
        due = await _define(client, number, seconds)
        written = [0]
        stop = asyncio.Event()
        load = [asyncio.create_task(_write(client, n, written, stop)) for n in range(writers)]
        began = time.monotonic()
        if kills:
            await pause(max(0.0, min(due.values()) - time.time()) + seconds / 2)
            await (await servers.elected(STREAM)).kill()
        await pause(max(0.0, max(due.values()) - time.time()) + 2)
        deadline = time.monotonic() + 30
        while len({key for key, _ in seen}) < number and time.monotonic() < deadline:
            await pause(0.5)
        rate = written[0] / (time.monotonic() - began)
        stop.set()  # and not cancelled: a cancellation is lost in nats-py when an answer comes with it
        await asyncio.gather(*load)
        _print(name, due, seen, rate)
        await _revive(servers)


def _print(name: str, due: dict[str, float], seen: list[tuple[str, float]], rate: float) -> None:
    first: dict[str, float] = {}
    for key, at in seen:
        first.setdefault(key, at)
    late = sorted(at - due[key] for key, at in first.items())
    times = Counter(key for key, _ in seen)
    twice = sum(count > 1 for count in times.values())
    print(
        f"{name:25}{len(due):7}{len(first):6}{twice:7}{len(due) - len(first):6}"
        f"{_at(late, 50):9.3f} s{_at(late, 99):7.3f} s{_at(late, 100):6.2f} s{rate:9.0f}",
        flush=True,
    )


def _at(ordered: list[float], percent: int) -> float:
    return ordered[max(0, len(ordered) * percent // 100 - 1)] if ordered else float("nan")


async def _define(client: Client, number: int, seconds: float) -> dict[str, float]:
    """Definitions at even distances from a moment on when all of them are written."""
    start = time.time() + 3 + number / 1000
    due: dict[str, float] = {}

    async def one(n: int) -> None:
        at = start + seconds * n / number
        when = datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")
        headers = {
            "Nats-Schedule": f"@at {when.replace('+00:00', 'Z')}",
            "Nats-Schedule-Target": f"watch.due.{n}",
        }
        await publish(client, f"watch.at.{n}", b"%d" % n, headers)
        due[str(n)] = at

    for chunk in _chunks(range(number), 32):
        await asyncio.gather(*(one(n) for n in chunk))
    if time.time() > start:
        print(f"(defined {timedelta(seconds=time.time() - start)} too late)")
    return due


def _chunks(numbers: range, size: int) -> Iterable[range]:
    return (numbers[n : n + size] for n in range(0, len(numbers), size))


async def _listen(client: Client, seen: list[tuple[str, float]]) -> None:
    """A durable push consumer of what is due, that acknowledges what comes."""

    async def heard(message: Msg) -> None:
        seen.append((message.subject.rpartition(".")[2], time.time()))
        if message.reply:
            await client.publish(message.reply, b"+ACK")

    inbox = client.new_inbox()
    await client.subscribe(inbox, cb=heard)
    config = {
        "durable_name": "due",
        "deliver_subject": inbox,
        "ack_policy": "explicit",
        "ack_wait": 30_000_000_000,
        "filter_subject": "watch.due.*",
    }
    await ask(
        client, f"$JS.API.CONSUMER.DURABLE.CREATE.{STREAM}.due",
        {"stream_name": STREAM, "config": config},
    )  # fmt: skip


async def _write(client: Client, number: int, written: list[int], stop: asyncio.Event) -> None:
    data = b"x" * 4000
    count = 0
    while not stop.is_set():
        count += 1
        try:
            await publish(client, f"libra.0.{number}-{count % 200}.rec", data)
            written[0] += 1
        except Away:
            await pause(0.05)


async def _revive(servers: NatsServers) -> None:
    for server in servers.servers:
        if not server.running:
            server.start()


if __name__ == "__main__":
    asyncio.run(main())
