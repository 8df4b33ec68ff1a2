"""Whatever a page does to its browser, its driver or its memory, it does to itself alone."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from integration.weighing.rendered.conftest import GATE
from integration.weighing.rendered.test_browsers import gone
from libra.report import Report
from libra.testing.pages import Page, PageServer, Request, html, script
from libra.weighing import Limits
from libra.weighing.rendered import BrowserEnds, BrowserPool
from libra.weighing.rendered.browsers import driver
from libra.weighing.rendered.browsers.browser import has_sandbox
from support.visits import PATIENT, by_path, check_sums, ended, image, visit

# A browser for each page, and what they take.
pytestmark = [pytest.mark.chaos, pytest.mark.patient, pytest.mark.asyncio(loop_scope="session")]

GREEDY = (
    "<script>const kept = []; setInterval(() => kept.push(new Uint8Array(2e7).fill(1)), 0)</script>"
)
WORDY = "<script>fetch('/?' + 'x'.repeat(1.5e6))</script>"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def small(chromium: str) -> AsyncIterator[BrowserPool]:
    """Browsers that may not take much."""
    async with BrowserPool(executable=chromium, gate=GATE, size=2, memory=600_000_000) as own:
        yield own


def driver_of(process: int) -> int:
    """The driver that has started a browser."""
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


async def until_held_by(page: asyncio.Task[Report], web: PageServer) -> None:
    """Wait until a page asks for what is held back, or ends before, which is an error."""
    held = asyncio.ensure_future(web.until_held())
    await asyncio.wait({page, held}, return_when=asyncio.FIRST_COMPLETED)
    assert held.done(), f"the page beside ended: {page.result().error}"


async def test_a_page_that_takes_all_memory_fails_with_that_and_the_one_beside_it_does_not(
    web: PageServer, small: BrowserPool
) -> None:
    web.site["/greedy"] = html(GREEDY)
    web.site["/beside"] = html("<img src=/held.png>")
    web.site["/held.png"] = Page(image().body, "image/gif", held=True)
    beside = asyncio.create_task(visit(web.url("/beside"), small, until=ended("/held.png")))
    await until_held_by(beside, web)
    before = small.ends.out_of_memory
    report = await visit(web.url("/greedy"), small)
    web.gate.set()
    assert report.status == "failed"
    assert report.error == (
        "out-of-memory: the page makes its browser use more than 600,000,000 bytes"
    )
    assert web.paths().count("/greedy") == 2
    assert small.ends == BrowserEnds(out_of_memory=before + 2)
    assert (await beside).complete


async def test_an_ordinary_page_does_not_come_near_the_limit(
    web: PageServer, small: BrowserPool
) -> None:
    web.site["/"] = html("".join(f"<img src=/{n}.png>" for n in range(20)))
    for n in range(20):
        web.site[f"/{n}.png"] = image(100_000)
    assert (await visit(web.url(), small)).complete


async def test_a_page_that_says_too_much_at_once_ends_its_own_driver_only(
    web: PageServer, victims: BrowserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "MESSAGE_BYTES", 1_200_000)
    web.site["/wordy"] = html(WORDY)
    web.site["/beside"] = html("<img src=/held.png>")
    web.site["/held.png"] = Page(image().body, "image/gif", held=True)
    beside = asyncio.create_task(visit(web.url("/beside"), victims, until=ended("/held.png")))
    await until_held_by(beside, web)
    report = await visit(web.url("/wordy"), victims)
    web.gate.set()
    assert report.status == "failed"
    assert (report.error or "").startswith("browser: the browser sent a message of 1,5")
    assert (await beside).complete


async def test_a_driver_that_dies_costs_its_page_one_more_try_alone(
    web: PageServer, victims: BrowserPool
) -> None:
    used: list[int] = []

    def strike(request: Request) -> Page:
        used.extend(set(victims.processes) - {other.process_id})
        if len(used) == 1:
            os.kill(driver_of(used[0]), signal.SIGKILL)
        return image(444)

    web.site["/"] = html("<img src=/i.png>")
    web.site["/i.png"] = strike
    async with victims.browser() as other:
        report = await visit(web.url(), victims)
        assert await other.answers()  # it has a driver of its own
    assert (report.status, report.complete) == ("weighed", True)
    assert by_path(report)["/i.png"].transfer_bytes == 444
    assert other.process_id not in used
    assert used[0] != used[1]
    assert used[1] not in victims.processes  # nobody else gets it
    for process in used:
        await gone(process)


@pytest.mark.parametrize(
    "asking",
    [
        "<script>for (let n = 0; n < 50; n++) new Image().src = `/${n}.png`</script>",
        "<script>for (let n = 0; n < 50; n++) fetch(`/${n}.png`)</script>",
        "<script>new Worker('/worker.js')</script>",
        "<script>new SharedWorker('/worker.js')</script>",
    ],
    ids=["images", "fetch", "worker", "shared worker"],
)
async def test_no_page_gets_more_assets_than_it_may_however_it_asks(
    web: PageServer, browsers: BrowserPool, asking: str
) -> None:
    web.site["/"] = html(asking)
    # What a shared worker does at its very start may be missed, so it goes on for a while.
    web.site["/worker.js"] = script("let n = 0; setInterval(() => fetch(`/${n++ % 50}.png`), 10)")
    for n in range(50):
        web.site[f"/{n}.png"] = image()
    limits = Limits(page_seconds=100, asset_seconds=100, assets=20)
    report = await visit(web.url(), browsers, limits=limits, until=lambda _: False)
    check_sums(report)
    assert report.error == "too-many-assets: more than 20"
    assert (report.status, report.complete) == ("weighed", False)
    assert report.total.requests == 20


async def test_what_a_shared_worker_fetches_weighs(web: PageServer, browsers: BrowserPool) -> None:
    web.site["/"] = html("<script>new SharedWorker('/shared.js')</script>")
    web.site["/shared.js"] = script("setInterval(() => fetch('/data'), 1000)")
    web.site["/data"] = Page(b"x" * 5_000, "text/plain")
    # It never comes to rest if its first wishes went unheard: see `workers`.
    report = await visit(web.url(), browsers, until=ended("/data"))
    assert 5_000 in {a.transfer_bytes for a in report.assets if a.url == web.url("/data")}


def _left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


LEAVES_ALL = """
import asyncio, os, signal, sys
from libra.weighing.rendered import BrowserPool

