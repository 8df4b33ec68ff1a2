"""Lines of the log that say the same over and over: so many a minute, then how many more there were.

What fails for everybody (no file can be opened, a disk is full, a name server is gone) fails a hundred
times a second, and a log that says so each time fills a disk and hides what else happens. Lines have
one cause if logger, sentence and, of an exception, type and place are the same. What is told of
ordinary life (`info` and below) is not counted: each of those lines is about a page or a request.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable

MOST = 20
"""Lines of one cause in a minute."""

SECONDS = 60.0

CAUSES = 1_000
"""Causes that are told apart; those beyond share one."""

Cause = tuple[str, ...]

_VARIES = re.compile(r"0x[0-9a-fA-F]+|\d+")


class _Count:
    __slots__ = ("first", "left_out", "until")

    def __init__(self, first: logging.LogRecord, until: float) -> None:
        self.first = first
        self.until = until
        self.left_out = -MOST


class Repeats:
    """Counts lines by their cause. May be used by several threads.

    Args:
        now: seconds of a clock that never goes back.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._counts: dict[Cause, _Count] = {}

    def passes(self, record: logging.LogRecord) -> bool:
        """Whether a line is to be written."""
        if record.levelno < logging.WARNING:
            return True
        with self._lock:
            cause = _cause(record)
            if cause not in self._counts and len(self._counts) >= CAUSES:
                cause = ()
            count = self._counts.get(cause)
            if count is None:
                count = self._counts[cause] = _Count(record, self._now() + SECONDS)
            count.left_out += 1
            return count.left_out <= 0

    def over(self, *, all: bool = False) -> list[logging.LogRecord]:  # noqa: A002 - all of them
        """A line for each cause whose minute is over and of which lines were left out.

        Args:
            all: also of those whose minute is not over, since the log ends.
        """
        with self._lock:
            now = self._now()
            over = [name for name, count in self._counts.items() if all or count.until <= now]
            ended = [self._counts.pop(name) for name in over]
        return [_line(count) for count in ended if count.left_out > 0]


def _cause(record: logging.LogRecord) -> Cause:
    # asyncio describes what failed in further lines, which differ each time.
    sentence = _VARIES.sub("0", str(record.msg)[:400].partition("\n")[0])
    cause = (record.name, record.levelname, sentence)
    error = record.exc_info[1] if record.exc_info else None
    if error is None:
        return cause
    place, frames = "", error.__traceback__
    while frames is not None:
        place = f"{frames.tb_frame.f_code.co_filename}:{frames.tb_lineno}"
        frames = frames.tb_next
    return (*cause, type(error).__qualname__, place)


def _line(count: _Count) -> logging.LogRecord:
    first = count.first
    message = f"{count.left_out:,} more lines like this were left out: {first.getMessage()}"
    return logging.LogRecord(first.name, first.levelno, first.pathname, 0, message, None, None)
