"""Breaks a cluster under load and has all that was seen judged.

``PYTHONPATH=tests python -m chaos.cluster.drill --seed 7 "an inspector killed" "a leader frozen"``
does these two, one after the other, to one cluster; without names it does all of them, in an order that
the seed decides. ``--list`` says what there is.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import secrets
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import asyncpg  # type: ignore[import-untyped]  # it has none

from chaos.checker import Contradiction, one_of_each
from chaos.cluster.checker import contradictions
from chaos.cluster.faults import FAULTS, Scene
from chaos.cluster.history import Final, History, Kept
from chaos.cluster.links import Links
from chaos.cluster.load import Load, Rates
from chaos.cluster.machine import machine_watched
from chaos.cluster.recorder import Recorder
from chaos.history import digest
from chaos.origin import running_origin
from libra.report import FINISHED
from support.asking import PATIENCE, Late, eventually
from support.cluster import INSPECTORS, WEB, Cluster, Node
from support.nats import NatsServers
from support.postgres import Postgres

SHARDS = 3
HOLD = 10.0
"""Seconds that a fault lasts once it is in force."""
BETWEEN = 4.0
"""Seconds of load before the first fault and after each."""


class _Nowhere:
    """A page that a node says there is not: an answer, and no page."""


_NOWHERE = _Nowhere()


def main() -> int:
    """Do what was asked for; 0 if nothing was found, else 1."""
    parser = argparse.ArgumentParser(prog="chaos.cluster.drill", description=__doc__)
    parser.add_argument(
        "faults", nargs="*", metavar="FAULT", help="names of faults; all by default"
    )
    parser.add_argument("--seed", type=int, default=None, help="repeat the run of this seed")
    parser.add_argument("--hold", type=float, default=HOLD, help="seconds that each fault lasts")
    parser.add_argument("--each", action="store_true", help="a new cluster for each fault")
    parser.add_argument("--list", action="store_true", help="list the faults and do nothing")
    arguments = parser.parse_args()
    if arguments.list:
        say("\n".join(FAULTS))
        return 0
    if unknown := set(arguments.faults) - FAULTS.keys():
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; --list shows all faults")
    seed = secrets.randbelow(10**6) if arguments.seed is None else arguments.seed
    rng = random.Random(seed)
    names = arguments.faults or rng.sample(list(FAULTS), len(FAULTS))
    say(f"seed {seed}")
    rounds = [[name] for name in names] if arguments.each else [names]
    return max(_round(names, rng, arguments.hold) for names in rounds)


def _round(names: Sequence[str], rng: random.Random, hold: float) -> int:
    history, wrong = asyncio.run(drill(names, rng, hold=hold))
    for found, count in wrong:
        say(f"{found} ({count} such)")
    if wrong:
        path = Path(tempfile.mkdtemp(prefix="libra-drill-")) / "history.jsonl"
        history.write(path)
        say(f"history: {path}")
    return 1 if wrong else 0


async def drill(
    names: Sequence[str],
    rng: random.Random,
    *,
    hold: float = HOLD,
    inspectors: Sequence[str] = INSPECTORS,
    rates: Rates | None = None,
) -> tuple[History, list[tuple[Contradiction, int]]]:
    """Do faults to a cluster of its own; what was seen, and what is wrong with it.

    Args:
        names: of the faults, one after the other.
        rng: decides what they are done to, and what clients do.
        hold: seconds that each lasts.
        inspectors: the names of the inspectors.
        rates: what clients do in a second.
    """
    history = History()
    if (task := asyncio.current_task()) is not None:
        # Who is told to end takes with it what it started.
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    final: Final | None = None
    quiet, beside = float("inf"), list[Contradiction]()
    async with (
        machine_watched(history),
        _linked(inspectors) as (cluster, links),
        running_origin() as origin,
        Recorder(cluster.nats, SHARDS, history) as recorder,
    ):
        say("the cluster is there")
        scene = Scene(cluster, links, history, rng)
        async with Load(cluster.web, origin, history, rng, rates) as load:
            await eventually(
                lambda: _something_is_stored(history), "a first page is stored", within=PATIENCE
            )
            say("a first page is stored")
            await asyncio.sleep(BETWEEN)
            for name in names:
                began = time.monotonic()
                say(f"now: {name}")
                async with FAULTS[name](scene):
                    await asyncio.sleep(hold)
                await asyncio.sleep(BETWEEN)
                say(f"{name}: {time.monotonic() - began:.0f} s, {_counts(history, began)}")
            await load.stop()
            say("the load has stopped")
            try:
                final, quiet = await _end(scene, recorder, load)
            except Late as late:
                beside.append(Contradiction(float("inf"), "not at rest", str(late)))
    return history, one_of_each([*contradictions(history, final, quiet=quiet), *beside])


@asynccontextmanager
async def _linked(inspectors: Sequence[str]) -> AsyncIterator[tuple[Cluster, Links]]:
    """A cluster, every connection of which is a link."""
    postgres = await asyncio.to_thread(lambda: Postgres(settings={"max_connections": "100"}))
    links: Links | None = None
    try:
        nats = NatsServers(3)
        links = Links(nats, postgres, [*WEB, *inspectors])
        nats.route = links.route
        await links.open()
        async with Cluster(
            inspectors=inspectors, shards=SHARDS, engine=links.engine, database=links.database,
            nats=nats, postgres=postgres,
        ) as cluster:  # fmt: skip
            yield cluster, links
    finally:
        if links is not None:
            await links.close()
        await asyncio.to_thread(postgres.remove)


async def _end(scene: Scene, recorder: Recorder, load: Load) -> tuple[Final, float]:
    """Wait until nothing is left to do, and ask everybody."""
    cluster = scene.cluster

    async def all_is_done() -> bool:
        return not any((await recorder.pending()).values())

    await eventually(all_is_done, "every queue is empty", within=PATIENCE)
    quiet = time.monotonic()
    pages = {c.page for c in scene.history.calls if c.kind == "submit" and c.code == 202 and c.page}
    answers: dict[str, dict[str, Kept | None]] = {node.name: {} for node in cluster.web}
    for node in cluster.web:
        for page in sorted(pages):
            told: Kept | _Nowhere = await eventually(
                lambda n=node, p=page: _answer(load, n, p),  # type: ignore[misc]
                f"{node.name} can tell of {page}", within=60,
            )  # fmt: skip
            answers[node.name][page] = None if isinstance(told, _Nowhere) else told
    rows, deleted = await _rows(cluster)
    return (
        Final(
            records=dict(recorder.records),
            tombstones=frozenset(recorder.tombstones),
            rows=rows,
            deleted=deleted,
            answers=answers,
            pending=await recorder.pending(),
            journals=await _journals(cluster),
        ),
        quiet,
    )


async def _answer(load: Load, node: Node, page: str) -> Kept | _Nowhere | None:
    """What a node has of a page, or that there is none; None if it cannot tell."""
    call = await load.ask(node, "read", "GET", f"/pages/{page}", page=page)
    if call.code == 404:
        return _NOWHERE
    if call.code != 200 or call.version is None:
        return None
    return Kept(call.version, call.content or "", call.finished, call.backup == "stored")


async def _rows(cluster: Cluster) -> tuple[dict[str, Kept], frozenset[str]]:
    connection = await asyncpg.connect(cluster.postgres.url())
    try:
        found = await connection.fetch("SELECT id, version, status, report, deleted_at FROM pages")
    finally:
        await connection.close()
    rows = {
        str(row["id"]): Kept(
            row["version"], digest(json.loads(row["report"])), row["status"] in FINISHED
        )
        for row in found
        if row["deleted_at"] is None
    }
    return rows, frozenset(str(row["id"]) for row in found if row["deleted_at"] is not None)


async def _journals(cluster: Cluster) -> dict[str, int]:
    found: dict[str, int] = {}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10)) as session:
        for node in cluster.web:
            async with session.get(f"{node.url}/health") as answer:
                found[node.name] = (await answer.json())["waiting_to_be_stored"]
    return found


async def _something_is_stored(history: History) -> bool:
    return any(entry.stored for entry in history.log)


def _counts(history: History, since: float) -> str:
    calls = [c for c in history.calls if c.started >= since and c.kind in ("submit", "read")]
    worst = max((c.seconds for c in calls), default=0.0)
    refused = sum(c.code == 503 for c in calls)
    silent = sum(c.code is None for c in calls)
    return (
        f"{len(calls)} calls, {refused} refused, {silent} not answered, the longest {worst:.2f} s"
    )


def say(words: str) -> None:
    """Print a line, now."""
    print(words, flush=True)  # noqa: T201 - this is what the program is for


if __name__ == "__main__":
    sys.exit(main())
