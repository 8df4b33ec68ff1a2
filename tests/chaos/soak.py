"""Chaos for as long as asked: ``PYTHONPATH=tests python -m chaos.soak --minutes 30 --seed 7``.

It goes in rounds. Each has a Libra, a database, a load and some drills of its own, chosen at random,
and ends with the judgement of its whole history. What a round does follows from the seed and its
number alone, so that ``--seed 7 --round 4`` does again what round 4 of seed 7 did.

``--seeds 20`` soaks with one seed after the other on each engine; see `chaos.campaign`.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos import postgres_faults, sqlite_faults
from chaos.campaign import ENGINES, Campaign
from chaos.drill import Stage
from chaos.fault import Database, Fault, Nothing, Together
from chaos.history import History
from chaos.hostility import HostileClients, HostilePages
from chaos.load import Load, Rates
from chaos.origin import running_origin
from chaos.postgres_faults import Server
from chaos.service import Service
from chaos.sqlite_faults import SQLiteFile
from differential.areas import AREAS
from differential.chromium import Chromium
from differential.running import run
from support.needs import may_mount
from support.postgres import running_postgres
from support.proxy import Proxy
from support.siege import besieged

PAGES = 500
"""Pages in a round that compares what they ask for with what a browser does."""

DRILLS = 8
"""Drills in a round: some two minutes."""

MINUTES = 6.0
"""Of each seed on each engine, where there are many."""

PAGE_TIMEOUT = "15s"
"""So that a round need not wait longer for pages that never end."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A database and what can happen to it."""

    database: Database
    faults: list[Fault]
    flags: tuple[str, ...] = ()


def main() -> int:
    """Run rounds until the time is over or something is wrong; 0 if all went well, 1 if not."""
    parser = argparse.ArgumentParser(prog="chaos.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, help="start no round after this many minutes (10)")
    parser.add_argument("--seed", type=int, default=None, help="repeat the run of this seed")
    parser.add_argument("--round", type=int, default=None, help="only this round of the run")
    parser.add_argument("--engine", choices=[*ENGINES, "pages"], help="only this engine")
    many = parser.add_argument_group("many seeds")
    many.add_argument(
        "--seeds", type=int, help="number of seeds, from --seed (1) on, on each engine"
    )
    many.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="file for the results; runs of this commit that are in it are not repeated",
    )
    many.add_argument(
        "--side-by-side", type=int, default=1, help="number of runs at the same time (1)"
    )
    arguments = parser.parse_args()
    if arguments.seeds is not None:
        first = 1 if arguments.seed is None else arguments.seed
        campaign = Campaign(
            range(first, first + arguments.seeds),
            ENGINES if arguments.engine is None else (arguments.engine,),
            minutes=arguments.minutes or MINUTES,
            results=arguments.resume,
        )
        return asyncio.run(campaign.run(side_by_side=arguments.side_by_side))
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    say(f"seed {seed}")
    until = time.monotonic() + (arguments.minutes or 10) * 60
    number = 1 if arguments.round is None else arguments.round
    while time.monotonic() < until:
        rng = random.Random(f"{seed}-{number}")
        engine = arguments.engine or rng.choice(["postgres", "postgres", "sqlite", "pages"])
        say(f"round {number}: {engine}")
        if not asyncio.run(compare(rng) if engine == "pages" else play(engine, rng)):
            say(f"to do it again: --seed {seed} --round {number} --engine {engine}")
            return 1
        if arguments.round is not None:
            break
        number += 1
    return 0


async def play(engine: str, rng: random.Random) -> bool:
    """One round; whether all went well."""
    directory = Path(tempfile.mkdtemp(prefix="libra-soak-"))
    scenes = {"postgres": _postgres, "sqlite": _sqlite}
    history = History()
    async with AsyncExitStack() as stack:
        scene = await stack.enter_async_context(scenes[engine](directory))
        origin = await stack.enter_async_context(running_origin())
        flags = (*scene.flags, "--page-timeout", PAGE_TIMEOUT)
        service = Service(directory, scene.database.url, history, *flags)
        await stack.enter_async_context(service)
        rates = Rates(submit=rng.uniform(2, 20), slow=rng.uniform(0, 0.5), odd=0.05)
        load = Load(service.url, origin, history, rates=rates, rng=random.Random(rng.random()))
        await stack.enter_async_context(load)
        stage = Stage(service, load, history, scene.database)
        hostile = [
            HostilePages(service, load, await stack.enter_async_context(besieged())),
            HostileClients(service, load, rng),
        ]
        for _ in range(DRILLS):
            await _drill(stage, _chosen(scene.faults, hostile, rng), rng)
        try:
            await stage.passed(directory, refused=frozenset(load.odd))
        except AssertionError as wrong:
            say(str(wrong))
            return False
    shutil.rmtree(directory)
    return True


async def compare(rng: random.Random) -> bool:
    """Pages that nobody has seen before, weighed and shown by a browser; whether all agreed."""
    async with Chromium() as chromium:
        return not await run(rng.choice(sorted(AREAS)), rng.randrange(10**6), chromium, cases=PAGES)


def say(words: str) -> None:
    """Tell who started it."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def _chosen(faults: Sequence[Fault], hostile: Sequence[Fault], rng: random.Random) -> Fault:
    """A fault of the database, people who mean harm, or one with the other."""
    who = rng.choice([None, None, None, *hostile])
    if who is None:
        return rng.choice(faults)
    # What has to be weighed again and again meanwhile would be two faults to look for.
    beside = [fault for fault in faults if fault.part is not None and not fault.destroys]
    return Together(rng.choice(beside), who) if rng.random() < 0.5 else who


async def _drill(stage: Stage, fault: Fault, rng: random.Random) -> None:
    may_kill = fault.kills and (fault.late or not fault.destroys)
    kills = rng.choice([0, 0, 1, 3]) if may_kill else 0
    if kills:
        say(f"  {fault.name}, and Libra killed {kills} times")
        await stage.kill_during(fault, rng, times=kills)
    else:
        # On the instance, so that the next drill begins from the fault's own time again.
        if not isinstance(fault, Together):
            fault.hold = type(fault).hold * rng.uniform(0.5, 3.0)
        say(f"  {await stage.drill(fault)}")


@asynccontextmanager
async def _postgres(_directory: Path) -> AsyncIterator[Scene]:
    with running_postgres() as postgres:
        async with Proxy(postgres.port) as proxy:
            server = Server(postgres, proxy)
            disk = postgres_faults.DiskFull(server)
            full: list[Fault] = [disk] if may_mount() else []
            try:
                yield Scene(
                    server,
                    [*postgres_faults.every_fault(server), *full, Nothing()],
                    ("--migrate",),
                )
            finally:
                server.let_go()
                disk.unmount()


@asynccontextmanager
async def _sqlite(directory: Path) -> AsyncIterator[Scene]:
    path = directory / "libra.sqlite3"
    yield Scene(SQLiteFile(path), [*sqlite_faults.every_fault(path), Nothing()])


if __name__ == "__main__":
    sys.exit(main())
