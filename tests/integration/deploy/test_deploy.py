"""What is shipped for running Libra, judged by the programs that it is for."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.nats import program
from support.needs import needs

DEPLOY = Path(__file__).parents[3] / "deploy"


@needs("systemd-analyze")
@pytest.mark.parametrize("shipped", sorted(path.name for path in DEPLOY.glob("systemd/*")))
def test_systemd_finds_nothing_wrong_with_a_unit(shipped: str, tmp_path: Path) -> None:
    """A line that systemd does not know is ignored when it starts, and its protection missing."""
    name = shipped.replace("@", "@web")
    unit = tmp_path / name
    text, times = re.subn(
        r"(?m)^ExecStart=.*", "ExecStart=/bin/true", (DEPLOY / "systemd" / shipped).read_text()
    )
    assert times == 1
    unit.write_text(text)
    said = subprocess.run(
        ["systemd-analyze", "--man=no", "verify", str(unit)],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    # Of other units of this machine it may have something to say.
    wrong = [line for line in (said.stdout + said.stderr).splitlines() if name in line]
    assert not wrong


def test_nats_takes_the_configuration_of_compose() -> None:
    said = subprocess.run(
        [program(), "-t", "-c", DEPLOY / "nats/compose.conf"],
        env=os.environ | {"NATS_NAME": "nats1"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert said.returncode == 0, said.stderr
