"""A web node that holds many pages: what reads of them cost beside a single Libra, and its memory."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import aiohttp
import msgspec

from benchmarks import machine
from benchmarks.cluster.engine import pause
from benchmarks.dataset import dataset, reports
from benchmarks.figures import Figure, Rounds, Sample, Skipped
from benchmarks.load import PAGES, wrk
from benchmarks.reads import CONNECTIONS, limits
from benchmarks.service import libra
from libra.cluster.records.page_records import Record, pack_report
from libra.inspector.records.page_record import first_version
from libra.report import Report, encode
from support.asking import PATIENCE, eventually
from support.cluster import Cluster, Node, health
from support.kept import laid_out, write

_SETTLED = 3.0
"""Seconds until what a batch left behind is let go of."""


def measure(rounds: Rounds) -> Iterable[Figure | Skipped]:
    """Reads per second and bytes per page."""
    machine.tool("wrk")
    yield from asyncio.run(_held(rounds))


async def _held(rounds: Rounds) -> list[Figure | Skipped]:
    count = rounds.pick(20_000, 5_000)
    subject, load, _ = machine.cores()
    seconds = rounds.pick(8, 2)
    single = await asyncio.to_thread(dataset, count)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        async with Cluster(web=("web1",), inspectors=("insp1",), flags=limits(count)) as cluster:
            web = cluster.web[0]
            per_page, ids = await _fill(cluster, web, count)
            (folder / "ids.txt").write_text("\n".join(ids), encoding="ascii")
            _pin(web.pid, subject)
            service = stack.enter_context(libra(single.folder, *limits(count), core=subject))
            await asyncio.to_thread(service.wait_for_pages, count)
            sides = {"cluster": (web.url, folder / "ids.txt"), "single": (service.url, single.ids)}

            def side(name: str) -> float:
                url, file = sides[name]
                return wrk(
                    url,
                    core=load,
                    seconds=seconds,
                    connections=CONNECTIONS,
                    script=PAGES,
                    environ={"BENCH_IDS": str(file)},
                ).per_second

            def in_turn() -> dict[str, Sample]:
                for name in sides:  # warm
                    side(name)
                return rounds.in_turn({n: lambda n=n: side(n) for n in sides}, "/s")  # type: ignore[misc]

            found = await asyncio.to_thread(in_turn)
    resting = machine.child("memory:resident", core=subject, folder=str(single.folder), count=count)
    return [
        Figure(
            f"GET /pages/{{id}} at a web node that holds {count:,} pages, per second",
            found["cluster"],
            found["single"],
            "single node",
            bar=0.9,
            aim=1.0,
            note="One core for the node, another for wrk with 64 connections; three NATS servers idle "
            "beside it.",
        ),
        Figure(
            "Bytes of a web node's replica for each page of 40 assets",
            Sample((per_page,), "B"),
            Sample((resting,), "B"),
            "single node",
            bar=1.0,
            aim=0.7,
            less_is_better=True,
            note="Growth of the process's physical memory from the first fiftieth of the pages on.",
        ),
    ]


async def _fill(cluster: Cluster, web: Node, count: int) -> tuple[float, list[str]]:
    """Give the engine so many finished pages; bytes of the web node's memory for each, and their ids."""
    layout = await laid_out(cluster.nats.urls, shards=3, replicas=3)
    rest = map(_record_of, reports(count))
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        ids: list[str] = []
        memory: list[int] = []
        for part in (count // 50, count):
            ids += await write(cluster.nats.urls, layout, _upto(rest, part - len(ids)))
            await eventually(
                lambda: _holds(session, web, part),  # noqa: B023 - called in this round
                "the web node holds all", within=PATIENCE,
            )  # fmt: skip
            await pause(_SETTLED)
            memory.append(_resident_bytes(web.pid))
    return (memory[1] - memory[0]) / (count - count // 50), ids


def _pin(pid: int, core: int) -> None:
    """Have all threads of a process stay on one core, and those that it starts later."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def _upto(records: Iterator[Record], number: int) -> Iterator[Record]:
    return islice(records, number)


async def _holds(session: aiohttp.ClientSession, web: Node, number: int) -> bool:
    return bool(sum((await health(session, web))["pages"].values()) >= number)


def _resident_bytes(pid: int) -> int:
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _record_of(report: Report) -> Record:
    version = first_version(1) + 5
    assert report.submitted_at is not None
    said = msgspec.structs.replace(report, version=version, backup="stored")
    return Record(
        report.id,
        report.url,
        report.submitted_at,
        life=1,
        version=version,
        node="gone",
        epoch="e",
        status="weighed",
        backup="stored",
        stored_version=version,
        expires_at=report.expires_at,
        report=pack_report(encode(said)),
    )
