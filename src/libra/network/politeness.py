"""Politeness towards servers: pauses between requests if configured, and ``Retry-After``.

`libra.network.origin_slots.HostSlots` limits the number of concurrent requests to a server. Everything
here is pure; callers pass the time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from libra.ascii import is_digits

MAX_RETRY_AFTER = 3_600.0
"""Seconds; ``Retry-After`` is capped at one hour."""

BUSY = frozenset({429, 503})
"""Statuses with which a server may say when to retry (RFC 9110, section 10.2.3; RFC 6585)."""

_HOSTS = 10_000


def _alone(_origin: str) -> int:
    return 1


class Politeness:
    """Decides when the next request to a server may start.

    Args:
        delay: Seconds between the starts of two requests to one origin; 0 for none.

    Attributes:
        sharing: Returns how many programs, including this one, fetch from an origin and share its turns.
    """

    __slots__ = ("_asked", "_delay", "_next", "sharing")

    def __init__(self, delay: float = 0.0) -> None:
        self.sharing: Callable[[str], int] = _alone
        self._delay = delay
        self._next: dict[str, float] = {}
        self._asked: dict[str, float] = {}

    @property
    def at_ease(self) -> bool:
        """Whether no request has to wait."""
        return not self._delay and not self._next

    def pause(self, origin: str, now: float) -> float:
        """Seconds to wait before a request to this origin may start; the request is booked for then."""
        start = max(now, self._next.get(origin, now))
        if self._delay:
            self._note(origin, start + self._delay * self.sharing(origin), now)
        elif start == now:
            self._next.pop(origin, None)
        return start - now

    def leave_alone(self, origin: str, seconds: float, now: float) -> None:
        """Note that a server asked for a pause."""
        until = max(now + seconds, self._next.get(origin, 0.0))
        self._note(origin, until, now)
        self._asked[origin] = until
        if len(self._asked) > _HOSTS:
            self._asked = {host: time for host, time in self._asked.items() if time > now}

    def left_alone(self, now: float) -> dict[str, float]:
        """The servers that asked for a pause, and the seconds that are left."""
        if self._asked:
            self._asked = {host: time for host, time in self._asked.items() if time > now}
        return {host: until - now for host, until in self._asked.items()}

    def _note(self, origin: str, until: float, now: float) -> None:
        self._next[origin] = until
        if len(self._next) > _HOSTS:
            self._next = {host: time for host, time in self._next.items() if time > now}


def busy(pause: float) -> str:
    """The named error of a request that would have to wait too long."""
    return f"busy: the server asked for a pause of {pause:.0f} s"


def retry_after(status: int, header: str | None, now: datetime | None = None) -> float | None:
    """The seconds of a pause that an answer asks for; None if it does not.

    Args:
        status: The status of the answer.
        header: The value of ``Retry-After``, seconds or a date.
        now: The time to compare dates with; by default the present time.
    """
    if header is None or status not in BUSY:
        return None
    text = header.strip(" \t")[:64]
    if is_digits(text):
        return min(float(text), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    seconds = (date - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
