"""Alerts that wait for delivery, and their schedule of tries."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Final

import msgspec

from libra.budgets.alarms import Event

TRIES: Final = 22
"""The limit of tries for one alert; with the delays between them they last about a day."""

FIRST_DELAY: Final = 10.0
LONGEST_DELAY: Final = 4 * 3600.0


class Alert(msgspec.Struct, frozen=True):
    """An alert that has not been delivered.

    Attributes:
        id: the same for every try.
        event: what the alert is about.
        body: the JSON that is sent.
        due_at: the time of the next try.
        tries: how many tries there were.
        to: the name of the destination; None for the webhook.
    """

    id: str
    event: Event
    body: str
    due_at: datetime
    tries: int = 0
    to: str | None = None

    def is_due(self, now: datetime) -> bool:
        """Whether the next try is due, also if the wall clock was set back after it was scheduled."""
        longest = timedelta(seconds=_longest_delay(self.tries))
        return self.due_at <= now or self.due_at > now + longest

    def failed(self, now: datetime) -> Alert | None:
        """The alert after another failed try; None if there are no more tries."""
        tries = self.tries + 1
        if tries >= TRIES:
            return None
        due_at = now + timedelta(seconds=delay_after(tries))
        return msgspec.structs.replace(self, tries=tries, due_at=due_at)


class Breach(msgspec.Struct, frozen=True):
    """A limit that a page exceeds, in bytes of transfer size or in requests."""

    subject: str
    limit: int
    measured: int
    text: str


def delay_after(tries: int) -> float:
    """Seconds to wait after this many failed tries: doubling, capped, and with full jitter.

    Full jitter spreads the retries of alerts that failed together: see "Exponential Backoff And
    Jitter" of the AWS Architecture Blog (2015).
    """
    return random.uniform(0, _longest_delay(tries))


def _longest_delay(tries: int) -> float:
    return min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** (tries - 1)) if tries else 0.0
