"""Reads of a calm page while a hundred hostile pages are weighed at once, beside reads without them.

The pages are those of the drills: selectors that take a processor, 28 MB of small elements, bombs,
bodies and heads without end, drips, silence; each is of an origin of its own. Nothing is pinned: Libra,
its parsers, the reader and the hostile server share the machine, as where somebody runs it.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import machine
from benchmarks.figures import Figure, Rounds, Sample
from benchmarks.load import read_steadily
from benchmarks.service import Service, libra

# The hostile server is that of the tests.
sys.path.append(str(machine.ROOT / "tests"))
from support import siege
from support.memory import tree_bytes

EVERY = 0.005
"""Seconds from one read to the next."""

SLOWEST_MS = 250.0
MOST_MB = 600.0


def measure(rounds: Rounds) -> Iterable[Figure]:
    """The p99 of reads and the slowest, and how much memory the whole tree of processes takes."""
    seconds = rounds.pick(20, 6)
    found: dict[str, list[dict[str, float]]] = {"calm": [], "besieged": []}
    most: list[float] = []
    with _besieged() as urls:
        for _ in range(min(rounds.count, 3)):
            with (
                tempfile.TemporaryDirectory() as name,
                libra(Path(name), "--allow", "127.0.0.0/8", core=None) as service,
            ):
                calm = f"{service.url}/pages/{_weighed(service, urls[0])}"
                found["calm"].append(_read(calm, seconds))
                for url in urls:
                    service.submit(url)
                with ThreadPoolExecutor(1) as looking:
                    over = threading.Event()
                    highest = looking.submit(_most_megabytes, service, over)
                    found["besieged"].append(_read(calm, seconds))
                    over.set()
                    most.append(highest.result())
    p99 = {who: Sample(tuple(one["p99"] for one in all_), "ms") for who, all_ in found.items()}
    yield Figure(
        f"p99 of reads beside {len(urls)} hostile pages",
        p99["besieged"],
        p99["calm"],
        "without them",
        bar=2.0,
        aim=1.2,
        less_is_better=True,
        note=f"{1 / EVERY:.0f} reads a second, each at its scheduled time. With few processors, the "
        "figures include the processor time of the hostile server and of the reader.",
    )
    yield Figure(
        "  slowest read meanwhile",
        Sample(tuple(one["max"] for one in found["besieged"]), "ms"),
        Sample((SLOWEST_MS,), "ms"),
        "limit",
        bar=1.0,
        less_is_better=True,
    )
    yield Figure(
        "  highest memory of Libra and its child processes",
        Sample(tuple(most), "MB"),
        Sample((MOST_MB,), "MB"),
        "limit",
        bar=1.0,
        less_is_better=True,
        note="Each page of memory is counted once. The limit is that of two processors.",
    )


def _read(url: str, seconds: float) -> dict[str, float]:
    found: dict[str, float] = machine.child("siege:read", url=url, seconds=seconds)
    return found


async def read(url: str, seconds: float) -> dict[str, float]:
    """Read one page steadily; milliseconds."""
    done = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, done.set)
    latencies = await read_steadily(url, every=EVERY, until=done)
    assert not latencies.errors
    return {"p99": latencies.quantile(0.99), "max": latencies.quantile(1)}


def _weighed(service: Service, hostile: str) -> str:
    """A small page of the same server, weighed."""
    parts = urlsplit(hostile)
    page = service.submit(f"http://127.0.0.1:{parts.port}/large?2000")
    while service.get(f"/pages/{page}")["finished_at"] is None:
        time.sleep(0.05)
    return page


def _most_megabytes(service: Service, over: threading.Event) -> float:
    most = 0.0
    while not over.wait(0.2):
        most = max(most, tree_bytes(service.pid) / 1e6)
    return most


@contextmanager
def _besieged() -> Iterator[list[str]]:
    process = subprocess.Popen(
        [sys.executable, siege.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=siege.environment(),
    )
    assert process.stdout is not None
    try:
        yield siege.hostile_urls(int(process.stdout.readline()))
    finally:
        process.communicate(b"")
