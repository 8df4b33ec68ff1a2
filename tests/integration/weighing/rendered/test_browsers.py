"""Browsers that crash, hang or grow old are replaced, and cost no page but their own."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import pytest

from libra.testing.pages import Page, PageServer, Request, html, redirect
from libra.weighing.rendered import BrowserPool
from support.asking import PATIENCE, eventually
from support.loop_clock import Clock
from support.visits import ENDLESS, by_path, image, visit

# Browsers are ended on purpose, and new ones started.
pytestmark = [pytest.mark.chaos, pytest.mark.patient, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.parametrize("blow", [signal.SIGKILL, signal.SIGSTOP, signal.SIGSEGV])
async def test_a_browser_that_dies_or_hangs_costs_its_page_one_more_try(
    web: PageServer, victims: BrowserPool, blow: signal.Signals, clock: Clock
) -> None:
    struck: list[int] = []
    waiting: list[asyncio.Task[None]] = []

    def strike(request: Request) -> Page:
        if not struck:
            struck.append(victims.processes[-1])
            os.kill(struck[0], blow)
            if blow == signal.SIGSTOP:
                waiting.append(asyncio.create_task(wait()))
        return image(444)

    async def wait() -> None:
        """Time passes as long as the browser hangs, and not while it ends or another one starts."""

        async def hangs() -> bool:
            return is_stopped(struck[0])

        await eventually(hangs, "the browser has stopped", within=PATIENCE)
        while is_stopped(struck[0]):
            clock.move(1)
            await asyncio.sleep(0)

    web.site["/"] = html("<img src=/i.png>")
    web.site["/i.png"] = strike
    report = await visit(web.url(), victims, limits=ENDLESS)
    assert struck
    await asyncio.gather(*waiting)
    assert (report.status, report.complete) == ("weighed", True)
    assert by_path(report)["/i.png"].transfer_bytes == 444
    assert web.paths().count("/") == 2
    await gone(struck[0])


async def test_a_page_that_always_kills_its_browser_fails_and_no_other(
    web: PageServer, victims: BrowserPool
) -> None:
    def strike(request: Request) -> Page:
        os.kill(victims.processes[-1], signal.SIGKILL)
        return image()

    web.site["/"] = html("<img src=/i.png>")
    web.site["/i.png"] = strike
    web.site["/ok"] = html("")
    report = await visit(web.url(), victims)
    assert report.status == "failed"
    # Which of the two it is depends on what the driver tells first.
    assert report.error in {"browser: it crashed", "browser: it does not respond"}
    assert (await visit(web.url("/ok"), victims)).complete


async def test_a_page_that_crashes_fails_and_no_other(
    web: PageServer, victims: BrowserPool
) -> None:
    web.site["/"] = redirect("chrome://crash/")
    web.site["/ok"] = html("")
    assert (await visit(web.url(), victims)).status == "failed"
    assert (await visit(web.url("/ok"), victims)).complete


async def test_a_browser_found_dead_is_replaced(web: PageServer, victims: BrowserPool) -> None:
    web.site["/"] = html("")
    assert (await visit(web.url(), victims)).complete
    process = victims.processes[-1]
    os.kill(process, signal.SIGKILL)
    assert (await visit(web.url(), victims)).complete
    assert process not in victims.processes


async def test_a_browser_that_was_killed_serves_no_other_page(victims: BrowserPool) -> None:
    async with victims.browser() as taken:
        await taken.kill()
        assert not taken.alive
    assert taken.process_id not in victims.processes


async def test_one_browser_serves_page_after_page_and_is_replaced_in_time(
    victims: BrowserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    processes: list[int] = []
    for _ in range(3):
        async with victims.browser() as taken:
            if not processes:
                monkeypatch.setattr(
                    "libra.weighing.rendered.browsers.pool.PAGES_PER_BROWSER", taken.pages + 2
                )
            processes.append(taken.process_id)
    assert processes[0] == processes[1] != processes[2]


async def test_no_more_browsers_run_than_the_pool_may_have(victims: BrowserPool) -> None:
    together = most = 0
    both = asyncio.Barrier(2)

    async def use() -> None:
        nonlocal together, most
        async with victims.browser() as taken:
            together += 1
            most = max(most, together)
            await both.wait()
            assert await taken.answers()
            together -= 1

    await asyncio.gather(*(use() for _ in range(6)))
    assert len(victims.processes) <= 2
    assert most == 2


async def test_a_cancelled_page_gives_its_browser_back(
    web: PageServer, victims: BrowserPool
) -> None:
    asked = asyncio.Event()

    def note(request: Request) -> Page:
        asked.set()
        return html("<script>setInterval(() => fetch('/x'), 100)</script>")

    web.site["/"] = note
    web.site["/ok"] = html("")
    task = asyncio.create_task(visit(web.url(), victims))
    await asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await visit(web.url("/ok"), victims)).complete


async def test_nothing_is_left_when_the_pool_closes(
    chromium: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with BrowserPool(executable=chromium) as pool:
        async with pool.browser() as browser:
            assert await browser.answers()
        processes = pool.processes
        assert len(_profiles(tmp_path)) == 1
    assert processes
    assert _profiles(tmp_path) == []
    for process in processes:
        await gone(process)


def _profiles(folder: Path) -> list[Path]:
    return list(folder.glob("libra-browser-*"))


def is_stopped(process: int) -> bool:
    """Whether SIGSTOP holds a process; SIGKILL ends that at once, before the process has ended."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(") ")[2].startswith("T")


async def gone(process: int) -> None:
    """Wait until a process has ended."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    await ended.wait()
    loop.remove_reader(descriptor)
    os.close(descriptor)
