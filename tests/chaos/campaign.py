"""Many soaks: one seed after the other on each engine, each a program of its own, results in a file.

``make soak ARGS="--seeds 20 --resume soak.jsonl --side-by-side 2"``. The file has a line of JSON for
each seed and engine: the commit, how long it took, how many rounds there were, whether it passed, and
where its output is. What is in it of the commit that is here is not done again, so a campaign can be
ended at any time and gone on with. A soak that is ended so leaves no line.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

ENGINES: Final = ("postgres", "sqlite")

_GRACE: Final = 1_200.0
"""Seconds beyond its minutes after which a soak hangs: its last round has begun by then."""

_ROOT: Final = Path(__file__).parents[2]


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """One seed on one engine.

    Attributes:
        commit: what was tried; with ``-dirty`` if there was more than that.
        seed: from which all follows.
        engine: the database.
        minutes: how long it was to begin new rounds.
        passed: whether nothing was wrong.
        rounds: how many it began.
        seconds: how long it took.
        words: how to do it again, if it failed.
        output: the file with all that it said.
    """

    commit: str
    seed: int
    engine: str
    minutes: float
    passed: bool
    rounds: int
    seconds: float
    words: str
    output: str


class Campaign:
    """All soaks of some seeds.

    Args:
        seeds: one after the other.
        engines: on which each is tried.
        minutes: of each.
        results: the file; with None one beside the current folder's other files, ``soak.jsonl``.
        commit: what is tried; by default what is checked out here.
        command: starts one soak, before its arguments.
    """

    def __init__(
        self,
        seeds: Iterable[int],
        engines: Sequence[str] = ENGINES,
        *,
        minutes: float,
        results: Path | None = None,
        commit: str | None = None,
        command: Sequence[str] = (sys.executable, "-m", "chaos.soak"),
    ) -> None:
        self._results = Path("soak.jsonl") if results is None else results
        self._commit = commit_here() if commit is None else commit
        self._minutes = minutes
        self._command = command
        done = {(one.seed, one.engine) for one in self.results()}
        self._left = [
            (seed, engine) for seed in seeds for engine in engines if (seed, engine) not in done
        ]

    def results(self) -> list[Result]:
        """What is known of this commit and so many minutes; a line that was cut off is none."""
        found: list[Result] = []
        with suppress(FileNotFoundError):
            for line in self._results.read_bytes().splitlines():
                with suppress(msgspec.MsgspecError):
                    found.append(msgspec.json.decode(line, type=Result))
        return [one for one in found if one.commit == self._commit and one.minutes == self._minutes]

    async def run(self, *, side_by_side: int = 1) -> int:
        """Do what is left, so many at a time; 0 if all of this commit passed, also before, else 1."""
        _say(f"{self._commit}: {len(self.results())} are done, {len(self._left)} are left")
        async with asyncio.TaskGroup() as workers:
            for _ in range(max(1, side_by_side)):
                workers.create_task(self._work())
        failed = [one for one in self.results() if not one.passed]
        for one in failed:
            _say(f"failed: {one.words} (see {one.output})")
        _say(f"{len(self.results()) - len(failed)} passed, {len(failed)} failed")
        return 1 if failed else 0

    async def _work(self) -> None:
        while self._left:
            seed, engine = self._left.pop(0)
            _say(f"seed {seed} on {engine} begins")
            result = await self._soak(seed, engine)
            with self._results.open("ab") as file:
                file.write(msgspec.json.encode(result) + b"\n")
            verdict = "passed" if result.passed else "FAILED"
            _say(f"seed {seed} on {engine}: {verdict} after {result.seconds:.0f} s")

    async def _soak(self, seed: int, engine: str) -> Result:
        folder = self._results.with_name(f"{self._results.name}.output")
        folder.mkdir(parents=True, exist_ok=True)
        output = folder / f"{self._commit[:10]}-{seed}-{engine}.txt"
        arguments = ["--seed", str(seed), "--engine", engine, "--minutes", f"{self._minutes:g}"]
        began = time.monotonic()
        with output.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                cwd=_ROOT,
                start_new_session=True,
            )
            try:
                code = await asyncio.wait_for(process.wait(), self._minutes * 60 + _GRACE)
            except TimeoutError:
                code = None
            finally:
                # It has started databases and a Libra; where it ended well there is nobody left.
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        text = output.read_text(errors="replace")
        again = [line for line in text.splitlines() if line.startswith("to do it again:")]
        return Result(
            commit=self._commit,
            seed=seed,
            engine=engine,
            minutes=self._minutes,
            passed=code == 0,
            rounds=sum(line.startswith("round ") for line in text.splitlines()),
            seconds=round(time.monotonic() - began, 1),
            words=""
            if code == 0
            else again[-1]
            if again
            else f"{' '.join(arguments)}: exit {code}",
            output=str(output),
        )


def commit_here() -> str:
    """The commit that is checked out, ``-dirty`` if something was changed since; else ``unknown``."""
    try:
        commit, changes = (
            subprocess.run(
                ["git", *words], cwd=_ROOT, capture_output=True, text=True, check=True
            ).stdout.strip()
            for words in (["rev-parse", "HEAD"], ["status", "--porcelain", "--untracked-files=no"])
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{commit}-dirty" if changes else commit


def _say(words: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {words}\n")
    sys.stdout.flush()
