"""A page of 41 requests over TLS, HTTP/2 and a round trip of 50 ms, beside curl and a headless Chromium.

Each page is one that nobody has been to: new connections, nothing cached. curl is handed the 41 URLs
and asks for all at once; Chromium and Libra find them in the document and the style sheets. Beside that,
what 500 requests under way take of memory.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import machine, page
from benchmarks.figures import Figure, Rounds, Skipped
from benchmarks.origin import NGINX
from libra.network.libcurl.trust import trust
from libra.weighing import Fetcher, weigh_once
from libra.weighing.options import Limits, Options
from libra.weighing.orders.orders import Fetch, Reference

UNDER_WAY = 500


def measure(rounds: Rounds) -> Iterable[Figure | Skipped]:
    """Pages per second over a distance, and bytes of memory for a request under way."""
    subject, _, origin_core = machine.cores()
    count = rounds.pick(20, 5)
    with tempfile.TemporaryDirectory() as name, far_page(Path(name), origin_core) as (urls, ca):
        config = Path(name) / "curl.cfg"
        lines = [f'url = "{url}"\noutput = "/dev/null"\n' for url in urls]
        config.write_text("".join(lines), encoding="ascii")
        command = [machine.tool("curl"), "--silent", "--show-error", "--fail", "--parallel"]
        command += ["--http2", "--parallel-max", "50", "--header", "Accept-Encoding: gzip"]
        command += ["--cacert", ca, "--config", str(config)]
        sides = {
            "libra": lambda: _child("libra_rate", subject, url=urls[0], ca=ca, count=count),
            "curl": lambda: 1 / _timed(command, subject, count),
            "chromium": lambda: _child("chromium_rate", subject, url=urls[0], count=count),
        }
        try:
            sides["chromium"]()
        except machine.ChildFailed as error:
            rounds.skipped.append(Skipped("a distance beside Chromium", str(error)[-300:]))
            del sides["chromium"]
        found = rounds.in_turn(sides, "pages/s")
    what = "Pages weighed per second over TLS, HTTP/2 and 50 ms"
    yield Figure(what, found["libra"], found["curl"], "curl --parallel --http2", 0.75, 0.9)
    chromium = found.get("chromium")
    yield Figure("  beside a headless Chromium", found["libra"], chromium, "Chromium", 0.8, 1.2)
    port = machine.free_port()
    silent = [sys.executable, "-m", "benchmarks.far", str(port), "0"]
    with machine.serving(silent, core=origin_core, ready=lambda: machine.listens(port)):
        memory = rounds.in_turn(
            {"held": lambda: _child("bytes_under_way", subject, url=f"http://127.0.0.1:{port}/")},
            "B",
        )
    yield Figure(f"Bytes for each of {UNDER_WAY} requests under way", memory["held"])


@contextmanager
def far_page(folder: Path, core: int) -> Iterator[tuple[list[str], str]]:
    """The page behind TLS and a round trip: its 41 addresses, and the file of its certificate."""
    folder.chmod(0o755)  # nginx started by root reads as another user
    files = page.write_page(folder / "www")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    machine.run(
        [
            *(machine.tool("openssl"), "req", "-x509", "-newkey", "ec", "-nodes", "-days", "2"),
            *("-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(certificate)),
        ]
    )
    near, far = machine.free_port(), machine.free_port()
    listen = (
        f"{near} ssl http2 backlog=4096; ssl_certificate {certificate}; ssl_certificate_key {key}"
    )
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, listen=listen), encoding="ascii")
    nginx = [machine.tool("nginx", "nginx-light"), "-c", str(config), "-p", str(folder)]
    nginx += ["-e", str(folder / "error.log")]
    relay = [sys.executable, "-m", "benchmarks.far", str(far), str(near)]
    with (
        machine.serving(nginx, core=core, ready=lambda: machine.listens(near)),
        machine.serving(relay, core=core, ready=lambda: machine.listens(far)),
    ):
        yield [f"https://localhost:{far}/{file}" for file in files], str(certificate)


async def libra_rate(url: str, ca: str, count: int) -> float:
    """Weigh the page some times, each time over connections of its own; pages per second."""
    believed = trust(Path(ca))
    began = time.perf_counter()
    for _ in range(count):
        async with Fetcher(trust=believed) as fetcher:
            report = await weigh_once(url, fetcher=fetcher)
        got = (report.total.requests, report.total.transfer_bytes, report.complete)
        if got != (page.REQUESTS, page.WIRE_BYTES, True):
            raise machine.ChildFailed(f"a page came to {got}: {report.error}")
        if {asset.protocol for asset in report.assets} != {"h2"}:
            raise machine.ChildFailed("not all of it came over HTTP/2")
    return count / (time.perf_counter() - began)


async def chromium_rate(url: str, count: int) -> float:
    """Load the page some times in a browser, each time in a context of its own; pages per second."""
    from playwright.async_api import async_playwright  # noqa: PLC0415  only this side needs it

    from libra.weighing.rendered.browsers.browser import find_browser  # noqa: PLC0415  as above

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find_browser())
        took = 0.0
        for _ in range(count):
            context = await browser.new_context(ignore_https_errors=True)
            shown = await context.new_page()
            began = time.perf_counter()
            await shown.goto(url, wait_until="load")
            took += time.perf_counter() - began
            await context.close()
        await browser.close()
    return count / took


async def bytes_under_way(url: str) -> float:
    """What a request takes of memory whose answer has begun."""
    options = Options(limits=Limits(asset_seconds=600, page_seconds=600))
    async with Fetcher(per_host=UNDER_WAY + 10, connections=UNDER_WAY + 10) as fetcher:

        def begin(number: int) -> asyncio.Task[object]:
            order = Fetch(number, Reference(f"{url}{number}", "image"))
            return asyncio.create_task(fetcher.fetch(order, options))

        first = [begin(number) for number in range(10)]
        await asyncio.sleep(1)
        before = machine.resident_bytes()
        rest = [begin(number) for number in range(10, UNDER_WAY + 10)]
        await asyncio.sleep(3)
        after = machine.resident_bytes()
        for task in (*first, *rest):
            task.cancel()
        await asyncio.gather(*first, *rest, return_exceptions=True)
    return (after - before) / UNDER_WAY


def _child(function: str, core: int, **arguments: object) -> float:
    return float(machine.child(f"distance:{function}", core=core, timeout=900.0, **arguments))


def _timed(command: list[str], core: int, count: int) -> float:
    began = time.perf_counter()
    for _ in range(count):
        machine.run(command, core=core)
    return (time.perf_counter() - began) / count
