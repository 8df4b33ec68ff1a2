"""Wakes the sleeping pages when they expire.

A resting page has a timer for its expiry. A page that came back and has not been asked for since has no
process and so no timer. This process has one timer for all of those.
"""

from __future__ import annotations

from typing import Any

from libra.inspector.context import Context
from libra.otp import GenServer

#: Seconds between two checks; a sleeping page may leave this much late.
INTERVAL = 1.0

#: Pages to wake in one go: some 5 ms of work.
AT_ONCE = 200


class Expiry(GenServer):
    """Checks once a second, by the wall clock."""

    __slots__ = ("_context",)

    def init(self, context: Context) -> None:
        """Start the checks."""
        self._context = context
        self.send_after(INTERVAL, "look")

    def handle_info(self, message: Any) -> None:
        """Wake the pages that are due; each then sees that it has expired."""
        if message != "look":
            return
        context = self._context
        due = context.records.evictions.due(context.services.now(), AT_ONCE)
        for page_id in due:
            context.processes.inspectors.wake_child(page_id)
        self.send_after(0.0 if len(due) == AT_ONCE else INTERVAL, "look")
