"""A journal has one writer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from libra.storage.journal.journal import Journal, JournalInUse


def test_a_second_program_on_the_same_directory_is_refused_until_the_first_has_gone(
    tmp_path: Path,
) -> None:
    program = (
        "import sys; from pathlib import Path; from libra.storage.journal.journal import Journal\n"
        "journal = Journal(Path(sys.argv[1])); journal.lock(); print('locked', flush=True)\n"
        "sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "journal")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(JournalInUse, match="data directory"):
            Journal(tmp_path / "journal").lock()
        other.kill()
        other.wait()
    journal = Journal(tmp_path / "journal")
    journal.lock()
    journal.close()