async def main():
    async with BrowserPool(executable=sys.argv[1]) as pool, pool.browser() as browser:
        os.kill(browser.process_id, signal.SIGSTOP)  # it will not notice that it is alone
        print(browser.process_id, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_a_killed_program_left_is_removed_at_the_next_start(
    chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Not pytest's: sockets are made there, whose paths must be short.
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        await leave_and_start(chromium, Path(folder))


async def leave_and_start(chromium: str, folder: Path) -> None:
    killed = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LEAVES_ALL, chromium),
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
    )
    out, _ = await killed.communicate()
    assert len(_left(folder)) == 1
    async with BrowserPool(executable=chromium):
        assert _left(folder) == []
    await gone(int(out))


async def test_what_does_not_confine_browsers_is_said_once(
    web: PageServer, chromium: str, caplog: pytest.LogCaptureFixture
) -> None:
    web.site["/"] = html("")
    async with BrowserPool(executable=chromium, gate=GATE) as pool:
        for _ in range(2):
            assert (await visit(web.url(), pool, limits=PATIENT)).complete
            for process in pool.processes:
                os.kill(process, signal.SIGKILL)
        said = [record.message for record in caplog.records if "sandbox" in record.message]
        assert said == ([] if has_sandbox() else [f"browsers run {pool.shortcomings[0]}"])
