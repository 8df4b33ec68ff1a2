"""Clients that follow a page while it changes.

A follower belongs to a page id, not to a process, so it survives a crash and a restart of the page's
process. It learns only *that* the page changed and then reads the page. So a slow follower skips
versions instead of filling a queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Followers:
    """The followers, by page id."""

    def __init__(self) -> None:
        self.changes = 0
        """The number of changes, of all pages together."""
        self._events: dict[str, set[asyncio.Event]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._events.values()))

    @contextmanager
    def subscribe(self, page_id: str) -> Iterator[asyncio.Event]:
        """An event that is set at every change of the page; clear it before each read."""
        event = asyncio.Event()
        self._events.setdefault(page_id, set()).add(event)
        try:
            yield event
        finally:
            events = self._events[page_id]
            events.discard(event)
            if not events:
                del self._events[page_id]

    def changed(self, page_id: str) -> None:
        """Wake the followers of this page."""
        self.changes += 1
        for event in self._events.get(page_id, ()):
            event.set()

    def wake_all(self) -> None:
        """Wake all followers, at shutdown."""
        for page_id in list(self._events):
            self.changed(page_id)

    def followed(self) -> list[str]:
        """The pages that have a follower."""
        return list(self._events)

    def watched(self, page_id: str) -> bool:
        """Whether this page has a follower."""
        return page_id in self._events
