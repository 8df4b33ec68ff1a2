"""GET /pages/{id} per second on one core with 100,000 pages in memory, beside Cowboy.

Both sides hold each page in a process of its own and answer with the same 16 kB of JSON, whose id is
drawn at random from all. Libra has them restored from its database; the peer reads them from a file
and keeps each as one binary, ready to send. wrk asks from a core of its own over 64 connections.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack

from benchmarks import erlang, machine
from benchmarks.dataset import dataset
from benchmarks.figures import Figure, Rounds, Sample, Skipped
from benchmarks.load import PAGES, wrk
from benchmarks.service import libra

CONNECTIONS = 64


def measure(rounds: Rounds) -> Iterable[Figure | Skipped]:
    """Throughput and p99 of reads."""
    machine.tool("wrk")
    pages = dataset(rounds.pick(100_000, 5_000))
    subject, load, _ = machine.cores()
    seconds = rounds.pick(8, 2)
    latencies: dict[str, list[float]] = {"libra": [], "cowboy": []}

    with ExitStack() as servers:
        service = servers.enter_context(libra(pages.folder, *limits(pages.count), core=subject))
        service.wait_for_pages(pages.count)
        urls = {"libra": service.url}
        try:
            port = machine.free_port()
            command = erlang.elixir("http.exs", pages.records, port)
            environ = erlang.cowboy()
            peer = machine.serving(
                command, core=subject, ready=lambda: machine.listens(port), environ=environ
            )
            servers.enter_context(peer)
            urls["cowboy"] = f"http://127.0.0.1:{port}"
        except machine.Lacking as lack:
            rounds.skipped.append(Skipped("GET beside Cowboy", str(lack)))

        def side(name: str) -> float:
            found = wrk(
                urls[name],
                core=load,
                seconds=seconds,
                connections=CONNECTIONS,
                script=PAGES,
                environ={"BENCH_IDS": str(pages.ids)},
            )
            latencies[name].append(found.p99_ms)
            return found.per_second

        for name in urls:  # warm: every connection pool and code path once
            side(name)
            latencies[name].clear()
        found = rounds.in_turn({name: lambda name=name: side(name) for name in urls}, "/s")  # type: ignore[misc]

    yield Figure(
        f"GET /pages/{{id}} per second, {pages.count:,} pages in memory",
        found["libra"],
        found.get("cowboy"),
        "Cowboy",
        bar=1.0,
        aim=1.5,
        note="One core for the server, another for wrk with 64 connections; 16 kB of JSON per response. "
        "Libra keeps reports compressed and decompresses at each read; Cowboy sends a ready binary.",
    )
    p99 = {name: Sample(tuple(values), "ms") for name, values in latencies.items() if values}
    yield Figure(
        "  p99 of those reads", p99["libra"], p99.get("cowboy"), "Cowboy", less_is_better=True
    )


def limits(count: int) -> list[str]:
    """The flags with which a Libra takes that many pages back and has room for more."""
    return ["--max-pages", str(count + 10_000), "--restore", "eager"]
