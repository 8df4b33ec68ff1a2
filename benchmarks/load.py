"""Load: wrk over random pages for throughput, and a steady reader for latencies."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks import machine

PAGES = Path(__file__).with_name("pages.lua")
"""Reads random pages; takes BENCH_IDS."""

SUBMIT = Path(__file__).with_name("submit.lua")
"""Submits the page at BENCH_URL over and over."""

_UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


@dataclass(frozen=True, slots=True)
class Throughput:
    """What wrk saw: answers per second, and latencies in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


def wrk(
    url: str,
    *,
    core: int,
    seconds: int,
    connections: int,
    script: Path,
    environ: Mapping[str, str],
) -> Throughput:
    """Run a script of wrk over keep-alive connections from one core, as fast as answers come.

    Raises:
        Lacking: if wrk is not installed.
        ChildFailed: if an answer was an error.
    """
    command = [machine.tool("wrk"), "-t1", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += ["--timeout", "10s", "-s", str(script), url]
    said = machine.run(command, core=core, environ=environ)
    if trouble := re.search(r"Non-2xx.*|Socket errors.*", said):
        raise machine.ChildFailed(f"wrk {url}: {trouble[0]}")
    rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert rate is not None, said
    return Throughput(float(rate[1]), _latency(said, "50%"), _latency(said, "99%"))


def _latency(said: str, share: str) -> float:
    found = re.search(rf"{share}\s+([\d.]+)(us|ms|s)\b", said)
    assert found is not None, said
    return float(found[1]) * _UNITS[found[2]]


@dataclass(slots=True)
class Latencies:
    """The latencies of single reads, in milliseconds, and the reads that failed."""

    values: list[float]
    errors: int = 0

    def quantile(self, share: float) -> float:
        """The smallest value that at least this share of the reads stayed within."""
        ranked = sorted(self.values)
        return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else float("nan")


async def read_steadily(
    url: str, *, every: float, until: asyncio.Event, after: float = 0.0
) -> Latencies:
    """GET a URL at fixed moments, `every` so many seconds, until the event is set.

    The first is due `after` so many seconds.

    A read that comes late because the one before was slow counts from when it was due: a server
    that stands still for a second is not let off with one slow answer (coordinated omission).
    """
    parts = urlsplit(url)
    request = (
        f"GET {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: application/json\r\n\r\n"
    ).encode()
    found = Latencies([])
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    due = time.perf_counter() + after
    try:
        while not until.is_set():
            due += every
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length:\s*(\d+)", head)
            assert length is not None, head
            await reader.readexactly(int(length[1]))
            found.values.append((time.perf_counter() - due) * 1000)
            found.errors += not head.startswith(b"HTTP/1.1 200")
    finally:
        writer.close()
    return found
