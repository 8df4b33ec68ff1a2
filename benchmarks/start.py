"""How long the command takes to start, beside an interpreter that imports what every such program does.

Wall-clock time, since that is what a person waits for; the sides take turns, so a busy machine hurts all
alike. `libra serve` starts with a new data directory each time, and is done when it has printed its
address.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from time import perf_counter

from benchmarks import machine
from benchmarks.figures import Figure, Rounds, Skipped

PEER = 'python -c "import asyncio, json"'

TRIES = 3
"""Starts of which the fastest counts: nothing but what else the machine does makes one slower."""


def measure(rounds: Rounds) -> Iterable[Figure | Skipped]:
    """`--version`, `--help` and `serve`."""
    libra = [sys.executable, "-m", "libra"]
    bare = [sys.executable, "-c", "import asyncio, json"]
    for command in (bare, [*libra, "--version"]):
        _ended(command)  # whose modules are compiled now
    _serving()
    found = rounds.in_turn(
        {
            PEER: partial(_fastest, partial(_ended, bare)),
            "--version": partial(_fastest, partial(_ended, [*libra, "--version"])),
            "--help": partial(_fastest, partial(_ended, [*libra, "--help"])),
            "serve": partial(_fastest, _serving),
        },
        "s",
    )
    for what, side, bar in (
        ("Start of libra --version", "--version", 2.5),
        ("  of libra --help", "--help", 2.5),
        ("  of libra serve, until it prints its address", "serve", 20.0),
    ):
        yield Figure(what, found[side], found[PEER], PEER, bar, less_is_better=True)


def _fastest(once: Callable[[], float]) -> float:
    return min(once() for _ in range(TRIES))


def _ended(command: Sequence[str]) -> float:
    begun = perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=_environ())
    return perf_counter() - begun


def _serving() -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "libra", "serve", "--port", "0", "--data-dir", folder]
        begun = perf_counter()
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=_environ(),
            cwd=folder,
        ) as process:
            assert process.stdout is not None
            said = process.stdout.readline()
            seconds = perf_counter() - begun
            process.send_signal(signal.SIGTERM)
            process.stdout.read()
        if not said.startswith(b"Libra listens on"):
            raise machine.ChildFailed(f"libra serve said {said!r}")
        return seconds


def _environ() -> dict[str, str]:
    """Without what a person has set for Libra, or against the compiled modules that users have."""
    given = {k: v for k, v in os.environ.items() if not k.startswith("LIBRA_")}
    given.pop("PYTHONDONTWRITEBYTECODE", None)
    return given
