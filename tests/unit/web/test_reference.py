"""The reference of HTTP names everything that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libra.settings import Settings
from libra.web.http.problems import TYPES
from libra.web.serving.program import RELOADED
from libra.web.telemetry.metrics import RequestCounts, exposition
from unit.web.telemetry.test_metrics import health

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
TEXT = (REFERENCE / "http.md").read_text("utf-8")
METRICS = (REFERENCE / "metrics.md").read_text("utf-8")


@pytest.mark.parametrize("name", TYPES)
def test_every_problem_is_in_the_reference(name: str) -> None:
    assert f"`/docs#{name}`" in TEXT


def test_every_metric_is_in_the_reference_and_no_other() -> None:
    names = set(re.findall(r"^# TYPE (\S+)", exposition(health(), RequestCounts()), re.MULTILINE))
    assert set(re.findall(r"`((?:libra|process|python)_\w+)`", METRICS)) == names


def test_every_setting_is_in_the_reference_with_whether_it_can_be_reloaded() -> None:
    text = (REFERENCE / "settings.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \|.*\| *([^|]*?) *\|$", text, re.MULTILINE)
    assert {name for name, _ in rows} >= set(Settings.__struct_fields__)
    assert {name for name, reloaded in rows if reloaded.startswith("yes")} == set(RELOADED)
