"""The reference of HTTP names everything that there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from libra.web.metrics import RequestCounts, exposition
from libra.web.problems import TYPES
from unit.web.test_metrics import health

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
TEXT = (REFERENCE / "http.md").read_text("utf-8")
METRICS = (REFERENCE / "metrics.md").read_text("utf-8")


@pytest.mark.parametrize("name", TYPES)
def test_every_problem_is_in_the_reference(name: str) -> None:
    assert f"`/docs#{name}`" in TEXT


def test_every_metric_is_in_the_reference_and_no_other() -> None:
    names = set(re.findall(r"^# TYPE (\S+)", exposition(health(), RequestCounts()), re.MULTILINE))
    assert set(re.findall(r"`((?:libra|process)_\w+)`", METRICS)) == names
