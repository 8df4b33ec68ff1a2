"""How `libra push` ends: with the worst of what happened."""

from __future__ import annotations

import pytest

from libra.cli.push import exit_code
from libra.cli.results.pushing import Pushed

UNJUDGED = Pushed(ungrown=(("https://example.com/", "its earlier weight is unknown"),))
UNSURE = Pushed(unsure=("https://example.com/",))
AWAY = Pushed(away="it does not answer")
DELETED = Pushed(deleted=("https://example.com/",))


@pytest.mark.parametrize(
    ("pushed", "failed", "code"),
    [
        (Pushed(kept=1), False, 0),
        (UNJUDGED, False, 4),
        (UNSURE, False, 4),
        (AWAY, False, 4),
        (Pushed(kept=1), True, 3),
        (AWAY, True, 3),
        (DELETED, True, 2),
    ],
)
def test_it_ends_with_the_worst(pushed: Pushed, failed: bool, code: int) -> None:
    assert exit_code(pushed, failed=failed) == code
