"""A campaign of soaks can be gone on with, and tells what failed."""

from __future__ import annotations

import sys
from pathlib import Path

from chaos.campaign import Campaign, Result

SOAK = """
import sys
seed, engine = sys.argv[2], sys.argv[4]
print("round 1: x")
print("round 2: x")
print(f"to do it again: --seed {seed} --engine {engine}")
sys.exit(seed == "2")
"""
"""It fails with seed 2."""


def campaign(results: Path, seeds: range, commit: str = "abc") -> Campaign:
    return Campaign(
        seeds, minutes=1, results=results, commit=commit, command=(sys.executable, "-c", SOAK)
    )


def said(result: Result) -> str:
    return Path(result.output).read_text()


async def test_each_seed_is_tried_on_each_engine_and_what_failed_is_said(tmp_path: Path) -> None:
    file = tmp_path / "soak.jsonl"
    assert await campaign(file, range(1, 3)).run(side_by_side=2) == 1
    found = sorted((one.seed, one.engine, one.passed) for one in campaign(file, range(0)).results())
    assert found == [
        (1, "postgres", True),
        (1, "sqlite", True),
        (2, "postgres", False),
        (2, "sqlite", False),
    ]
    failed = [one for one in campaign(file, range(0)).results() if not one.passed]
    assert {one.words for one in failed} == {
        "to do it again: --seed 2 --engine postgres",
        "to do it again: --seed 2 --engine sqlite",
    }
    assert [one.rounds for one in failed] == [2, 2]
    assert all(said(one).startswith("round 1") for one in failed)


async def test_what_is_done_is_not_done_again_for_the_same_commit(tmp_path: Path) -> None:
    file = tmp_path / "soak.jsonl"
    assert await campaign(file, range(1, 2)).run() == 0
    with file.open("ab") as cut:
        cut.write(b'{"commit": "abc", "seed"')  # as if it had been killed while it wrote
        cut.write(b"\n")
    before = len(file.read_bytes().splitlines())
    assert await campaign(file, range(1, 2)).run() == 0
    assert len(file.read_bytes().splitlines()) == before
    assert await campaign(file, range(1, 2), "def").run() == 0
    assert len(file.read_bytes().splitlines()) == before + 2
