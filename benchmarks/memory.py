"""Bytes per resting page of 40 assets, beside the same state in a hibernated Erlang process.

Both sides count everything that a page costs: its entry with the supervisor, its report, its place in
the tables, and the peer its process (Libra's is asleep, and costs 700 bytes once it was called). Libra's
is what the process grows by in physical memory, the peer's what its runtime says it holds
(`erlang:memory(total)`), after a garbage collection.
"""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec

from benchmarks import erlang, machine
from benchmarks.dataset import Dataset, dataset, reports
from benchmarks.figures import Figure, Rounds, Sample, Skipped
from benchmarks.restore import come_back
from libra.app import Libra
from libra.report import encode
from libra.settings import Settings

_HOW = {
    "terms": "hibernated process",
    "json": "process with the JSON",
    "zlib": "process with zlib JSON",
}


def measure(rounds: Rounds) -> Iterable[Figure | Skipped]:
    """Bytes per page."""
    pages = dataset(rounds.pick(100_000, 5_000))
    peers = dict[str, Sample]()
    try:
        peers = _peers(pages, rounds)
    except machine.Lacking as lack:
        rounds.skipped.append(Skipped("bytes per page beside Erlang", str(lack)))
    subject, _, _ = machine.cores()
    libra = Sample(
        tuple(
            machine.child(
                "memory:resident", core=subject, folder=str(pages.folder), count=pages.count
            )
            for _ in range(min(rounds.count, 3))
        ),
        "B",
    )
    note = (
        "A report of 40 assets is 16 kB of JSON. The peer's state is the report as structs, whose "
        "keys all share; in the lines below it holds the JSON as one binary, plain or compressed."
    )
    what = "Bytes per resting page of 40 assets"
    peer = peers.get("terms")
    yield Figure(
        what, libra, peer, _HOW["terms"], bar=0.6, aim=0.25, less_is_better=True, note=note
    )
    for name in ("json", "zlib"):
        if name in peers:
            yield Figure("  the same", libra, peers[name], _HOW[name], less_is_better=True)


def _peers(pages: Dataset, rounds: Rounds) -> dict[str, Sample]:
    count = rounds.pick(5_100, 1_100)
    file = pages.folder / "reports.etf"
    file.write_bytes(erlang.term(list(_terms(count))))
    found = {}
    for held in _HOW:
        command = erlang.elixir("memory.exs", file, held)
        said = machine.run(command, core=machine.cores()[0])
        found[held] = Sample((float(json.loads(said.splitlines()[-1])["bytes"]),), "B")
    return found


def _terms(count: int) -> Iterator[list[object]]:
    """Each report as its id, everything but its assets, the rows of its assets, and its JSON."""
    for report in islice(reports(count), count):
        data = msgspec.to_builtins(report)
        assets = [list(asset.values()) for asset in data.pop("assets")]
        yield [report.id, data, assets, encode(report).decode()]


async def resident(folder: str, count: int) -> float:
    """Bytes of physical memory that each restored page adds.

    The first pages of a start are not counted: what they cost once (modules, caches, the tree)
    would be spread over all.
    """
    settings = Settings(data_dir=Path(folder), max_pages=count + 10_000, restore="eager")
    async with Libra.open(settings) as libra:
        first = await come_back(libra, count // 50)
        gc.collect()
        before = machine.resident_bytes()
        await come_back(libra, count)
        await asyncio.sleep(0.5)  # the last batch is let go of
        gc.collect()
        return (machine.resident_bytes() - before) / (count - first)
