"""Ids of pages and watches: UUIDs of version 7 (RFC 9562), which sort by time and cannot be guessed.

Libraries fill the bits after the milliseconds with a counter. Ids of one millisecond then share 42 of
74 bits except for a small number, so a client that submits a page knows most of the id of the page
before. Here the twelve bits after the milliseconds are a finer clock (section 6.2, method 3). The other
62 come from the system's random source, anew for each id.
"""

from __future__ import annotations

import re
import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

_TICKS = 4096
"""Ticks in a millisecond: what twelve bits can count, about a quarter of a microsecond each."""


class Ids:
    """Makes ids, each of which sorts after all ids that it made before."""

    __slots__ = ("_known", "_last")

    def __init__(self) -> None:
        self._last = 0
        self._known = ""

    def __call__(self, now: int | None = None) -> str:
        """An id that nobody can guess. It contains its time, to a quarter of a microsecond.

        Args:
            now: nanoseconds of Unix time; the clock's by default.
        """
        now = time.time_ns() if now is None else now
        # When a clock is set back, ids must not sort before older ones: they count on instead.
        self._last = tick = max(now * _TICKS // 1_000_000, self._last + 1)
        milliseconds, fraction = divmod(tick, _TICKS)
        number = (milliseconds & (1 << 48) - 1) << 80 | 0x7 << 76 | fraction << 64
        return str(UUID(int=number | 0b10 << 62 | secrets.randbits(62)))

    def known(self, other: str) -> None:
        """Note an existing id: ids made from now on sort after it, whatever the clock says.

        A text that is not an id of version 7 is ignored.
        """
        # A start may restore 100,000 pages, the newest first: the text shows that the others are older.
        if other <= self._known or _V7.fullmatch(other) is None:
            return
        self._known = other
        # Not through a UUID, which takes longer than all the rest.
        tick = int(other[:8] + other[9:13], 16) * _TICKS + int(other[15:18], 16)
        self._last = max(self._last, tick)


def first_id(moment: datetime) -> str:
    """The lower bound of the ids of all pages submitted at this time or later.

    A UUIDv7 begins with the milliseconds since 1970 (RFC 9562, section 5.7).
    """
    digits = f"{max(0, int(moment.timestamp() * 1000)):012x}"
    return f"{digits[:8]}-{digits[8:12]}-0000-0000-000000000000"


def moment_of(page_id: str) -> datetime | None:
    """When the page of this id was submitted, to the millisecond; None if it is not such an id."""
    if not is_page_id(page_id):
        return None
    milliseconds = int(page_id[:8] + page_id[9:13], 16)
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None  # a UUID of another kind


def is_page_id(text: str) -> bool:
    """Whether a text can be a page id: a UUID in its canonical form."""
    return _UUID.fullmatch(text) is not None


_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}(-[0-9a-f]{4}-[0-9a-f]{12})")

new_id = Ids()
"""The ids of this program."""
