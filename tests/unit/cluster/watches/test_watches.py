"""How a watch of a cluster gets its next turn."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from libra.budgets.alarms import Terms
from libra.cluster.engine.errors import Conflict
from libra.cluster.records.watch_records import WatchEntry
from libra.cluster.watches import watches
from libra.cluster.watches.watch_entries import WatchEntries
from libra.cluster.watches.watches import ClusterWatches
from libra.ids import new_id
from libra.inspector.records.watches.watch_record import WatchState

NOW = datetime(2026, 11, 29, tzinfo=UTC)


class Contended(WatchEntries):
    """Others take every step before this node does."""

    def __init__(self, node: Any, state: WatchState) -> None:
        super().__init__(node)
        self.state = state
        self.turns: list[datetime] = []

    async def read(self, *_: object) -> tuple[int, WatchEntry]:
        return 1, WatchEntry(1, self.state)

    async def write(self, *_: object, **__: object) -> None:
        raise Conflict("wrong last sequence")

    async def arm(self, watch_id: str, at: datetime, *, patience: float = 2.0) -> None:
        assert (watch_id, patience) == (self.state.id, 2.0)
        self.turns.append(at)


class AlwaysDue(ClusterWatches):
    """There is a step to take."""

    def __init__(self, state: WatchState) -> None:
        context = SimpleNamespace(services=SimpleNamespace(now=lambda: NOW))
        node, nothing = cast("Any", SimpleNamespace(context=context)), cast("Any", None)
        super().__init__(node, nothing, nothing)
        self._entries = self.contended = Contended(node, state)

    async def _due(self, *_: object, **__: object) -> dict[str, Any]:
        return {"next_at": NOW}


async def test_a_turn_that_gets_nowhere_schedules_the_next_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watches, "AGAIN", 0.0)
    state = WatchState(
        id=new_id(), url="http://a/", every="day", created_at=NOW, next_at=NOW, terms=Terms()
    )
    always_due = AlwaysDue(state)
    assert await always_due._step(state.id) is None
    assert [at > NOW for at in always_due.contended.turns] == [True]
