"""Alerts that wait to be delivered, and how long that is tried."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Final

import msgspec

from libra.budgets.alarms import Event

TRIES: Final = 22
"""How often an alert is tried; with the delays between them that is a day or so."""

FIRST_DELAY: Final = 10.0
LONGEST_DELAY: Final = 4 * 3600.0


class Alert(msgspec.Struct, frozen=True):
    """An alert that has not been delivered.

    Attributes:
        id: the same however often it is sent.
        event: what it is about.
        body: the JSON that is sent.
        due_at: when it is tried next.
        tries: how often it was tried.
        to: the name of the destination that it goes to; None for the webhook.
    """

    id: str
    event: Event
    body: str
    due_at: datetime
    tries: int = 0
    to: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be tried, also if the wall clock was set back since that was settled."""
        longest = timedelta(seconds=_longest_delay(self.tries))
        return self.due_at <= now or self.due_at > now + longest

    def failed(self, now: datetime) -> Alert | None:
        """This alert after another failed try; None when there shall be no more."""
        tries = self.tries + 1
        if tries >= TRIES:
            return None
        due_at = now + timedelta(seconds=delay_after(tries))
        return msgspec.structs.replace(self, tries=tries, due_at=due_at)


class Breach(msgspec.Struct, frozen=True):
    """A limit that a page breaks, in bytes of transfer size or in requests."""

    subject: str
    limit: int
    measured: int
    text: str


def delay_after(tries: int) -> float:
    """Seconds to wait after so many failed tries: doubling, capped, and with full jitter.

    Full jitter, because what failed together should not come back together: see "Exponential Backoff
    And Jitter" of the AWS Architecture Blog (2015).
    """
    return random.uniform(0, _longest_delay(tries))


def _longest_delay(tries: int) -> float:
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (tries - 1)) if tries else 0.0
