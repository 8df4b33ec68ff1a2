"""A cluster of the real programs keeps its promises while an inspector dies, and then the leader of a
stream.

The other faults, and each by itself, are those of `make soak-cluster`.
"""

from __future__ import annotations

import random

import pytest

from chaos.cluster.drill import drill
from chaos.cluster.history import History
from chaos.cluster.load import Rates
from support.needs import require

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1500)]

GENTLY = Rates(submit=3, read=15, follow=1, delete=0.5, list=0.5, unknown=0.5, ping=5)
"""Calls in a second that leave a machine with two cores some of them."""

HOLD = 6.0
"""Seconds that each lasts: longer than it takes until the pages of who died are given to others."""

DRILLS = 3
"""Drills until a page has lived twice: an inspector may have none under way when it is killed."""


async def test_a_killed_inspector_and_a_killed_leader_break_no_promise() -> None:
    require("PostgreSQL")
    faults = ["an inspector killed", "a leader killed"]
    few = ("insp1", "insp2", "insp3")
    rng = random.Random(11)
    history = History()
    for _ in range(DRILLS):
        history, wrong = await drill(faults, rng, hold=HOLD, inspectors=few, rates=GENTLY)
        assert wrong == [], f"{len(history.calls)} calls"
        if any(entry.life == 2 for entry in history.log):
            break
    assert {entry.what for entry in history.log} == {"sub", "rec", "del"}
    # What was asked for has happened: somebody lived twice, and somebody was hurt.
    assert any(entry.life == 2 for entry in history.log)
    assert {done.part for done in history.done if not done.ends} & {"n0", "n1", "n2"}
