"""A hundred hostile pages, and clients that mean harm: nobody else notices, nothing is killed."""

from __future__ import annotations

import os
import random
import select
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import pytest

from chaos.drill import Outcome, Stage
from chaos.history import History
from chaos.hostility import HostileClients, HostilePages
from chaos.load import Load, Rates
from chaos.origin import running_origin
from chaos.quiet import Pressure
from chaos.service import Service
from chaos.sqlite_faults import SQLiteFile
from support.asking import PATIENCE, eventually
from support.needs import cgroups, needs
from support.siege import besieged

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

RATES = Rates(submit=2, read=100, slow=0.1, odd=0, follow=2, delete=0.2)

SLOWEST_READ = 0.25
"""Seconds that no read may take, what the machine held it up left out."""

DELAY = 1.0
"""Seconds by which pages that use all the time they may delay an innocent one at the most."""

CGROUP_BYTES = 1 << 30


async def test_a_hundred_hostile_pages_slow_nobody_down(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        stage = await under_load(stack, tmp_path)
        urls = await stack.enter_async_context(besieged())
        outcome = await stage.drill(HostilePages(stage.service, stage.load, urls), calm=5)
        assert slowest(outcome) < SLOWEST_READ
        await stage.passed(tmp_path)


async def test_hostile_clients_slow_nobody_down(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        stage = await under_load(stack, tmp_path)
        clients = HostileClients(stage.service, stage.load, random.Random(3))
        clients.hold = 5.0
        outcome = await stage.drill(clients, calm=3)
        assert slowest(outcome) < SLOWEST_READ
        await stage.passed(tmp_path)


async def test_four_pages_that_use_all_their_time_delay_an_innocent_one_by_less_than_a_second(
    tmp_path: Path,
) -> None:
    history = History()
    async with (
        running_origin() as origin,
        besieged() as urls,
        serving(tmp_path, history) as service,
    ):
        alone = [await weighed(service, f"{origin}/page/{number}") for number in range(5)]
        greedy = [url for url in urls if "/cpu?" in url or url.endswith("/memory")][:4]
        pressure = Pressure()
        for url in greedy:
            await submitted(service, url)
        beside = [await weighed(service, f"{origin}/page/{number}") for number in range(5, 15)]
        held_up = pressure.seconds() / len(beside)
        assert statistics.median(beside) - statistics.median(alone) < DELAY + held_up
        assert max(beside) - max(alone) < DELAY + pressure.seconds()


@pytest.mark.patient
@needs("a cgroup of its own")
async def test_in_a_gigabyte_a_hundred_hostile_pages_have_nothing_killed_by_the_kernel(
    tmp_path: Path, cgroup: Path
) -> None:
    history = History()
    join = ("sh", "-c", f'echo $$ > "{cgroup}/cgroup.procs"; exec "$@"', "sh")
    async with (
        besieged() as urls,
        # Pages that never answer only wait; the most that is taken is the same with 10 seconds.
        serving(tmp_path, history, within=join, page_timeout="5s") as service,
    ):
        pages = [await submitted(service, url) for url in urls]

        async def all_ended() -> bool:
            found = (await service.health())["pages"]
            return not any(found[one] for one in ("queued", "fetching", "weighing"))

        await eventually(all_ended, "each page ends", within=PATIENCE)
        assert len(pages) == len(urls)
    assert killed_by_the_kernel(cgroup) == 0


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """One of a gigabyte, with no swap beside it."""
    root = cgroups()
    assert root is not None
    made = root / f"libra-{os.getpid()}"
    made.mkdir()
    limit = made / "memory.max"
    (limit if limit.exists() else made / "memory.limit_in_bytes").write_text(str(CGROUP_BYTES))
    swap = made / "memory.swap.max"
    if swap.exists():
        swap.write_text("0")
    yield made
    # Parsers end when the program has.
    for process in (made / "cgroup.procs").read_text().split():
        with suppress(ProcessLookupError):
            ending = os.pidfd_open(int(process))
            select.select([ending], [], [], PATIENCE)
            os.close(ending)
    made.rmdir()


def killed_by_the_kernel(cgroup: Path) -> int:
    """How many processes of a cgroup were killed for their memory."""
    for name in ("memory.events", "memory.oom_control"):
        file = cgroup / name
        if file.exists():
            words = dict(line.split() for line in file.read_text().splitlines())
            return int(words["oom_kill"])
    raise AssertionError(f"{cgroup} does not tell whether anything was killed")


async def under_load(stack: AsyncExitStack, directory: Path) -> Stage:
    history = History()
    origin = await stack.enter_async_context(running_origin())
    service = await stack.enter_async_context(serving(directory, history))
    load = Load(service.url, origin, history, rates=RATES, rng=random.Random(1))
    await stack.enter_async_context(load)
    return Stage(service, load, history, SQLiteFile(directory / "libra.sqlite3"))


@asynccontextmanager
async def serving(
    directory: Path,
    history: History,
    within: tuple[str, ...] = (),
    page_timeout: str = "10s",
) -> AsyncIterator[Service]:
    database = SQLiteFile(directory / "libra.sqlite3")
    flags = ("--page-timeout", page_timeout)
    async with Service(directory, database.url, history, *flags, within=within) as service:
        yield service


async def submitted(service: Service, url: str) -> str:
    async with service.session.post("/pages", json={"url": url}) as answer:
        assert answer.status == 202
        return str((await answer.json())["id"])


async def weighed(service: Service, url: str) -> float:
    """Seconds until a page is weighed, wholly."""
    began = time.monotonic()
    page = await submitted(service, url)
    async with service.session.get(f"/pages/{page}/events") as events:
        async for _ in events.content:
            pass  # it ends when the page is finished
    took = time.monotonic() - began
    async with service.session.get(f"/pages/{page}.json") as answer:
        report = await answer.json()
    assert (report["status"], report["complete"]) == ("weighed", True)
    return took


def slowest(outcome: Outcome) -> float:
    """Seconds that the slowest read took, what the machine held it up left out."""
    return max(outcome.during.own)
