"""What is shipped for running Libra, judged by the programs that it is for."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from support.needs import needs

DEPLOY = Path(__file__).parents[2] / "deploy"


@needs("systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    """A line that systemd does not know is ignored when it starts, and its protection missing."""
    unit = tmp_path / "libra.service"
    text, times = re.subn(
        r"(?m)^ExecStart=.*", "ExecStart=/bin/true", (DEPLOY / "systemd/libra.service").read_text()
    )
    assert times == 1
    unit.write_text(text)
    said = subprocess.run(
        ["systemd-analyze", "--man=no", "verify", str(unit)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    # Of other units of this machine it may have something to say.
    wrong = [line for line in (said.stdout + said.stderr).splitlines() if "libra.service" in line]
    assert not wrong
