"""Pages weighed per second, beside curl and wget fetching the same URLs on one core.

The page has 41 requests and 511,478 bytes on the wire, from an nginx on a core of its own. Everybody
has 6 connections to it, keeps them alive and asks for gzip. curl only fetches: it is handed the 41
URLs and throws the bytes away. wget finds them itself (``-p``) and deletes what it wrote. Libra finds
them, decodes what has to be decoded, and reports on each: `weigh_once` on one core, the service, whose
parsers are processes of their own, on two.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import aiohttp

from benchmarks import machine, page
from benchmarks.figures import Figure, Rounds, Skipped
from benchmarks.origin import Origin, serve_page
from benchmarks.service import Service, libra
from libra.report import Report, decode
from libra.weighing import Fetcher, weigh_once
from libra.weighing.reading.known_readings import KnownReadings

PER_HOST = 6
AT_A_TIME = 8
"""Pages under way at once in Libra: enough to hide the steps in which one page has little to ask."""


def measure(rounds: Rounds) -> Iterable[Figure | Skipped]:
    """Pages per second of Libra's two forms and of each peer."""
    subject, load, origin_core = machine.cores()
    many, few = rounds.pick(300, 40), rounds.pick(60, 15)
    with (
        tempfile.TemporaryDirectory() as name,
        serve_page(origin_core) as origin,
        libra(Path(name), "--allow", "127.0.0.0/8", core=(subject, load)) as service,
    ):
        sides = {
            "once": lambda: _child("weigh:once_rate", subject, origin.url, many),
            "new": lambda: _child("weigh:new_rate", subject, origin.url, many),
            "service": lambda: _child(
                "weigh:service_rate", load, origin.url, many, base=service.url
            ),
        }
        peers = {
            "curl": lambda: _curl(origin, Path(name), many, core=subject),
            "curl1": lambda: _curl_each(origin, Path(name), few, core=subject),
            "wget": lambda: _wget_each(origin, Path(name), few, core=subject),
            "lighthouse": lambda: 1 / _timed(_lighthouse(origin, Path(name)), subject),
        }
        for peer in list(peers):
            try:
                _lighthouse(origin, Path(name)) if peer == "lighthouse" else machine.tool(peer[:4])
            except machine.Lacking as lack:
                rounds.skipped.append(Skipped(f"weighing beside {peer}", str(lack)))
                del peers[peer]
        _check(origin, service, Path(name), peers.keys())
        found = rounds.in_turn(sides | peers, "pages/s")
        server = origin.server

    note = (
        f"41 requests, 511 kB, from {server} on its own core; one core (two for the service) and "
        f"{PER_HOST} connections for each side. curl is one process for all pages, handed the "
        "URLs; it neither decodes nor looks into anything."
    )
    first = "No result of reading a page serves the next one."
    cold = "curl and wget started anew for each page, as a person would use them."
    what = "Pages weighed per second, 41 assets: weigh_once"
    curl, wget = found.get("curl"), found.get("wget")
    yield Figure(what, found["once"], curl, "curl", 0.45, 0.6, note=note)
    yield Figure("  each as if for the first time", found["new"], curl, "curl", note=first)
    yield Figure(
        "  as a service (POST until weighed)", found["service"], curl, "curl", 0.35, 0.5, note=note
    )
    yield Figure(
        "  beside one curl per page", found["once"], found.get("curl1"), "curl each", note=cold
    )
    yield Figure("  beside wget -p", found["once"], wget, "wget -p", 10, 15, note=cold)
    yield Figure("  service beside wget -p", found["service"], wget, "wget -p", 10, 15, note=cold)
    yield Figure(
        "  beside Lighthouse",
        found["once"],
        found.get("lighthouse"),
        "Lighthouse",
        100,
        500,
        note="Every audit of the desktop preset, in a headless Chromium, on the same one core.",
    )


async def once_rate(url: str, count: int) -> float:
    """Weigh a page over and over with `weigh_once`, some at a time; pages per second."""
    return await _rate(url, count, KnownReadings())


async def new_rate(url: str, count: int) -> float:
    """The same for pages of which nothing is known."""
    return await _rate(url, count, None)


async def _rate(url: str, count: int, known: KnownReadings | None) -> float:
    async with Fetcher(per_host=PER_HOST) as fetcher:
        fetcher.known = known
        left = iter(range(count))

        async def weigh() -> None:
            for _ in left:
                require(await weigh_once(url, fetcher=fetcher))

        await asyncio.gather(*(weigh_once(url, fetcher=fetcher) for _ in range(AT_A_TIME)))
        began = time.perf_counter()
        await asyncio.gather(*(weigh() for _ in range(AT_A_TIME)))
        return count / (time.perf_counter() - began)


