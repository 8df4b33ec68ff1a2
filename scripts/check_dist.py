"""Check the wheel and the source package in a folder: `python scripts/check_dist.py dist`.

`twine check` reads only the metadata. This script checks that the packages have all the files that the
program needs and no large ones, that the page of an index has no dead links, and that the wheel runs.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from email.parser import Parser
from pathlib import Path

SOURCE_BYTES = 3_000_000
"""Largest size of the source package: the screenshots alone would exceed it."""


def main(folder: Path) -> int:
    """Print the faults of the packages; returns 1 if there are any."""
    (wheel,) = folder.glob("*.whl")
    (source,) = folder.glob("*.tar.gz")
    wrong = [*_wrong_with_wheel(wheel), *_wrong_with_source(source), *_wrong_with_a_run(wheel)]
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


def _wrong_with_wheel(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        said = Parser().parsestr(archive.read(metadata).decode("utf-8"))
    src = Path(__file__).parents[1] / "src"
    wanted = {
        path.relative_to(src).as_posix()
        for path in (src / "libra").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wrong = [f"{wheel.name} lacks {name}" for name in sorted(wanted - set(names))]
    wrong += [
        f"{wheel.name} has {name}"
        for name in names
        if not name.startswith("libra/") and ".dist-info/" not in name
    ]
    if not any(name.endswith("licenses/LICENSE") for name in names):
        wrong.append(f"{wheel.name} lacks the licence")
    text = str(said.get_payload())
    wrong += [
        f"the page on a package index would have a dead link to {target!r}"
        for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text)
        if not target.startswith("https://")
    ]
    if "Documentation" not in " ".join(said.get_all("Project-URL") or []):
        wrong.append(f"{wheel.name} has no link to the documentation")
    return wrong


def _wrong_with_source(source: Path) -> list[str]:
    with tarfile.open(source) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {"README.md", "CHANGELOG.md", "LICENSE", "Makefile", "constraints.txt"}
    wrong = [f"{source.name} lacks {name}" for name in sorted(wanted - names)]
    if not any(name.startswith("tests/") for name in names):
        wrong.append(f"{source.name} lacks the tests")
    wrong += [f"{source.name} has the picture {name}" for name in names if name.endswith(".png")]
    if source.stat().st_size > SOURCE_BYTES:
        wrong.append(f"{source.name} has {source.stat().st_size:,} bytes")
    return wrong


def _wrong_with_a_run(wheel: Path) -> list[str]:
    """Run the wheel's own files with the libraries of this environment; returns the faults."""
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)  # noqa: S202 - made by ourselves, a moment ago
        for command in (["--version"], ["weigh", "--help"], ["serve", "--help"]):
            done = subprocess.run(  # noqa: S603 - our own command
                [sys.executable, "-m", "libra", *command],
                capture_output=True,
                text=True,
                cwd=folder,
                env={**os.environ, "PYTHONPATH": folder},
                check=False,
            )
            if done.returncode:
                return [f"libra {' '.join(command)} of the wheel: {done.stderr[-1000:]}"]
    return []


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
