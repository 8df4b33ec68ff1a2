"""Loop lag and reads of another page while hostile pages are weighed.

A page of 20 MB, one of 5,000 assets, one whose server never answers, one that drips a byte a second,
one that redirects for ever, one of invalid UTF-8, one whose gzip is cut short. Meanwhile somebody
reads another page 200 times a second; no read may take 100 ms.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import aiohttp

from benchmarks import machine, samples
from benchmarks.figures import Figure, Rounds, Sample, Skipped
from benchmarks.load import read_steadily
from benchmarks.service import libra
from libra.report import decode

PAGES = ("huge", "many", "silent", "drip", "loop", "invalid", "cut")
WAITING = ("silent", "drip")
"""Those that end by their deadline alone, which tests hold; here nobody waits for it."""

LIMIT_MS = 100.0
EVERY = 0.005
ENOUGH = 6.0
"""Seconds after which a page that only waits for its deadline has shown what it does to others."""


def measure(rounds: Rounds) -> Iterable[Figure]:
    """The slowest read beside the limit of 100 ms, for each hostile page."""
    subject, load, origin_core = machine.cores()
    port = machine.free_port()
    command = [sys.executable, "-m", "benchmarks.hostile", str(port)]
    with (
        tempfile.TemporaryDirectory() as name,
        machine.serving(command, core=origin_core, ready=lambda: machine.listens(port)),
        libra(Path(name), "--allow", "127.0.0.0/8", core=subject) as service,
    ):
        slowest: dict[str, list[float]] = {page: [] for page in ("none", *PAGES)}
        said: dict[str, str] = {}
        for _ in range(min(rounds.count, 3)):
            for page, worst in slowest.items():
                found = machine.child(
                    "hostile:disturb", core=load, base=service.url, origin=port, page=page
                )
                worst.append(found["max_ms"])
                if found["unfinished"]:
                    trouble = Skipped(f"weighing of {page}", str(found["end"]), broken=True)
                    rounds.skipped.append(trouble)
                said[page] = (
                    f"{page}: {found['end']}; reads p50 {found['p50_ms']:.2g}, "
                    f"p99 {found['p99_ms']:.2g} ms"
                )
        lag = service.get("/health")["loop_lag"]
    limit = Sample((LIMIT_MS,), "ms")
    note = "The slowest of 200 reads a second of another page. " + " | ".join(said.values())
    for page, worst in slowest.items():
        yield Figure(
            f"Slowest read while weighing: {page}",
            Sample(tuple(worst), "ms"),
            limit,
            "limit",
            bar=1.0,
            less_is_better=True,
            note=note,
        )
    yield Figure(
        "  longest hold of the event loop meanwhile",
        Sample((float(lag["max_ms"]),), "ms"),
        limit,
        "limit",
        bar=1.0,
        less_is_better=True,
        note=f"As the watchdog saw it in its window; by {lag.get('culprit')}.",
    )


async def disturb(base: str, origin: int, page: str) -> dict[str, float | str]:
    """Read a calm page steadily while a hostile one is weighed; what the reads took, in ms."""
    async with aiohttp.ClientSession(headers={"Accept": "application/json"}) as session:

        async def submit(url: str) -> str:
            async with session.post(f"{base}/pages", json={"url": url}) as answer:
                answer.raise_for_status()
                return str((await answer.json())["id"])

        async def finish(page_id: str, seconds: float) -> str:
            deadline = time.perf_counter() + seconds
            while time.perf_counter() < deadline:
                async with session.get(f"{base}/pages/{page_id}") as answer:
                    report = decode(await answer.read())
                if report.finished_at is not None:
                    errors = {a.error.split(":")[0] for a in report.assets if a.error}
                    return f"{report.status} in {report.duration_ms} ms {' '.join(sorted(errors))}"
                await asyncio.sleep(0.1)
            return f"still waiting after {seconds:g} s"

        calm = await submit(f"http://127.0.0.1:{origin}/calm")
        await finish(calm, 10)
        done = asyncio.Event()
        reads = asyncio.create_task(read_steadily(f"{base}/pages/{calm}", every=EVERY, until=done))
        await asyncio.sleep(0.3)
        hostile, end = None, "nothing else to do"
        if page == "none":
            await asyncio.sleep(2)
        else:
            hostile = await submit(f"http://127.0.0.1:{origin}/{page}")
            end = await finish(hostile, ENOUGH if page in WAITING else 70)
        await asyncio.sleep(0.2)
        done.set()
        latencies = await reads
        if hostile:
            async with session.delete(f"{base}/pages/{hostile}") as answer:
                await answer.read()
        assert not latencies.errors
        return {
            "max_ms": latencies.quantile(1),
            "p99_ms": latencies.quantile(0.99),
            "p50_ms": latencies.quantile(0.5),
            "end": end,
            "unfinished": end.startswith("still") and page not in WAITING,
        }


def bodies() -> dict[str, bytes]:
    """What is sent for each path that answers at once."""
    row = "<tr class=odd><td>{}</td><td><a href='#x'>{}</a><!-- nothing --></td></tr>\n"
    cells = "".join(row.format(number, samples.WORDS[number % 60]) for number in range(1000))
    page = "<!doctype html><html><head><title>t</title></head><body>{}</body></html>"
    images = "".join(f"<img src='/asset/{number}.png'>\n" for number in range(5_000))
    text = page.format("<p>as it is</p>" * 1000).encode()
    return {
        "/calm": page.format("<p>calm</p>").encode(),
        "/huge": page.format(cells * (20_000_000 // len(cells) + 1)).encode(),
        "/many": page.format(images).encode(),
        "/invalid": page.format("<p>").encode() + b"\xff\xfe\xfd \x80" * 50_000,
        "/cut": gzip.compress(text)[:-60],
    }


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, ready: dict[str, bytes]
) -> None:
    try:
        while True:
            request = await reader.readuntil(b"\r\n\r\n")
            path = request.split(b" ", 2)[1].decode("ascii", "replace")
            if path == "/silent":
                await asyncio.sleep(3600)
            elif path == "/drip":
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n")
                for _ in range(3600):
                    writer.write(b".")
                    await writer.drain()
                    await asyncio.sleep(1)
            elif path.startswith("/loop"):
                hop = int(path.partition("-")[2] or 0) + 1
                head = f"HTTP/1.1 302 Found\r\nLocation: /loop-{hop}\r\nContent-Length: 0\r\n\r\n"
                writer.write(head.encode())
            else:
                _send(writer, path, ready)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass  # the weigher has had enough, which is its good right
    finally:
        writer.close()


def _send(writer: asyncio.StreamWriter, path: str, ready: dict[str, bytes]) -> None:
    body = ready.get(path, b"x" * 500 if path.startswith("/asset/") else None)
    if body is None:
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        return
    mime = "image/png" if path.startswith("/asset/") else "text/html; charset=utf-8"
    encoding = "Content-Encoding: gzip\r\n" if path == "/cut" else ""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {mime}\r\n{encoding}Content-Length: {len(body)}\r\n"
    writer.write(head.encode() + b"\r\n" + body)


async def _serve(port: int) -> None:
    ready = bodies()
    server = await asyncio.start_server(
        lambda reader, writer: _answer(reader, writer, ready), "127.0.0.1", port, backlog=4096
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))
