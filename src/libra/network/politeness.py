"""Manners towards servers: a pause between requests where one is wished, and ``Retry-After`` respected.

How many requests go to a server at a time is the business of `libra.network.origin_slots.HostSlots`.
Everything here is pure; whoever asks says what time it is.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER = 3_600.0
"""Seconds; who asks for more than an hour is believed for an hour."""

BUSY = frozenset({429, 503})
"""Statuses with which a server may say when to come again (RFC 9110, section 10.2.3; RFC 6585)."""

_HOSTS = 10_000


def _alone(_origin: str) -> int:
    return 1


class Politeness:
    """When the next request to a server may start.

    Args:
        delay: Seconds between the starts of two requests to one origin; 0 for none.

    Attributes:
        sharing: How many programs ask an origin, this one included: they divide its turns.
    """

    __slots__ = ("_asked", "_delay", "_next", "sharing")

    def __init__(self, delay: float = 0.0) -> None:
        self.sharing: Callable[[str], int] = _alone
        self._delay = delay
        self._next: dict[str, float] = {}
        self._asked: dict[str, float] = {}

    @property
    def at_ease(self) -> bool:
        """Whether nobody has to wait for anything."""
        return not self._delay and not self._next

    def pause(self, origin: str, now: float) -> float:
        """Seconds to wait before a request to this origin may start, which is taken to start then."""
        start = max(now, self._next.get(origin, now))
        if self._delay:
            self._note(origin, start + self._delay * self.sharing(origin), now)
        elif start == now:
            self._next.pop(origin, None)
        return start - now

    def leave_alone(self, origin: str, seconds: float, now: float) -> None:
        """The server asked not to be asked for so long."""
        until = max(now + seconds, self._next.get(origin, 0.0))
        self._note(origin, until, now)
        self._asked[origin] = until
        if len(self._asked) > _HOSTS:
            self._asked = {host: time for host, time in self._asked.items() if time > now}

    def left_alone(self, now: float) -> dict[str, float]:
        """The servers that asked not to be asked, and for how many seconds more."""
        if self._asked:
            self._asked = {host: time for host, time in self._asked.items() if time > now}
        return {host: until - now for host, until in self._asked.items()}

    def _note(self, origin: str, until: float, now: float) -> None:
        self._next[origin] = until
        if len(self._next) > _HOSTS:
            self._next = {host: time for host, time in self._next.items() if time > now}


def busy(pause: float) -> str:
    """The named error of a request that would have had to wait too long."""
    return f"busy: the server is to be left alone for {pause:.0f} s"


def retry_after(status: int, header: str | None, now: datetime | None = None) -> float | None:
    """The seconds for which an answer asks to be left alone; None if it does not.

    Args:
        status: Of the answer.
        header: ``Retry-After``, seconds or a date.
        now: For dates; by default the clock is asked.
    """
    if header is None or status not in BUSY:
        return None
    text = header.strip()[:64]
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER)
    try:
        date = parsedate_to_datetime(text)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=UTC)
    seconds = (date - (now or datetime.now(UTC))).total_seconds()
    return min(max(seconds, 0.0), MAX_RETRY_AFTER)
