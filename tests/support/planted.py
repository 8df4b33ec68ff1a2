"""Bugs that tests plant in the process of a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from libra.inspector.admission import PlaceNotice
from libra.inspector.pages.page_inspector import PageInspector
from libra.inspector.records.messages import Safe
from libra.otp import TaskDone

CRASHING = "/crashing"


class Bug(Exception):
    """What the tests plant."""


class Planted:
    """Makes a callback of the page at `CRASHING` raise, the first ``times`` times it is reached."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, times: float) -> None:
        self._monkeypatch = monkeypatch
        self._left = times
        self.raised = 0

    def on(self, callback: str, message: Callable[[Any], bool] = lambda _: True) -> None:
        original = getattr(PageInspector, callback)

        def crashing(page: PageInspector, *args: Any) -> Any:
            result = original(page, *args)
            if page._record.url.endswith(CRASHING) and self._left > 0 and message(args[-1]):
                self._left -= 1
                self.raised += 1
                raise Bug("planted")
            return result

        self._monkeypatch.setattr(PageInspector, callback, crashing)


HANDLERS = {
    "the turn to be fetched": ("handle_info", lambda m: m is PlaceNotice.GRANTED),
    "the outcome of a fetch": ("handle_info", lambda m: isinstance(m, TaskDone)),
    "the news of being stored": (
        "handle_info",
        lambda m: isinstance(m, Safe) and m.level == "stored",
    ),
    "a read": ("handle_call", lambda m: True),
}
