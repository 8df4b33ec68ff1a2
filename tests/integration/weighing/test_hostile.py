"""The worst of the web, weighed by a Libra that meanwhile goes on answering for its other pages."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest

from libra.app import Libra, Report
from libra.report import KINDS
from libra.settings import Settings
from libra.testing import finished
from libra.weighing.html.document_walk import parse_html
from support.arrivals import arrivals
from support.hostile_server import HostileServer, large_html
from support.loop_clock import Clock
from support.site import WebSite
from support.work import cost

PATIENCE = 100.0
"""Seconds that each page and asset is given: they end by themselves, or when the test says so."""

HANGING = {"/silent": 0, "/silent-body": 38, "/drip": 1}
"""What ends at a deadline alone, and how much of it comes before."""

LARGE = 2_000_000
"""Bytes of a page that it would take far too long to read on the event loop."""

SERVE = f"""
import asyncio
from support.hostile_server import HostileServer, large_html

async def main():
    large_html({LARGE})
    async with HostileServer() as server:
        print(server.url(""), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, input)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def hostile() -> Iterator[str]:
    """A hostile server in a process of its own, so that its work is not taken for Libra's."""
    with subprocess.Popen(
        [sys.executable, "-c", SERVE],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        yield server.stdout.readline().strip()
        server.terminate()


@pytest.fixture
async def hanging() -> AsyncIterator[HostileServer]:
    """One that tells the test what it is asked for, and has no work to do but to hang."""
    async with HostileServer() as server:
        yield server


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return msgspec.structs.replace(
        settings, page_timeout=PATIENCE, asset_timeout=PATIENCE, limits=("assets=500",)
    )


EXPECTED = {
    f"/large?{LARGE}": ("weighed", True, None),
    "/many?500": ("weighed", False, None),  # one more asset than the limit allows
    "/silent": ("failed", False, "timeout:"),
    "/silent-body": ("weighed", False, "timeout:"),
    "/drip": ("weighed", False, "timeout:"),
    "/interim": ("failed", False, "bad-answer:"),
    "/tiny-chunks": ("weighed", False, "bad-answer:"),
    "/redirects-for-ever": ("failed", False, "redirect-loop:"),
    "/redirects-to-itself": ("failed", False, "redirect-loop:"),
    "/invalid-utf8": ("weighed", True, None),
    "/gzip-cut-short": ("weighed", False, "decode:"),
    "/deep": ("weighed", True, None),
}


@pytest.fixture(scope="module")
def yardstick() -> float:
    """Seconds of a processor that the large page takes to be parsed, on this machine."""
    html = large_html(LARGE).body
    with cost() as spent:
        parse_html(html)
        return spent()


@pytest.fixture
def own_garbage() -> Iterator[None]:
    """What thousands of tests before it left is no part of a turn: to look through it takes 0.2 s."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("own_garbage")
@pytest.mark.parametrize("path", EXPECTED)
async def test_a_hostile_page_ends_with_a_true_report_and_holds_up_nobody(
    path: str,
    hostile: str,
    hanging: HostileServer,
    site: WebSite,
    settings: Settings,
    yardstick: float,
) -> None:
    status, complete, error = EXPECTED[path]
    async with Libra.open(settings) as libra:
        other = await libra.weigh(site.url())
        await finished(libra, other)
        turns: list[float] = []
        reader = asyncio.create_task(read_on(libra, other, turns))
        with arrivals() as arrived:
            if path in HANGING:
                page_id = await libra.weigh(hanging.url(path))
                await hanging.requested(1)
                await arrived(HANGING[path])
                Clock(asyncio.get_running_loop()).move(PATIENCE)
            else:
                page_id = await libra.weigh(f"{hostile}{path}")
            report = await finished(libra, page_id)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
    assert max(turns) < yardstick, "the loop was held"
    assert (report.status, report.complete) == (status, complete or report.complete)
    assert_true(report)
    if error is not None:
        errors = [report.error, *(asset.error for asset in report.assets)]
        assert any(e is not None and e.startswith(error) for e in errors)
        assert not report.complete


async def read_on(libra: Libra, page_id: str, turns: list[float]) -> None:
    """Somebody who reads another page all the time, and what the loop's thread spends in between."""
    before = time.thread_time()
    while True:
        await libra.report(page_id)
        await asyncio.sleep(0)
        now = time.thread_time()
        turns.append(now - before)
        before = now


def assert_true(report: Report) -> None:
    """The sums are the sums, whatever happened."""
    counted = [asset for asset in report.assets if asset.status != "skipped"]
    assert report.total.requests == len(counted)
    for field in ("requests", "transfer_bytes", "resource_bytes"):
        total = getattr(report.total, field)
        assert total == sum(getattr(report.by_kind[kind], field) for kind in KINDS)
        assert total == sum(getattr(host, field) for host in report.by_host.values())
        if field != "requests":
            assert total == sum(getattr(asset, field) for asset in report.assets)
    for asset in report.assets:
        assert asset.status != "pending"
        assert asset.status != "failed" or asset.error
    if report.complete:
        assert report.error is None
