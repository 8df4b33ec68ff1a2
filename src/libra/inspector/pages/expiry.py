"""Wakes the pages that are asleep when they expire.

A page that rests has a timer for that, and one that came back and has not been asked for since has no
process to have one. So here is one timer for all of those.
"""

from __future__ import annotations

from typing import Any

from libra.inspector.context import Context
from libra.otp import GenServer

#: Seconds between two looks; a page that is asleep leaves by so much late.
INTERVAL = 1.0

#: Pages that are woken in one go: some 5 ms of work.
AT_ONCE = 200


class Expiry(GenServer):
    """Looks once a second, by the wall clock."""

    __slots__ = ("_context",)

    def init(self, context: Context) -> None:
        """Begin to look."""
        self._context = context
        self.send_after(INTERVAL, "look")

    def handle_info(self, message: Any) -> None:
        """Wake those that are due; each finds by itself that it has expired."""
        if message != "look":
            return
        context = self._context
        due = context.records.evictions.due(context.services.now(), AT_ONCE)
        for page_id in due:
            context.processes.inspectors.wake_child(page_id)
        self.send_after(0.0 if len(due) == AT_ONCE else INTERVAL, "look")
