"""What every open page wants to know: whether something changed, and whether all is well.

One stream serves all pages (`GET /events`). It says little: a number that grows with every change of
any page, and what the banner says. Whoever shows a list fetches it again when the number has grown;
so there is one renderer, the server's, and nothing to keep in step.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime

import msgspec

from libra.app import Libra
from libra.observability.health import Health

INTERVAL = 1.0
"""Seconds between two beats, and for how long what is known of Libra's health is taken for true."""


@dataclass(frozen=True, slots=True)
class OutageBanner:
    """What does not work, and what of it people have to know.

    Attributes:
        since: since when.
        waiting: how many pages wait to be stored in the database.
        database: whether it is the database that is down.
        disk: whether the journal can be written, on this machine's disk.
        behind_since: since when what is shown may be behind what other nodes of a cluster know; None
            while it is not.
    """

    since: datetime
    waiting: int
    database: bool
    disk: bool
    behind_since: datetime | None = None


class Update(msgspec.Struct, frozen=True):
    """One event of the stream: the number of changes so far, and the banner as HTML."""

    pages: int
    banner: str


class LiveUpdates:
    """What is known of a Libra from moment to moment. It asks no more than once a second."""

    def __init__(
        self,
        libra: Libra,
        *,
        interval: float = INTERVAL,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._libra = libra
        self._interval = interval
        self._clock = clock
        self._outage: OutageBanner | None = None
        self._asked_at: float | None = None

    @property
    def changes(self) -> int:
        """A number that grows with every change of any page."""
        return self._libra.changes

    def outage(self) -> OutageBanner | None:
        """What does not work now; None while all is well."""
        now = self._clock()
        if self._asked_at is None or now - self._asked_at >= self._interval:
            self._asked_at = now
            self._outage = outage_of(self._libra.health(), self._libra.neighbours.behind_since)
        return self._outage

    async def beats(
        self, banner: Callable[[OutageBanner | None], str]
    ) -> AsyncIterator[tuple[int, bytes]]:
        """The state now and after every change, for ever, as numbered JSON of `Update`."""
        number, last = 0, None
        while True:
            beat = Update(self.changes, banner(self.outage()))
            if beat != last:
                number, last = number + 1, beat
                yield number, msgspec.json.encode(beat)
            await asyncio.sleep(self._interval)


def outage_of(health: Health, behind_since: datetime | None = None) -> OutageBanner | None:
    """What of a Libra's health people have to know while they look at pages."""
    database, disk = health.parts.get("database"), health.parts.get("journal")
    database_down = database is not None and database.status == "down"
    disk_down = disk is not None and disk.status == "down"
    since = [
        part.since
        for part, down in ((database, database_down), (disk, disk_down))
        if part is not None and down
    ]
    if not since and behind_since is None:
        return None
    return OutageBanner(
        min(since) if since else health.started_at,
        health.waiting_to_be_stored,
        database_down,
        not disk_down,
        behind_since,
    )
