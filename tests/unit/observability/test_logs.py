"""The log: its lines, its fields, and that it never stops anybody."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from libra.observability.logs import Outlet, formatter, set_level, set_up
from libra.observability.repeats import CAUSES, MOST, SECONDS, Repeats
from libra.settings import LogFormat


def record(message: str = "it happened", **extra: object) -> logging.LogRecord:
    made = logging.LogRecord("libra.test", logging.INFO, __file__, 1, message, None, None)
    vars(made).update(extra)
    return made


def line(format: LogFormat, made: logging.LogRecord) -> str:  # noqa: A002 - as the flag
    return formatter(format).format(made)


def test_a_line_for_machines_has_its_fields_by_name() -> None:
    event = json.loads(line("json", record("page weighed", page_id="x", duration_ms=5, error=None)))
    assert event.pop("time").endswith("Z")
    assert event == {
        "level": "info",
        "logger": "libra.test",
        "event": "page weighed",
        "page_id": "x",
        "duration_ms": 5,
    }


def test_a_line_for_people_reads_like_a_sentence() -> None:
    text = line("text", record("page weighed", page_id="x", url="https://a/ b", complete=True))
    assert text.endswith(
        'Z info    libra.test: page weighed  page_id=x url="https://a/ b" complete=True'
    )


@pytest.mark.parametrize("format", ["text", "json"])
def test_an_exception_is_told_with_where_it_came_from(format: LogFormat) -> None:  # noqa: A002 - as the flag
    try:
        raise ValueError("what")
    except ValueError as error:
        made = record("it failed")
        made.exc_info = (ValueError, error, error.__traceback__)
    text = line(format, made)
    assert "ValueError: what" in text
    assert "test_logs.py" in text


@given(st.text(), st.text())
def test_nothing_foreign_breaks_a_line_or_reaches_the_terminal(message: str, value: str) -> None:
    made = record(message, url=value)
    event = json.loads(line("json", made))
    assert (event["event"], event["url"]) == (message, value)
    assert "\n" not in line("json", made)
    for number, written in enumerate(line("text", made).split("\n")):
        assert written.isprintable()
        assert number == 0 or written.startswith("    ")


class Stuck(io.StringIO):
    """A pipe that nobody reads."""

    def __init__(self) -> None:
        super().__init__()
        self.reader = threading.Event()
        self.begun = threading.Event()

    def write(self, text: str) -> int:
        self.begun.set()
        self.reader.wait()
        return super().write(text)


def test_a_log_that_nobody_reads_stops_nobody_and_says_later_what_it_lost() -> None:
    stream = Stuck()
    outlet = Outlet(stream, size=10)
    outlet.handle(record("first"))
    stream.begun.wait()
    for number in range(100):
        outlet.handle(record(f"number {number}"))
    stream.reader.set()
    outlet.close()
    lines = stream.getvalue().splitlines()
    assert "first" in lines[0]
    assert "90 log lines were dropped" in lines[1]
    assert [text.rpartition(" ")[2] for text in lines[2:]] == [str(n) for n in range(10)]


def test_a_stream_that_is_gone_stops_nobody() -> None:
    stream = io.StringIO()
    outlet = Outlet(stream)
    stream.close()
    outlet.handle(record())
    outlet.close()
    assert not outlet._thread.is_alive()


@pytest.fixture
def root() -> Iterator[None]:
    """The root logger, and the levels, as they were before."""
    handlers = list(logging.getLogger().handlers)
    levels = {name: logging.getLogger(name).level for name in (None, "libra", "uvicorn.error")}
    yield
    logging.getLogger().handlers[:] = handlers
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    structlog.reset_defaults()


@pytest.mark.usefixtures("root")
def test_what_is_bound_to_a_request_is_on_every_line_of_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outlet = set_up("json", "info")
    with structlog.contextvars.bound_contextvars(request_id="abc"):
        logging.getLogger("libra.http").info("bridged")
        structlog.get_logger("libra.http").info("native", page_id="x")
    logging.getLogger("libra.http").debug("too unimportant")
    logging.getLogger("elsewhere").info("not ours")
    outlet.close()
    bridged, native = map(json.loads, capsys.readouterr().err.splitlines())
    assert (bridged["event"], bridged["request_id"]) == ("bridged", "abc")
    assert (native["event"], native["request_id"], native["page_id"]) == ("native", "abc", "x")


@pytest.mark.usefixtures("root")
def test_level_and_format_can_change_while_it_is_written(
    capsys: pytest.CaptureFixture[str],
) -> None:
    outlet = set_up("text", "error")
    logging.getLogger("libra").warning("unheard")
    set_level("debug")
    outlet.use("json")
    logging.getLogger("libra").debug("heard")
    outlet.close()
    (written,) = capsys.readouterr().err.splitlines()
    assert json.loads(written)["event"] == "heard"


def failing(message: str = "cannot open %s", *, line: int = 1) -> logging.LogRecord:
    made = logging.LogRecord("libra.test", logging.WARNING, __file__, line, message, ("x",), None)
    try:
        raise OSError(24, "Too many open files")
    except OSError as error:
        made.exc_info = (OSError, error, error.__traceback__)
    return made


def test_lines_of_one_cause_are_so_many_a_minute_and_the_others_are_counted() -> None:
    time = 0.0
    repeats = Repeats(lambda: time)
    assert sum(repeats.passes(failing()) for _ in range(1_000)) == MOST
    assert repeats.passes(failing("cannot read %s"))
    assert all(repeats.passes(record()) for _ in range(100))
    assert repeats.over() == []
    time = SECONDS
    (line,) = repeats.over()
    assert line.getMessage() == "980 more lines like this were left out: cannot open x"
    assert (line.name, line.levelno) == ("libra.test", logging.WARNING)
    assert sum(repeats.passes(failing()) for _ in range(1_000)) == MOST


def test_sentences_that_differ_in_numbers_alone_have_one_cause() -> None:
    repeats = Repeats()
    lines = [failing(f"task 0x{n:x} of {n}\nhandle: {n}") for n in range(100)]
    assert sum(map(repeats.passes, lines)) == MOST


def test_causes_without_number_fill_no_memory() -> None:
    repeats = Repeats()
    lines = [failing("x" * (n % 300) + "y" * (n // 300)) for n in range(3 * CAUSES)]
    assert sum(map(repeats.passes, lines)) == CAUSES + MOST


def test_what_was_left_out_is_told_at_the_end_at_the_latest() -> None:
    stream = io.StringIO()
    outlet = Outlet(stream)
    for _ in range(30):
        outlet.handle(failing())
    outlet.close()
    text = stream.getvalue()
    assert text.count("cannot open x") == MOST + 1
    assert "10 more lines like this were left out" in text
