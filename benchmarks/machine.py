"""The machine: its cores and tools, and child processes pinned to one core each."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
"""The repository: children run here, so that `benchmarks` can be imported."""


Core = int | tuple[int, ...] | None
"""The core of a child, or its cores; None for all."""


class Lacking(Exception):
    """This machine has not got what a bench needs; the message says what and how to get it."""


class ChildFailed(Exception):
    """A child process of a bench went wrong; the message holds the end of what it said."""


def cores() -> tuple[int, int, int]:
    """One core each for what is measured, for who loads it and for who serves it.

    On fewer than three cores they are shared, which makes every figure worse: `shares_cores`.
    """
    mine = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
    return mine[-1], mine[-2 % len(mine)], mine[-3 % len(mine)]


def shares_cores() -> bool:
    """Whether there are too few cores to keep the sides apart."""
    return len(set(cores())) < 3


def tool(name: str, package: str | None = None) -> str:
    """The path of a program.

    Raises:
        Lacking: if it is not installed.
    """
    for folder in (None, "/usr/sbin:/usr/local/sbin"):  # where nginx is, outside a user's PATH
        found = shutil.which(name, path=folder)
        if found:
            return found
    raise Lacking(f"there is no {name} (Debian: apt-get install {package or name})")


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def pinned(core: Core) -> Callable[[], None] | None:
    """What a child runs before its program, to stay on its cores."""
    if core is None or not hasattr(os, "sched_setaffinity"):
        return None
    cores = {core} if isinstance(core, int) else set(core)
    return lambda: os.sched_setaffinity(0, cores)


def run(
    command: Sequence[str],
    *,
    core: int | None = None,
    timeout: float = 600.0,
    environ: Mapping[str, str] | None = None,
) -> str:
    """Run a program to its end on one core and return what it printed.

    Raises:
        ChildFailed: if it fails or takes longer than `timeout` seconds.
    """
    try:
        done = subprocess.run(  # the programs are this package's own peers
            command,
            cwd=ROOT,
            env={**os.environ, **(environ or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
            preexec_fn=pinned(core),
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ChildFailed(f"{command[0]} took longer than {timeout:g} s") from error
    if done.returncode:
        raise ChildFailed(f"{' '.join(command)[:200]}: {(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


def child(function: str, *, core: int | None = None, timeout: float = 900.0, **kwargs: Any) -> Any:
    """Call ``module:function`` of this package in a fresh, pinned Python and return its result.

    Arguments and result cross as JSON. A fresh process has no history: no warm caches, no garbage
    of another bench, its own event loop and its own core.
    """
    command = [sys.executable, "-m", "benchmarks.child", function, json.dumps(kwargs)]
    return json.loads(run(command, core=core, timeout=timeout).splitlines()[-1])


@contextmanager
def serving(
    command: Sequence[str],
    *,
    core: Core,
    ready: Callable[[], bool],
    timeout: float = 300.0,
    environ: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """A server on its own cores, from the moment that `ready` says so until the block ends.

    Raises:
        ChildFailed: if it ends before it is ready, or is not ready in `timeout` seconds.
    """
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            preexec_fn=pinned(core),  # noqa: PLW1509  one thread starts them all
        )
        try:
            deadline = time.monotonic() + timeout
            while not ready():
                if process.poll() is not None or time.monotonic() > deadline:
                    said.seek(0)
                    words = said.read()[-2000:].decode(errors="replace")
                    raise ChildFailed(f"{' '.join(command)[:200]} did not start to serve: {words}")
                time.sleep(0.05)
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes], grace: float = 15.0) -> None:
    """End a child: politely first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def listens(port: int) -> bool:
    """Whether something accepts connections on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def resident_bytes(pid: int | str = "self") -> int:
    """What a process holds in physical memory (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def busy_seconds(pid: int) -> float:
    """CPU time that a process has used so far (Linux), to see who was the bottleneck."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))
