"""How a node takes what the queues deliver."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from libra.cluster.engine.errors import EngineAway, Misconfigured, TooLarge
from libra.cluster.weighing import taking
from libra.cluster.weighing.taking import Taking


class Deliveries:
    """A queue that delivers these once; then the program ends."""

    def __init__(self, *subjects: str) -> None:
        self._left = [SimpleNamespace(subject=subject) for subject in subjects]

    def stopping(self) -> bool:
        return not self._left

    async def take(self, _: int) -> list[SimpleNamespace]:
        taken, self._left = self._left, []
        return taken


@pytest.mark.parametrize("error", [EngineAway, Misconfigured, TooLarge])
async def test_a_result_that_the_engine_refuses_holds_up_no_other(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, entered = Deliveries("refused", "other"), []

    async def enter(_: object, delivery: SimpleNamespace) -> None:
        if delivery.subject == "refused":
            raise error("not this one")
        entered.append(delivery.subject)

    monkeypatch.setattr(taking, "Pull", lambda *_: queue)
    monkeypatch.setattr(taking, "enter_result", enter)
    node, nothing = SimpleNamespace(engine=None), cast("Any", None)
    await Taking(cast("Any", node), cast("Any", queue), nothing).take_results(0)
    assert entered == ["other"]
