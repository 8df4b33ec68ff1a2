"""The processes of a run share the work of compiling what all of them import.

Each of them imports every test and all of Libra. In a fresh clone nothing is compiled, and as they go
through the same files at the same pace each would compile everything: that took a tenth of a run.
So each begins with a part of the files. What another one is not done with by then is compiled twice,
which harms nobody: compiled files are put in their places as a whole.
"""

from __future__ import annotations

import compileall
import os
import sys
from pathlib import Path

import pytest

# Nothing of this is promised: pytest compiles what has assertions in a way of its own.
from _pytest.assertion import rewrite

ROOT = Path(__file__).parents[2]


def compile_a_part(config: pytest.Config, number: int, parts: int) -> None:
    """Compile so that an import need not.

    Args:
        config: What pytest was started with.
        number: Which part, from 0.
        parts: How many there are.
    """
    if sys.dont_write_bytecode:
        return
    files = [
        (root, path)
        for root in (ROOT / "src", ROOT / "tests")
        for path in sorted(root.rglob("*.py"))
    ]
    for root, path in files[number::parts]:
        compile_it(config, path, ".".join(path.relative_to(root).with_suffix("").parts))


def compile_it(config: pytest.Config, path: Path, name: str) -> None:
    """Compile a file that is imported by a name, unless it is already."""
    state = config.stash[rewrite.assertstate_key]
    if not state.hook or not state.hook._should_rewrite(name, os.fspath(path), state):
        compileall.compile_file(path, quiet=2)
        return
    folder = rewrite.get_cache_dir(path)
    compiled = folder / f"{path.stem}{rewrite.PYC_TAIL}"
    if rewrite._read_pyc(path, compiled) is None and rewrite.try_makedirs(folder):
        source, code = rewrite._rewrite_test(path, config)
        rewrite._write_pyc(state, code, source, compiled)
