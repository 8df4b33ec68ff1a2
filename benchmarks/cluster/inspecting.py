"""What more inspectors bring, and what a cluster costs beside the weighing."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import aiohttp

from benchmarks import machine
from benchmarks.cluster.slow_site import slow_site
from benchmarks.figures import Figure, Rounds, Sample
from benchmarks.origin import serve_page
from benchmarks.service import libra
from support.asking import eventually
from support.cluster import Cluster

PLACES = 8
SLOW = 0.3
"""Seconds that the server takes for each answer; a page has two, one after the other."""

_WITHIN = 300.0


def measure(rounds: Rounds) -> Iterable[Figure]:
    """Pages per second of four inspectors, and the processor's time of the cluster's own work."""
    yield asyncio.run(_scaled(rounds))
    yield asyncio.run(_own_work(rounds))


async def _scaled(rounds: Rounds) -> Figure:
    flags = ("--concurrency", str(PLACES), "--max-pages", "100000")
    found: dict[int, list[float]] = {1: [], 4: []}
    for number in range(min(rounds.count, 3)):
        for inspectors in (1, 4) if number % 2 == 0 else (4, 1):
            names = [f"insp{n}" for n in range(inspectors)]
            pages = rounds.pick(20, 5) * PLACES * inspectors
            async with (
                slow_site(SLOW) as site,
                Cluster(web=("web1",), inspectors=names, flags=flags) as cluster,
            ):
                urls = [f"{site}/{n}" for n in range(pages)]
                found[inspectors].append(pages / await _weighed(cluster.web[0].url, urls))
    return Figure(
        "Pages per second with four inspectors of 8 places",
        Sample(tuple(found[4]), "/s"),
        Sample(tuple(found[1]), "/s"),
        "one inspector",
        bar=3.2,
        aim=3.9,
        note="A page of two answers that take 0.3 s each, from the first submission to the last result; "
        "nodes, NATS servers, PostgreSQL and the site share the machine's cores.",
    )


async def _own_work(rounds: Rounds) -> Figure:
    pages = rounds.pick(200, 40)
    _, _, server = machine.cores()
    found: dict[str, list[float]] = {"cluster": [], "single": []}
    with serve_page(server) as origin:
        urls = [f"{origin.url}?{n}" for n in range(pages)]
        for number in range(min(rounds.count, 3)):
            for side in ("cluster", "single") if number % 2 == 0 else ("single", "cluster"):
                if side == "single":
                    with (
                        tempfile.TemporaryDirectory() as name,
                        libra(Path(name), "--no-journal", core=None) as service,
                    ):
                        spent = await _spent([service.pid], service.url, urls)
                else:
                    async with Cluster(web=("web1",), inspectors=("insp1",)) as cluster:
                        pids = [node.pid for node in cluster.nodes.values()]
                        spent = await _spent(pids, cluster.web[0].url, urls)
                found[side].append(spent / pages * 1000)
    own = [max(0.0, whole - bare) for whole, bare in zip(*found.values(), strict=True)]
    return Figure(
        "Processor time of the cluster's own work for a page of 41 requests",
        Sample(tuple(own), "ms"),
        Sample(tuple(found["single"]), "ms"),
        "weighing it",
        bar=0.25,
        aim=0.1,
        less_is_better=True,
        note="Of the inspector and the web node with their parsers, less what a single Libra without a "
        "journal takes for the same page. The NATS servers' own time is not in it.",
    )


async def _spent(pids: list[int], web: str, urls: list[str]) -> float:
    """Seconds of processor time of processes and all that they started, while pages are weighed."""
    await _weighed(web, [f"{urls[0]}-{n}" for n in range(10)])  # warm
    before = sum(map(_tree_seconds, pids))
    await _weighed(web, urls)
    return sum(map(_tree_seconds, pids)) - before


async def _weighed(web: str, urls: list[str]) -> float:
    """Seconds from the first submission until all pages are finished."""
    timeout = aiohttp.ClientTimeout(total=30)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        there = await _finished(session, web)
        began = time.monotonic()
        for url in urls:
            async with session.post(f"{web}/pages", json={"url": url}) as answer:
                answer.raise_for_status()

        async def all_are() -> bool:
            return await _finished(session, web) >= there + len(urls)

        await eventually(all_are, "all pages are finished", within=_WITHIN)
        return time.monotonic() - began


async def _finished(session: aiohttp.ClientSession, web: str) -> int:
    async with session.get(f"{web}/health") as answer:
        pages = (await answer.json())["pages"]
    return int(pages.get("weighed", 0) + pages.get("failed", 0))


def _tree_seconds(pid: int) -> float:
    """Processor time of a process and of all that it has started, the ended ones included."""
    children: dict[int, list[int]] = {}
    ticks: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            fields = path.read_text().rpartition(")")[2].split()
            number = int(path.parent.name)
            children.setdefault(int(fields[1]), []).append(number)
            ticks[number] = sum(map(int, fields[11:15]))
    left, total = [pid], 0
    while left:
        one = left.pop()
        total += ticks.get(one, 0)
        left += children.get(one, [])
    return total / os.sysconf("SC_CLK_TCK")
