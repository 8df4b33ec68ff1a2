"""`python -m benchmarks [--quick] [--rounds N] [--list] [NAME...]`: measure and print the table."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
import sys
import time

from benchmarks import machine
from benchmarks.figures import Figure, Rounds, Skipped, table

BENCHES = {
    "weigh": "pages weighed per second on one core, beside curl --parallel and wget -p",
    "distance": "pages over TLS, HTTP/2 and 50 ms, beside curl --parallel --http2 and Chromium",
    "reads": "GET /pages/{id} with 100,000 pages in memory, beside Cowboy + GenServer.call",
    "memory": "bytes per resting page of 40 assets, beside a hibernated Erlang process",
    "processes": "starts and restarts of processes per second, beside Elixir",
    "hostile": "loop lag and reads of another page while hostile pages are weighed",
    "siege": "reads beside a hundred hostile pages at once, and the memory of all processes",
    "restore": "restore of 100,000 pages from SQLite, PostgreSQL and the journal, beside a plain read",
    "outage": "reads while PostgreSQL is up, stopped and frozen",
    "journal": "submissions per second with the journal on and off, and its bytes per page",
    "start": "the start of the command and of the service, beside a bare interpreter",
    "cluster": "a web node beside a single one, four inspectors beside one, and the death of one",
    "drain": "a backlog of 100,000 reports drained into PostgreSQL, beside one COPY",
}

MODULES = {"cluster": "benchmarks.cluster.figures"}
"""Where a bench is, if not in the module of its name."""


def main() -> int:
    """Run the benches that were named, or all; 1 if a bench broke or a ratio is below its bar."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of {', '.join(BENCHES)}")
    parser.add_argument("--quick", action="store_true", help="less work and two rounds, as a trial")
    parser.add_argument("--rounds", type=int, help="rounds of each side (5, or 2 with --quick)")
    parser.add_argument("--list", action="store_true", help="list the benches and measure nothing")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(BENCHES):
        parser.error(f"no such bench: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    if arguments.list:
        print("\n".join(f"{name:10} {what}" for name, what in BENCHES.items()))
        return 0
    print(_machine(), flush=True)
    lines = list[Figure | Skipped]()
    for name in arguments.names or BENCHES:
        rounds = Rounds(arguments.rounds or (2 if arguments.quick else 5), arguments.quick)
        began = time.monotonic()
        print(f"... {name}: {BENCHES[name]}", file=sys.stderr, flush=True)
        try:
            bench = importlib.import_module(MODULES.get(name, f"benchmarks.{name}"))
            lines += [*bench.measure(rounds), *rounds.skipped]
        except machine.Lacking as lack:
            lines += [*rounds.skipped, Skipped(name, str(lack))]
        except (machine.ChildFailed, ImportError, OSError) as error:
            lines += [*rounds.skipped, Skipped(name, str(error), broken=True)]
        print(f"    {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    print("\n" + table(lines))
    broken = any(isinstance(line, Skipped) and line.broken for line in lines)
    below = any(isinstance(line, Figure) and line.verdict == "BELOW" for line in lines)
    return 1 if broken or (below and not arguments.quick) else 0


def _machine() -> str:
    """One line on where the figures come from, with what makes them less worth."""
    load = os.getloadavg()[0]
    words = [
        f"{platform.python_implementation()} {platform.python_version()}",
        f"{os.cpu_count()} CPUs",
        platform.platform(terse=True),
        f"load {load:.1f} at the start",
    ]
    if machine.shares_cores():
        words.append("NOTE: too few cores to keep the sides apart, so the ratios are inexact")
    elif load > 1:
        words.append("NOTE: other programs keep this machine busy; run again on a quiet one")
    return ", ".join(words)


if __name__ == "__main__":
    sys.exit(main())
