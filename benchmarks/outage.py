"""Reads while the database is up, stopped and frozen: Libra beside itself.

Somebody reads random pages at fixed moments, 400 a second over 8 connections, while pages are
submitted all the time, so that there is always something to store. A read counts from the moment that
it was due.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import aiohttp

from benchmarks import machine
from benchmarks.database import elsewhere, fill, postgres
from benchmarks.figures import Figure, Rounds, Sample
from benchmarks.load import read_steadily
from benchmarks.service import Service, libra

PAGES = 2_000
READERS = 8
EVERY = 0.02
SUBMISSIONS = 10
"""Readers, seconds between the reads of each, and submissions in a second."""


def measure(rounds: Rounds) -> Iterable[Figure]:
    """The p99 of reads in each state of the database."""
    subject, load, _ = machine.cores()
    seconds = rounds.pick(10, 4)
    found: dict[str, list[dict[str, float]]] = {"up": [], "stopped": [], "frozen": []}
    with tempfile.TemporaryDirectory() as name, postgres() as server:
        asyncio.run(fill(server.url(), PAGES))
        flags = ("--database", server.url(), "--restore", "eager", "--allow", "127.0.0.0/8")
        with libra(Path(name), *flags, core=subject) as service:
            service.wait_for_pages(PAGES)
            pages = [page["id"] for page in service.get("/pages?limit=100")["pages"]]

            def read(state: str) -> None:
                found[state].append(
                    machine.child(
                        "outage:load", core=load, base=service.url, ids=pages, seconds=seconds
                    )
                )

            read("up")
            found["up"].clear()  # a warm-up
            for _ in range(rounds.count):
                read("up")
                server.stop("fast")
                read("stopped")
                elsewhere(server.start)
                _wait_for_database(service)
                read("up")
                server.freeze()
                read("frozen")
                server.thaw()
                _wait_for_database(service)
    up = _sample(found["up"], "p99_ms")
    for state in ("stopped", "frozen"):
        errors = sum(int(one["errors"]) for one in found[state])
        yield Figure(
            f"Read p99 with the database {state}, beside up",
            _sample(found[state], "p99_ms"),
            up,
            "up",
            bar=1.2,
            aim=1.05,
            less_is_better=True,
            note=f"400 reads and {SUBMISSIONS} submissions a second. {state}: p50 "
            f"{_sample(found[state], 'p50_ms').median:.2g} ms (up: "
            f"{_sample(found['up'], 'p50_ms').median:.2g}), {errors} errors, slowest "
            f"{max(one['max_ms'] for one in found[state]):.3g} ms, slowest submission "
            f"{max(one['submit_ms'] for one in found[state]):.3g} ms.",
        )


async def load(base: str, ids: list[str], seconds: float) -> dict[str, float]:
    """Read and submit steadily for that long; milliseconds and a count of errors."""
    done = asyncio.Event()
    readers = [
        asyncio.create_task(read_steadily(f"{base}/pages/{ids[number]}", every=EVERY, until=done))
        for number in range(READERS)
    ]
    slowest = 0.0
    async with aiohttp.ClientSession(headers={"Accept": "application/json"}) as session:
        end = time.perf_counter() + seconds
        due = time.perf_counter()
        while due < end:
            due += 1 / SUBMISSIONS
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            # Nothing listens there: weighed at once, and as much to store as any other page.
            async with session.post(f"{base}/pages", json={"url": "http://127.0.0.1:9/"}) as answer:
                assert answer.status == 202, answer.status
                await answer.read()
            slowest = max(slowest, time.perf_counter() - due)
    done.set()
    latencies = await asyncio.gather(*readers)
    everything = latencies[0]
    for one in latencies[1:]:
        everything.values += one.values
        everything.errors += one.errors
    return {
        "p50_ms": everything.quantile(0.5),
        "p99_ms": everything.quantile(0.99),
        "max_ms": everything.quantile(1),
        "errors": everything.errors,
        "submit_ms": slowest * 1000,
    }


def _sample(found: list[dict[str, float]], name: str) -> Sample:
    return Sample(tuple(one[name] for one in found), "ms")


def _wait_for_database(service: Service, timeout: float = 60.0) -> None:
    deadline = time.monotonic() + timeout
    while service.get("/health")["waiting_to_be_stored"]:
        if time.monotonic() > deadline:
            raise machine.ChildFailed("the backlog does not drain after the database's return")
        time.sleep(0.1)
