"""Run a whole cluster on this machine: three NATS servers, PostgreSQL, two web nodes, five inspectors.

    make cluster

All of them listen on loopback and keep their data in a temporary directory, which the script removes at
the end. It prints the addresses of the two web nodes and one log of all nodes, with the node's name
before each line. Ctrl-C ends all in order. `kill -9` any process that it names and see what clients
notice.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Sequence

from support.cluster import INSPECTORS, WEB, Cluster, Say

_COLOURS = (36, 35, 32, 33, 34, 96, 95, 92)


async def run(web: Sequence[str], inspectors: Sequence[str], flags: Sequence[str]) -> int:
    """Run the cluster until a signal ends it; returns the exit code."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    names = (*web, *inspectors)
    cluster = Cluster(web=web, inspectors=inspectors, flags=flags, say=_printer(names))
    starting = asyncio.ensure_future(cluster.__aenter__())
    ended = asyncio.ensure_future(told.wait())
    await asyncio.wait({starting, ended}, return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait({starting})
        return 130
    starting.result()
    try:
        _print("")
        for node in cluster.web:
            _print(f"{node.name}: {node.url}")
        for server in cluster.nats.servers:
            _print(f"NATS {server.name}: process {server.pid}, port {server.port}")
        for node in cluster.nodes.values():
            _print(f"{node.name}: process {node.pid}")
        _print("Press Ctrl-C to stop everything.\n")
        await ended
        _print("\nstopping, the web nodes first")
        codes = await cluster.stop()
    finally:
        await cluster.__aexit__()
    wrong = {name: code for name, code in codes.items() if code}
    if wrong:
        _print(f"these did not stop cleanly: {wrong}")
    return 1 if wrong else 0


def main() -> int:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=_Plain)
    parser.add_argument("--web", type=int, default=len(WEB), help="web nodes (2)")
    parser.add_argument("--inspectors", type=int, default=len(INSPECTORS), help="inspectors (5)")
    parser.add_argument("flags", nargs="*", help="flags for every `libra serve`, after --")
    arguments = parser.parse_args()
    web = [f"web{n + 1}" for n in range(arguments.web)]
    inspectors = [f"insp{n + 1}" for n in range(arguments.inspectors)]
    return asyncio.run(run(web, inspectors, arguments.flags))


class _Plain(argparse.RawDescriptionHelpFormatter):
    """Prints the description and the help unchanged, without wrapping."""


def _printer(names: Sequence[str]) -> Say:
    width = max(map(len, names))
    colours = {name: _COLOURS[n % len(_COLOURS)] for n, name in enumerate(names)}

    def say(name: str, line: str) -> None:
        label = name.ljust(width)
        if sys.stdout.isatty():
            label = f"\x1b[{colours[name]}m{label}\x1b[0m"
        _print(f"{label} | {line}")

    return say


def _print(words: str) -> None:
    print(words, flush=True)  # noqa: T201 - printing is its purpose


if __name__ == "__main__":
    sys.exit(main())
