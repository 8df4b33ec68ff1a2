"""The steps of a watch, as changes of its state."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from libra.inspector.records.watches.watch_record import WatchState
from libra.inspector.watches.steps import judged
from libra.weighing.score import score
from support.samples import ordinary

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def test_a_watch_remembers_that_a_weight_is_a_lower_bound() -> None:
    state = WatchState(id="1", url="", every="day", created_at=NOW, next_at=NOW)
    page = ordinary()
    built_by_scripts = msgspec.structs.replace(page, score=score(190, whole=False))
    for report, whole in ((page, True), (built_by_scripts, False)):
        assert report.complete
        assert judged(state, report, NOW, None)["last"].whole is whole
