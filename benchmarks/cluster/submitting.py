"""Submissions at a web node of a cluster, beside bare publishing of the same bytes to the engine."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime

from benchmarks import machine
from benchmarks.cluster.engine import Refused, ask, connected, make_stream, publish
from benchmarks.figures import Figure, Rounds, Sample
from benchmarks.load import SUBMIT, wrk
from libra.cluster.records.page_records import SubmissionRecord, to_bytes
from libra.ids import new_id
from support.cluster import Cluster

AT_ONCE = 32


def measure(rounds: Rounds) -> Iterable[Figure]:
    """Submissions per second."""
    machine.tool("wrk")
    yield asyncio.run(_submitted(rounds))


async def _submitted(rounds: Rounds) -> Figure:
    subject, load, _ = machine.cores()
    seconds = rounds.pick(8, 2)
    flags = ("--max-pages", "1000000", "--concurrency", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        async with Cluster(web=("web1",), inspectors=("insp1",), flags=flags) as cluster:
            web = cluster.web[0]

            def here() -> float:
                return wrk(
                    f"{web.url}/pages",
                    core=load,
                    seconds=seconds,
                    connections=AT_ONCE,
                    script=SUBMIT,
                    environ={"BENCH_URL": url},
                ).per_second

            def bare() -> float:
                found = machine.child(
                    "cluster.submitting:published",
                    core=subject,
                    urls=cluster.nats.urls,
                    url=url,
                    seconds=seconds,
                )
                return float(found)

            found: dict[str, Sample] = await asyncio.to_thread(
                rounds.in_turn, {"libra": here, "bare": bare}, "/s"
            )
    return Figure(
        "Submissions per second at a web node",
        found["libra"],
        found["bare"],
        "bare publishing",
        bar=0.5,
        aim=0.8,
        note="32 at a time; each is one message on two of three servers' disks. The web node does HTTP "
        "and keeps the page, too; nats-py publishes the bare messages from one core.",
    )


async def published(urls: list[str], url: str, seconds: float) -> float:
    """Messages per second of the bytes of a submission, each with a subject of its own."""
    async with connected(urls) as client:
        with suppress(Refused):
            await ask(client, "$JS.API.STREAM.DELETE.bare")
        await make_stream(client, "bare", ["bare.>"])
        until = time.monotonic() + seconds
        done = 0

        async def work() -> None:
            nonlocal done
            while time.monotonic() < until:
                page_id = new_id()
                data = to_bytes(SubmissionRecord(page_id, url, datetime.now(UTC)))
                await publish(client, f"bare.{page_id}.sub.static", data, within=10.0)
                done += 1

        began = time.monotonic()
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        return done / (time.monotonic() - began)
