"""Chaos for as long as asked: ``PYTHONPATH=tests python -m chaos.soak --minutes 30 --seed 7``.

It goes in rounds. Each has a Libra, a database, a load and some drills of its own, chosen at random,
and ends with the judgement of its whole history. What a round does follows from the seed and its
number alone, so that ``--seed 7 --round 4`` does again what round 4 of seed 7 did.
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
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos import postgres_faults, sqlite_faults
from chaos.drill import Stage
from chaos.fault import Database, Fault, Nothing
from chaos.history import History
from chaos.load import Load, Rates
from chaos.origin import running_origin
from chaos.postgres_faults import Server
from chaos.proxy import Proxy
from chaos.service import Service
from chaos.sqlite_faults import SQLiteFile
from support.needs import may_mount
from support.postgres import running_postgres

DRILLS = 8
"""Drills in a round: some two minutes."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A database and what can happen to it."""

    database: Database
    faults: list[Fault]
    flags: tuple[str, ...] = ()


def main() -> int:
    """Run rounds until the time is over or something is wrong; 0 if all went well, 1 if not."""
    parser = argparse.ArgumentParser(prog="chaos.soak", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--minutes", type=float, default=10, help="begin no round after this time")
    parser.add_argument("--seed", type=int, default=None, help="do again what that seed did")
    parser.add_argument("--round", type=int, default=None, help="only that round of it")
    parser.add_argument("--engine", choices=["postgres", "sqlite"], help="only that database")
    arguments = parser.parse_args()
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    say(f"seed {seed}")
    until = time.monotonic() + arguments.minutes * 60
    number = 1 if arguments.round is None else arguments.round
    while time.monotonic() < until:
        rng = random.Random(f"{seed}-{number}")
        engine = arguments.engine or rng.choice(["postgres", "postgres", "sqlite"])
        say(f"round {number}: {engine}")
        if not asyncio.run(play(engine, rng)):
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
        service = Service(directory, scene.database.url, history, *scene.flags)
        await stack.enter_async_context(service)
        rates = Rates(submit=rng.uniform(2, 20), slow=rng.uniform(0, 0.5), odd=0.05)
        load = Load(service.url, origin, history, rates=rates, rng=random.Random(rng.random()))
        await stack.enter_async_context(load)
        stage = Stage(service, load, history, scene.database)
        for _ in range(DRILLS):
            await _drill(stage, rng.choice(scene.faults), rng)
        try:
            await stage.passed(directory, refused=frozenset(load.odd))
        except AssertionError as wrong:
            say(str(wrong))
            return False
    shutil.rmtree(directory)
    return True


def say(words: str) -> None:
    """Tell who started it."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


async def _drill(stage: Stage, fault: Fault, rng: random.Random) -> None:
    kills = 0 if fault.destroys and not fault.late else rng.choice([0, 0, 1, 3])
    if kills:
        say(f"  {fault.name}, and Libra killed {kills} times")
        await stage.kill_during(fault, rng, times=kills)
    else:
        # On the instance, so that the next drill begins from the fault's own time again.
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