async def service_rate(url: str, count: int, base: str) -> float:
    """Submit a page over and over to a running service until all are weighed; pages per second.

    All are submitted at once; then the oldest that is not finished is looked at every few
    milliseconds, so that waiting costs the service next to nothing.
    """
    async with aiohttp.ClientSession(headers={"Accept": "application/json"}) as session:

        async def submit() -> str:
            async with session.post(f"{base}/pages", json={"url": url}) as answer:
                answer.raise_for_status()
                return str((await answer.json())["id"])

        async def look(page_id: str) -> Report:
            async with session.get(f"{base}/pages/{page_id}") as answer:
                answer.raise_for_status()
                return decode(await answer.read())

        began = time.perf_counter()
        ids = await asyncio.gather(*(submit() for _ in range(count)))
        for page_id in ids:
            while (report := await look(page_id)).finished_at is None:  # noqa: ASYNC110  no event
                await asyncio.sleep(0.005)
            require(report)
        took = time.perf_counter() - began
        for page_id in ids:
            async with session.delete(f"{base}/pages/{page_id}") as answer:
                answer.raise_for_status()
        return count / took


def require(report: Report) -> None:
    """Refuse a figure for work that was not done.

    Raises:
        ChildFailed: if a request or a byte is missing.
    """
    got = (report.total.requests, report.total.transfer_bytes, report.complete)
    if got != (page.REQUESTS, page.WIRE_BYTES, True):
        failed = [f"{a.url} {a.status} {a.error}" for a in report.assets if a.status != "fetched"]
        raise machine.ChildFailed(
            f"a page came to {got}, not {(page.REQUESTS, page.WIRE_BYTES, True)}: "
            f"{report.error} {failed[:5]}"
        )


def _child(function: str, core: int, url: str, count: int, **more: str) -> float:
    return float(machine.child(function, core=core, timeout=900.0, url=url, count=count, **more))


def _check(origin: Origin, service: Service, folder: Path, peers: Iterable[str]) -> None:
    """Everybody fetches the whole page, once, before anybody is measured (a warm-up, too)."""
    _child("weigh:once_rate", machine.cores()[0], origin.url, 1)
    _child("weigh:service_rate", machine.cores()[1], origin.url, 1, base=service.url)
    if "curl" in peers:
        sizes = machine.run([*_curl_command(origin, folder, 1), "-w", "%{size_download}\n"])
        assert sum(map(int, sizes.split())) == page.WIRE_BYTES, sizes
    if "wget" in peers:
        machine.run([*_wget_command(folder)[:-1], origin.url])
        files = [file for file in (folder / "wget").rglob("*") if file.is_file()]
        if len(files) != page.REQUESTS:
            raise machine.ChildFailed(f"wget -p took {len(files)} files of {page.REQUESTS}")


def _curl_command(origin: Origin, folder: Path, pages: int) -> list[str]:
    config = folder / f"curl-{pages}.cfg"
    lines = [f'url = "{url}"\noutput = "/dev/null"\n' for url in origin.urls]
    config.write_text("".join(lines) * pages, encoding="ascii")
    command = [machine.tool("curl"), "--silent", "--show-error", "--fail", "--parallel"]
    command += ["--parallel-max", str(PER_HOST), "--header", "Accept-Encoding: gzip"]
    return [*command, "--config", str(config)]


def _curl(origin: Origin, folder: Path, pages: int, *, core: int) -> float:
    """One curl for all pages; pages per second, its start included."""
    command = _curl_command(origin, folder, pages)
    return pages / _timed(command, core)


def _curl_each(origin: Origin, folder: Path, pages: int, *, core: int) -> float:
    command = _curl_command(origin, folder, 1)
    return pages / sum(_timed(command, core) for _ in range(pages))


def _wget_command(folder: Path) -> list[str]:
    command = [machine.tool("wget"), "--quiet", "--page-requisites", "--compression=auto"]
    command += ["--execute", "robots=off", "--directory-prefix", str(folder / "wget")]
    return [*command, "--delete-after"]


def _wget_each(origin: Origin, folder: Path, pages: int, *, core: int) -> float:
    command = [*_wget_command(folder), origin.url]
    return pages / sum(_timed(command, core) for _ in range(pages))


def _lighthouse(origin: Origin, folder: Path) -> list[str]:
    """Lighthouse from the PATH, with a browser from there.

    Raises:
        Lacking: if either is missing.
    """
    try:
        command = [machine.tool("lighthouse")]
    except machine.Lacking:
        raise machine.Lacking("there is no lighthouse (npm install --global lighthouse)") from None
    command += [origin.url, "--quiet", "--preset=desktop", "--output=json"]
    command += [f"--output-path={folder / 'lighthouse.json'}"]
    return [*command, "--chrome-flags=--headless=new --no-sandbox"]


def _timed(command: list[str], core: int) -> float:
    began = time.perf_counter()
    machine.run(command, core=core)
    return time.perf_counter() - began
