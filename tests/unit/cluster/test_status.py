"""What `libra cluster status` shows."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from libra.cluster.status import (
    ClusterState,
    Copy,
    NodeState,
    QueueState,
    StreamState,
    as_json,
    as_table,
)

STATE = ClusterState(
    "c1",
    datetime(2026, 11, 29, tzinfo=UTC),
    1,
    (
        NodeState("web-1", "web", "0.1.0", 0, 0, 0.4, -3.5, None, 2),
        NodeState("insp-1", "inspector", "0.1.0", 3, 32, 70.0, 0.0, "silent since", 0),
    ),
    (QueueState(0, "weigh-static", 12, 3, 1),),
    (StreamState("libra-0", 40, 5000, "n0", (Copy("n1", True, False), Copy("n2", False, True))),),
)


def test_people_see_what_waits_who_is_silent_and_which_server_is_away() -> None:
    table = as_table(STATE)
    lines = {line.split()[0]: line for line in table.splitlines() if line}
    assert "2 on its disk to be handed over" in lines["web-1"]
    assert "-3.50s" in lines["web-1"]
    assert lines["insp-1"].endswith("silent since")
    assert "3/32" in lines["insp-1"]
    assert "12" in lines["weigh-static"]
    assert lines["libra-0"].endswith("n0, n1, n2 (away)")


def test_programs_get_all_of_it() -> None:
    state = json.loads(as_json(STATE))
    assert state["nodes"][1]["silent_seconds"] == 70.0
    assert state["streams"][0]["copies"][1] == {"server": "n2", "current": False, "offline": True}
