"""Limits repeated log lines: a number of lines a minute for each cause, then a count of the others.

A failure that affects everything (no file can be opened, a disk is full, a name server is gone) occurs a
hundred times a second. A log that repeats it each time fills a disk and hides other events. Lines have
one cause if logger, sentence and, of an exception, type and place are the same. Lines of ordinary
operation (`info` and below) are not counted: each of them is about a page or a request.
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable

MOST = 20
"""Lines of one cause that pass in a minute."""

SECONDS = 60.0

CAUSES = 1_000
"""Causes that are counted separately; further ones share one count."""

Cause = tuple[str, ...]

_VARIES = re.compile(r"0x[0-9a-fA-F]+|\d+")


class _Count:
    __slots__ = ("first", "left_out", "until")

    def __init__(self, first: logging.LogRecord, until: float) -> None:
        self.first = first
        self.until = until
        self.left_out = -MOST


class Repeats:
    """Counts lines by their cause. Several threads may use it.

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
        """A line for each cause whose minute is over and that had lines left out.

        Args:
            all: include causes whose minute is not over, because the log ends.
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
