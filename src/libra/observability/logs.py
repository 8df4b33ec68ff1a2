"""The log of the service: a line for each event, for people or for machines.

Everything in Libra logs through the standard library, and so do the packages that it uses. structlog
formats the records and adds what is bound to the current request. The details of an event (the page, the
request, a duration) are fields of their own and not part of the sentence.

Writing may block when nobody reads the log. So a thread writes, and the event loop only queues lines for
it. While ten thousand lines wait, further ones are dropped and counted. A log that nobody reads must
not stop the service.
"""

from __future__ import annotations

import json
import logging
import queue
import sys
import threading
import traceback
from collections.abc import MutableMapping
from datetime import UTC, datetime
from typing import Any, TextIO

import structlog
from structlog.contextvars import get_contextvars
from structlog.stdlib import ExtraAdder, ProcessorFormatter

from libra.observability.repeats import Repeats
from libra.settings import LogFormat, LogLevel
from libra.wording import plain

_LOOK_SECONDS = 5.0
"""How long after its minute the count of left-out lines may wait to be written."""

WAITING = 10_000
"""Lines that may wait for the reader of the log."""

Event = MutableMapping[str, Any]


class Outlet(logging.Handler):
    """Hands records to a thread that writes them.

    Args:
        stream: where the thread writes them.
        format: ``text`` or ``json``.
        size: how many records may wait.
    """

    def __init__(self, stream: TextIO, format: LogFormat = "text", *, size: int = WAITING) -> None:  # noqa: A002 - as the flag
        super().__init__()
        self._stream = stream
        self._waiting: queue.Queue[logging.LogRecord | None] = queue.Queue(size)
        self._dropped = 0
        self._repeats = Repeats()
        self.use(format)
        # A daemon thread: a log that nobody reads must not keep the program from ending either.
        self._thread = threading.Thread(target=self._write_all, name="libra-log", daemon=True)
        self._thread.start()

    def use(self, format: LogFormat) -> None:  # noqa: A002 - as the flag
        """Write in this format from the next line on."""
        self.setFormatter(formatter(format))

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record for the thread, unless there were many with its cause."""
        if not self._repeats.passes(record):
            return
        # Context variables are read here: the thread does not have those of the request.
        record.bound = dict(get_contextvars())
        try:
            self._waiting.put_nowait(record)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write the waiting lines, if that is possible within a second, and end."""
        try:
            self._waiting.put(None, timeout=1)
        except queue.Full:
            return
        self._thread.join(timeout=1)
        super().close()

    def _write_all(self) -> None:
        over = False
        while not over:
            try:
                record = self._waiting.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                self._tell_repeats()
                continue
            over = record is None
            self._tell_repeats(all=over)
            dropped, self._dropped = self._dropped, 0
            if dropped and not over:
                self._write(_record(f"{dropped} log lines were dropped"))
            if record is not None:
                self._write(record)

    def _tell_repeats(self, *, all: bool = False) -> None:  # noqa: A002 - all of them
        for line in self._repeats.over(all=all):
            self._write(line)

    def _write(self, record: logging.LogRecord) -> None:
        try:
            self._stream.write(self.format(record) + "\n")
            self._stream.flush()
        except (OSError, ValueError):  # nobody reads it any more, or it is closed
            self._dropped += 1


def set_up(format: LogFormat, level: LogLevel, stream: TextIO | None = None) -> Outlet:  # noqa: A002 - as the flag
    """Send all log records of this program to a stream; returns the handler that does so.

    Args:
        format: ``text`` or ``json``.
        level: the lowest level that is logged.
        stream: standard error if none is given.
    """
    outlet = Outlet(stream or sys.stderr, format)
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(outlet)
    set_level(level)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.render_to_log_kwargs,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    return outlet


def set_level(level: LogLevel) -> None:
    """Log this level and above; packages other than Libra from `warning` up."""
    number = logging.getLevelName(level.upper())
    logging.getLogger("libra").setLevel(number)
    logging.getLogger().setLevel(max(number, logging.WARNING))
    # It warns of every request that is not HTTP, and clients can send those at will. They are counted
    # instead.
    logging.getLogger("uvicorn.error").setLevel(max(number, logging.ERROR))


def formatter(format: LogFormat) -> logging.Formatter:  # noqa: A002 - as the flag
    """The formatter that turns a record into one line, or a few."""
    return ProcessorFormatter(
        foreign_pre_chain=[_begin, ExtraAdder(), _end],
        processors=[
            ProcessorFormatter.remove_processors_meta,
            _json if format == "json" else _text,
        ],
        keep_exc_info=True,
        keep_stack_info=True,
    )


def _begin(_logger: Any, _name: str, event: Event) -> Event:
    record: logging.LogRecord = event["_record"]
    moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    event["time"] = moment.replace("+00:00", "Z")
    event["level"] = record.levelname.lower()
    event["logger"] = record.name
    event.update(getattr(record, "bound", {}))
    return event


def _end(_logger: Any, _name: str, event: Event) -> Event:
    event.pop("bound", None)
    event.pop("exc_info", None)
    event.pop("stack_info", None)
    record: logging.LogRecord = event["_record"]
    if record.exc_info and record.exc_info[1] is not None:
        event["exception"] = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
    return event


def _json(_logger: Any, _name: str, event: Event) -> str:
    first = {name: event.pop(name) for name in ("time", "level", "logger", "event")}
    rest = {name: value for name, value in event.items() if value is not None}
    # ASCII: foreign text can neither look like the end of a line nor control a terminal.
    return json.dumps(first | rest, default=str, ensure_ascii=True)


def _text(_logger: Any, _name: str, event: Event) -> str:
    time, level, logger, sentence = (
        str(event.pop(name)) for name in ("time", "level", "logger", "event")
    )
    exception = str(event.pop("exception", ""))
    fields = " ".join(
        f"{name}={_value(value)}" for name, value in event.items() if value is not None
    )
    # A crash report has several lines; the later ones are indented, so that none looks like an event.
    lines = [*sentence.splitlines(), *exception.splitlines()] or [""]
    head = f"{time} {level:<7} {logger}: {plain(lines[0])}" + (f"  {fields}" if fields else "")
    return "\n    ".join([head, *(_visible(line) for line in lines[1:])])


def _value(value: Any) -> str:
    text = plain(str(value))
    return json.dumps(text, ensure_ascii=False) if not text or set(text) & set(' "=') else text


def _visible(line: str) -> str:
    """A line with its indentation, without characters that control a terminal."""
    return "".join(character if character.isprintable() else "\ufffd" for character in line)


def _record(message: str) -> logging.LogRecord:
    return logging.LogRecord("libra.logs", logging.WARNING, __file__, 0, message, None, None)
