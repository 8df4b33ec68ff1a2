"""Manners towards servers: a pause between requests where one is wished, and ``Retry-After`` respected.

How many requests go to a server at a time is the business of `libra.weighing.connections.HostSlots`.
Everything here is pure; whoever asks says what time it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

MAX_RETRY_AFTER = 3_600.0
"""Seconds; who asks for more than an hour is believed for an hour."""

BUSY = frozenset({429, 503})
"""Statuses with which a server may say when to come again (RFC 9110, section 10.2.3; RFC 6585)."""

_HOSTS = 10_000


class Politeness:
    """When the next request to a server may start.

    Args:
        delay: Seconds between the starts of two requests to one origin; 0 for none.
    """

    __slots__ = ("_delay", "_next")

    def __init__(self, delay: float = 0.0) -> None:
        self._delay = delay
        self._next: dict[str, float] = {}

    @property
    def at_ease(self) -> bool:
        """Whether nobody has to wait for anything."""
        return not self._delay and not self._next

    def pause(self, origin: str, now: float) -> float:
        """Seconds to wait before a request to this origin may start, which is taken to start then."""
        start = max(now, self._next.get(origin, now))
        if self._delay:
            self._note(origin, start + self._delay, now)
        elif start == now:
            self._next.pop(origin, None)
        return start - now

    def leave_alone(self, origin: str, seconds: float, now: float) -> None:
        """The server asked not to be asked for so long."""
        self._note(origin, max(now + seconds, self._next.get(origin, 0.0)), now)

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
